#!/usr/bin/env python3
"""Writes pipelines.json: what Hugging Face `tokenizers` makes of texts with each pre-tokenizer, post-processor, decoder and kind of
added token, alone and in sequences, over small vocabularies that are made here.

    VENV/bin/pip install tokenizers==0.23.3 && VENV/bin/python make_pipelines.py
"""
import json
import pathlib

from tokenizers import Tokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TEXTS = [
    "", " ", "Hello world", "  Hello  world's end-of 12345\n\n x ", "a.b,c; ab-abc!?", "café naïve ÄB Ñ", "中文かなカナー한국 abc",
    "<s>foo</s>  <mask>  bar<mask>\n", "fooab foo ab\tfoo", "😀👍🏽 ½Ⅷ٣ 7", "the don't\u00a0it\u2028is\u3000ok", "▁x▁ ▁▁y _z_", "##ab Ġa <0x41>", "ab   ab    ab",
]


def alphabet():
    own = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) if b in own else chr(256 + sum(1 for c in range(b) if c not in own)) for b in range(256)]


def bpe(tokens, merges, **more):
    vocab = {"<unk>": 0}
    for t in [*tokens, *(a + b for a, b in merges)]:
        vocab.setdefault(t, len(vocab))
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [list(m) for m in merges], **more}  # fmt: skip


MERGES = [("a", "b"), ("l", "l"), ("Ġ", "a"), ("▁", "a"), ("h", "e"), ("o", "o"), ("f", "oo"), ("ab", "c"), ("Ã", "©"), ("1", "2"), ("Ġa", "b"), (" ", "a"), (" ", " ")]
CHARACTERS = sorted(set("".join(TEXTS)) - set("国ñ½👍"))
MODELS = {
    "bytes": bpe(alphabet(), [m for m in MERGES if "▁" not in m and " " not in m]),
    "characters": bpe([*CHARACTERS, "Ġ", "Ã", "©", "▁"], MERGES),
    "fallback": bpe([f"<0x{b:02X}>" for b in range(256)] + ["Ġ", "Ã", "©", "▁", *CHARACTERS[:60]], MERGES, byte_fallback=True),
    "words": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "Hello": 1, "world": 2, "ab": 3, "abc": 4, "foo": 5, " ": 6, "-": 7, ".": 8, "12345": 9, "▁": 10, "1": 11}},
    "pieces": {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 20,
               "vocab": {t: i for i, t in enumerate(["<unk>", *"abcdefghilnorstwx.,-!?'", "##ab", "##l", "##o", "##b", "##e", "##d", "##r", "hel", "wor", "he", "foo", "Hello"])}},  # fmt: skip
}


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=True, trim=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": regex}


