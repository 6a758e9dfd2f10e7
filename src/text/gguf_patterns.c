/* How the well-known families cut text into words, by the names that GGUF files (tokenizer.ggml.pre) and people use. Each row is
 * the pre-tokenizer of the family's own tokenizer.json, as far as it is known; the names are llama.cpp's. */
#include "base/arena.h"
#include "text/foreign.h"

#include <string.h>

typedef enum { STEP_NONE, STEP_SPLIT, STEP_DIGITS, STEP_DIGIT_RUNS, STEP_PUNCTUATION_RUNS, STEP_PUNCTUATION, STEP_BYTES, STEP_GPT2 } step_kind;
typedef struct step {
    step_kind kind;
    const char *regex; /* STEP_SPLIT: each match is a piece, and what is between two */
} step;

enum { MOST_PATTERN_STEPS = 7 };
struct word_pattern {
    const char *names; /* "a|b|c" */
    step steps[MOST_PATTERN_STEPS + 1];
    bool whole_words; /* ignore_merges */
    bool begin;       /* BOS goes before a text unless the file says otherwise */
    const char *form; /* the family's normalizer */
};

#define SPLIT(regex_) \
    { STEP_SPLIT, (regex_) }
#define DIGITS \
    { STEP_DIGITS, NULL } /* each one a piece */
#define DIGIT_RUNS \
    { STEP_DIGIT_RUNS, NULL }
#define PUNCTUATION \
    { STEP_PUNCTUATION, NULL } /* each one a piece */
#define PUNCTUATION_RUNS \
    { STEP_PUNCTUATION_RUNS, NULL }
#define BYTES \
    { STEP_BYTES, NULL } /* bytes as characters */
#define GPT2 \
    { STEP_GPT2, NULL } /* GPT-2's pattern, then bytes as characters */

#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define BLANKS "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORDS_AND(numbers) CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" numbers "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
#define LLAMA3_PATTERN WORDS_AND("\\p{N}{1,3}") BLANKS
#define QWEN2_PATTERN WORDS_AND("\\p{N}") BLANKS
/* o200k: words in camel case are cut */
#define UPPER "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}"
#define LOWER "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}"
#define CASED_WORDS(end) "[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]*[" LOWER "]+" end "|[^\\r\\n\\p{L}\\p{N}]?[" UPPER "]+[" LOWER "]*" end
#define O200K_WITH(numbers) CASED_WORDS(CONTRACTION "?") "|" numbers "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" BLANKS
#define O200K_PATTERN O200K_WITH("\\p{N}{1,3}")
#define NO_HAN(set) "(?:(?!\\p{Han})[" set "])"
#define BLOOM_PATTERN " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
#define CJK "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
#define HAN_AND_KANA "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
#define DEEPSEEK_WORDS \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" \
    "\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
#define CASED_LETTERS \
    "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377" \
    "\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0" \
    "-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15" \
    "\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE" \
    "\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113" \
    "\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184" \
    "\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E" \
    "\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8" \
    "-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943"

