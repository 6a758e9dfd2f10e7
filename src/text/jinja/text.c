/* Strings: built with their marks, cut, stripped, split and searched as Python does, by characters. */
#include "text/jinja/jinja.h"

#include "text/jinja/character.h"

#include <stdarg.h>
#include <stdio.h>

/* --- the builder ---------------------------------------------------------------------------------------------------------------------- */
bool build_reserve(builder *b, size_t n) {
    if (b->r->over) return false;
    if (b->n + n <= b->room) return true;
    size_t room = b->n == 0 ? n : b->room * 2 > b->n + n ? b->room * 2 : b->n + n + 16;
    if (room > TEXT_MOST) room = b->n + n;
    char *data = room <= TEXT_MOST ? run_take(b->r, room) : NULL;
    unsigned char *marks = data != NULL && b->marks != NULL ? run_take(b->r, room) : NULL;
    if (data == NULL || (b->marks != NULL && marks == NULL)) return !(b->r->over = true);
    if (b->n > 0) memcpy(data, b->data, b->n);
    if (b->n > 0 && marks != NULL) memcpy(marks, b->marks, b->n);
    b->data = data;
    b->marks = marks;
    b->room = room;
    return true;
}
static bool build_mixed(builder *b) { /* from one mark to a mark for each byte */
    b->marks = run_take(b->r, b->room + 1);
    if (b->marks == NULL) return false;
    memset(b->marks, b->mark, b->n);
    return true;
}
void build_bytes_slow(builder *b, const char *text, size_t n, uint8_t mark) {
    if (n == 0 || !build_reserve(b, n)) return;
    if (b->n == 0) b->mark = mark;
    if (mark != b->mark && b->marks == NULL && !build_mixed(b)) return;
    memcpy(b->data + b->n, text, n);
    if (b->marks != NULL) memset(b->marks + b->n, mark, n);
    b->n += n;
}
void build_part(builder *b, const value *s, size_t from, size_t to) {
    if (to <= from) return;
    run_charge(b->r, to - from);
    if (s->ascii != 1) b->not_ascii = true;
    if (s->mark != MARK_MIXED) {
        build_bytes(b, s->text + from, to - from, s->mark);
        return;
    }
    if (!build_reserve(b, to - from) || (b->marks == NULL && !build_mixed(b))) return;
    memcpy(b->data + b->n, s->text + from, to - from);
    memcpy(b->marks + b->n, s->marks + from, to - from);
    b->n += to - from;
}
void build_char(builder *b, uint32_t c, uint8_t mark) {
    char bytes[8];
    string s = {.data = bytes, .room = sizeof bytes, .limit = sizeof bytes - 1};
    if (c < 128) {
        bytes[0] = (char)c;
        build_bytes(b, bytes, 1, mark);
        return;
    }
    string_utf8(&s, c);
    b->not_ascii = true;
    build_bytes(b, bytes, s.length, mark);
}
void build_repeat(builder *b, const value *s, int64_t times) {
    if (s->n == 0 || times <= 0) return;
    if (times > TEXT_MOST || !build_reserve(b, s->n * (size_t)times)) {
        b->r->over = true;
        return;
    }
    const size_t from = b->n;
    build_string(b, s);
    for (size_t left = s->n * (size_t)(times - 1), n; left > 0 && !b->r->over; left -= n) { /* as much again as there is */
        n = left < b->n - from ? left : b->n - from;
        run_charge(b->r, n);
        memcpy(b->data + b->n, b->data + from, n);
        if (b->marks != NULL) memcpy(b->marks + b->n, b->marks + from, n);
        b->n += n;
    }
}
void build_print(builder *b, uint8_t mark, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    build_bytes(b, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, mark);
}
value build_end(builder *b) {
    const uint8_t mark = b->marks != NULL ? MARK_MIXED : b->n > 0 ? b->mark : TEMPLATE_MARKUP;
    return (value){
        .head = VALUE_HEAD(VALUE_STRING, mark, b->not_ascii ? 0 : 1, b->n) | (uint64_t)b->safe << 16, .text = b->n > 0 ? b->data : "", .marks = b->marks};
}

