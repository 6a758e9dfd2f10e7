#include "model/path_pattern.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CODE = 1 << 13, DEEPEST = 64, MOST_REPEATS = 1000, NO_END = INT_MAX, FIRST_ROOM = 64, MOST_SCRATCH = 16 << 20 };

/* SPLIT goes on at both `x` and `y`, JUMP at `x`: distances from the instruction itself, so that code can be moved and copied. */
typedef enum { SET, SPLIT, JUMP, AT_BEGIN, AT_END, AT_WORD, NOT_AT_WORD, MATCH } code_kind;
typedef struct instruction {
    code_kind kind;
    int x, y;
    const uint8_t *set; /* SET: 256 bits */
} instruction;

struct path_pattern {
    instruction *code;
    int n;
    int *now, *next, *stack; /* threads of the simulation */
    long *seen;              /* the step at which each instruction was last reached */
    long step;
};

typedef struct parser {
    arena *owner;   /* of what stays */
    arena *scratch; /* of code while it grows */
    const char *text, *at;
    instruction *code;
    int n, room, depth;
    error *err;
} parser;

/* ---- sets of bytes ---- */

static void set_put(uint8_t *set, int first, int last) {
    for (int c = first; c <= last; c++) set[c / 8] |= (uint8_t)(1 << c % 8);
}

static bool set_has(const uint8_t *set, unsigned char c) {
    return set[c / 8] >> c % 8 & 1;
}

static void set_invert(uint8_t *set) {
    for (int i = 0; i < 32; i++) set[i] = (uint8_t)~set[i];
}

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* \d \w \s and their opposites; false: `c` is none of them. */
static bool set_put_class(uint8_t *set, char c) {
    uint8_t own[32] = {0};
    switch (c | 0x20) {
    case 'd': set_put(own, '0', '9'); break;
    case 'w':
        for (int i = 0; i < 128; i++)
            if (is_word((char)i)) set_put(own, i, i);
        break;
    case 's':
        set_put(own, '\t', '\r');
        set_put(own, ' ', ' ');
        break;
    default: return false;
    }
    if ((c & 0x20) == 0) set_invert(own);
    for (int i = 0; i < 32; i++) set[i] |= own[i];
    return true;
}

/* The byte that \c stands for; -1: Python gives it another meaning, or none. */
static int escaped_byte(char c) {
    static const char from[] = "ntrfva", to[] = "\n\t\r\f\v\a";
    const char *found = c == 0 ? NULL : strchr(from, c);
    if (found != NULL) return to[found - from];
    return c == 0 || is_word(c) ? -1 : (unsigned char)c;
}

/* ---- code ---- */

static bool off(parser *p, const char *what) {
    return fail(p->err, "pattern '%.80s', character %d: %s", p->text, (int)(p->at - p->text) + 1, what);
}

static bool make_room(parser *p, int more) {
    if (p->n + more > MOST_CODE) return off(p, "the pattern is too large");
    int room = p->room == 0 ? FIRST_ROOM : p->room;
    while (room < p->n + more) room *= 2;
    if (room == p->room) return true;
    instruction *grown = arena_grow(p->scratch, p->code, (size_t)p->room * sizeof *p->code, (size_t)room * sizeof *p->code);
    if (grown == NULL) return off(p, "the pattern is too large");
    p->code = grown;
    p->room = room;
    return true;
}

static bool emit(parser *p, int where, instruction i) {
    if (!make_room(p, 1)) return false;
    memmove(&p->code[where + 1], &p->code[where], (size_t)(p->n - where) * sizeof *p->code);
    p->code[where] = i;
    p->n++;
    return true;
}

static bool emit_copy(parser *p, const instruction *fragment, int n) {
    if (!make_room(p, n)) return false;
    if (n > 0) memcpy(&p->code[p->n], fragment, (size_t)n * sizeof *fragment);
    p->n += n;
    return true;
}

static bool emit_optional(parser *p, int start) {
    return emit(p, start, (instruction){.kind = SPLIT, .x = 1, .y = p->n - start + 1});
}

static bool emit_star(parser *p, int start) {
    const int n = p->n - start;
    return emit(p, start, (instruction){.kind = SPLIT, .x = 1, .y = n + 2}) && emit(p, p->n, (instruction){.kind = JUMP, .x = -(n + 1)});
}

static uint8_t *emit_set(parser *p) {
    uint8_t *set = arena_alloc(p->owner, 32);
    if (set == NULL) off(p, "no memory left");
    return set != NULL && emit(p, p->n, (instruction){.kind = SET, .set = set}) ? set : NULL;
}

static bool emit_byte(parser *p, int c) {
    uint8_t *set = emit_set(p);
    if (set != NULL) set_put(set, c, c);
    return set != NULL;
}

/* ---- the grammar ---- */

static bool parse_alternatives(parser *p);

