/* text/word_stream_inner.h: the loop of word_stream.c, compiled once for each instruction set. Words are cut 64 bytes at a time:
 * the instruction set turns 64 bytes into masks of their classes, and where words begin follows from the masks by arithmetic.
 * What is near a byte beyond ASCII, near the end of the text or in a run of 64 goes through the scanner. */
#ifndef SOCLE_TEXT_WORD_STREAM_INNER_H
#define SOCLE_TEXT_WORD_STREAM_INNER_H
#include "text/split_scan.h"
#include "text/word_cache.h"

/* Bit i is byte i. ASCII alone has a class. */
typedef struct window {
    uint64_t beyond; /* not ASCII */
    uint64_t letter, upper, digit, space, line, blank, slash;
    uint64_t quote, stmd, rv, e, l; /* ' and the letters that may follow it, in either case where the rules say so */
} window;

enum { WINDOW = 64, WINDOW_READ = WINDOW + WORD_READ }; /* bytes that must be there: of a word that begins in it */

/* A run of line ends behind O belongs to it (`flood` from each start through `through`). */
SCAN uint64_t flood(uint64_t start, uint64_t through) {
    return (through & ~(through + start)) | start;
}

/* Contractions: *two, *three: quotes of those that have two and three bytes. */
SCAN void window_shorts(const window *w, uint64_t quotes, uint64_t *two, uint64_t *three) {
    *two = quotes & (w->stmd >> 1);
    *three = quotes & (((w->rv & (w->e >> 1)) | (w->l & (w->l >> 1))) >> 1);
}

/* Bits 1 and up where a word begins, as far as the window tells; a word begins at bit 0. */
SCAN uint64_t window_starts(const split_rules r, const window *w) {
    const unsigned n = w->beyond != 0 ? (unsigned)__builtin_ctzll(w->beyond) : WINDOW;
    if (n == 0) return 0;
    const uint64_t valid = UINT64_MAX >> (WINDOW - n);
    const uint64_t letter = w->letter & valid, digit = w->digit & valid, space = w->space & valid, line = w->line & valid, blank = w->blank & valid;
    const uint64_t other = valid & ~(letter | digit | space);
    /* white space at the end of the window may go on: known is where it begins, and all before */
    const uint64_t not_space = ~(space << (WINDOW - n));
    const unsigned trailing = not_space != 0 ? (unsigned)__builtin_clzll(not_space) : WINDOW;
    const uint64_t known = trailing == 0 ? valid >> 1 : trailing >= n ? 0 : (valid >> trailing) | 1ull << (n - trailing);

    const uint64_t through = line | (r.takes_slash ? w->slash & valid : 0);
    const uint64_t taken = r.takes_line ? flood((other << 1) & line, through) : 0;
    const uint64_t o = other & ~taken, s = space & ~taken;
    const uint64_t newline = r.takes_line ? line & ~taken : 0, gap = s & ~newline;
    const uint64_t o_start = o & ~(o << 1) & ~(blank << 1);

    uint64_t behind_line = gap & (newline << 1);
    if (r.takes_line && (gap & (newline >> 1)) != 0) { /* a run of blanks between two line ends is no word of its own */
        uint64_t between = gap & ~(gap + behind_line) & (newline >> 1);
        for (; between != 0; between &= between - 1) {
            const uint64_t up_to = (between & -between) | ((between & -between) - 1);
            behind_line &= ~(1ull << (63 - __builtin_clzll(behind_line & up_to)));
        }
    }
    uint64_t starts = o_start | behind_line | (s & ~(s << 1)) | (gap & ~(space >> 1));

    uint64_t leads = blank;
    if (!r.blank_leads) leads = gap | (o_start & ~(o >> 1));
    uint64_t letter_start = letter & ~(letter << 1);
    if (r.cased) letter_start |= w->upper & letter & ((letter & ~w->upper) << 1);
    starts |= letter_start & ~(leads << 1);

    if (r.digits == 1) starts |= digit;
    else if (r.digits == 0) starts |= digit & ~(digit << 1) & ~(blank << 1);
    else {
        const uint64_t behind_three = digit & (digit << 1) & (digit << 2) & (digit << 3);
        uint64_t x = digit & ~(digit << 1);
        for (uint64_t group = x; (group = (group << 3) & behind_three) != 0;) x |= group;
        starts |= x;
    }

    if (r.shorts == SHORT_EXACT || r.shorts == SHORT_ANY_CASE) {
        uint64_t two, three;
        window_shorts(w, w->quote & o_start, &two, &three);
        starts = (starts & ~((two | three) << 1)) | (((two << 2) | (three << 3)) & letter);
    } else if (r.shorts == SHORT_BEHIND) {
        uint64_t two, three, twice;
        window_shorts(w, w->quote & (letter << 1), &two, &three);
        while ((twice = ((two << 2) | (three << 3)) & (two | three)) != 0) { /* one alone goes with a word */
            two &= ~(twice & -twice);
            three &= ~(twice & -twice);
        }
        starts = (starts & ~(two | three | two << 1 | three << 1 | three << 2)) | (((two << 2) | (three << 3)) & letter);
        starts &= ~(w->quote & letter << 1 & letter >> 1 & 1ull << (WINDOW - 2)); /* a second letter may follow, and is not seen */
    }
    return starts & known & ~1ull;
}

/* One word by the scanner; returns where it ends. */
SCAN size_t stream_word(const split_rules r, tokenizer_scratch *s, const char *text, size_t n, size_t at, id_list *out) {
    const size_t end = scan_next(r, text, n, at), length = end - at;
    word_ids found;
    if (n - at >= WORD_READ ? word_look_up(s, text + at, length, &found) : word_look_up_at_end(s, text + at, length, &found)) {
        id_list_reserve(out, SHORT_IDS);
        memcpy(out->id + out->n, found.id, sizeof found.id);
        out->n += (size_t)found.n;
    } else word_encode_missed(s, text + at, length, out);
    return end;
}

typedef void (*stream_function)(tokenizer_scratch *s, const char *text, size_t n, id_list *out);
void word_stream_plain(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out);
/* By split_kind; NULL: this machine has no such instructions. */
const stream_function *word_stream_avx512(void);
const stream_function *word_stream_avx2(void);

#endif