/* --- characters ----------------------------------------------------------------------------------------------------------------------- */
bool text_is_ascii(value *s) {
    if (s->ascii == 0) {
        unsigned char any = 0;
        for (uint32_t i = 0; i < s->n; i++) any |= (unsigned char)s->text[i];
        s->ascii = any < 128 ? 1 : 2;
    }
    return s->ascii == 1;
}
static bool is_ascii(const value *s) {
    value copy = *s;
    return text_is_ascii(&copy);
}
int64_t text_count(const value *s) {
    if (s->ascii == 1) return s->n;
    int64_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) n += ((unsigned char)s->text[i] & 0xc0) != 0x80;
    return n;
}
size_t text_offset(const value *s, int64_t character) {
    if (s->ascii == 1) return (size_t)character;
    size_t at = 0;
    for (; at < s->n && (character > 0 || ((unsigned char)s->text[at] & 0xc0) == 0x80); at++)
        if (((unsigned char)s->text[at] & 0xc0) != 0x80) character--;
    while (at < s->n && ((unsigned char)s->text[at] & 0xc0) == 0x80) at++;
    return at;
}
value text_part(const value *s, size_t from, size_t to) {
    const uint64_t n = to > from ? to - from : 0;
    uint64_t head = (s->head & UINT32_MAX) | n << 32;
    if (s->ascii == 2) head &= ~((uint64_t)UINT8_MAX << 24); /* a part may be ASCII */
    return (value){.head = head, .text = s->text + from, .marks = s->marks != NULL ? s->marks + from : NULL};
}
uint8_t text_mark(const value *s, size_t at) {
    return s->mark != MARK_MIXED ? s->mark : s->marks[at];
}
bool text_equal(const value *a, const value *b) {
    return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}
bool text_is(const value *v, const char *text) {
    return v->type == VALUE_STRING && v->n == strlen(text) && memcmp(v->text, text, v->n) == 0;
}

/* [start : stop : step] with start and stop already made to fit; `count` characters come out. */
value text_slice(run *r, const value *s, int64_t start, int64_t stop, int64_t step, int64_t count) {
    if (count <= 0) return text_part(s, 0, 0);
    if (step == 1) {
        const size_t from = text_offset(s, start);
        const value rest = text_part(s, from, s->n);
        run_charge(r, s->n);
        return text_part(s, from, from + text_offset(&rest, stop - start));
    }
    builder b = {.r = r, .safe = s->safe};
    size_t *offset = NULL; /* of each character */
    if (!is_ascii(s)) {
        const int64_t n = text_count(s);
        if ((offset = run_take(r, (size_t)(n + 1) * sizeof *offset)) == NULL) return *s;
        int64_t k = 0;
        for (uint32_t i = 0; i < s->n; i++)
            if (((unsigned char)s->text[i] & 0xc0) != 0x80) offset[k++] = i;
        offset[k] = s->n;
    }
    for (int64_t k = 0; k < count; k++) {
        const int64_t i = start + k * step;
        build_part(&b, s, offset != NULL ? offset[i] : (size_t)i, offset != NULL ? offset[i + 1] : (size_t)i + 1);
    }
    return build_end(&b);
}

/* --- case ------------------------------------------------------------------------------------------------------------------------------ */
static size_t char_before(const char *text, size_t at) { /* where the character that ends at `at` begins */
    do at--;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}
static bool is_case_ignorable(uint32_t c) {
    return c == '\'' || c == '.' || c == 0xad || c == 0x2019 || (c >= 0x300 && c < 0x370);
}
/* A capital sigma at the end of a word becomes the final one. */
static bool sigma_is_final(const value *s, size_t begin, size_t end) {
    bool before = false;
    for (size_t at = begin; at > 0;) { /* no further than the sigma before: all of them together look at each character once */
        size_t next = at = char_before(s->text, at);
        const uint32_t c = utf8_next(s->text, s->n, &next);
        if (is_case_ignorable(c)) continue;
        before = (character_class(c) & CHARACTER_CASED) != 0;
        break;
    }
    for (size_t at = end; before && at < s->n;) {
        const uint32_t c = utf8_next(s->text, s->n, &at);
        if (!is_case_ignorable(c)) return (character_class(c) & CHARACTER_CASED) == 0;
    }
    return before;
}