def metaspace(scheme="always", cut=True, replacement="▁"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": cut}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def pre(*parts):
    return sequence("pretokenizers", *parts)


BEHAVIOURS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
PRE = [("characters", p) for p in [
    *(split({"String": "ab"}, b, i) for b in BEHAVIOURS for i in (False, True)), *(split({"Regex": GPT2}, b) for b in BEHAVIOURS),
    split({"Regex": GPT2}, "Removed", True), *(split({"Regex": r"\s+"}, b, i) for b in BEHAVIOURS for i in (False, True)), split({"String": ""}, "MergedWithNext"),
    split({"Regex": "b*"}, "MergedWithPrevious"), *({"type": "Punctuation", "behavior": b} for b in BEHAVIOURS), {"type": "Digits", "individual_digits": True},
    {"type": "Digits", "individual_digits": False}, {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}, {"type": "UnicodeScripts"},
    {"type": "CharDelimiterSplit", "delimiter": "b"}, {"type": "FixedLength", "length": 3}, metaspace(), metaspace("first"), metaspace("never"), metaspace("first", False),
    metaspace("always", True, "_"), byte_level(True), pre(byte_level(True, False), {"type": "Whitespace"}), pre(byte_level(), byte_level(True, False)),
    pre({"type": "WhitespaceSplit"}, metaspace("first")), pre({"type": "UnicodeScripts"}, metaspace()), pre(metaspace("always", False), {"type": "Digits", "individual_digits": True}),
    pre(pre({"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Digits", "individual_digits": True}), {"type": "CharDelimiterSplit", "delimiter": " "}), pre(),
]] + [("bytes", p) for p in [
    byte_level(), byte_level(True), byte_level(False, False), byte_level(True, False), pre(split({"Regex": GPT2}, "Isolated"), byte_level(False, False)),
    pre({"type": "Digits", "individual_digits": True}, byte_level(True)), pre(split({"Regex": "[a-c]+"}, "MergedWithPrevious"), byte_level(False, False)), pre(metaspace(), byte_level()),
]] + [("words", {"type": "Whitespace"}), ("words", {"type": "BertPreTokenizer"}), ("pieces", {"type": "BertPreTokenizer"}), ("fallback", metaspace("first")), ("fallback", None)]  # fmt: skip
PREPEND = sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"})


def token(content, id, special=False, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special, **flags}


def added(vocab, *flags):
    contents, new = ["<s>", "</s>", "<mask>", "foo", "foo</s>", "  ", "   "], len(vocab)
    ids = [vocab[c] if c in vocab else (new := new + 1) - 1 for c in contents]
    return [token(c, ids[i], c[0] == "<", **(flags[i % len(flags)] if flags else {})) for i, c in enumerate(contents)]


ADDED = [(model, normalizer, flags) for model in ("characters", "bytes") for normalizer in (None, PREPEND, {"type": "Lowercase"}) for flags in
         [[], [{"lstrip": True}], [{"rstrip": True}], [{"lstrip": True, "rstrip": True}], [{"single_word": True}, {}], [{"normalized": True}], [{"normalized": True, "lstrip": True}, {}],
          [{"rstrip": True, "single_word": True}, {"normalized": True, "rstrip": True}]] if not (normalizer == PREPEND and flags and "normalized" in flags[0])]  # fmt: skip
BEGIN, END = ([c, MODELS["bytes"]["vocab"][c]] for c in "!?")
AROUND = {"cls": BEGIN, "sep": END}
POST = [
    {"type": "BertProcessing", **AROUND},
    *({"type": "RobertaProcessing", **AROUND, "trim_offsets": t, "add_prefix_space": p} for t in (True, False) for p in (True, False)),
    byte_level(), byte_level(True), sequence("processors", byte_level(True), {"type": "BertProcessing", **AROUND}),
    sequence("processors", {"type": "BertProcessing", **AROUND}, byte_level(True)),
    {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "!", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "end", "type_id": 0}}],
     "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "end", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
     "special_tokens": {"!": {"id": "!", "ids": BEGIN[1:], "tokens": ["!"]}, "end": {"id": "end", "ids": [END[1], BEGIN[1]], "tokens": ["?", "!"]}}},
]  # fmt: skip
REPLACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
FALLBACK, FUSE, CTC = {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "CTC", "pad_token": "a", "word_delimiter_token": "▁", "cleanup": True}
DECODERS = [None, byte_level(), {"type": "WordPiece", "prefix": "##", "cleanup": True}, {"type": "WordPiece", "prefix": "##", "cleanup": False}, metaspace(), metaspace("never"), FUSE,
            {"type": "BPEDecoder", "suffix": "b"}, CTC, REPLACE, {"type": "Replace", "pattern": {"Regex": "[ab]+"}, "content": "_"}, {"type": "Strip", "content": "a", "start": 1, "stop": 0},
            *(sequence("decoders", *p) for p in [[REPLACE, FALLBACK, FUSE, {"type": "Strip", "content": " ", "start": 1, "stop": 0}], [FALLBACK, metaspace()], [FUSE, REPLACE],
              [byte_level(), REPLACE], [CTC, metaspace()], [metaspace(), FALLBACK], [{"type": "WordPiece", "prefix": "##", "cleanup": True}, FUSE, {"type": "Strip", "content": "h", "start": 2, "stop": 0}],
              [FUSE, {"type": "Replace", "pattern": {"Regex": "b.?a"}, "content": "-"}], [{"type": "BPEDecoder", "suffix": "l"}, FUSE, {"type": "Strip", "content": "a", "start": 3, "stop": 0}]])]  # fmt: skip