static const word_pattern patterns[] = {
    {.names = "gpt2|gpt-2|phi-2|jina-es|jina-de|gigachat|jina-v2-es|jina-v2-de|a.x-4.0|mellum|modern-bert|jina-v1-en|jina-v2-code|roberta-bpe|"
              "jais|trillion|granite-docling|exaone4|r50k|p50k|whisper",
     .steps = {GPT2}},
    {.names = "olmo|mpt|gpt-neox", .steps = {GPT2}, .form = "NFC"},
    {.names = "llama3|llama-v3|llama-bpe|falcon3|falcon-h1|pixtral|midm-2.0|lfm2|jina-v5-nano",
     .steps = {SPLIT(LLAMA3_PATTERN), BYTES},
     .whole_words = true,
     .begin = true},
    {.names = "cl100k|gpt-4|dbrx|smaug-bpe|glm4|chatglm-bpe", .steps = {SPLIT(LLAMA3_PATTERN), BYTES}},
    {.names = "qwen2|deepseek-r1-qwen|kormo|f2llmv2|megrez|qwen3", .steps = {SPLIT(QWEN2_PATTERN), BYTES}, .form = "NFC"},
    {.names = "stablelm2|hunyuan|solar-open|grok-2|qwen", .steps = {SPLIT(QWEN2_PATTERN), BYTES}},
    {.names = "qwen35|qwen3.5",
     .steps = {SPLIT(CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" BLANKS), BYTES},
     .form = "NFC"},
    {.names = "o200k|gpt-4o|llama4|kanana2|minimax-m2", .steps = {SPLIT(O200K_PATTERN), BYTES}},
    {.names = "tiny_aya", .steps = {SPLIT("\\d{1,3}(?=(?:\\d{3})*\\b)"), SPLIT(O200K_PATTERN), BYTES}},
    {.names = "tekken", .steps = {SPLIT(CASED_WORDS("") "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" BLANKS), BYTES}, .whole_words = true, .begin = true},
    {.names = "youtu",
     .steps = {SPLIT("[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|"
                     "[\u3105-\u312f]+|" HAN_AND_KANA),
               SPLIT(O200K_WITH("\\p{N}")), BYTES},
     .whole_words = true},
    {.names = "kimi-k2",
     .steps = {SPLIT("\\p{Han}+|[^\\r\\n\\p{L}\\p{N}]?" NO_HAN(UPPER) "*" NO_HAN(LOWER) "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?" NO_HAN(UPPER) "+" NO_HAN(
                   LOWER) "*" CONTRACTION "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" BLANKS),
               BYTES}},
    {.names = "deepseek-llm",
     .steps = {SPLIT("[\r\n]"), SPLIT("\\s?[" CASED_LETTERS "]+"), SPLIT("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"), SPLIT("\\s+$"),
               SPLIT(CJK), DIGITS, BYTES}},
    {.names = "deepseek-coder", .steps = {SPLIT("[\r\n]"), SPLIT("\\s?\\p{L}+"), SPLIT("\\s?\\p{P}+"), SPLIT(CJK), DIGITS, BYTES}},
    {.names = "deepseek-v3|hunyuan-dense|joyai-llm|step35", .steps = {SPLIT("\\p{N}{1,3}"), SPLIT(HAN_AND_KANA), SPLIT(DEEPSEEK_WORDS), BYTES}},
    {.names = "default|falcon", .steps = {PUNCTUATION_RUNS, GPT2, DIGIT_RUNS, SPLIT("[0-9][0-9][0-9]")}},
    {.names = "starcoder|refact|smollm|codeshell|minerva-7b|exaone", .steps = {DIGITS, GPT2}},
    {.names = "command-r", .steps = {DIGITS, GPT2}, .form = "NFC"},
    {.names = "bloom|poro-chat|gpt3-finnish", .steps = {SPLIT(BLOOM_PATTERN), BYTES}},
    {.names = "viking", .steps = {SPLIT(BLOOM_PATTERN), DIGITS, BYTES}},
    {.names = "jais-2",
     .steps = {SPLIT(WORDS_AND("\\p{N}{1,3}") "\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|"
                                              "\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"),
               BYTES}},
    {.names = "chameleon",
     .steps = {SPLIT("<sentinel:[0-9]+>"), SPLIT("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"), SPLIT("([\\t\\n]|    |  )"), DIGITS, PUNCTUATION, GPT2},
     .begin = true},
    {.names = "superbpe", .steps = {SPLIT("\\p{N}+"), SPLIT("(?=(\\d{3})+(?!\\d))"), BYTES}},
    {.names = "bailingmoe|bailingmoe2|llada-moe",
     .steps = {SPLIT("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"), BYTES}},
    {.names = "seed-coder",
     .steps = {SPLIT(CONTRACTION "|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), BYTES}},
    {.names = "exaone-moe",
     .steps = {SPLIT(CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|"
                                 "\\s+(?!\\S)|\\s+"),
               BYTES}},
    {.names = "minicpm5", .steps = {SPLIT("\\p{N}{1,3}"), SPLIT(WORDS_AND("\\p{N}+") BLANKS), BYTES}},
};

static bool name_among(const char *names, const char *name, size_t n) {
    for (const char *at = names; *at != 0;) {
        const size_t width = strcspn(at, "|");
        if (width == n && memcmp(at, name, n) == 0) return true;
        at += width + (at[width] == '|');
    }
    return false;
}

const word_pattern *word_pattern_find(const char *name, size_t n) {
    for (size_t i = 0; n > 0 && i < COUNT(patterns); i++)
        if (name_among(patterns[i].names, name, n)) return &patterns[i];
    return NULL;
}

const word_pattern *word_pattern_from_option(arena *owner, const char *text, error *err) {
    const word_pattern *known = word_pattern_find(text, strlen(text));
    if (known != NULL) return known;
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == 0) {
        string names = {0};
        for (size_t i = 0; i < COUNT(patterns); i++)
            string_print(&names, "%s%.*s", i == 0 ? "" : ", ", (int)strcspn(patterns[i].names, "|"), patterns[i].names);
        fail(err, "pattern '%.60s': there is none of this name; %s are", text, string_chars(&names));
        string_drop(&names);
        return NULL;
    }
    word_pattern *p = NEW(owner, word_pattern);
    const char *regex = arena_copy(owner, text);
    if (p == NULL || regex == NULL) return fail_null(err, "pattern: larger than the memory allowed");
    *p = (word_pattern){.names = "regex", .steps = {SPLIT(regex), BYTES}};
    return p;
}

bool word_pattern_keeps_whole_words(const word_pattern *p) {
    return p->whole_words;
}

bool word_pattern_adds_begin(const word_pattern *p) {
    return p->begin;
}

const char *word_pattern_normal_form(const word_pattern *p) {
    return p->form;
}

static void write_member(json_writer *w, const char *key, const char *text) {
    json_key(w, key);
    json_text(w, text);
}

static void write_switch(json_writer *w, const char *key, bool x) {
    json_key(w, key);
    json_bool(w, x);
}

static void step_write(const step *s, json_writer *w) {
    json_begin_object(w);
    switch (s->kind) {
    case STEP_SPLIT:
        write_member(w, "type", "Split");
        json_key(w, "pattern");
        json_begin_object(w);
        write_member(w, "Regex", s->regex);
        json_end_object(w);
        write_member(w, "behavior", "Isolated");
        write_switch(w, "invert", false);
        break;
    case STEP_DIGITS:
    case STEP_DIGIT_RUNS:
        write_member(w, "type", "Digits");
        write_switch(w, "individual_digits", s->kind == STEP_DIGITS);
        break;
    case STEP_PUNCTUATION:
    case STEP_PUNCTUATION_RUNS:
        write_member(w, "type", "Punctuation");
        write_member(w, "behavior", s->kind == STEP_PUNCTUATION ? "Isolated" : "Contiguous");
        break;
    case STEP_BYTES:
    case STEP_GPT2:
        write_member(w, "type", "ByteLevel");
        write_switch(w, "add_prefix_space", false);
        write_switch(w, "trim_offsets", true);
        write_switch(w, "use_regex", s->kind == STEP_GPT2);
        break;
    case STEP_NONE: break;
    }
    json_end_object(w);
}

void word_pattern_write(const word_pattern *p, json_writer *w) {
    if (p->steps[1].kind == STEP_NONE) {
        step_write(&p->steps[0], w);
        return;
    }
    json_begin_object(w);
    write_member(w, "type", "Sequence");
    json_key(w, "pretokenizers");
    json_begin_array(w);
    for (const step *s = p->steps; s->kind != STEP_NONE; s++) step_write(s, w);
    json_end_array(w);
    json_end_object(w);
}
