/* A row's attention must have the same bits whatever it is computed with: rule 10 of the engine. */
#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

enum { ROWS = 150, HEADS = 4, KEY_HEADS = 2, WIDTH = 24, BLOCK = 7, BLOCKS = (ROWS + BLOCK - 1) / BLOCK };

static const op_attributes at = {.n_head = HEADS, .n_kv_head = KEY_HEADS, .head_dim = WIDTH, .scale = (real)0.2, .block_size = BLOCK};

static op_case plain_case(arena *a) {
    op_case c = {.op = &op_attention,
                 .at = at,
                 .n_in = 4,
                 .in = {case_real(a, shape_2(ROWS, HEADS * WIDTH), 1), case_real(a, shape_2(ROWS, KEY_HEADS * WIDTH), 2),
                        case_real(a, shape_2(ROWS, KEY_HEADS * WIDTH), 3)}};
    c.in[3] = tensor_of(DTYPE_I32, shape_1(ROWS), NEW_ARRAY(a, ROWS, int32_t)); /* all see from row 0 */
    return c;
}

/* The same keys and values in a cache whose blocks lie in a scattered order; rows [first, first + n) as queries. */
static op_call *cached(arena *a, const op_case *plain, long first, long n) {
    op_case c = {.op = &op_attention, .at = at, .n_in = 6};
    c.at.cached = true;
    c.in[0] = tensor_rows(plain->in[0], first, n);
    for (int k = 1; k <= 2; k++)
        c.in[k] = tensor_of(DTYPE_REAL, shape_2((BLOCKS + 1) * BLOCK, KEY_HEADS * WIDTH), NULL), c.in[k].data = arena_alloc(a, tensor_bytes(c.in[k]));
    int32_t *table = NEW_ARRAY(a, 2 * BLOCKS, int32_t), *sequence = NEW_ARRAY(a, n, int32_t), *position = NEW_ARRAY(a, n, int32_t);
    for (long b = 0; b < BLOCKS; b++) table[BLOCKS + b] = (int32_t)((b * 5 + 3) % (BLOCKS + 1));
    for (long r = 0; r < ROWS; r++)
        for (int k = 1; k <= 2; k++)
            memcpy(tensor_row(c.in[k], table[BLOCKS + r / BLOCK] * BLOCK + r % BLOCK), tensor_row(plain->in[k], r), KEY_HEADS * WIDTH * sizeof(real));
    for (long i = 0; i < n; i++) sequence[i] = 1, position[i] = (int32_t)(first + i);
    c.in[3] = case_ints(a, n, sequence);
    c.in[4] = case_ints(a, n, position);
    c.in[5] = tensor_of(DTYPE_I32, shape_2(2, BLOCKS), table);
    return case_forward(a, &c);
}

static void attention_of_a_row_has_the_same_bits_cached_and_however_the_prompt_is_cut(void **state) {
    (void)state;
    arena a = {0};
    const op_case plain = plain_case(&a);
    const op_call *whole = case_forward(&a, &plain);
    static const long cuts[] = {1, 2, 13, 64, ROWS};
    for (size_t i = 0; i < COUNT(cuts); i++)
        for (long first = 0; first < ROWS; first += cuts[i]) {
            const long n = ROWS - first < cuts[i] ? ROWS - first : cuts[i];
            const op_call *part = cached(&a, &plain, first, n);
            assert_memory_equal(part->out[0].data, tensor_row(whole->out[0], first), (size_t)n * HEADS * WIDTH * sizeof(real));
        }
    arena_drop(&a);
}

static void attention_of_a_document_has_the_same_bits_alone_and_packed(void **state) {
    (void)state;
    arena a = {0};
    op_case packed = plain_case(&a);
    for (long r = 70; r < ROWS; r++) ((int32_t *)packed.in[3].data)[r] = 70;
    const op_call *both = case_forward(&a, &packed);
    op_case alone = packed;
    for (int k = 0; k < 4; k++) alone.in[k] = tensor_rows(packed.in[k], 70, ROWS - 70);
    alone.in[3] = tensor_of(DTYPE_I32, shape_1(ROWS - 70), NEW_ARRAY(&a, ROWS, int32_t));
    const op_call *one = case_forward(&a, &alone);
    assert_memory_equal(one->out[0].data, tensor_row(both->out[0], 70), (ROWS - 70) * HEADS * WIDTH * sizeof(real));
    arena_drop(&a);
}

static void attention_leaves_idle_rows_alone(void **state) {
    (void)state;
    arena a = {0};
    op_case c = {.op = &op_attention, .at = at, .n_in = 6, .in = {case_real(&a, shape_2(2, HEADS * WIDTH), 1)}};
    c.at.cached = true;
    c.in[1] = case_real(&a, shape_2(BLOCK, KEY_HEADS * WIDTH), 2);
    c.in[2] = case_real(&a, shape_2(BLOCK, KEY_HEADS * WIDTH), 3);
    c.in[3] = case_ints(&a, 2, (int32_t[]){-1, 0});
    c.in[4] = case_ints(&a, 2, (int32_t[]){0, 0});
    c.in[5] = tensor_of(DTYPE_I32, shape_2(1, 1), NEW_ARRAY(&a, 1, int32_t));
    const op_call *call = case_forward(&a, &c);
    for (long i = 0; i < HEADS * WIDTH; i++) assert_true(tensor_row(call->out[0], 0)[i] == 0);
    for (long i = 0; i < WIDTH; i++) assert_true(tensor_row(call->out[0], 1)[i] == tensor_row(c.in[2], 0)[i]); /* one key: its value */
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_of_a_row_has_the_same_bits_cached_and_however_the_prompt_is_cut),
        cmocka_unit_test(attention_of_a_document_has_the_same_bits_alone_and_packed),
        cmocka_unit_test(attention_leaves_idle_rows_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
