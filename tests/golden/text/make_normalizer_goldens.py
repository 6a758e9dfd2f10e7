#!/usr/bin/env python3
"""Makes tests/golden/text/normalizers.json: what the normalizers of Hugging Face `tokenizers` make of texts, and of each code point.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    VENV/bin/python tests/golden/text/make_normalizer_goldens.py

Of each text: the normalized one, and where each of its characters came from, begin and end in characters of the text. Of the code
points of each plane: the CRC-32 of what they become, each with a line feed behind it.
"""
import base64, io, json, pathlib, random, unicodedata, zlib
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
# Precompiled: what the table is to hold, from and to, as code points in hexadecimal
RULES = ["61\t58", "A9\t43 43", "600\t50", "62\t", "63 301\t51", "915\t4B", "1100\t47", "E9\t65 301", "64 64\t44", "1F468\t4D 4D 4D",
         "65 301 302\t", "200D\t", "301\t5A", "1161\t56", "6DD\t", "110BD\t52", "FB01\t66 69", "3000\t20"]


def charsmap():
    rules, model = HERE / "rules.tsv", io.BytesIO()
    rules.write_text("\n".join(RULES) + "\n")
    rng = random.Random(1)
    sentences = [" ".join("".join(rng.choice("abcdefgh") for _ in range(5)) for _ in range(8)) for _ in range(300)]
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model, vocab_size=60, hard_vocab_limit=False,
                                             minloglevel=2, normalization_rule_tsv=str(rules))
    rules.unlink()
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def plain(name):
    return {"type": name}


def sequence(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def prepend(text):
    return {"type": "Prepend", "prepend": text}


def strip(left, right):
    return {"type": "Strip", "strip_left": left, "strip_right": right}


def bert(clean, chinese, accents, lower):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}


PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
WHOLE = [plain(name) for name in "NFC NFD NFKC NFKD Lowercase StripAccents Nmt ByteLevel".split()]
WHOLE += [strip(True, True), bert(True, True, None, True), bert(True, False, False, False), PRECOMPILED]
OTHERS = [
    strip(True, False), strip(False, True), bert(True, True, None, False), bert(False, True, True, False), bert(True, False, False, True),
    replace("a", "bcd"), replace("a", ""), replace("ae", "x"), replace("", "_"), replace(" ", "\u2581"), replace(" {2,}", " ", "Regex"),
    replace(r"\s+|[A-Z]", "\u2581\u2581", "Regex"), replace("^", "x", "Regex"), replace("x*", "-", "Regex"), prepend("abc"), prepend(""),
    sequence(), sequence(prepend("\u2581"), replace(" ", "\u2581")),
    sequence(replace("``", '"'), replace("''", '"'), plain("NFKD"), plain("StripAccents"), plain("Lowercase"), replace(" {2,}", " ", "Regex")),
    sequence(plain("NFC"), strip(True, True), replace(" +", "\u2581", "Regex"), plain("Lowercase"), prepend("\u2581")),
    sequence(plain("NFKC"), plain("NFD"), plain("Nmt"), plain("StripAccents"), plain("NFC"), sequence(plain("Lowercase"), sequence(plain("ByteLevel")))),
    sequence(prepend("\u2581x"), plain("NFD"), replace("\u0301", "ab"), plain("NFC"), strip(False, True)),
    sequence(PRECOMPILED, replace(" {2,}", "\u2581", "Regex"), plain("Lowercase"), plain("NFD")),
]
TEXTS = [
    "", " ", "  \t ", "a", "Hello  World ", "  \u3000Stra\u00dfe \u0130stanbul\u00a0", "Vi\u1ec7t Nam, \u00c5ngstr\u00f6m \u212b", "e\u0301\u0323o\u0323\u0301 \u0344\u0323",
    "\u0301abc\u0301", "\ufb01ne \u2460\u00bd\u3392", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u1161", "\u4e2d\u6587x\u4e2d", "``quoted''  text", "xxaxx ae aae",
    "a\u0000b\u0007c\u200bd\ufeffe\u00adf", "tab\tline\r\nend\u2028", "c\u0301cc\u0301\u0302 d dd ddd", "b", "bb a\u0301b", "\u00a9\u200d\u00a9 \u0600a \U000110bda\U0001f468\u200d",
    "\u0915\u094d\u0915\u0300 \u0f73\u0301\u0f71", "A\u030a\u0327\u0301\u0323 \u1f82\u0345", "a" + "\u0301" * 20 + "\u0323" * 20 + "b",
]


def random_texts(n):
    rng = random.Random(7)
    marks = [c for c in range(0x20000) if unicodedata.combining(chr(c))]
    changes = [c for c in range(0x30000) if unicodedata.decomposition(chr(c))]
    base = [ord(c) for c in "aAeEoOcbdxX  .\t"] + [0x1100, 0x1161, 0xAC00, 0x915, 0x94D, 0x4E2D, 0xA9, 0x200D, 0x600]
    for _ in range(n):
        kinds = rng.choices([base, marks, changes], [5, 4, 2], k=rng.randrange(3, 9))
        yield "".join(chr(rng.choice(kind)) for kind in kinds)


def tokenizer(normalizer):
    """Each character of the normalized text is a token, whose offsets tell where it came from."""
    characters = {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False}
    model = {"type": "WordLevel", "vocab": {"u": 0}, "unk_token": "u"}
    empty = {"truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None}
    return Tokenizer.from_str(json.dumps({"version": "1.0", "normalizer": normalizer, "pre_tokenizer": characters, "model": model, **empty}))


def result(t, text):
    return [t.normalizer.normalize_str(text), [n for pair in t.encode(text).offsets for n in pair]]


def planes(t):
    for plane in range(17):
        points = (c for c in range(plane << 16, plane + 1 << 16) if not 0xD800 <= c < 0xE000)
        yield zlib.crc32("".join(t.normalizer.normalize_str(chr(c)) + "\n" for c in points).encode())


texts = TEXTS + list(random_texts(24))
with open(HERE / "normalizers.json", "w") as out:
    out.write('{"texts": ' + json.dumps(texts) + ',\n"normalizers": [\n')
    for i, n in enumerate(WHOLE + OTHERS):
        t = tokenizer(n)
        row = {"normalizer": n, "results": [result(t, text) for text in texts]}
        if n in WHOLE:
            row["planes"] = list(planes(t))
        out.write((",\n" if i else "") + json.dumps(row, separators=(",", ":")))
    out.write("\n]}\n")
