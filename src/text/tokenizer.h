/* text/tokenizer.h: text to ids and back, exactly as Hugging Face `tokenizers` does with the same tokenizer.json.
 * Read: BPE (byte-level, and SentencePiece-style with byte fallback) with the components that tokenizer_json.c lists; any other
 * component or field that would change the result is refused by name. A tokenizer is never changed after loading, so any
 * number of threads may use one; each brings a scratch of its own.
 * Text is bytes: invalid UTF-8 passes through byte-level vocabularies unchanged. */
#ifndef SOCLE_TEXT_TOKENIZER_H
#define SOCLE_TEXT_TOKENIZER_H
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/string.h"
#include <stdint.h>

typedef struct tokenizer tokenizer;

/* `path`: a folder with tokenizer.json (and tokenizer_config.json, chat_template.jinja where there are such), or the
 * tokenizer.json itself (its neighbours are then not read). Lives in `owner`; a limit of `owner` holds. err names the file. */
tokenizer *tokenizer_load(arena *owner, const char *path, error *err);
/* The same from bytes; `config` (tokenizer_config.json's text) may be NULL. Nothing given needs to outlive the call. */
tokenizer *tokenizer_parse(arena *owner, const char *text, size_t n, const char *config, size_t n_config, error *err);
/* Writes tokenizer.json (as it was read or trained) and tokenizer_config.json into an existing folder. `chat_template`, where
 * not NULL, replaces the one that the configuration has. */
bool tokenizer_save(const tokenizer *t, const char *folder, const char *chat_template, error *err);

/* What is known about it. An absent id is -1, an absent text NULL. */
int32_t tokenizer_vocab_size(const tokenizer *t);                       /* highest id + 1, added tokens included; ids may have holes */
const char *tokenizer_token(const tokenizer *t, int32_t id, size_t *n); /* as tokenizer.json writes it; n may be NULL */
int32_t tokenizer_lookup(const tokenizer *t, const char *token, size_t n);
bool tokenizer_is_special(const tokenizer *t, int32_t id);
int32_t tokenizer_bos(const tokenizer *t); /* from tokenizer_config.json: bos_token, eos_token, ... */
int32_t tokenizer_eos(const tokenizer *t);
int32_t tokenizer_pad(const tokenizer *t);
int32_t tokenizer_unk(const tokenizer *t);
const char *tokenizer_chat_template(const tokenizer *t); /* Jinja; the one named "default" where there are several */
const char *tokenizer_kind(const tokenizer *t);          /* "byte-level BPE, llama3 pattern", for people */
size_t tokenizer_count_merges(const tokenizer *t);
size_t tokenizer_count_added(const tokenizer *t);
/* Digest of all that decides which ids a text gets (vocabulary, merges, added tokens, normalizer, pre-tokenizer): equal for
 * two files that differ in layout only. */
digest tokenizer_digest(const tokenizer *t);

/* Ids, growing; with TOKENIZER_OFFSETS also the bytes [begin, end) of the text that each stands for. Owned by the caller:
 * starts as {0}, ends with id_list_drop. */
typedef struct id_list {
    int32_t *id;
    size_t *begin, *end; /* NULL until offsets were asked for; from then on for every id */
    size_t n, room;
    arena memory;
} id_list;
void id_list_push(id_list *list, int32_t id);
void id_list_reset(id_list *list); /* empty; keeps its memory */
void id_list_drop(id_list *list);

/* What one thread needs to encode: a cache of words, and room. Borrows the tokenizer; use it for that one alone. */
typedef struct tokenizer_scratch tokenizer_scratch;
tokenizer_scratch *tokenizer_scratch_new(const tokenizer *t);
void tokenizer_scratch_drop(tokenizer_scratch *s); /* NULL is fine */

enum {
    TOKENIZER_ADD_SPECIAL = 1,   /* what the post-processor adds: BOS and the like */
    TOKENIZER_PARSE_SPECIAL = 2, /* special tokens in the text become their ids; without it they are text */
    TOKENIZER_OFFSETS = 4,       /* fill begin and end of the list; what the post-processor adds gets begin == end */
};

/* Appends the ids of text[0..n) to `out`. Added tokens that are not special match with and without PARSE_SPECIAL, as in
 * `tokenizers` with encode_special_tokens. `scratch` NULL: a fresh one for this call. Fails only on a text of 2 GiB or more. */
bool tokenizer_encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, unsigned flags, id_list *out, error *err);

/* A rendered chat template: marks[i] & TOKENIZER_MARKUP says that byte i was written by the template, else by a user. The text
 * is encoded once, as a whole; an added token is matched only where all its bytes are markup (one that is nothing but blanks,
 * and not special, also elsewhere: it cannot control anything). PARSE_SPECIAL has no meaning here. */
enum { TOKENIZER_MARKUP = 1 };
bool tokenizer_encode_marked(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags,
                             id_list *out, error *err);

/* Appends the exact bytes of the ids to `out`; ids that the vocabulary lacks give nothing. skip_special leaves special tokens
 * out. Bytes need not be valid UTF-8. */
void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool skip_special, string *out);

/* Decoding as ids come. What comes out, joined, equals decode(prompt + pushed) without what decode(prompt) begins with; each
 * push appends whole UTF-8 characters only (bytes that can become no character are passed on as they are). */
typedef struct tokenizer_decoder {
    const tokenizer *tokenizer;
    bool skip_special, begun; /* begun: some text went before, so a leading blank is kept */
    unsigned char held[4];    /* the beginning of a character */
    size_t n_held;
} tokenizer_decoder;
tokenizer_decoder tokenizer_decoder_start(const tokenizer *t, const int32_t *prompt, size_t n, bool skip_special);
void tokenizer_decoder_push(tokenizer_decoder *d, int32_t id, string *out);
void tokenizer_decoder_end(tokenizer_decoder *d, string *out); /* what is held, complete or not */

#endif
