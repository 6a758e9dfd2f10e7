/* Files of conversations, a JSON object a line, to sequences of ids. */
#include "base/file.h"
#include "base/log.h"
#include "train/training.h"

#include <string.h>

enum { LONGEST_LINE = 16 << 20 };

typedef struct sequence_list {
    token_sequence *at;
    long n, room;
} sequence_list;

static token_sequence *list_add(arena *owner, sequence_list *l) {
    if (l->n == l->room) {
        const long more = l->room == 0 ? 256 : l->room * 2;
        l->at = arena_grow(owner, l->at, (size_t)l->room * sizeof *l->at, (size_t)more * sizeof *l->at);
        l->room = more;
    }
    return &l->at[l->n++];
}

/* left_out: of turns, see data/chat_form.h. */
static bool line_read(arena *owner, arena *scratch, const chat_form *form, bool learn_all, const char *line, size_t n, token_sequence *out, size_t *left_out,
                      error *err) {
    conversation c;
    rendered text;
    const json *v = json_parse(scratch, line, n, err);
    if (v == NULL || !conversation_read(scratch, v, &c, err) || !conversation_render(scratch, form, &c, false, &text, err)) return false;
    int32_t *ids;
    bool *learned;
    size_t count;
    const bool ok = conversation_encode(owner, form->tokenizer, &text, &ids, &learned, &count, err);
    string_drop(&text.text);
    if (!ok) return false;
    *left_out += text.left_out;
    for (size_t i = 0; learn_all && i < count; i++) learned[i] = true;
    *out = (token_sequence){.ids = ids, .learned = learned, .n = (long)count};
    return true;
}

static bool is_blank(const char *line, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r", line[i]) == NULL) return false;
    return true;
}

static bool file_load(arena *owner, const chat_form *form, bool learn_all, sequence_source *s, error *err) {
    file_reader *r = file_reader_open(s->path, err);
    if (r == NULL) return false;
    arena scratch = {0};
    sequence_list list = {0};
    error reading = {0};
    const char *line;
    size_t n, left_out = 0;
    bool ok = true;
    for (long number = 1; ok && file_reader_line(r, LONGEST_LINE, &line, &n, &reading); number++) {
        if (is_blank(line, n)) continue;
        ok = line_read(owner, &scratch, form, learn_all, line, n, list_add(owner, &list), &left_out, err) || fail(err, "%s: line %ld", s->path, number);
        arena_reset(&scratch);
    }
    if (ok && reading.text[0] != 0) ok = fail(err, "%s", reading.text);
    if (ok && list.n == 0) ok = fail(err, "%s: it holds no conversation", s->path);
    if (ok && left_out > 0 && !learn_all)
        log_warning("%s: %zu of the assistant's turns are not learned: the chat template renders them in another way once the conversation goes on", s->path,
                    left_out);
    file_reader_close(r);
    arena_drop(&scratch);
    s->sequences = list.at;
    s->n = list.n;
    return ok;
}

bool conversations_load(arena *owner, const chat_form *form, const json *files, bool learn_all, sequence_source **out, int *n, error *err) {
    *n = (int)files->length;
    *out = NEW_ARRAY(owner, files->length, sequence_source);
    for (int i = 0; i < *n; i++) {
        (*out)[i] = (sequence_source){.path = json_get_text(&files->item[i], "path", ""), .weight = json_get_number(&files->item[i], "weight", 0)};
        if (!file_load(owner, form, learn_all, &(*out)[i], err)) return false;
    }
    return true;
}
