/* SentencePiece's .model: a protocol buffer (google/sentencepiece, src/sentencepiece_model.proto). The few messages that it
 * needs are read here; fields that would change the result and that nobody does are refused by name. */
#include "text/foreign.h"

#include <string.h>

/* --- protocol buffers (protobuf.dev, "Encoding") ----------------------------------------------------------------------------- */
typedef enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 } wire_type;

typedef struct message {
    const unsigned char *at, *end;
} message;

typedef struct field {
    uint32_t number;
    wire_type type;
    uint64_t value; /* WIRE_VARINT, WIRE_FIXED32, WIRE_FIXED64 */
    message bytes;  /* WIRE_BYTES */
} field;

static bool varint(message *m, uint64_t *x) {
    *x = 0;
    for (unsigned shift = 0; m->at < m->end && shift < 64; shift += 7) {
        const unsigned char b = *m->at++;
        *x |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

static bool fixed(message *m, unsigned n, uint64_t *x) {
    if ((size_t)(m->end - m->at) < n) return false;
    *x = 0;
    for (unsigned i = 0; i < n; i++) *x |= (uint64_t)*m->at++ << 8 * i;
    return true;
}

/* The next field; false: it is broken. Groups, which nobody writes any more, are broken too. */
static bool next_field(message *m, field *f) {
    uint64_t tag, length;
    if (!varint(m, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX) return false;
    f->number = (uint32_t)(tag >> 3);
    f->type = (wire_type)(tag & 7);
    switch (f->type) {
    case WIRE_VARINT: return varint(m, &f->value);
    case WIRE_FIXED64: return fixed(m, 8, &f->value);
    case WIRE_FIXED32: return fixed(m, 4, &f->value);
    case WIRE_BYTES:
        if (!varint(m, &length) || length > (size_t)(m->end - m->at)) return false;
        f->bytes = (message){m->at, m->at + length};
        m->at += length;
        return true;
    }
    return false;
}

/* --- the messages --------------------------------------------------------------------------------------------------------------- */
/* Numbers of fields, as the .proto has them. */
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TYPE_UNIGRAM = 1, TYPE_BPE = 2, TYPE_WORD = 3, TYPE_CHAR = 4 };

typedef struct settings {
    uint64_t model_type, blank_behind, byte_fallback;                        /* trainer_spec */
    int64_t unk, bos, eos, pad;                                              /* trainer_spec */
    uint64_t add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces; /* normalizer_spec */
    message charsmap, decoding_charsmap;
} settings;

/* Where a whole number of a message goes. */
typedef struct number_field {
    uint32_t number;
    uint64_t *value;
} number_field;

static bool read_numbers(message m, const number_field *fields, size_t n, message *charsmap, const char *what, error *err) {
    enum { CHARSMAP = 2 };
    field f;
    while (m.at < m.end) {
        if (!next_field(&m, &f)) return fail(err, "%s: a field is broken", what);
        if (charsmap != NULL && f.number == CHARSMAP && f.type == WIRE_BYTES) *charsmap = f.bytes;
        for (size_t i = 0; i < n; i++)
            if (fields[i].number == f.number && f.type == WIRE_VARINT) *fields[i].value = f.value;
    }
    return true;
}

static bool read_trainer(message m, settings *s, error *err) {
    uint64_t ids[4] = {(uint64_t)s->unk, (uint64_t)s->bos, (uint64_t)s->eos, (uint64_t)s->pad};
    const number_field fields[] = {{3, &s->model_type}, {24, &s->blank_behind}, {35, &s->byte_fallback}, {40, &ids[0]}, {41, &ids[1]},
                                   {42, &ids[2]},       {43, &ids[3]}};
    if (!read_numbers(m, fields, COUNT(fields), NULL, "trainer_spec", err)) return false;
    int64_t *const places[] = {&s->unk, &s->bos, &s->eos, &s->pad};
    for (size_t i = 0; i < COUNT(places); i++) *places[i] = (int64_t)ids[i];
    return true;
}

static bool read_normalizer(message m, settings *s, error *err) {
    const number_field fields[] = {{3, &s->add_dummy_prefix}, {4, &s->remove_extra_whitespaces}, {5, &s->escape_whitespaces}};
    return read_numbers(m, fields, COUNT(fields), &s->charsmap, "normalizer_spec", err);
}

static bool read_piece(message m, part *p, error *err) {
    *p = (part){"", 0, PART_NORMAL, 0};
    field f;
    while (m.at < m.end) {
        if (!next_field(&m, &f)) return fail(err, "a field is broken");
        if (f.number == PIECE_TEXT && f.type == WIRE_BYTES) p->text = (const char *)f.bytes.at, p->n = (size_t)(f.bytes.end - f.bytes.at);
        if (f.number == PIECE_SCORE && f.type == WIRE_FIXED32) {
            const uint32_t bits = (uint32_t)f.value;
            memcpy(&p->score, &bits, sizeof bits);
        }
        if (f.number == PIECE_TYPE && f.type == WIRE_VARINT) {
            if (f.value < PART_NORMAL || f.value > PART_BYTE) return fail(err, "its type %llu is not known", (unsigned long long)f.value);
            p->kind = (part_kind)f.value;
        }
    }
    return p->n > 0 || fail(err, "it is empty");
}

/* A file that is damaged behind some whole pieces is one all the same, so that the error can say where. */
bool is_sentencepiece(const char *bytes, size_t n) {
    enum { ENOUGH = 3 };
    message m = {(const unsigned char *)bytes, (const unsigned char *)bytes + n};
    field f;
    size_t pieces = 0, whole = 0;
    while (m.at < m.end) {
        if (!next_field(&m, &f)) return whole >= ENOUGH;
        if (f.number == MODEL_PIECE && f.type != WIRE_BYTES) return false;
        part p;
        if (f.number == MODEL_PIECE) pieces++;
        if (f.number == MODEL_PIECE && pieces <= ENOUGH && read_piece(f.bytes, &p, NULL)) whole++;
        if (pieces == 0) return false; /* they come first */
    }
    return pieces > 0;
}

static int32_t id_or_none(const foreign *f, int64_t id) {
    return id >= 0 && (uint64_t)id < f->n ? (int32_t)id : -1;
}

static bool take_settings(foreign *f, const settings *s, error *err) {
    static const char *const names[] = {[TYPE_WORD] = "WORD", [TYPE_CHAR] = "CHAR"};
    if (s->model_type == TYPE_WORD || s->model_type == TYPE_CHAR) return fail(err, "model_type %s is not supported; UNIGRAM and BPE are", names[s->model_type]);
    if (s->model_type != TYPE_UNIGRAM && s->model_type != TYPE_BPE) return fail(err, "model_type %llu is not known", (unsigned long long)s->model_type);
    if (s->decoding_charsmap.at < s->decoding_charsmap.end) return fail(err, "denormalizer_spec: precompiled_charsmap is not supported");
    f->model = s->model_type == TYPE_UNIGRAM ? FOREIGN_UNIGRAM : FOREIGN_PIECES;
    f->byte_fallback = s->byte_fallback != 0;
    f->add_blank = s->add_dummy_prefix != 0;
    f->remove_extra_blanks = s->remove_extra_whitespaces != 0;
    f->escape_blanks = s->escape_whitespaces != 0;
    f->blank_behind = s->blank_behind != 0;
    f->charsmap = (const char *)s->charsmap.at;
    f->n_charsmap = (size_t)(s->charsmap.end - s->charsmap.at);
    f->unk = id_or_none(f, s->unk);
    f->bos = id_or_none(f, s->bos);
    f->eos = id_or_none(f, s->eos);
    f->pad = id_or_none(f, s->pad);
    /* The file does not say what goes before a text. Vocabularies of BPE are Llama's and its heirs', which begin one with BOS. */
    f->add_bos = f->model == FOREIGN_PIECES && f->bos >= 0 && f->part[f->bos].kind == PART_CONTROL;
    return true;
}

bool from_sentencepiece(foreign *f, const char *bytes, size_t n, error *err) {
    settings s = {
        .model_type = TYPE_UNIGRAM, .unk = 0, .bos = 1, .eos = 2, .pad = -1, .add_dummy_prefix = 1, .remove_extra_whitespaces = 1, .escape_whitespaces = 1};
    settings decoding = s;
    message m = {(const unsigned char *)bytes, (const unsigned char *)bytes + n};
    field field_;
    size_t room = 0;
    bool user_defined = false, trained = false;
    while (m.at < m.end) {
        if (!next_field(&m, &field_)) return fail(err, "the file is damaged at byte %zu", (size_t)((const char *)m.at - bytes));
        if (field_.type != WIRE_BYTES) continue;
        part p;
        bool ok = true;
        switch (field_.number) {
        case MODEL_PIECE:
            ok = (read_piece(field_.bytes, &p, err) || fail(err, "piece %zu", f->n)) && foreign_put(f, &room, p.text, p.n, p.kind, p.score, err);
            user_defined = user_defined || (ok && p.kind == PART_USER_DEFINED);
            break;
        case MODEL_TRAINER:
            ok = read_trainer(field_.bytes, &s, err);
            trained = true;
            break;
        case MODEL_NORMALIZER: ok = read_normalizer(field_.bytes, &s, err); break;
        case MODEL_DENORMALIZER: ok = read_normalizer(field_.bytes, &decoding, err); break;
        default: break;
        }
        if (!ok) return false;
    }
    if (!trained) return fail(err, "it is cut short: the trainer's settings, which stand behind the pieces, are missing; fetch the file again");
    s.decoding_charsmap = decoding.charsmap;
    f->user_defined_in_words = true;
    if (!take_settings(f, &s, err)) return false;
    f->keeps_whole_words = user_defined; /* a piece that the user defined is cut out, and then is a word of its own */
    return true;
}