/* ASCII of one mark: upper, lower, capitalize. */
static bool map_ascii(const value *s, char what, builder *b) {
    if (strchr("ulc", what) == NULL || s->mark == MARK_MIXED || s->n == 0 || !is_ascii(s) || !build_reserve(b, s->n)) return false;
    for (uint32_t i = 0; i < s->n; i++) {
        const unsigned char c = (unsigned char)s->text[i];
        const bool up = what == 'u' || (what == 'c' && i == 0);
        b->data[i] = (char)(up ? c - ((c >= 'a' && c <= 'z') << 5) : c + ((c >= 'A' && c <= 'Z') << 5));
    }
    b->n = s->n;
    b->mark = s->mark;
    return true;
}

value text_map(run *r, const value *s, char what) {
    builder b = {.r = r, .safe = s->safe};
    if (map_ascii(s, what, &b)) return run_charge(r, s->n), build_end(&b);
    bool cased = false; /* title: the character before is cased */
    run_charge(r, s->n);
    for (size_t at = 0; at < s->n;) {
        const size_t begin = at;
        const uint32_t c = (unsigned char)s->text[at] < 128 ? (unsigned char)s->text[at++] : utf8_next(s->text, s->n, &at);
        const unsigned class = what == 't' || what == 's' ? character_class(c) : 0;
        const case_map *by = what == 'u' ? &character_upper : &character_lower;
        if ((what == 'c' && begin == 0) || (what == 't' && !cased)) by = &character_title;
        if (what == 's') by = class & CHARACTER_UPPER ? &character_lower : &character_upper;
        uint32_t image[3];
        int n = what == 'f' && c >= 128 ? character_map(&character_fold, c, image) : 1;
        if (what != 'f' || (n == 1 && image[0] == c) || c < 128) n = character_map(by, c, image);
        if (c == 0x3a3 && by == &character_lower && what != 'f' && sigma_is_final(s, begin, at)) image[0] = 0x3c2;
        for (int i = 0; i < n; i++) build_char(&b, image[i], text_mark(s, begin));
        cased = (class & CHARACTER_CASED) != 0;
    }
    return build_end(&b);
}

/* --- white space ----------------------------------------------------------------------------------------------------------------------- */
bool text_is_space(const char *text, size_t n, size_t at, size_t *next) {
    const unsigned char c = (unsigned char)text[at];
    if (c < 128) return *next = at + 1, c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    *next = at;
    return (character_class(utf8_next(text, n, next)) & CHARACTER_SPACE) != 0;
}
static bool strips(const value *s, size_t at, size_t end, const value *characters) {
    size_t next;
    if (characters == NULL) return text_is_space(s->text, end, at, &next);
    const value one = text_part(s, at, end);
    return text_search(characters, &one, 0, characters->n) >= 0;
}
value text_strip(run *r, const value *s, const value *characters, int sides) {
    size_t from = 0, to = s->n;
    const size_t each = characters != NULL ? characters->n : 0; /* bytes that are searched for each character */
    while (sides & 1 && from < to && r->steps >= 0) {
        size_t next = from;
        run_charge(r, each);
        utf8_next(s->text, to, &next);
        if (!strips(s, from, next, characters)) break;
        from = next;
    }
    while (sides & 2 && to > from && r->steps >= 0) {
        const size_t before = char_before(s->text, to);
        run_charge(r, each);
        if (!strips(s, before, to, characters)) break;
        to = before;
    }
    return text_part(s, from, to);
}

/* --- searching and cutting --------------------------------------------------------------------------------------------------------------- */
int64_t text_search(const value *s, const value *part, size_t from, size_t to) {
    if (from > to || part->n > to - from) return -1;
    if (part->n == 0) return (int64_t)from;
    const char *found = memmem(s->text + from, to - from, part->text, part->n);
    return found != NULL ? found - s->text : -1;
}
int64_t text_search_last(run *r, const value *s, const value *part, size_t from, size_t to) {
    if (from > to || part->n > to - from) return -1;
    if (part->n == 0) return (int64_t)to;
    const char first = part->text[0], last = part->text[part->n - 1];
    for (size_t at = to - part->n + 1; at-- > from && r->steps >= 0;) {
        if (s->text[at] != first || s->text[at + part->n - 1] != last) continue;
        run_charge(r, part->n);
        if (memcmp(s->text + at, part->text, part->n) == 0) return (int64_t)at;
    }
    return -1;
}

