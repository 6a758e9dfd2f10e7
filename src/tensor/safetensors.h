/* tensor/safetensors.h: the safetensors container (huggingface/safetensors, README "Format"): 8 bytes of header length, a JSON
 * header, then the values of all tensors without holes. Any type of types.def, any names; knows nothing of models. */
#ifndef SOCLE_TENSOR_SAFETENSORS_H
#define SOCLE_TENSOR_SAFETENSORS_H
#include "tensor/tensor.h"

typedef struct safetensors_entry {
    const char *name;
    tensor value; /* its data lies in the file's bytes: read-only, and not necessarily aligned (values_to_real does not mind) */
} safetensors_entry;

typedef struct safetensors safetensors;

/* Maps and checks a file. What it tells lives in `owner`; the values are there until safetensors_close. Refused, with the
 * tensor's name: a header of more than 100 MB, a type or a number of axes that socle does not have, a name given twice, offsets
 * that do not agree with type and shape, overlap, leave holes or go beyond the file. err names the file. */
safetensors *safetensors_open(arena *owner, const char *path, error *err);
/* The same for bytes in memory, which stay the caller's. `owner` may have a limit. err names no file. */
safetensors *safetensors_parse(arena *owner, const void *bytes, size_t n, error *err);
void safetensors_close(safetensors *file); /* NULL is fine */

size_t safetensors_count(const safetensors *file);
const safetensors_entry *safetensors_at(const safetensors *file, size_t i);           /* in the order of the values */
const safetensors_entry *safetensors_find(const safetensors *file, const char *name); /* NULL: no tensor of that name */

/* Writing, streamed: the header is written from the descriptions (their data is not looked at, and rows must lie one behind
 * another), then the values are put in the order of the entries, in pieces of any size, in the types of the entries. The file
 * appears whole at the commit. "__metadata__" is {"format": "pt"}, which PyTorch's readers want. */
typedef struct safetensors_writer safetensors_writer;
safetensors_writer *safetensors_writer_open(const char *path, const safetensors_entry *entries, size_t n, error *err);
bool safetensors_writer_put(safetensors_writer *w, const void *bytes, size_t n, error *err);
/* Fails too where fewer or more values were put than the header promises. Frees the writer in either case. */
bool safetensors_writer_commit(safetensors_writer *w, error *err);
void safetensors_writer_abort(safetensors_writer *w); /* NULL is fine */
/* All at once; entries are written widest type first, so that every value is aligned in the file. */
bool safetensors_write(const char *path, const safetensors_entry *entries, size_t n, error *err);

#endif
