/* text/decode.h: the decoder: what turns the tokens of ids into text. Inner to text/.
 * `tokenizers` hands the list of all tokens from step to step. Nearly all real decoders can be told apart by token: then the bytes
 * of each id are made once, when the tokenizer is loaded, for the first token of a text and for a later one, and what is left to
 * do is in the flags below. The others run over the whole list (decode_chain.c). */
#ifndef SOCLE_TEXT_DECODE_H
#define SOCLE_TEXT_DECODE_H
#include "text/component.h"
#include "text/pattern.h"
#include "text/vocabulary.h"

typedef enum {
    DECODE_BYTE_LEVEL,
    DECODE_REPLACE,
    DECODE_WORDPIECE,
    DECODE_BYTE_FALLBACK,
    DECODE_FUSE,
    DECODE_STRIP,
    DECODE_METASPACE,
    DECODE_BPE,
    DECODE_CTC,
    DECODE_COUNT
} decode_kind;

typedef struct decode_step {
    decode_kind kind;
    const char *text; /* REPLACE: the pattern, where it is a String; WORDPIECE: prefix; STRIP: content; METASPACE: replacement; BPE: suffix; CTC: pad_token */
    size_t n_text;
    const pattern *pattern; /* REPLACE with a Regex */
    const char *other;      /* REPLACE: content; CTC: word_delimiter_token */
    size_t n_other;
    size_t start, stop; /* STRIP */
    bool cleanup;       /* WORDPIECE, CTC */
    bool keeps_first;   /* METASPACE: prepend_scheme is never */
} decode_step;

typedef struct decoder {
    decode_step *step;
    size_t n;
    bool join_blank; /* no decoder: tokens are joined by a blank, as `tokenizers` does */
    /* what was worked out */
    bool chained;    /* not to be told apart by token */
    bool no_repeats; /* CTC: one of several equal tokens counts */
    size_t n_local;  /* steps before ByteLevel, ByteFallback or Fuse: they see one token */
    bool byte_level, byte_fallback;
    const decode_step *strip;     /* behind Fuse: what the text loses at its beginning; NULL: nothing */
    const token *first, *later;   /* bytes of each id where it is the first token, and elsewhere; text NULL: nobody has the id */
    const uint32_t *sure;         /* BPEDecoder: how many of the bytes `later` hold even where no token follows; NULL: all */
    const token *last;            /* BPEDecoder: the bytes where no token follows */
    const unsigned char *skipped; /* by id: skip_special leaves it out */
} decoder;

#endif
