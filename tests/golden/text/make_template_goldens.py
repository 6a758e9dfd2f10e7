#!/usr/bin/env python3
"""Writes template_cases.json: small chat templates, one construct each, and what Jinja2 makes of them in the environment that
transformers sets up (bench/peers installs both). A case is [template, text], or [template, null] where Jinja fails.

    $(bench/peers path)/bin/python tests/golden/text/make_template_goldens.py > tests/golden/text/template_cases.json
"""
import json

from transformers.utils.chat_template_utils import _compile_jinja_template

VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What's 2 < 3 & \"so\"?\n", "n": 3},
        {"role": "assistant", "content": "Yes.", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1, "é": [None, True, 2.5]}}}]},
    ],
    "people": [{"name": "Zoe", "age": 30, "at": {"city": "Oslo"}}, {"name": "adam", "age": 25, "at": {"city": "Bonn"}},
               {"name": "Bea", "age": 30, "at": {"city": "Oslo"}}, {"name": "Carl", "at": {}}],
    "s": "Hello, World", "u": "Straße ΑΣ ǆ 😀\u2028é", "blank": " \t a b \n", "empty": "", "lines": "one\ntwo\r\n\nthree\n", "html": "<b>a & 'b'</b>",
    "l": [3, 1, 2], "mixed": [1, "a", None, 2.0, True, [1], {"k": "v"}], "nested": [[1, 2], [3, [4, 5]]], "words": ["banana", "Apple", "cherry", "apple"],
    "d": {"b": 1, "a": "x", "items": 7, "C": None, "get": "got"}, "i": 42, "neg": -7, "f": 2.5, "big": 123456789012345678901234567890, "t": True, "z": 0, "no": None,
}

