/* socle.h: the public face of libsocle. Load a model, with an adapter or without; write text with it; ask how likely it finds
 * given ids; turn text into ids and back. Plain C (C99 and up, C++ too), and all that it exports is here.
 *
 *     char error[SOCLE_ERROR];
 *     socle_model *m = socle_open("models/stories", error);
 *     if (m == NULL) return fprintf(stderr, "%s\n", error), 1;
 *
 * Errors: a function that can fail says so by what it returns and, where `error` is not NULL, writes one line of text (UTF-8,
 * ending in NUL) into it; it must have room for SOCLE_ERROR bytes. Nothing is printed but a warning (stderr) where a model's
 * folder is odd, and nothing ends the program except a machine without memory.
 * Threads: a model may be used by one thread at a time; several models by several threads. Inside, a call uses all cores that
 * socle_threads allows.
 * Versions: this header only ever grows; structs begin with their size, so that a program built against an older one runs on. */
#ifndef SOCLE_SOCLE_H
#define SOCLE_SOCLE_H
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SOCLE_API __attribute__((visibility("default")))
#else
#define SOCLE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { SOCLE_ERROR = 512 }; /* bytes of an error's text */

typedef struct socle_model socle_model;

SOCLE_API const char *socle_version(void); /* "0.1.0" */

/* Cores that all models use together: 1 to 512; 0: all that this process may use (so it is at the start). Not while a call is
 * under way. */
SOCLE_API void socle_threads(int n);

/* Loads a model: a Hugging Face folder, a training run's folder (its newest whole checkpoint), or "MODEL+ADAPTER" with a PEFT
 * adapter's folder behind the plus. NULL on an error. A folder without a tokenizer can be asked by ids alone. */
SOCLE_API socle_model *socle_open(const char *path, char *error);
SOCLE_API void socle_close(socle_model *m); /* NULL is fine */

SOCLE_API int32_t socle_vocab_size(const socle_model *m);
SOCLE_API int32_t socle_max_position(const socle_model *m); /* most ids of a prompt and its answer together */

/* Text to ids, as the model's tokenizer does it. Writes at most `room` ids and returns how many the text has, so that a larger
 * array can be brought; -1 on an error. `flags` are added. */
enum {
    SOCLE_ADD_SPECIAL = 1,   /* what the tokenizer puts around a text: BOS and the like */
    SOCLE_PARSE_SPECIAL = 2, /* special tokens written out in the text become their ids: for text that you trust */
};
SOCLE_API ptrdiff_t socle_encode(socle_model *m, const char *text, size_t n, unsigned flags, int32_t *ids, size_t room, char *error);
/* Ids to the exact bytes (no NUL is added). Writes at most `room` bytes and returns how many there are; -1 on an error. */
SOCLE_API ptrdiff_t socle_decode(socle_model *m, const int32_t *ids, size_t n, char *text, size_t room, char *error);

/* How likely the model finds ids[1], ids[2], ... ids[n-1], each given all before it: n-1 log-probabilities in nats. More ids
 * than the model has positions are read in windows. 0, or -1 on an error. */
SOCLE_API int socle_logprobs(socle_model *m, const int32_t *ids, size_t n, double *logprobs, char *error);

/* How to write. Begin with SOCLE_GENERATION_DEFAULT and change what you want. */
typedef struct socle_generation {
    size_t size;        /* sizeof(socle_generation) */
    size_t max_tokens;  /* at most so many new ids, and never beyond the model's positions */
    double temperature; /* 0: always the likeliest id. Above: sampled */
    long top_k;         /* sample among the k likeliest; 0: all */
    double top_p;       /* sample among the fewest likeliest whose probabilities add up to p; 1: all */
    uint64_t seed;      /* the same seed gives the same text */
    int ignore_end;     /* not 0: write on behind an id that ends a text */
} socle_generation;
#define SOCLE_GENERATION_DEFAULT \
    { sizeof(socle_generation), 128, 0.0, 0, 1.0, 0, 0 }

/* Called for each new id with the bytes that it completes (whole UTF-8 characters; may be 0 bytes; no NUL behind them), its id
 * and its log-probability in nats. Return 0 to go on, anything else to stop. Where bytes are left over at the end, a last call with id -1 brings them. */
typedef int socle_token(void *context, const char *text, size_t n, int32_t id, double logprob);

/* Continues a prompt. Text goes through the tokenizer with what it puts in front (BOS); ids are taken as they are. Stops before
 * an id that ends a text, at max_tokens, or when `on_token` says so; `how` may be NULL for the default. Returns the number of
 * new ids, or -1 on an error. */
SOCLE_API ptrdiff_t socle_generate(socle_model *m, const char *prompt, size_t n, const socle_generation *how, socle_token *on_token, void *context,
                                   char *error);
SOCLE_API ptrdiff_t socle_generate_ids(socle_model *m, const int32_t *prompt, size_t n, const socle_generation *how, socle_token *on_token, void *context,
                                       char *error);

#ifdef __cplusplus
}
#endif
#endif
