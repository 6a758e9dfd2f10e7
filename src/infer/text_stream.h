/* infer/text_stream.h: an answer's tokens become text as they come, cut before the first stop string. What has been given out
 * is never taken back: text that may yet turn out to begin a stop string is held, and so is half a character. */
#ifndef SOCLE_INFER_TEXT_STREAM_H
#define SOCLE_INFER_TEXT_STREAM_H
#include "model/model.h"
#include "text/tokenizer.h"

typedef struct text_stream {
    tokenizer_decoder decoder;
    const char *const *stops; /* borrowed; none of them empty */
    size_t n_stop;
    string held;
    bool stopped;
} text_stream;

/* The text will continue that of the prompt exactly: its leading blank included. */
text_stream text_stream_start(const tokenizer *t, const int32_t *prompt, size_t n, const char *const *stops, size_t n_stop);
/* Appends to `out` what is certain now. false: a stop string has come, and nothing follows. */
bool text_stream_put(text_stream *s, int32_t id, string *out);
/* Bytes of the whole text up to here, what is held included; `given_out` of them are out. */
size_t text_stream_position(const text_stream *s, size_t given_out);
/* The end of the answer: appends what was held, and gives the memory back. */
void text_stream_end(text_stream *s, string *out);
void text_stream_drop(text_stream *s); /* gives the memory back without it; fine on {0}, and after text_stream_end */

/* The tokenizer in a model's (or an adapter's) folder, checked against the model: it may have no id that the model has no row
 * for. An adapter's folder without one means that of its base: pass both (adapter NULL: none). */
bool model_has_own_tokenizer(arena *owner, const char *folder);
bool model_has_tokenizer(arena *owner, const char *base, const char *adapter);
tokenizer *model_tokenizer(arena *owner, const model *m, const char *base, const char *adapter, error *err);

#endif
