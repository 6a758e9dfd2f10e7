/* base/json_simdjson.cc: a C face to simdjson's first stage. The tree is built from its tokens in json.c and not by simdjson's
 * own parsers, since those lose a number's text and refuse what data sets hold (NaN, lone surrogates, big integers). */
#include "base/json_inner.h"

#include <memory>
#include <simdjson.h>

namespace {
constexpr size_t kept = 1 << 20; /* room for texts up to here stays with the thread; a document a line needs no malloc */
thread_local std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
} // namespace

extern "C" tokens_result json_tokens(const char *text, size_t n, const uint32_t **token, size_t *n_token) {
    if (n > 0xFFFFFF00u) return TOKENS_TOO_LARGE; /* places are uint32 */
    if (parser == nullptr || parser->capacity() < n) {
        const size_t room = n < 4096 ? 4096 : n < kept / 2 ? 2 * n : n;
        parser.reset();
        if (simdjson::get_active_implementation()->create_dom_parser_implementation(room, 1, parser) != simdjson::SUCCESS) return TOKENS_NO_MEMORY;
    }
    switch (parser->stage1(reinterpret_cast<const uint8_t *>(text), n, simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS: break;
    case simdjson::EMPTY: return TOKENS_EMPTY;
    case simdjson::UTF8_ERROR: return TOKENS_BAD_UTF8;
    case simdjson::UNESCAPED_CHARS: return TOKENS_CONTROL;
    case simdjson::UNCLOSED_STRING: return TOKENS_OPEN_STRING;
    default: return TOKENS_TOO_LARGE;
    }
    *token = parser->structural_indexes.get();
    *n_token = parser->n_structural_indexes;
    return TOKENS_DONE;
}

extern "C" void json_tokens_end(void) {
    if (parser != nullptr && parser->capacity() > kept) parser.reset();
}