/* One member of a class: a byte (>= 0), a set that is already put (-1), or an error (-2). */
static int class_member(parser *p, uint8_t *set) {
    if (*p->at == 0) return off(p, "a class without end"), -2;
    if ((unsigned char)*p->at >= 0x80) return off(p, "a class of characters beyond ASCII is not supported"), -2;
    if (*p->at != '\\') return (unsigned char)*p->at++;
    p->at++;
    if (set_put_class(set, *p->at)) return p->at++, -1;
    const int c = *p->at == 'b' ? '\b' : escaped_byte(*p->at);
    if (c < 0) return off(p, "this escape is not supported"), -2;
    return p->at++, c;
}

static bool parse_class(parser *p) {
    uint8_t *set = emit_set(p);
    if (set == NULL) return false;
    const bool inverted = *p->at == '^';
    if (inverted) p->at++;
    for (bool first = true; *p->at != ']' || first; first = false) {
        const int low = class_member(p, set);
        if (low == -2) return false;
        if (low == -1) continue;
        int high = low;
        if (p->at[0] == '-' && p->at[1] != ']' && p->at[1] != 0) {
            p->at++;
            high = class_member(p, set);
            if (high == -2) return false;
            if (high < low) return off(p, "a range that runs backwards");
        }
        set_put(set, low, high);
    }
    p->at++;
    if (inverted) set_invert(set);
    return true;
}

static bool parse_escape(parser *p) {
    const char c = *p->at;
    uint8_t set[32] = {0};
    if (set_put_class(set, c)) {
        uint8_t *own = emit_set(p);
        if (own == NULL) return false;
        memcpy(own, set, sizeof set);
        return p->at++, true;
    }
    const code_kind kind = c == 'b' ? AT_WORD : c == 'B' ? NOT_AT_WORD : c == 'A' ? AT_BEGIN : c == 'Z' ? AT_END : MATCH;
    if (kind != MATCH) return p->at++, emit(p, p->n, (instruction){.kind = kind});
    const int byte = escaped_byte(c);
    if (byte < 0) return off(p, c >= '1' && c <= '9' ? "references to groups are not supported" : "this escape is not supported");
    return p->at++, emit_byte(p, byte);
}

static bool parse_group(parser *p) {
    if (*p->at == '?') {
        if (p->at[1] == ':') p->at += 2;
        else if (p->at[1] == 'P' && p->at[2] == '<' && strchr(p->at, '>') != NULL) p->at = strchr(p->at, '>') + 1;
        else return off(p, "of the groups that begin with (? only (?: is supported");
    }
    if (++p->depth > DEEPEST) return off(p, "groups are nested too deeply");
    if (!parse_alternatives(p)) return false;
    p->depth--;
    if (*p->at != ')') return off(p, "a group without end");
    return p->at++, true;
}

static bool parse_atom(parser *p) {
    const char c = *p->at++;
    switch (c) {
    case '(': return parse_group(p);
    case '[': return parse_class(p);
    case '\\': return parse_escape(p);
    case '^': return emit(p, p->n, (instruction){.kind = AT_BEGIN});
    case '$': return emit(p, p->n, (instruction){.kind = AT_END});
    case '*':
    case '+':
    case '?': return p->at--, off(p, "nothing to repeat");
    case '.': {
        uint8_t *set = emit_set(p);
        if (set == NULL) return false;
        set_put(set, '\n', '\n');
        return set_invert(set), true;
    }
    default: return emit_byte(p, (unsigned char)c);
    }
}

/* {m}, {m,}, {,n} or {m,n} at p->at; anything else in braces is text, as in Python. */
static bool read_braces(parser *p, int *least, int *most) {
    const char *c = p->at + 1;
    char *end;
    const bool has_least = *c >= '0' && *c <= '9';
    long low = 0, high;
    if (has_least) low = strtol(c, &end, 10), c = end;
    high = low;
    if (*c == ',') {
        c++;
        high = NO_END;
        if (*c >= '0' && *c <= '9') high = strtol(c, &end, 10), c = end;
    } else if (!has_least) return false;
    if (*c != '}') return false;
    p->at = c + 1;
    *least = low > NO_END ? NO_END : (int)low;
    *most = high > NO_END ? NO_END : (int)high;
    return true;
}

static bool repeat(parser *p, int start, int least, int most) {
    if (least > MOST_REPEATS || (most != NO_END && most > MOST_REPEATS) || most < least) return off(p, "a count that is too large, or runs backwards");
    const int n = p->n - start;
    instruction *fragment = NEW_ARRAY(p->scratch, n, instruction);
    if (fragment == NULL) return off(p, "the pattern is too large");
    if (n > 0) memcpy(fragment, &p->code[start], (size_t)n * sizeof *fragment);
    p->n = start;
    for (int i = 0; i < least; i++)
        if (!emit_copy(p, fragment, n)) return false;
    if (most == NO_END) {
        const int loop = p->n;
        return emit_copy(p, fragment, n) && emit_star(p, loop);
    }
    for (int i = least; i < most; i++) {
        const int one = p->n;
        if (!emit_copy(p, fragment, n) || !emit_optional(p, one)) return false;
    }
    return true;
}