# Expressions, several in a line; each is put into {{ }}.
EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 7.5 // 2, -7.5 % 2, 7.0 % -3
2 ** 10, 2 ** -1, 2 ** 0.5, 2 ** 3 ** 2, -2 ** 2, 2 ** 100, (-3) ** 3
1 / 3, 4 / 2, 1e3, 1.5e-7, 1e16, 123456789012345.6, 1e15, 0.1 + 0.2, 1e22, 1e-5, 0.0001, 100000.0, -0.0, 5e-324, 1.7976931348623157e308
1_000_000, 0x_ff, 0b101, 0o17, 1_0.5, 00, 0xFFFFFFFFFFFFFFFFFFFF
big + 1, big * big, big // 7, big % 1000, -big, big - big, big / 10, big == big + 0, big > 1e29, -big // 7, -big % 7, big // -123456789012, big ** 2, 10 ** 40 // 10 ** 39
9223372036854775807 + 1, -9223372036854775807 - 2, 9223372036854775807 * 2, -9223372036854775808 // -1
1 / 0
1 % 0
1.0 // 0
true + true, true * 3, -true, +true, not true, true == 1, 1 == 1.0, true is sameas true
'a' + 'b', 'a' 'b' "c", 'ab' * 3, 3 * 'ab', 'a' * 0, 'a' * -1, [1] * 2, (1, 2) * 2, [1] + [2], (1,) + (2,)
'a' + 1
1 + 'a'
'a' - 'b'
none + 1
[1] + (2,)
'a' ~ 1 ~ none ~ true ~ 2.0 ~ [1, 'a'] ~ missing ~ {'a': 1}
1 < 2 < 3, 1 < 3 < 2, 1 == 1 != 2, 'a' < 'b' <= 'b', [1, 2] < [1, 3], (1,) < (1, 0), 'B' < 'a', 1 < 1.5, 3 >= 3.0
1 < 'a'
none < 1
[1] < 1
[1] == (1,), [1] == [1.0], {'a': 1} == {'a': 1.0}, {'a': 1, 'b': 2} == {'b': 2, 'a': 1}, none == false, '' == none, 0 == false, '1' == 1
'a' in 'cat', 'x' not in 'cat', 1 in l, 5 in l, 'a' in d, 'zz' in d, '' in '', none in mixed, 2 in (1, 2), 1 in {1: 2}, 1.0 in l, true in [1]
1 in 'abc'
1 in 5
'a' in missing, missing in l, missing in [missing]
[] in {}
1 and 2, 0 and 2, 0 or 'x', '' or none, none or [] or 5, not 0, not 'a', 1 and missing or 3
1 if true else 2, 1 if false else 2, (1 if false) is defined, 'x' if missing else 'y', 1 if 0 else 2 if 0 else 3
s[0], s[-1], s[99], s[1:4], s[::-1], s[::2], s[-3:], s[:-3], s[5:2], s[10:0:-3], s[-100:100], s[None:2], s[:], s[::-2]
u[0], u[4], u[-1], u[-3:], u[::-1], u[2:8:2], u|length
l[0], l[-1], l[9] is defined, l[1:], l[::-1], l[::2], l[-2:], l['x'] is defined, l[true], l[1.0] is defined, nested[1][1][0], (1, 2, 3)[1:], l.0
s['a':]
l[::0]
d[1:2]
i[0] is defined, none[0] is defined, none.x is defined, none['x'] is defined, i.real, i.x is defined, f.is_integer(), i.bit_length()
d.a, d['a'], d.b, d['items'], d.zz is defined, d['zz'] is defined, d.C, d['get'], d.get('a'), d.get('zz'), d.get('zz', 5), d.get('zz', default=5) is defined if false
d.get()
d.get([])
d.keys()|list, d.values()|list, d.items()|list, d.keys(), d.values(), d.items(), {}.items()
d.items is callable, d.items is string, d['items'] is number
d.update({'q': 1})
l.append(4)
l.pop()
d.pop('a')
l.sort()
d.update is defined, l.append is defined, s.__class__ is defined, d.__class__, ''.__class__.__mro__ is defined
l.index(1), l.count(3), [1, 1, 2].count(1), l.copy(), d.copy() == d, (1, 2).index(2)
l.index(99)
missing, [missing], missing == missing, missing is defined, missing|default('x'), missing|length, missing|list, missing|join, not missing, missing ~ 'a'
missing.x
missing['x']
missing + 1
-missing
missing()
missing < 1
missing|upper, missing|trim, missing|string, missing|first is defined, missing|map('upper')|list, missing|int(3)
d.zz.y
d.zz + 'a'
messages[0].nothing.more is defined
{'a': 1, 'b': [1, 2.0, 'x'], 'c': {'d': none}}, {1: 'a', none: 2, true: 3, (1, 2): 4}, {'a': 1, 'a': 2}, {}, {1: 1, 1.0: 2, true: 3}
{[]: 1}
[1, 'a', "it's", 'q"q', 'b\'"', 'n\n\t\r\\', '\x00\x1f\x7f\xa0\xad', '\u200b\ue000', 'é😀', none, true, 1.0, 1e20, (1,), (), [], {}]
'\x41\u00e9\U0001F600\101\0\q\'\"\\n', "a\
b", 'tab\tend'
'\xg1'
'\N{DASH}'
range(5)|list, range(2, 8, 3)|list, range(5, 0, -2)|list, range(3), range(1, 9, 2), range(0)|list, range(10)[3], range(10)[2:5], range(5)|length, 3 in range(5), range(5)[::-1]|list, range(3)|last
range(1, 5, 0)
range(100001)
range('a')
dict(a=1, b=2), dict({'a': 1}, b=3), dict([('x', 1), ['y', 2]]), dict(), dict.fromkeys('ab', 1)
namespace(a=1).a, namespace({'x': 2}).x, namespace(a=1).b is defined, namespace(a=1)['a'], namespace(a=1)
namespace(_x=1)
cycler('a', 'b').next(), cycler(1, 2).current
joiner()() ~ 'x'
s|upper, s|lower, s|title, s|capitalize, u|upper, u|lower, u|title, u|capitalize, "don't-stop (now) [x] {y} <z>"|title, 'ΑΣ'|lower, 'ﬁx'|title, 'ǆ'|title, 'İ'|lower
s.upper(), s.lower(), "they're bill's".title(), s.swapcase(), 'hELLO'.capitalize(), 'Straße'.casefold(), 'ǆ'.capitalize(), 'ß'.upper(), 'ŉ'.title()
blank|trim, blank.strip(), blank.lstrip(), blank.rstrip(), 'xxaxx'.strip('x'), 'abcba'.strip('ab'), '  a '.strip(none), 'xay'|trim('xy'), '\u3000a\x1c'|trim, 'éaé'.strip('é'), 'abc'.lstrip('cba')
'a b  c'.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), ' a b c '.split(none, 1), 'abc'.split('b')[0], ''.split(), ''.split(','), 'a--b--c'.split('--'), 'a b c'.split(maxsplit=1), 'a,b'.split(sep=',')
'a b  c '.rsplit(none, 1), 'a,b,c'.rsplit(',', 1), ' a b '.rsplit(), 'aXbXc'.rsplit('X'), 'aaa'.rsplit('aa'), 'a\u3000b'.split()
'a'.split('')
lines.splitlines(), lines.splitlines(true), 'a\x0bb\x0cc\x85d\u2028e'.splitlines(), ''.splitlines(), '\n'.splitlines(), 'a'.splitlines()
s.startswith('He'), s.startswith('he'), s.endswith('ld'), s.startswith(('x', 'H')), s.startswith('W', 7), s.endswith('lo', 0, 5), s.startswith(''), s.startswith('', 99), 'é'.endswith('é')
s.startswith(1)
s.find('o'), s.find('o', 5), s.rfind('o'), s.find('zz'), s.index('W'), s.count('l'), s.count(''), s.count('o', 5), 'aaaa'.count('aa'), 'éaé'.find('é', 1), s.find('', 3), 'abc'.rfind('')
s.index('zz')
s.replace('l', 'L'), s.replace('l', 'L', 1), 'abc'.replace('', '-'), 'aaa'.replace('aa', 'b'), ''.replace('', 'x'), 'éa'.replace('', '.'), 'abc'.replace('', '-', 2), s|replace('o', '0'), s|replace('o', '0', 1), 123|replace(2, 'x')
'-'.join(['a', 'b']), ','.join('abc'), ''.join([]), l|join('-'), l|join, people|join(', ', attribute='name'), words|join(d='|'), mixed|join(' '), 'abc'|join(','), people|join(',', 'at.city')
','.join([1])
'abc'.removeprefix('ab'), 'abc'.removesuffix('bc'), 'abc'.removeprefix('x'), 'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('x'), 'abc'.rpartition('x')
'42'.zfill(5), '-42'.zfill(5), '+4'.zfill(4), 'a'.ljust(3) ~ '|', 'a'.rjust(3, '*'), 'ab'.center(5, '-'), 'ab'.center(6), 'a'.center(4), 'é'.ljust(3, 'ß'), 'a\tb'.expandtabs(), 'a\tb'.expandtabs(4), '01\t012'.expandtabs(4)
'a'.ljust(3, 'ab')
'abc'.isalpha(), '12'.isdigit(), '²'.isdigit(), '²'.isdecimal(), '½'.isnumeric(), 'a1'.isalnum(), ' \n'.isspace(), ''.isspace(), 'aB'.islower(), 'ab1'.islower(), 'AB'.isupper(), '1'.isupper(), 'Ab Cd'.istitle(), 'a_1'.isidentifier(), '1a'.isidentifier(), 'é'.isascii(), ''.isprintable(), 'a\n'.isprintable(), 'ab'.isupper()
'x'.nothing()
s.upper is callable, s.nothing is defined
'%s and %d' % ('a', 3), '%s' % 'x', '%s' % none, '%5.2f|%-6s|%06d|%+d|% d' % (3.14159, 'ab', 42, 5, 7), '%x %X %o %#x' % (255, 255, 8, 255), '%e %g %G' % (12345.678, 0.00001, 1e20), '%r %s' % ('a', [1]), '%%' % (), '%c%c' % ('a', 66), '%(a)s-%(b)d' % {'a': 1, 'b': 2}, '%*d' % (5, 42), '%.3s' % 'abcdef', '%5s|%-5s|' % ('é', 'é'), '%i' % 3.99, '%.3d' % 5, '%d' % true, '%s' % (1,), '%d' % big, '%s' % {'a': 1}
'%d' % 'a'
'%s %s' % 'a'
'%s' % (1, 2)
'%y' % 1
'%s'|format('a'), '%(x)s'|format(x=1), '%s-%s'|format(1, 2)
'{} {}'.format(1, 'a'), '{0}{1}{0}'.format('a', 'b'), '{x}-{y}'.format(x=1, y=2), '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd'), '{:05d} {:+d} {:,} {:_} {:x} {:#b} {:o}'.format(42, 5, 1234567, 1234567, 255, 5, 8), '{:.2f} {:8.3f} {:e} {:g} {:%} {:.1%}'.format(3.14159, 2.5, 12345.678, 0.0001, 0.25, 0.256), '{!r} {!s}'.format('a', 'b'), '{{}}'.format(), '{0[a]} {0.a} {1[0]}'.format({'a': 1}, [5]), '{:{}}|'.format('a', 4), '{:.3}'.format('abcdef'), '{:d}'.format(true), '{}'.format(none), '{:>4}'.format(1.5), '{}'.format(1e20), '{:,}'.format(1234567.891), '{:g}'.format(1e10), '{:5}|'.format(true), '{:=+6d}'.format(3), '{:<05}|{:05.1f}'.format(7, 2.25), '{:.3g} {:.10}'.format(1234.5, 1 / 3), '{:n}'.format(5), '{:c}'.format(65), '{:s}'.format('q'), '{:é^5}'.format('a')
'{} {1}'.format(1, 2)
'{}'.format()
'{:d}'.format('a')
'{x}'.format(y=1)
'{'.format(1)
'{:>5}'.format([1])
'{x}'.format_map({'x': 3})
l|first, l|last, []|first is defined, 'abc'|first, 'abc'|last, d|first, d|last, l|length, d|length, s|count, range(3)|first, (1, 2)|last
5|length
none|length
5|first
l|sort, words|sort, words|sort(case_sensitive=true), l|sort(reverse=true), people|sort(attribute='name')|map(attribute='name')|list, people[:3]|sort(attribute='age,name')|map(attribute='name')|list, words|sort(true), 'hello'|sort, people[:3]|sort(attribute='at.city', reverse=true)|map(attribute='name')|join, d|sort
mixed|sort
people|sort(attribute='age')
d|dictsort, d|dictsort(true), {'b': 1, 'A': 2}|dictsort(reverse=true), {'b': 1, 'A': 2, 'c': 0}|dictsort(by='value'), {'b': 1, 'A': 2}|dictsort(false, 'value', true)
d|dictsort(by='x')
l|dictsort
{'a': 'x', 'b': 1}|dictsort(by='value')
l|sum, [1.5, 2]|sum, people[:3]|sum(attribute='age'), []|sum, [[1], [2]]|sum(start=[]), l|sum(start=10), (1, 2)|sum, [true, true]|sum
words|sum
l|min, l|max, words|min, words|max, words|max(case_sensitive=true), []|min is defined, people[:3]|max(attribute='age'), people[:3]|min(attribute='age'), 'hello'|max, [1, 2.5]|max
mixed|min
words|unique|list, words|unique(true)|list, people|unique(attribute='at.city')|map(attribute='name')|list, [1, 1.0, true, 2]|unique|list, 'abca'|unique|join
[[1], [1]]|unique|list
l|reverse|list, s|reverse, (1, 2)|reverse|list, d|reverse|list, u|reverse, l|reverse|first, range(3)|reverse|list
5|reverse
l|list, s|list, d|list, (1, 2)|list, missing|list, range(2)|list
5|list
l|map('string')|list, words|map('upper')|join(' '), people|map(attribute='name')|list, people|map(attribute='age', default=0)|list, people|map(attribute='at.city', default='?')|list, nested|map('first')|list, nested|map(attribute=0)|list, l|map('float')|map('int')|list, words|map('replace', 'a', 'o')|list, s|map('upper')|join, nested|map(attribute='1')|list, [1.234]|map('round', 1)|list, [1.25]|map('round', precision=1)|list, none|map('upper')|list
l|map|list
l|map('nothing')|list
l|map(attribute='x', wrong=1)|list
l|map('upper')|first
5|map('upper')|list
l|select|list, mixed|select('string')|list, l|select('odd')|list, l|reject('odd')|list, l|select('gt', 1)|list, l|select('in', [1, 2])|list, mixed|reject('none')|list, l|select('divisibleby', 2)|list, mixed|select|list, [0, 1]|reject|list, l|select('==', 2)|list
people|selectattr('age')|map(attribute='name')|list, people|selectattr('age', 'defined')|list|length, people|selectattr('age', 'equalto', 30)|map(attribute='name')|list, people|rejectattr('age')|map(attribute='name')|list, people|selectattr('at.city', '==', 'Oslo')|list|length, people|rejectattr('name', 'in', ['Bea'])|map(attribute='name')|join(','), messages|selectattr('role', 'ne', 'system')|list|length
l|select('nothing')|list
people|selectattr|list
people|selectattr('age', 'gt', 26)|list
people[:3]|groupby('age'), people|groupby('at.city', default='none')|map('first')|list, words|groupby(0), (people[:3]|groupby('age'))[0].grouper, (people[:3]|groupby('age'))[0].list|length, [{'a': 'X'}, {'a': 'x'}]|groupby('a'), [{'a': 'X'}, {'a': 'x'}]|groupby('a', case_sensitive=true)
people|groupby('age')
l|batch(2)|list, l|batch(2, 'x')|list, range(7)|batch(3, 0)|list, []|batch(2)|list, 'abcd'|batch(3)|map('join')|list
l|slice(2)|list, range(7)|slice(3)|list, range(7)|slice(3, 'x')|list, range(2)|slice(4)|list
l|slice(0)|list
2.5|round, 3.5|round, 2.675|round(2), 1234.567|round(-2), 7|round, 7|round(1), 2.345|round(1, 'ceil'), 2.345|round(1, 'floor'), -2.5|round, 25|round(-1), 35|round(-1), 2.1|round(method='ceil'), 0.5|round, 1.005|round(2), 7|round(1, 'ceil'), 1e20|round(2), true|round
2.5|round(1, 'wrong')
'a'|round
'42'|int, ' 42 '|int, '4_2'|int, '42.9'|int, 'x'|int, 'x'|int(7), 3.99|int, -3.99|int, true|int, none|int, none|int(5), '0x1A'|int(base=16), '1a'|int(0, 16), '101'|int(base=2), '0b11'|int(base=0), '1e3'|int, [1]|int, 'inf'|int, '-7'|int, '+7'|int, '0x10'|int, '١٢'|int if false, 1e30|int, '99999999999999999999'|int, ''|int
'42'|float, '4.5e2'|float, 'x'|float, 'x'|float(1.5), 3|float, true|float, none|float, 'inf'|float, '-inf'|float, 'nan'|float, ' 1.5 '|float, '1_0.5'|float, '.5'|float, '5.'|float, '1e400'|float, [1]|float(none)
-5|abs, 5|abs, -2.5|abs, true|abs, -0.0|abs, (-big)|abs
'a'|abs
i|string, f|string, none|string, true|string, l|string, d|string, s|string, missing|string
missing|default('x'), none|default('x'), none|default('x', true), ''|default('x', true), 0|default(5, true), 0|d(5), missing|d, d.zz|default('q'), d.zz|default(default_value='w'), none|default('x', boolean=true), false|default('y', boolean=false)
d|tojson, mixed|tojson, u|tojson, u|tojson(ensure_ascii=true), d|tojson(indent=2), nested|tojson(indent=4), d|tojson(sort_keys=true), d|tojson(separators=(',', ':')), {}|tojson(indent=2), []|tojson(indent=2), {'a': []}|tojson(indent=1), 'a"b\\c\n\t\x01\x7f/'|tojson, none|tojson, 1.0|tojson, 1e20|tojson, big|tojson, html|tojson, {1: 'a', none: 2, true: 3, 1.5: 4}|tojson, (1, 2)|tojson, [1]|tojson(indent='\t'), messages|tojson, messages[2].tool_calls[0].function.arguments|tojson(indent=2), l|tojson(true), 'é\x7f'|tojson(ensure_ascii=true), d|tojson(indent=none), d|tojson(indent=0), [[]]|tojson(indent=2, separators=('; ', ' = '))
missing|tojson
range(3)|tojson
{(1, 2): 3}|tojson
l|map('string')|tojson
{1: 1, 'a': 2}|tojson(sort_keys=true)
s|indent, lines|indent(2), lines|indent(2, true), lines|indent(2, first=true, blank=true), lines|indent('> '), 'a\n\nb'|indent(width=1, blank=true), ''|indent(2, true), 'a\n'|indent, '\n'|indent(1, true, true), 'a\r\nb'|indent
5|indent
s|truncate(5), s|truncate(8, true), s|truncate(9), s|truncate(8, true, '…'), 'abcdefghij klm'|truncate(8), 'one two three four'|truncate(11), 'one two three'|truncate(9, leeway=0), s|truncate(255), 'one two three'|truncate(9, true, '', 0)
s|truncate(2)
s|wordcount, u|wordcount, ''|wordcount, 'a_b c-d é'|wordcount, s|center(20), 'a'|center(4) ~ '|', 'ab'|center(5) ~ '|', s|center
html|escape, html|e, html|forceescape, html|safe, html|safe|escape, html|escape|forceescape, 5|e, (html|safe) is escaped, html is escaped, html|striptags, '<!-- a --> b  &amp; <c>d'|striptags, 'a < b'|striptags
(html|safe) + '<x>', '<x>' + (html|safe), (html|safe) ~ '<x>', (html|safe) * 2, (html|safe)|upper, (html|safe)|replace('a', '<'), (html|safe).replace('a', '<'), [html|safe]|join('<'), ('<'|safe).join(['<', 'a']), (html|safe)[0:3] + '<', ('%s'|safe) % '<', ('{}'|safe).format('<'), [html|safe], (html|safe) == html, (html|safe)|tojson, ('a b'|safe).split()[0] + '<', (html|safe)|trim + '<', (html|safe)|string + '<', (html|safe).upper() + '<', ('<'|e)|length, s|safe|indent(1) + '<', ('a'|safe).center(5, '<'), (1|safe) + '<'
'a b&c=d/é'|urlencode, {'a': 1, 'b c': 'd/é'}|urlencode, [('x', 'y z')]|urlencode, 5|urlencode, "~.-_'"|urlencode
1000|filesizeformat, 1|filesizeformat, 999|filesizeformat, 1234567|filesizeformat, 1024|filesizeformat(true), 1e12|filesizeformat, '500'|filesizeformat, 0|filesizeformat
{'a': 1, 'b': none, 'c': '<', 'd': missing}|xmlattr, {'a': 1}|xmlattr(false)
{'a b': 1}|xmlattr
d|items|list, missing|items|list, {}|items|list
l|items|list
d|attr('items') is callable, d|attr('a') is defined, s|attr('upper') is callable, i|attr('zz') is defined
missing is defined, s is defined, missing is undefined, no is none, s is none, t is boolean, i is boolean, t is true, z is false, 1 is true, i is integer, t is integer, f is float, i is float, big is integer, i is number, t is number, s is number, f is number
s is string, i is string, (s|safe) is string, d is mapping, l is mapping, l is sequence, s is sequence, d is sequence, i is sequence, missing is sequence, (l|map('string')) is sequence, range(2) is sequence, d.keys() is sequence, l is iterable, s is iterable, i is iterable, missing is iterable, none is iterable, d.items() is iterable, (l|map('string')) is iterable, namespace() is iterable, (1, 2) is sequence
3 is odd, 4 is even, 3 is even, 9 is divisibleby 3, 9 is divisibleby(4), 3.0 is odd, 'abc' is lower, 'ABC' is upper, 'Abc' is upper, '1' is lower, range is callable, s is callable, missing is callable, 1 is sameas 1, l is sameas l, [] is sameas [], none is sameas none, 'a' is in 'abc', 1 is in l, 'upper' is filter, 'zz' is filter, 'odd' is test, 'zz' is test
1 is eq 1, 1 is equalto 2, 1 is ne 2, 1 is lt 2, 2 is gt 1, 1 is le 1, 1 is ge 2, 1 is lessthan 2, 2 is greaterthan 1, s is not none, not s is none, s is not string, missing is not defined and true, 1 is not eq 2
'a' is odd
s is nothing
s|nothing
s|upper('x')
s|default('a', 'b', 'c', 'd')
s|trim(wrong=1)
l|join(d='a', wrong=2)
s|replace('a')
-5|abs, -l|first, -i|string, 2 * -i, - - i, +i, 10 - -i
-s
+l
(1), (1,), (), (1, 2), [1, 2,], {'a': 1,}, ((1, 2), 3), []
raise_exception('stop <' ~ i ~ '>')
raise_exception()
lipsum is defined, dict is callable, namespace is callable, super is defined, context is defined, loop is defined
nothing()
i()
s()
none()
d.a.upper(), messages[1]['content'].strip().split()[-1].upper(), messages|last, (messages|last)['content'], messages[-1].tool_calls[0].function.name, messages[2].tool_calls[0]['function']['arguments']['x']
s.upper().lower().title()|upper|lower|length
(l|map('string')|list)|join(',')|length + 1
i is number and s is string or no is none
i + f, i * f, i - f, f / i, f // 2, f ** 2, i == 42.0, f is divisibleby 0.5
"a" "b" ~ "c" 'd'
'é' == '\u00e9', 'a' < 'é', '😀' > '\uffff', 'é'|length, '😀'|length
[1, 2] | join("-") | upper ~ "x"
s [0], s . upper ( ), d [ 'a' ]
1.real is defined
d['items'], d["a"], (d)['a']
l|join(', ', none), l|first|string|length
not not true, not (1 == 2), not 1 == 2
1 if
(1
1 +
s|
s is
{'a'}
[1 2]
a b
'unclosed
s[
}}
1 ? 2
i = 3
lambda: 1
[x for x in l]
*l
1 <> 2
!true
s && i
"""

TEMPLATES = r"""
{% for x in l %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for x in l %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ loop.depth }}/{{ loop.depth0 }};{% endfor %}
{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}
{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}
{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}:{{ x }}:{{ loop.last }}:{{ loop.length }} {% endfor %}
{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}
{% for x in [] %}{{ x }}{% else %}empty{% endfor %}
{% for x in l %}{% continue %}{% else %}no turn ended{% endfor %}
{% for x in l %}{% break %}{% else %}no turn ended{% endfor %}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }};{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for a, b in [1] %}{{ a }}{% endfor %}
{% for a, b in ['xy', [3, 4]] %}{{ a }}{{ b }}{% endfor %}
{% for c in u %}[{{ c }}]{% endfor %}
{% for x in missing %}{{ x }}{% else %}undefined{% endfor %}
{% for x in none %}{{ x }}{% endfor %}
{% for x in i %}{{ x }}{% endfor %}
{% for x in l|reverse %}{{ x }}{{ loop.length }}{% endfor %}
{% for x in l|map('string') %}{{ x }}{{ loop.index }}{% if loop.last %}.{% endif %}{% endfor %}
{% for x in 1, 2, 3 %}{{ x }}{% endfor %}
{% for x in range(3) %}{% for y in range(x) %}{{ loop.index }}{{ y }}{% endfor %}|{{ loop.index }}{% endfor %}
{% for x in nested recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
{% for x in l %}{{ loop(l) }}{% endfor %}
{% set x = 1 %}{% for y in l %}{% set x = y %}{{ x }}{% endfor %}{{ x }}
{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}
{% for y in l %}{% if x is defined %}seen{% endif %}{% set x = y %}{% endfor %}{{ x is defined }}
{% set ns = namespace(n=0) %}{% for y in l %}{% set ns.n = ns.n + y %}{% endfor %}{{ ns.n }}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}
{% set d.a = 1 %}
{% set q.a = 1 %}
{% set ns = namespace() %}{% set ns._a = 1 %}{{ ns._a }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a, b = 1 %}
{% set (a, b) = 'xy' %}{{ a }}{{ b }}
{% set x = 1, 2 %}{{ x }}
{% set s = s ~ '!' %}{{ s }}
{% if false %}{% set s = 'x' %}{% endif %}{{ s }}
{% if false %}{% set q = 'x' %}{% endif %}{{ q is defined }}
{% set x %}a {{ i }} b{% endset %}[{{ x }}]{{ x is string }}
{% set x | upper | trim %} a {{ s }} {% endset %}[{{ x }}]
{% for y in l %}{% set z %}{{ y }}{% endset %}{{ z }}{% endfor %}
{% filter upper %}a {{ s }}{% endfilter %}
{% filter replace('a', 'b')|upper %}banana{% endfilter %}
{% filter trim %} {% set x = 5 %}{{ x }} {% endfilter %}{{ x is defined }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}
{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% set a = 7 %}{{ a }}{% endwith %}{{ a }}
{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}
{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m(b=1, a=2) }}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m() }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m() %}{{ s }}{% set s = 1 %}{% endmacro %}{{ m() }}{{ s }}
{% macro m() %}{{ x is defined }}{{ x }}{% endmacro %}{% set x = 5 %}{{ m() }}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro a() %}[{{ b() }}]{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}
{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(y) m(3) %}got {{ y }}{% endcall %}
{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in {{ s }}{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}
{% macro m() %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x, y=9) m() %}{{ x }}{{ y }}{% endcall %}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m is callable }}{{ m('<') is string }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ l|map('string')|map('upper')|join }}{{ [m(1), m(2)]|join('+') }}
{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}
{% for x in l %}{% macro m() %}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m(a=1, b) %}{% endmacro %}
{% if i > 40 %}a{% elif i > 30 %}b{% else %}c{% endif %}{% if z %}a{% elif i > 30 %}b{% else %}c{% endif %}{% if z %}a{% elif no %}b{% else %}c{% endif %}
{% if s is string and not no %}yes{% endif %}{% if missing %}x{% endif %}{% if [] or {} or '' %}x{% else %}none{% endif %}
{% if false %}{{ s|nothing }}{% endif %}ok
{% if true %}{{ s|nothing }}{% endif %}ok
{{ (s|nothing) if false else 'ok' }}
{% if false %}{{ s is nothing }}{% endif %}ok
{% raw %}{{ x }} {% if %}{% endraw %}|
{%- raw -%}  {{ x }}  {%- endraw -%}  |
a {#- comment -#} b {# two
lines #}c
  {# comment #}  d
a  {%- if true -%}  b  {%- endif -%}  c
a  {%+ if true %}  b  {%+ endif %}  c
{{- s -}}  x  {{- s }}
   {{ s }}   
x{% if true +%}
y{% endif %}
{% if true %}

z
{% endif %}

end

  {% if true %}
    a
  {% endif %}
	{% if true %}	b{% endif %}
q  {% if true %}c{% endif %}
{% set x = '}}' %}{{ x }}{{ '%}' }}{{ "{{" }}
{{ {'a': {'b': 1}} }}{{ {'a': {'b': 1}}['a']['b'] }}
{% generation %}a {{ s }}{% endgeneration %} b
{% for x in l %}{% generation %}{{ x }}{% set q = x %}{% endgeneration %}{{ q is defined }}{% endfor %}
{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% print s, i %}{% print 1 %}
{% for x in l: %}{{ x }}{% endfor %}{% if true: %}y{% endif %}
{% set a = [] %}{% for x in l %}{% set a = a + [x] %}{% endfor %}{{ a }}
{% set g = l|map('string') %}{{ g|list }}{{ g|list }}{{ g|first is defined }}
{% set g = l|select('odd') %}{% for x in g %}{{ x }}{% endfor %}{{ g|list }}
{{ (l|map('string'))[0] is defined }}{{ (l|map('string'))|length }}
{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}
{% set j = joiner(', ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}
{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '<|end|>\n' }}{% endfor %}
{% for m in messages if m.role != 'system' %}{{ m.role }}{% if m.tool_calls is defined and m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endif %}{% endfor %}
{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set messages = messages[1:] %}{% endif %}{{ system }}{{ messages|length }}{% for m in messages %}{{ m.role }}{% endfor %}
{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{{ index }}{{ message.role }}{% endfor %}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% from 'x' import y %}
{% do 1 %}
{% nothing %}
{% if true %}
{% endif %}
{% for x in l %}{% endif %}{% endfor %}
{% else %}
{% break %}
{% if true %}{% continue %}{% endif %}
{% set loop = 1 %}{{ loop }}
{% for loop in l %}{% endfor %}
{% for x in l %}{% set loop = 1 %}{% endfor %}
{% set true = 1 %}
{% set 1 = 2 %}
{% set x.y.z = 2 %}
{% macro 1() %}{% endmacro %}
{{ 1 }
{% if true }
{# never closed
{% raw %} never closed
{{ }}
{% %}
{%%}
{{ s }}{% if
{% for x in l %}{{ x }}
{% macro m(a, a) %}{% endmacro %}
{{ dict(a=1, a=2) }}
{% set x = 1 if true %}{{ x }}{% set y = 1 if false %}{{ y is defined }}
{% for x in (l if true else []) %}{{ x }}{% endfor %}
{% for x in l if true else [] %}{{ x }}{% endfor %}
{% set f = s.upper %}{{ f() }}{% set g = d.get %}{{ g('a') }}
{{ dict(**{'a': 1}) }}{{ range(*[1, 3])|list }}{{ dict({'z': 0}, **d)|length }}
{{ '%s %s'|format(*[1, 2]) }}{% macro m(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*[1, 2], c=3) }}{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, *[2], **{'c': 3}) }}
{{ m(1 2) }}
{{ range(x=1) }}
{{ s.upper(1) }}
{{ s.split(',', maxsplit=1, wrong=2) }}
{{ s.replace('a') }}
{% set x = namespace(items=[1, 2]) %}{{ x['items'] }}{{ x.items }}
{{ people[0].at.city }}{{ people[3].at.city is defined }}{{ people[3].at.city }}
{% for p in people|sort(attribute='name') %}{{ p.name }}{% endfor %}{% for age, ps in people[:3]|groupby('age') %}{{ age }}:{{ ps|map(attribute='name')|join(',') }};{% endfor %}
{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'user' and not ns.found %}{% set ns.found = true %}{{ m.content }}{% endif %}{% endfor %}{{ ns.found }}
{{ none }}{{ true }}{{ 1.0 }}{{ [] }}{{ missing }}{{ '' }}{{ () }}|
é{{ 'ü' }}😀{# ß #}{% if true %}ñ{% endif %}
""".strip("\n")


def pieces(line):
    """The expressions of a line: they are divided by commas outside of brackets and quotes."""
    out, depth, quote, begin, i = [], 0, "", 0, 0
    while i < len(line):
        c = line[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            out.append(line[begin:i])
            begin = i + 1
        i += 1
    return [x.strip() for x in out + [line[begin:]]]


def result(template):
    try:
        return _compile_jinja_template(template).render(**VARIABLES)
    except Exception:
        return None


def main():
    cases = ["{{ %s }}" % e for line in EXPRESSIONS.strip("\n").split("\n") for e in pieces(line)]
    cases += TEMPLATES.split("\n")
    cases += ["a\n", "a\n\n", "\na", "a\r\nb\rc\n", "{% if true %}\n{% endif %}\n\nx\n", "  {% if true %}\n  x\n  {% endif %}\n  y", "{# a #}\nb", "x {# a #}\nb", "{{ s }}\n\n",
              "{% for x in l %}\n  {{ x }}\n{% endfor %}\nend", "{%- for x in l -%}\n  {{ x }}\n{%- endfor -%}\nend", "a\n   {%- if true %}\nb\n   {%- endif %}\nc",
              "{% macro m() %}\n x\n{% endmacro %}\n{{ m() }}\n", "{% set x %}\n a\n{% endset %}\n[{{ x }}]", "{% raw %}\n a \n{% endraw %}\n b", "\t {% if true %} \n a{% endif %}", "a {%+ if true %}\nb{% endif %}",
              "{{ 'a\nb' }}", "{{ 'a\r\nb' }}", "{#- a -#}\n\n b", "{{ s }}  {%- set x = 1 %}\n\n{{ x }}", "{% if true -%}\n\n a {%- endif %} b", "", " ", "\n", "{", "{ {", "{%", "}}", "%}", "{{", "#}", "a{#", "a{#-", "a{# ", "{% raw %}", "{% raw %} "]
    print("{\"variables\": " + json.dumps(VARIABLES, ensure_ascii=False) + ",\n\"cases\": [")
    rows = []
    for c in cases:
        rows.append("  " + json.dumps([c, result(c)], ensure_ascii=False))
    print(",\n".join(rows) + "\n]}")


if __name__ == "__main__":
    main()
