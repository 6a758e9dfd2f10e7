/* data/packed.h: tokens of many documents in Megatron's format: PREFIX.bin holds the ids one after another, PREFIX.idx says
 * where sequences and documents begin (megatron/core/datasets/indexed_dataset.py):
 *   "MMIDIDX\0\0", version u64 = 1, type u8, sequences u64, document bounds u64,
 *   then sizes i32 [sequences], byte offsets into .bin i64 [sequences], document bounds i64 [as said], as sequence numbers.
 * All little endian. socle writes PREFIX.json beside them: {"tokenizer": digest, "vocab_size", "eos", "documents", "tokens",
 * "type"}; files of other programs have none and are taken. */
#ifndef SOCLE_DATA_PACKED_H
#define SOCLE_DATA_PACKED_H
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include <stdint.h>

typedef struct packed packed;

/* Maps PREFIX.bin and PREFIX.idx (`prefix` may also name one of the two) and checks all of it: nothing is read outside the
 * files later. Lives in `owner`; packed_close unmaps. err names the file and what is off. */
packed *packed_open(arena *owner, const char *prefix, error *err);
void packed_close(packed *p);

int64_t packed_tokens(const packed *p);
int64_t packed_documents(const packed *p);
/* Ids [first, first + n) of the whole file into out[n]; the range must lie in [0, packed_tokens). An id that does not fit
 * int32 is read as -1. Any number of threads may read. */
void packed_read(const packed *p, int64_t first, int64_t n, int32_t *out);
/* Where the document ends that token `at` is in: the first token behind it. */
int64_t packed_document_end(const packed *p, int64_t at);
/* What PREFIX.json says; false where there is none. */
bool packed_tokenizer(const packed *p, digest *tokenizer, int32_t *vocab_size);

/* Writing. Nothing appears under the three names before packed_writer_commit; PREFIX.idx last, so that a reader sees all or
 * nothing. Ids are stored as uint16 where vocab_size is below 65,536, else as int32. */
typedef struct packed_writer packed_writer;
packed_writer *packed_writer_open(const char *prefix, int32_t vocab_size, error *err);
bool packed_writer_add(packed_writer *w, const int32_t *ids, size_t n, error *err); /* one document; its ids in [0, vocab_size) */
int64_t packed_writer_tokens(const packed_writer *w);
int64_t packed_writer_documents(const packed_writer *w);
/* Closes also when it fails; then nothing new is there. */
bool packed_writer_commit(packed_writer *w, digest tokenizer, int32_t eos, error *err);
void packed_writer_abort(packed_writer *w); /* closes and removes what was begun; NULL is fine */

#endif
