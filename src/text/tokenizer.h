/* text/tokenizer.h: text to ids and back, exactly as Hugging Face `tokenizers` does with the same tokenizer.json.
 * Read: its models (BPE, Unigram, WordPiece, WordLevel), normalizers, pre-tokenizers, post-processors and decoders; a component
 * or a value that is not known is refused by name. A tokenizer is never changed after loading, so any
 * number of threads may use one; each brings a scratch of its own.
 * Text is bytes: invalid UTF-8 passes through byte-level vocabularies unchanged. */
#ifndef SOCLE_TEXT_TOKENIZER_H
#define SOCLE_TEXT_TOKENIZER_H
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/string.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct tokenizer tokenizer;

/* `path`: a file, told by content: a tokenizer.json, a SentencePiece .model, tiktoken's ranks, GPT-2's encoder.json (with vocab.bpe
 * or merges.txt beside it), BERT's vocab.txt, llama2.c's tokenizer.bin, a .gguf; its other neighbours are not read. Or a folder
 * with one of them, tokenizer.json first, whose tokenizer_config.json, added_tokens.json, special_tokens_map.json and chat
 * templates count too. Lives in `owner`; a limit of `owner` holds. err names the file. Where no file says how text is cut
 * into words, and the vocabulary is not a known one, GPT-2's pattern is taken, with a warning. */
tokenizer *tokenizer_load(arena *owner, const char *path, error *err);
typedef struct tokenizer_load_options {
    const char *pattern; /* how text is cut, for a vocabulary that does not say: a family's name or a regular expression; NULL: none */
} tokenizer_load_options;
tokenizer *tokenizer_load_with(arena *owner, const char *path, const tokenizer_load_options *options, error *err);
/* One of these formats from bytes, without neighbours. Nothing given needs to outlive the call. */
tokenizer *tokenizer_parse_any(arena *owner, const void *bytes, size_t n, const tokenizer_load_options *options, error *err);
bool tokenizer_folder_holds(const char *folder); /* whether there is such a file in a folder */
/* A tokenizer.json from bytes; `config` (tokenizer_config.json's text) may be NULL. Nothing given needs to outlive the call. */
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
/* One of several by its name ("tool_use", "rag"; NULL, "default": the one above); NULL where there is none of that name. They come
 * from a list in tokenizer_config.json, or, replacing it, from chat_template.jinja and additional_chat_templates/NAME.jinja. */
const char *tokenizer_chat_template_named(const tokenizer *t, const char *name);
size_t tokenizer_count_chat_templates(const tokenizer *t);
const char *tokenizer_chat_template_name(const tokenizer *t, size_t i); /* "default" for the one without a name */
const char *tokenizer_kind(const tokenizer *t);                         /* "byte-level BPE, llama3 pattern", for people */
const char *tokenizer_source(const tokenizer *t, size_t *n);            /* its tokenizer.json as it was read, or made of another format */
const char *tokenizer_scanner(const char *regex, size_t n);             /* the scanner that runs this pattern ("llama3"); NULL: PCRE2 does */
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

/* Truncation and padding that tokenizer.json asks for are kept for those who read it after us, and not done here.
 * Appends the ids of text[0..n) to `out`. Added tokens that are not special match with and without PARSE_SPECIAL, as in
 * `tokenizers` with encode_special_tokens. `scratch` NULL: a fresh one for this call. Fails, and appends
 * nothing, on a text of 2 GiB or more, on a character that no token covers where there is no unknown token (WordLevel, WordPiece,
 * Unigram), and on a text that a regular expression needs too many steps for. */
bool tokenizer_encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, unsigned flags, id_list *out, error *err);

/* Two texts, with what the post-processor puts around them where ADD_SPECIAL is set; offsets are those of the own text. */
bool tokenizer_encode_pair(const tokenizer *t, tokenizer_scratch *scratch, const char *a, size_t n_a, const char *b, size_t n_b, unsigned flags, id_list *out,
                           error *err);

/* A text that comes in pieces, cut anywhere, also inside a character. The ids, joined, are those of the whole text; each comes as
 * soon as nothing that may follow can change it, which is at blanks between words for most tokenizers. Those that leave no place
 * where a text may be cut (no pre-tokenizer, a pattern that is not among the known ones, ...) give all ids at the end.
 * ADD_SPECIAL and PARSE_SPECIAL are heeded; offsets are not given. NULL only where a limit of memory is met. Borrows the tokenizer. */
typedef struct tokenizer_feed tokenizer_feed;
tokenizer_feed *tokenizer_feed_new(const tokenizer *t, unsigned flags);
bool tokenizer_feed_push(tokenizer_feed *f, const char *text, size_t n, id_list *out, error *err); /* appends what is sure now */
bool tokenizer_feed_end(tokenizer_feed *f, id_list *out, error *err);                              /* the rest; the feed is as new then */
void tokenizer_feed_drop(tokenizer_feed *f);                                                       /* NULL is fine */

/* A rendered chat template: marks[i] & TOKENIZER_MARKUP says that byte i was written by the template, else by a user. The text
 * is encoded once, as a whole; an added token is matched only where all its bytes are markup (one that is nothing but blanks,
 * and not special, also elsewhere: it cannot control anything). PARSE_SPECIAL has no meaning here. */
enum { TOKENIZER_MARKUP = 1 };
bool tokenizer_encode_marked(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags,
                             id_list *out, error *err);

/* Bytes to characters: begin and end of every id, as `tokenizers` counts them in Python. `text` is the text that was encoded.
 * Takes time in proportion to ids and text. */
void id_list_to_characters(id_list *list, const char *text, size_t n);

/* Appends the exact bytes of the ids to `out`; ids that the vocabulary lacks give nothing. skip_special leaves special tokens
 * out. Bytes need not be valid UTF-8. */
void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool skip_special, string *out);

/* Decoding as ids come. What comes out, joined, equals decode(prompt + pushed) without what decode(prompt) begins with; each
 * push appends whole UTF-8 characters only (bytes that can become no character are passed on as they are). A few decoders say
 * what a token is only at the end (a Regex over the fused text, say): then all comes from tokenizer_decoder_end. Ends with that
 * or with tokenizer_decoder_drop, since such a one holds memory. */
typedef struct tokenizer_decoder {
    const tokenizer *tokenizer;
    bool skip_special, begun; /* begun: some text went before, so that a leading blank is kept */
    int32_t last;             /* the token before, -1: none yet */
    size_t stripped;          /* characters that the beginning of the text has lost */
    unsigned char held[4];    /* the beginning of a character */
    size_t n_held;
    id_list *all; /* of a decoder that decides at the end: what was pushed, behind n_prompt ids of the prompt */
    size_t n_prompt;
} tokenizer_decoder;
tokenizer_decoder tokenizer_decoder_start(const tokenizer *t, const int32_t *prompt, size_t n, bool skip_special);
void tokenizer_decoder_push(tokenizer_decoder *d, int32_t id, string *out);
void tokenizer_decoder_end(tokenizer_decoder *d, string *out); /* what is held, complete or not */
void tokenizer_decoder_drop(tokenizer_decoder *d);             /* without it; fine on {0}, and once more */

#endif
