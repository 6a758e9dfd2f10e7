/* text/normal_table.h: what the normalizers know of each character, from one generated table (scripts/normal-table). They are those of
 * `tokenizers`, which takes them from several versions of Unicode. Inner to the normalizers. */
#ifndef SOCLE_TEXT_NORMAL_TABLE_H
#define SOCLE_TEXT_NORMAL_TABLE_H
#include <stddef.h>
#include <stdint.h>

/* A record: canonical combining class in bits 0-7, grapheme cluster class in bits 8-15, flags above. */
enum {
    NORMAL_CCC = 0xff,
    NORMAL_NFC = 1 << 16, /* the form changes it, alone */
    NORMAL_NFD = 1 << 17,
    NORMAL_NFKC = 1 << 18,
    NORMAL_NFKD = 1 << 19,
    NORMAL_SECOND = 1 << 20,     /* it may become one with the character before it */
    NORMAL_LOWER = 1 << 21,      /* Lowercase changes it */
    NORMAL_MARK = 1 << 22,       /* StripAccents removes it: \p{M} */
    NORMAL_NONSPACING = 1 << 23, /* BertNormalizer: strip_accents removes it: \p{Mn} */
    NORMAL_OTHER = 1 << 24,      /* clean_text removes it */
    NORMAL_CHINESE = 1 << 25,    /* handle_chinese_chars puts blanks around it */
};

/* Grapheme_Cluster_Break (UAX 29) in the low four bits, then the properties that its rules 9c and 11 ask of. */
typedef enum cluster_class {
    CLUSTER_OTHER,
    CLUSTER_CR,
    CLUSTER_LF,
    CLUSTER_CONTROL,
    CLUSTER_EXTEND,
    CLUSTER_ZWJ,
    CLUSTER_SPACING_MARK,
    CLUSTER_PREPEND,
    CLUSTER_L,
    CLUSTER_V,
    CLUSTER_T,
    CLUSTER_LV,
    CLUSTER_LVT,
    CLUSTER_REGIONAL,
    CLUSTER_BREAK = 15,
    CLUSTER_PICTOGRAPH = 16,
    CLUSTER_CONSONANT = 32,
    CLUSTER_LINKER = 64,
    CLUSTER_CONJUNCT_EXTEND = 128,
} cluster_class;

extern const unsigned char normal_record_block[0x110000 >> 7];
extern const unsigned char normal_record_in_block[][128];
extern const uint32_t normal_records[];

/* c < 0x110000. */
static inline uint32_t normal_record(uint32_t c) {
    return normal_records[normal_record_in_block[normal_record_block[c >> 7]][c & 127]];
}

/* What becomes of a character: in normal_pool the characters [x >> 5, (x >> 5) + (x & 31)) of its decompositions (0: none; compatible
 * 0: as canonical; Hangul syllables are computed), and its small letter. */
typedef struct normal_mapping {
    uint32_t canonical, compatible, small;
} normal_mapping;
extern const unsigned char normal_mapping_block[0x110000 >> 6];
extern const uint16_t normal_mapping_in_block[][64];
extern const normal_mapping normal_mappings[];
extern const uint32_t normal_pool[];

static inline const normal_mapping *normal_mapping_of(uint32_t c) {
    return &normal_mappings[normal_mapping_in_block[normal_mapping_block[c >> 6]][c & 63]];
}

/* Two characters that become one, sorted by the second, then the first. */
typedef struct normal_pair {
    uint32_t first, second, one;
} normal_pair;
extern const normal_pair normal_pairs[];
extern const size_t n_normal_pair;

#endif
