#include "text/pattern_inner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MOST_PATTERN = 1 << 16,     /* bytes of a pattern */
    MOST_WRITTEN = 4 << 20,     /* of its translation, sets written out */
    MOST_MATCH_STEPS = 1 << 26, /* of one match */
    MOST_STACK = 16 << 20,      /* of machine code, a thread */
    MOST_HEAP_KIB = 64 << 10,   /* of a match without machine code */
    MOST_CODES = 16,            /* patterns whose machine code a thread keeps */
};

struct pattern {
    uint64_t serial; /* no two of a process have the same */
    pcre2_code *code;
    const char *written; /* what it was made from: a thread makes its own of that */
    size_t n_written;
};

/* --- compiling ------------------------------------------------------------------------------------------------------------ */
static void *arena_malloc(size_t n, void *owner) {
    return arena_alloc(owner, n);
}

static void arena_free(void *p, void *owner) {
}

static pattern *compile(arena *owner, const char *text, const string *written, error *err) {
    static _Atomic uint64_t serial;
    pcre2_general_context *memory = pcre2_general_context_create(arena_malloc, arena_free, owner);
    pcre2_compile_context *context = memory != NULL ? pcre2_compile_context_create(memory) : NULL;
    pattern *p = NEW(owner, pattern);
    if (context == NULL || p == NULL) return fail_null(err, "larger than the memory allowed for a tokenizer");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    PCRE2_SIZE at;
    p->written = arena_copy_bytes(owner, string_chars(written), written->length);
    if (p->written == NULL) return fail_null(err, "larger than the memory allowed for a tokenizer");
    p->n_written = written->length;
    p->serial = atomic_fetch_add(&serial, 1) + 1;
    p->code = pcre2_compile((PCRE2_SPTR)string_chars(written), written->length, PCRE2_UTF, &code, &at, context);
    if (p->code != NULL) return p;
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(code, message, sizeof message);
    return fail_null(err, "the pattern %.300s: %s", text, (char *)message);
}

pattern *pattern_compile(arena *owner, const char *text, size_t n, error *err) {
    if (n > MOST_PATTERN) return fail_null(err, "a pattern of %zu bytes; %d is the most", n, MOST_PATTERN);
    string written = {.limit = MOST_WRITTEN}, given = {0};
    string_append(&given, text, n);
    const char *pattern_text = string_chars(&given);
    pattern *p = pattern_translate(pattern_text, n, &written, err) ? compile(owner, pattern_text, &written, err) : NULL;
    string_drop(&written);
    string_drop(&given);
    return p;
}

/* --- what a thread keeps ---------------------------------------------------------------------------------------------------- */
/* Machine code is not memory of an arena, and the arena does not say when it goes: a thread keeps the code of the patterns that
 * it used last, and drops the oldest. */
struct pattern_code {
    uint64_t serial, used; /* used: when, by the thread's count */
    int n_search;          /* that are under way */
    pcre2_code *code;
};

typedef struct thread_room {
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
    uint64_t count;
    struct pattern_code code[MOST_CODES];
} thread_room;

static pthread_key_t room_key;
static pthread_once_t room_once = PTHREAD_ONCE_INIT;

static void room_drop(void *p) {
    thread_room *room = p;
    for (int i = 0; i < MOST_CODES; i++) pcre2_code_free(room->code[i].code);
    pcre2_match_data_free(room->data);
    pcre2_match_context_free(room->context);
    pcre2_jit_stack_free(room->stack);
    free(room);
}

static void room_key_make(void) {
    pthread_key_create(&room_key, room_drop);
}

/* Never NULL but for an exhausted machine: then nothing matches, and the search says that it gave up. */
static thread_room *room_of_thread(void) {
    pthread_once(&room_once, room_key_make);
    thread_room *room = pthread_getspecific(room_key);
    if (room != NULL) return room;
    room = calloc(1, sizeof *room);
    if (room == NULL) return NULL;
    room->context = pcre2_match_context_create(NULL);
    room->data = pcre2_match_data_create(1, NULL);
    room->stack = pcre2_jit_stack_create(64 << 10, MOST_STACK, NULL);
    if (room->context == NULL || room->data == NULL || pthread_setspecific(room_key, room) != 0) {
        room_drop(room);
        return NULL;
    }
    pcre2_set_match_limit(room->context, MOST_MATCH_STEPS);
    pcre2_set_heap_limit(room->context, MOST_HEAP_KIB);
    pcre2_jit_stack_assign(room->context, NULL, room->stack);
    return room;
}

