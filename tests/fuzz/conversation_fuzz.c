#include "data/chat_form.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char vocabulary[] =
    "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 1, \"content\": \"<|im_start|>\", \"special\": true, \"single_word\": false, "
    "\"lstrip\": false, \"rstrip\": false, \"normalized\": false}, {\"id\": 2, \"content\": \"<|im_end|>\", \"special\": true, "
    "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false}], \"normalizer\": null, \"pre_tokenizer\": "
    "null, \"post_processor\": null, \"decoder\": null, \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"?\", "
    "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": false, "
    "\"ignore_merges\": false, \"vocab\": {\"?\": 0, \"<|im_start|>\": 1, \"<|im_end|>\": 2, \"a\": 3}, \"merges\": []}}";

/* With spans; without; with calls as JSON and reasoning that only the last turn keeps; with arguments put together as text. */
static const char *const templates[] = {
    NULL,
    "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant: {% endif %}",
    "{{ tools | tojson if tools }}{{ documents }}{% for m in messages %}{{ m.role }}{% if m.reasoning_content and loop.last %}<think>{{ m.reasoning_content "
    "}}</think>{% endif %}{{ m.content }}{% for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}<|im_end|>{% endfor %}",
    "{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.name + m.tool_calls[0].function.arguments }}{% else %}{{ m.content }}{% endif %}"
    "{{ 'developer tool' if m.role == 'tool' }}\nUser:{% endfor %}",
};

/* The first byte chooses a template; the rest is a row of a data set. What is learned is never what a user said, each byte of the
 * text has a mark, and ids stand for bytes in their order. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena process;
    static chat_form forms[COUNT(templates)];
    error err = {0};
    if (forms[0].tokenizer == NULL) {
        const tokenizer *t = tokenizer_parse(&process, vocabulary, sizeof vocabulary - 1, NULL, 0, &err);
        for (size_t i = 0; i < COUNT(templates); i++)
            if (t == NULL || !chat_form_make(&process, t, templates[i] == NULL ? template_chatml_jinja() : templates[i], &forms[i], &err)) abort();
    }
    if (size == 0) return 0;
    arena owner = {.limit = 1 << 22};
    conversation c;
    rendered r;
    const chat_form *f = &forms[data[0] % COUNT(templates)];
    const json *row = json_parse(&owner, (const char *)data + 1, size - 1, &err);
    if (row == NULL || !conversation_read(&owner, row, &c, &err)) assert(err.text[0] != 0);
    else
        for (int prompt = 0; prompt < 2; prompt++) {
            int32_t *ids;
            bool *learned;
            size_t n, wanted = 0;
            error_clear(&err);
            for (size_t i = 0; i < c.n; i++) wanted += c.messages[i].learned;
            if (!conversation_render(&owner, f, &c, prompt == 1, &r, &err)) {
                assert(err.text[0] != 0 && r.text.data == NULL);
                continue;
            }
            if (conversation_encode(&owner, f->tokenizer, &r, &ids, &learned, &n, &err))
                for (size_t i = 0; i < n; i++) assert(!learned[i] || (prompt == 0 && wanted > 0));
            else assert(err.text[0] != 0);
            string_drop(&r.text);
        }
    arena_drop(&owner);
    return 0;
}