list *text_split_lines(run *r, const value *s, bool keep) {
    list *out = list_new(r, 8);
    size_t begin = 0;
    run_charge(r, (size_t)s->n * 4);
    for (size_t at = 0; at < s->n;) {
        const size_t end = at;
        const uint32_t c = utf8_next(s->text, s->n, &at);
        if (!((c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029)) continue;
        if (c == '\r' && at < s->n && s->text[at] == '\n') at++;
        list_push(r, out, text_part(s, begin, keep ? at : end));
        begin = at;
    }
    if (begin < s->n) list_push(r, out, text_part(s, begin, s->n));
    return out;
}

static void reverse(list *l) {
    for (uint32_t i = 0; i < l->n / 2; i++) {
        const value v = l->item[i];
        l->item[i] = l->item[l->n - 1 - i];
        l->item[l->n - 1 - i] = v;
    }
}
static list *split_space(run *r, const value *s, int64_t most) {
    list *out = list_new(r, 8);
    size_t at = 0, next;
    for (;;) {
        while (at < s->n && text_is_space(s->text, s->n, at, &next)) at = next;
        if (at >= s->n) return out;
        const size_t begin = at;
        if (most >= 0 && out->n >= most) return list_push(r, out, text_part(s, begin, s->n)), out;
        while (at < s->n && !text_is_space(s->text, s->n, at, &next)) at = next;
        list_push(r, out, text_part(s, begin, at));
        if (r->over) return out;
    }
}
static list *split_space_from_right(run *r, const value *s, int64_t most) {
    list *out = list_new(r, 8);
    value left = text_strip(r, s, NULL, 2);
    while (left.n > 0 && !r->over) {
        size_t begin = left.n, next;
        if (most >= 0 && out->n >= most) begin = 0;
        while (begin > 0 && !text_is_space(left.text, left.n, char_before(left.text, begin), &next)) begin = char_before(left.text, begin);
        list_push(r, out, text_part(&left, begin, left.n));
        left = text_part(&left, 0, begin);
        left = text_strip(r, &left, NULL, 2);
    }
    return reverse(out), out;
}
list *text_split(run *r, const value *s, const value *separator, int64_t most, bool from_right) {
    run_charge(r, s->n);
    if (separator == NULL) return from_right ? split_space_from_right(r, s, most) : split_space(r, s, most);
    list *out = list_new(r, 8);
    size_t from = 0, to = s->n;
    while ((most < 0 || out->n < most) && !r->over) {
        const int64_t found = from_right ? text_search_last(r, s, separator, 0, to) : text_search(s, separator, from, s->n);
        if (found < 0) break;
        list_push(r, out, from_right ? text_part(s, (size_t)found + separator->n, to) : text_part(s, from, (size_t)found));
        from = (size_t)found + separator->n;
        to = (size_t)found;
    }
    list_push(r, out, from_right ? text_part(s, 0, to) : text_part(s, from, s->n));
    if (from_right) reverse(out);
    return out;
}

value text_replace(run *r, const value *s, const value *old, const value *by, int64_t most) {
    builder b = {.r = r, .safe = s->safe};
    size_t at = 0;
    run_charge(r, s->n);
    for (int64_t done = 0; (most < 0 || done < most) && !r->over; done++) {
        if (old->n == 0) { /* between all characters, and at both ends */
            build_string(&b, by);
            if (at >= s->n) return build_end(&b);
            size_t next = at;
            utf8_next(s->text, s->n, &next);
            build_part(&b, s, at, next);
            at = next;
            continue;
        }
        const int64_t found = text_search(s, old, at, s->n);
        if (found < 0) break;
        build_part(&b, s, at, (size_t)found);
        build_string(&b, by);
        at = (size_t)found + old->n;
    }
    build_part(&b, s, at, s->n);
    return build_end(&b);
}

value text_escape(run *r, const value *s) {
    static const char *const entities[256] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&#34;", ['\''] = "&#39;"};
    value out = *s;
    out.safe = true;
    if (s->safe) return out;
    builder b = {.r = r, .safe = true};
    size_t from = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *entity = entities[(unsigned char)s->text[i]];
        if (entity == NULL) continue;
        build_part(&b, s, from, i);
        build_bytes(&b, entity, strlen(entity), text_mark(s, i));
        from = i + 1;
    }
    if (from == 0) return out;
    build_part(&b, s, from, s->n);
    return build_end(&b);
}