static bool parse_repeated(parser *p) {
    const int start = p->n;
    if (!parse_atom(p)) return false;
    int least = 0, most = NO_END;
    switch (*p->at) {
    case '*': p->at++; break;
    case '+': p->at++, least = 1; break;
    case '?': p->at++, most = 1; break;
    case '{':
        if (!read_braces(p, &least, &most)) return true;
        break;
    default: return true;
    }
    if (*p->at == '?') p->at++; /* lazy: the same paths match */
    if (*p->at == '*' || *p->at == '+' || *p->at == '?') return off(p, "a repeat of a repeat is not supported");
    return repeat(p, start, least, most);
}

static bool parse_alternatives(parser *p) {
    const int start = p->n;
    while (*p->at != 0 && *p->at != '|' && *p->at != ')')
        if (!parse_repeated(p)) return false;
    if (*p->at != '|') return true;
    p->at++;
    if (++p->depth > DEEPEST * 4) return off(p, "too many alternatives");
    const int n = p->n - start;
    if (!emit(p, start, (instruction){.kind = SPLIT, .x = 1, .y = n + 2}) || !emit(p, p->n, (instruction){.kind = JUMP})) return false;
    const int jump = p->n - 1;
    if (!parse_alternatives(p)) return false;
    p->code[jump].x = p->n - jump;
    p->depth--;
    return true;
}

static bool parse(parser *p) {
    return parse_alternatives(p) && (*p->at == 0 || off(p, "a ')' without '('")) && emit(p, p->n, (instruction){.kind = MATCH});
}

/* Only as much as the pattern came to: a configuration may hold thousands of them. */
static path_pattern *keep(const parser *p) {
    arena *owner = p->owner;
    path_pattern *pattern = NEW(owner, path_pattern);
    if (pattern == NULL) return NULL;
    pattern->code = NEW_ARRAY(owner, p->n, instruction);
    pattern->n = p->n;
    pattern->now = NEW_ARRAY(owner, p->n, int);
    pattern->next = NEW_ARRAY(owner, p->n, int);
    pattern->stack = NEW_ARRAY(owner, 2 * p->n + 2, int);
    pattern->seen = NEW_ARRAY(owner, p->n, long);
    if (pattern->code == NULL || pattern->now == NULL || pattern->next == NULL || pattern->stack == NULL || pattern->seen == NULL) return NULL;
    memcpy(pattern->code, p->code, (size_t)p->n * sizeof *p->code);
    return pattern;
}

path_pattern *path_pattern_new(arena *owner, const char *text, error *err) {
    arena scratch = {.limit = MOST_SCRATCH};
    parser p = {.owner = owner, .scratch = &scratch, .text = text, .at = text, .err = err};
    path_pattern *pattern = NULL;
    if (parse(&p) && (pattern = keep(&p)) == NULL) fail(err, "no memory left for a pattern");
    arena_drop(&scratch);
    return pattern;
}

/* ---- the simulation ---- */

static bool holds_at(code_kind kind, const char *path, size_t at, size_t n) {
    const bool before = at > 0 && is_word(path[at - 1]), after = at < n && is_word(path[at]);
    switch (kind) {
    case AT_BEGIN: return at == 0;
    case AT_END: return at == n;
    case AT_WORD: return before != after;
    default: return before == after;
    }
}

/* Adds to `list` the instructions that wait for a byte (or MATCH) and are reached from `start` without one. */
static int reach(path_pattern *p, int start, int *list, int n, const char *path, size_t at, size_t length) {
    int top = 0;
    p->stack[top++] = start;
    while (top > 0) {
        const int i = p->stack[--top];
        if (p->seen[i] == p->step) continue;
        p->seen[i] = p->step;
        const instruction *code = &p->code[i];
        switch (code->kind) {
        case SET:
        case MATCH: list[n++] = i; break;
        case SPLIT:
            p->stack[top++] = i + code->y; /* and */
            p->stack[top++] = i + code->x;
            break;
        case JUMP: p->stack[top++] = i + code->x; break;
        default:
            if (holds_at(code->kind, path, at, length)) p->stack[top++] = i + 1;
        }
    }
    return n;
}

bool path_pattern_matches(path_pattern *p, const char *path) {
    const size_t length = strlen(path);
    p->step++;
    int n = reach(p, 0, p->now, 0, path, 0, length);
    for (size_t at = 0; at < length && n > 0; at++) {
        int n_next = 0;
        p->step++;
        for (int t = 0; t < n; t++)
            if (p->code[p->now[t]].kind == SET && set_has(p->code[p->now[t]].set, (unsigned char)path[at]))
                n_next = reach(p, p->now[t] + 1, p->next, n_next, path, at + 1, length);
        int *swap = p->now;
        p->now = p->next;
        p->next = swap;
        n = n_next;
    }
    for (int t = 0; t < n; t++)
        if (p->code[p->now[t]].kind == MATCH) return true;
    return false;
}
