/* The tests of Jinja: `x is NAME`. */
#include "text/jinja/jinja.h"

#include "text/jinja/character.h"

static bool answer(value *out, bool yes) {
    return value_put_bool(out, yes);
}
#define TEST_OF_TYPE(name, condition) \
    static bool test_##name(run *r, const value *v, const call_arguments *a, value *out) { \
        return answer(out, condition); \
    }
TEST_OF_TYPE(defined, v->type != VALUE_UNDEFINED)
TEST_OF_TYPE(undefined, v->type == VALUE_UNDEFINED)
TEST_OF_TYPE(none, v->type == VALUE_NONE)
TEST_OF_TYPE(boolean, v->type == VALUE_BOOL)
TEST_OF_TYPE(true, v->type == VALUE_BOOL && v->integer != 0)
TEST_OF_TYPE(false, v->type == VALUE_BOOL && v->integer == 0)
TEST_OF_TYPE(integer, v->type == VALUE_INT || v->type == VALUE_BIG)
TEST_OF_TYPE(float, v->type == VALUE_FLOAT)
TEST_OF_TYPE(number, value_is_number(v))
TEST_OF_TYPE(string, v->type == VALUE_STRING)
TEST_OF_TYPE(mapping, v->type == VALUE_DICT)
TEST_OF_TYPE(iterable, value_is_iterable(v))
TEST_OF_TYPE(sequence, v->type == VALUE_STRING || v->type == VALUE_LIST || v->type == VALUE_TUPLE || v->type == VALUE_DICT || v->type == VALUE_RANGE ||
                           v->type == VALUE_UNDEFINED)
TEST_OF_TYPE(callable, v->type == VALUE_MACRO || v->type == VALUE_FUNCTION || v->type == VALUE_METHOD || v->type == VALUE_LOOP || v->type == VALUE_JOINER ||
                           v->type == VALUE_UNDEFINED)
TEST_OF_TYPE(escaped, v->type == VALUE_STRING && v->safe)
TEST_OF_TYPE(filter, v->type == VALUE_STRING && (filter_find(v->text, v->n) != NULL || filter_refused(v->text, v->n) != NULL))
TEST_OF_TYPE(test, v->type == VALUE_STRING && test_find(v->text, v->n) != NULL)
TEST_OF_TYPE(sameas, value_same(&v[0], &v[1]))

static bool rest_equals(run *r, const value *v, const value *divisor, int64_t rest, value *out) {
    value left;
    const value wanted = value_int(rest);
    if (!operate(r, OP_MOD, v, divisor, &left)) return false;
    return answer(out, value_equal(r, &left, &wanted));
}
static bool test_odd(run *r, const value *v, const call_arguments *a, value *out) {
    const value two = value_int(2);
    return rest_equals(r, v, &two, 1, out);
}
static bool test_even(run *r, const value *v, const call_arguments *a, value *out) {
    const value two = value_int(2);
    return rest_equals(r, v, &two, 0, out);
}
static bool test_divisibleby(run *r, const value *v, const call_arguments *a, value *out) {
    return rest_equals(r, v, &v[1], 0, out);
}

static bool has_case(run *r, const value *v, unsigned wanted, value *out) {
    value s;
    if (!value_str(r, v, &s)) return false;
    run_charge(r, (size_t)s.n * 4);
    bool any = false, other = false;
    for (size_t at = 0; at < s.n;) {
        const unsigned class = character_class(utf8_next(s.text, s.n, &at)) & CHARACTER_CASED;
        any = any || class == wanted;
        other = other || (class & ~wanted) != 0;
    }
    return answer(out, any && !other);
}
static bool test_lower(run *r, const value *v, const call_arguments *a, value *out) {
    return has_case(r, v, CHARACTER_LOWER, out);
}
static bool test_upper(run *r, const value *v, const call_arguments *a, value *out) {
    return has_case(r, v, CHARACTER_UPPER, out);
}

#define TEST_BY_OPERATOR(name, op) \
    static bool test_##name(run *r, const value *v, const call_arguments *a, value *out) { \
        bool yes; \
        return compare(r, op, &v[0], &v[1], &yes) && answer(out, yes); \
    }
TEST_BY_OPERATOR(eq, OP_EQ)
TEST_BY_OPERATOR(ne, OP_NE)
TEST_BY_OPERATOR(lt, OP_LT)
TEST_BY_OPERATOR(le, OP_LE)
TEST_BY_OPERATOR(gt, OP_GT)
TEST_BY_OPERATOR(ge, OP_GE)
TEST_BY_OPERATOR(in, OP_IN)

const builtin jinja_tests[] = {
    {"boolean", "", test_boolean},
    {"callable", "/", test_callable},
    {"defined", "", test_defined},
    {"divisibleby", "num", test_divisibleby},
    {"escaped", "", test_escaped},
    {"even", "", test_even},
    {"false", "", test_false},
    {"filter", "", test_filter},
    {"float", "", test_float},
    {"in", "seq", test_in},
    {"integer", "", test_integer},
    {"iterable", "", test_iterable},
    {"lower", "", test_lower},
    {"mapping", "", test_mapping},
    {"none", "", test_none},
    {"number", "", test_number},
    {"odd", "", test_odd},
    {"sameas", "other", test_sameas},
    {"sequence", "", test_sequence},
    {"string", "", test_string},
    {"test", "", test_test},
    {"true", "", test_true},
    {"undefined", "", test_undefined},
    {"upper", "", test_upper},
    {"==", "/b", test_eq},
    {"eq", "/b", test_eq},
    {"equalto", "/b", test_eq},
    {"!=", "/b", test_ne},
    {"ne", "/b", test_ne},
    {"<", "/b", test_lt},
    {"lt", "/b", test_lt},
    {"lessthan", "/b", test_lt},
    {"<=", "/b", test_le},
    {"le", "/b", test_le},
    {">", "/b", test_gt},
    {"gt", "/b", test_gt},
    {"greaterthan", "/b", test_gt},
    {">=", "/b", test_ge},
    {"ge", "/b", test_ge},
    {0},
};
