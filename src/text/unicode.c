#include "text/unicode.h"

#include <stdbool.h>
#include <string.h>

#define BIT(kind) (UINT32_C(1) << (kind))
#define FROM_TO(first, last) ((BIT(last) << 1) - BIT(first))

static const struct {
    const char *name, *long_name;
    uint32_t bits;
} categories[] = {
    {"L", "letter", FROM_TO(UNICODE_LU, UNICODE_LO)},
    {"LC", "casedletter", FROM_TO(UNICODE_LU, UNICODE_LT)},
    {"L&", "casedletter", FROM_TO(UNICODE_LU, UNICODE_LT)},
    {"M", "mark", FROM_TO(UNICODE_MN, UNICODE_ME)},
    {"N", "number", FROM_TO(UNICODE_ND, UNICODE_NO)},
    {"P", "punctuation", FROM_TO(UNICODE_PC, UNICODE_PO)},
    {"S", "symbol", FROM_TO(UNICODE_SM, UNICODE_SO)},
    {"Z", "separator", FROM_TO(UNICODE_ZS, UNICODE_ZP)},
    {"C", "other", FROM_TO(UNICODE_CC, UNICODE_CN)},
    {"Lu", "uppercaseletter", BIT(UNICODE_LU)},
    {"Ll", "lowercaseletter", BIT(UNICODE_LL)},
    {"Lt", "titlecaseletter", BIT(UNICODE_LT)},
    {"Lm", "modifierletter", BIT(UNICODE_LM)},
    {"Lo", "otherletter", BIT(UNICODE_LO)},
    {"Mn", "nonspacingmark", BIT(UNICODE_MN)},
    {"Mc", "spacingmark", BIT(UNICODE_MC)},
    {"Me", "enclosingmark", BIT(UNICODE_ME)},
    {"Nd", "decimalnumber", BIT(UNICODE_ND)},
    {"Nl", "letternumber", BIT(UNICODE_NL)},
    {"No", "othernumber", BIT(UNICODE_NO)},
    {"Pc", "connectorpunctuation", BIT(UNICODE_PC)},
    {"Pd", "dashpunctuation", BIT(UNICODE_PD)},
    {"Ps", "openpunctuation", BIT(UNICODE_PS)},
    {"Pe", "closepunctuation", BIT(UNICODE_PE)},
    {"Pi", "initialpunctuation", BIT(UNICODE_PI)},
    {"Pf", "finalpunctuation", BIT(UNICODE_PF)},
    {"Po", "otherpunctuation", BIT(UNICODE_PO)},
    {"Sm", "mathsymbol", BIT(UNICODE_SM)},
    {"Sc", "currencysymbol", BIT(UNICODE_SC)},
    {"Sk", "modifiersymbol", BIT(UNICODE_SK)},
    {"So", "othersymbol", BIT(UNICODE_SO)},
    {"Zs", "spaceseparator", BIT(UNICODE_ZS)},
    {"Zl", "lineseparator", BIT(UNICODE_ZL)},
    {"Zp", "paragraphseparator", BIT(UNICODE_ZP)},
    {"Cc", "control", BIT(UNICODE_CC)},
    {"Cf", "format", BIT(UNICODE_CF)},
    {"Cs", "surrogate", BIT(UNICODE_CS)},
    {"Co", "privateuse", BIT(UNICODE_CO)},
    {"Cn", "unassigned", BIT(UNICODE_CN)},
};

/* The next character of a name that counts, as a small letter; 0 at the end. */
static int name_next(const char *name, size_t n, size_t *at) {
    while (*at < n) {
        const char c = name[(*at)++];
        if (c != '_' && c != '-' && c != ' ' && c != 0) return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
    }
    return 0;
}

/* Names are compared without case, '_', '-' and blanks (UAX 44, LM3). */
static bool name_is(const char *name, size_t n, const char *wanted) {
    const size_t n_wanted = strlen(wanted);
    size_t at = 0, at_wanted = 0;
    for (;;) {
        const int c = name_next(name, n, &at);
        if (c != name_next(wanted, n_wanted, &at_wanted)) return false;
        if (c == 0) return true;
    }
}

uint32_t unicode_categories_named(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
        if (name_is(name, n, categories[i].name) || name_is(name, n, categories[i].long_name)) return categories[i].bits;
    return 0;
}

int unicode_script(uint32_t c) {
    size_t low = 0, high = n_unicode_script_run; /* run[low].first <= c < run[high].first */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (unicode_script_runs[middle].first <= c) low = middle;
        else high = middle;
    }
    return unicode_script_runs[low].script;
}

int unicode_script_named(const char *name, size_t n) {
    for (size_t i = 0; i < n_unicode_script; i++)
        if (name_is(name, n, unicode_script_names[i])) return (int)i;
    return -1;
}