/* Not a copy of the pattern's: that would be memory of the same arena, and may be gone before the thread is done with it. */
static pcre2_code *compile_again(const pattern *p) {
    int code;
    PCRE2_SIZE at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *made = pcre2_compile((PCRE2_SPTR)p->written, p->n_written, PCRE2_UTF, &code, &at, context);
    pcre2_compile_context_free(context);
    return made;
}

/* The thread's own code of a pattern; NULL: none, and the pattern's is to be interpreted. */
static struct pattern_code *code_of_thread(thread_room *room, const pattern *p) {
    struct pattern_code *oldest = NULL;
    for (int i = 0; i < MOST_CODES; i++) {
        struct pattern_code *code = &room->code[i];
        if (code->serial == p->serial) {
            code->used = ++room->count;
            return code;
        }
        if (code->n_search == 0 && (oldest == NULL || code->used < oldest->used)) oldest = code;
    }
    if (oldest == NULL) return NULL;
    pcre2_code_free(oldest->code);
    *oldest = (struct pattern_code){.serial = p->serial, .used = ++room->count, .code = compile_again(p)};
    if (oldest->code == NULL || pcre2_jit_compile(oldest->code, PCRE2_JIT_COMPLETE) != 0) {
        pcre2_code_free(oldest->code);
        *oldest = (struct pattern_code){0};
        return NULL;
    }
    return oldest;
}

/* --- searching ---------------------------------------------------------------------------------------------------------------- */
static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD: what an invalid byte is to a pattern */

static char *text_repair(const char *text, size_t n, size_t *n_copy) {
    string s = {0};
    for (size_t at = 0; at < n;) {
        const size_t from = at;
        const uint32_t c = utf8_next(text, n, &at);
        if (c == 0xfffd && at == from + 1) string_append(&s, replacement, 3);
        else string_append(&s, text + from, at - from);
    }
    *n_copy = s.length;
    return s.data;
}

pattern_search pattern_search_start(const pattern *p, const char *text, size_t n) {
    pattern_search s = {.pattern = p, .text = text, .n = n, .n_copy = n, .last = SIZE_MAX};
    if (!utf8_valid(text, n)) s.copy = text_repair(text, n, &s.n_copy);
    thread_room *room = room_of_thread();
    s.code = room != NULL ? code_of_thread(room, p) : NULL;
    if (s.code != NULL) s.code->n_search++;
    return s;
}

void pattern_search_end(pattern_search *s) {
    free(s->copy);
    if (s->code != NULL) s->code->n_search--;
    *s = (pattern_search){0};
}

/* A place in the copy as one in the text; places only grow. */
static size_t place_in_text(pattern_search *s, size_t at) {
    if (s->copy == NULL) return at;
    while (s->known_copy < at) {
        const size_t from = s->known;
        const uint32_t c = utf8_next(s->text, s->n, &s->known);
        s->known_copy += c == 0xfffd && s->known == from + 1 ? 3 : s->known - from;
    }
    return s->known;
}

bool pattern_search_next(pattern_search *s, size_t *begin, size_t *end) {
    const char *text = s->copy != NULL ? s->copy : s->text != NULL ? s->text : "";
    thread_room *room = room_of_thread();
    if (room == NULL) s->gave_up = true;
    while (!s->gave_up && s->at <= s->n_copy) {
        const pcre2_code *code = s->code != NULL ? s->code->code : s->pattern->code;
        const int found = pcre2_match(code, (PCRE2_SPTR)text, s->n_copy, s->at, PCRE2_NO_UTF_CHECK, room->data, room->context);
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found < 0) {
            s->gave_up = true;
            break;
        }
        const size_t *place = pcre2_get_ovector_pointer(room->data);
        if (place[0] == place[1] && s->last == place[1]) {
            size_t next = s->at;
            if (next < s->n_copy) utf8_next(text, s->n_copy, &next);
            else next++;
            s->at = next;
            continue;
        }
        s->at = s->last = place[1];
        *begin = place_in_text(s, place[0]);
        *end = place_in_text(s, place[1]);
        return true;
    }
    s->at = SIZE_MAX;
    return false;
}
