#!/usr/bin/env python3
"""Makes models.json: small random tokenizers of each model (BPE, Unigram, WordPiece, WordLevel), and the ids and offsets that
Hugging Face `tokenizers` gives for nasty texts.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3
    VENV/bin/python tests/golden/text/make_model_goldens.py

Offsets are bytes here; those of tokens that end inside a character are widened to it, as `tokenizers` counts characters.
"""
import json, pathlib, random
from tokenizers import Tokenizer

rng = random.Random(5)
ALPHABET = ["a", "b", "c", "ab", "▁", "é", "ß", "日", "本", "😀", "x", " ", "<unk>", "\u0301", "Z", "1"]
BYTES = ["<0x%02X>" % b for b in range(256)]


def word(most):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, most)))


def unigram(fallback):
    pieces = sorted({word(4) for _ in range(rng.randint(8, 40))})
    rng.shuffle(pieces)
    vocab = [["<unk>", 0.0]] + [[p, rng.choice([-1.0, -2.0, -3.5, 0.0, -round(rng.random() * 10, 3)])] for p in pieces if p != "<unk>"]
    if fallback: vocab += [[b, -5.0] for b in BYTES]
    return {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": fallback}


def wordpiece(prefix, most):
    tokens = sorted({word(3) for _ in range(25)} | {prefix + word(3) for _ in range(25)} | {"[UNK]"})
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": prefix, "max_input_chars_per_word": most,
            "vocab": {w: i for i, w in enumerate(tokens)}}


def wordlevel():
    tokens = sorted({word(3) for _ in range(25)} | set(ALPHABET))
    return {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(tokens)}, "unk_token": "<unk>"}


def bpe(prefix, suffix, fuse, fallback, ignore):
    vocab, merges = {"<unk>": 0}, []
    add = lambda token: vocab.setdefault(token, len(vocab))
    for c in [a for a in ALPHABET if len(a) == 1]:
        for token in {c, prefix + c, c + suffix, prefix + c + suffix} if rng.random() < 0.9 else ():
            add(token)
    for _ in range(30):
        a, b = rng.choice(list(vocab)), rng.choice(list(vocab))
        if b.startswith(prefix) and [a, b] not in merges and "<unk>" not in (a, b):
            add(a + b[len(prefix):])
            merges.append([a, b])
    if fallback: [add(b) for b in BYTES]
    return {"type": "BPE", "vocab": vocab, "merges": merges, "unk_token": "<unk>", "continuing_subword_prefix": prefix or None,
            "end_of_word_suffix": suffix or None, "fuse_unk": fuse, "byte_fallback": fallback, "ignore_merges": ignore, "dropout": None}


MODELS = [unigram(False), unigram(False), unigram(False), unigram(True), wordpiece("##", 100), wordpiece("##", 6), wordpiece("@@", 100),
          wordpiece("", 100), wordlevel(), bpe("", "", False, False, False), bpe("", "", True, False, True), bpe("##", "", True, False, False),
          bpe("", "</w>", False, False, False), bpe("##", "</w>", True, False, True), bpe("", "", True, True, False)]
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}

out = []
for i, model in enumerate(MODELS):
    for pre_tokenizer in [None, BYTE_LEVEL] if i % 4 == 0 else [None]:
        config = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": pre_tokenizer,
                  "post_processor": None, "decoder": None, "model": model}
        tokenizer, cases = Tokenizer.from_str(json.dumps(config)), []
        for _ in range(25):
            text = "".join(rng.choice(ALPHABET + ["q", "Ω"]) for _ in range(rng.randint(0, 24)))
            got, start = tokenizer.encode(text, add_special_tokens=False), [0]
            for c in text: start.append(start[-1] + len(c.encode()))
            cases.append([text, got.ids, [start[x] for pair in got.offsets for x in pair]])
        out.append({"tokenizer": config, "cases": cases})
path = pathlib.Path(__file__).resolve().parent / "models.json"
lines = ",\n".join(json.dumps(o, ensure_ascii=False, separators=(",", ":")) for o in out)
path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
