// A thin face to CLD2: the text made fit for it, its codes made BCP 47.
#include "curate/language.h"

#include <cstdio> // compact_lang_det.h names FILE
#include <cstring>
#include <string>

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

namespace {

struct renamed {
    const char *cld2, *bcp47;
};
// CLD2 keeps some codes that BCP 47 has replaced.
const renamed codes[] = {{"iw", "he"}, {"jw", "jv"}, {"in", "id"}, {"no", "nb"}, {"mo", "ro"}, {"sh", "sr"}, {"un", "und"}, {"xxx", "und"}, {"ji", "yi"}};

// CLD2 wants text without controls; bytes that are not UTF-8 become blanks.
std::string cleaned(const char *text, size_t n) {
    std::string out;
    out.reserve(n);
    for (size_t i = 0; i < n;) {
        const unsigned char c = static_cast<unsigned char>(text[i]);
        size_t length = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 && c >= 0xc2 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 && c <= 0xf4 ? 4 : 0;
        bool good = length > 0 && i + length <= n;
        for (size_t k = 1; good && k < length; k++) good = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
        if (good && length == 3) {
            const unsigned char d = static_cast<unsigned char>(text[i + 1]);
            good = !(c == 0xe0 && d < 0xa0) && !(c == 0xed && d >= 0xa0) && !(c == 0xef && d >= 0xb7); // surrogates, noncharacters
        }
        if (good && length == 4) {
            const unsigned char d = static_cast<unsigned char>(text[i + 1]);
            good = !(c == 0xf0 && d < 0x90) && !(c == 0xf4 && d >= 0x90);
        }
        if (!good) {
            out += ' ';
            i++;
            continue;
        }
        if (length == 1 && (c < 0x20 || c == 0x7f)) out += c == '\n' ? '\n' : ' ';
        else if (length == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) out += ' ';
        else out.append(text + i, length);
        i += length;
    }
    return out;
}

} // namespace

extern "C" void language_detect(const char *text, size_t n, language_guess *guess) {
    const size_t most = 256 << 10;
    const std::string s = cleaned(text, n < most ? n : most);
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language language3[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE};
    int percent3[3] = {0, 0, 0}, text_bytes = 0;
    double score3[3] = {0, 0, 0};
    bool reliable = false;
    CLD2::Language best = CLD2::ExtDetectLanguageSummary(s.data(), static_cast<int>(s.size()), true, &hints, CLD2::kCLDFlagBestEffort, language3, percent3,
                                                         score3, nullptr, &text_bytes, &reliable);
    if (best == CLD2::UNKNOWN_LANGUAGE) best = language3[0];
    const char *code = CLD2::LanguageCode(best);
    for (const renamed &r : codes)
        if (std::strcmp(code, r.cld2) == 0) code = r.bcp47;
    std::memset(guess, 0, sizeof *guess);
    std::strncpy(guess->code, code, sizeof guess->code - 1);
    guess->share = 0;
    for (int i = 0; i < 3; i++)
        if (language3[i] == best) guess->share = percent3[i] / 100.0;
    guess->reliable = reliable;
}