LISTS = [[], [5], ["a", "a", "b", "▁", "a"], ["▁", "a", "▁", "b", "l", "l"], ["<0xE4>", "<0xB8>", "<0xAD>", "a"], ["Ã", "©", "Ġ", "a"], ["h", "e", "##ab", ".", "!", "<unk>", "he"],
         ["<s>", "▁a", "</s>", "b", "a", "</s>"], ["ab", "b", "b", "a", "ll"], ["▁", "▁", "b", "a", "a"], ["a", "▁", "<0x41>", "<0x41>"]]  # fmt: skip


def encodings(t, texts, parse):
    t.encode_special_tokens = not parse
    made = []
    for text in texts:
        e = t.encode(text, add_special_tokens=parse)
        offsets = [o if not s else (-1, -1) for o, s in zip(e.offsets, e.special_tokens_mask)]
        made.append([e.ids, [x for o in offsets for x in o]])
    return made


def pipeline(model, tokens, **parts):
    shown = {"model": model, "added_tokens": tokens, **{k: parts.get(k) for k in ("normalizer", "pre_tokenizer", "post_processor", "decoder")}}
    whole = {"version": "1.0", "truncation": None, "padding": None, **shown, "model": MODELS[model]}
    return shown, Tokenizer.from_str(json.dumps(whole))


def main():
    groups = {"pre_tokenizer": [], "added": [], "post_processor": [], "decoder": []}
    for model, p in PRE:
        shown, t = pipeline(model, [], pre_tokenizer=p)
        groups["pre_tokenizer"].append({**shown, "plain": encodings(t, TEXTS, False)})
    for model, normalizer, flags in ADDED:
        p = byte_level() if model == "bytes" else metaspace("first")
        shown, t = pipeline(model, added(MODELS[model]["vocab"], *flags), normalizer=normalizer, pre_tokenizer=p)
        groups["added"].append({**shown, "plain": encodings(t, TEXTS[7:9] + TEXTS[13:], False), "parsed": encodings(t, TEXTS[7:9] + TEXTS[13:], True)})
    for p in POST:
        shown, t = pipeline("bytes", [token(*BEGIN, True), token(*END, True)], pre_tokenizer=byte_level(True), post_processor=p)
        pairs = []
        for add in (False, True):
            t.encode_special_tokens = not add
            pairs.append(t.encode("Hello world", " x", add_special_tokens=add).ids)
        groups["post_processor"].append({**shown, "plain": encodings(t, TEXTS, False), "parsed": encodings(t, TEXTS, True), "pairs": pairs})
    for model in ("fallback", "pieces"):
        n = len(MODELS[model]["vocab"])
        tokens = [token("<s>", n, True), token("</s>", n + 1, True), token("a b", n + 2)]
        for p in DECODERS:
            shown, t = pipeline(model, tokens, decoder=p)
            lists = [[x if isinstance(x, int) else t.token_to_id(x) for x in l] for l in LISTS]
            lists = [[x for x in l if x is not None] for l in lists]
            groups["decoder"].append({**shown, "lists": [[l, t.decode(l, skip_special_tokens=False), t.decode(l, skip_special_tokens=True)] for l in lists if l]})
    with open(pathlib.Path(__file__).resolve().parent / "pipelines.json", "w", encoding="utf-8") as f:
        json.dump({"made_by": "make_pipelines.py", "texts": TEXTS, "added_texts": [7, 8, 13], "models": MODELS, **groups}, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


main()
