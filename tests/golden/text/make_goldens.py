#!/usr/bin/env python3
"""Makes the golden files of text/ with Hugging Face `tokenizers`: small tokenizers, and the ids that it gives for many texts.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3
    VENV/bin/python tests/golden/text/make_goldens.py [DATA]

DATA is a folder with models/stories260K-hf/tokenizer.json (default: ../shared/data); its ids are made where it is there.
Writes beside this script: corpus.jsonl (documents that the tokenizers are trained on), NAME.json (tokenizers), cases.json.
"""
import json, pathlib, random, sys
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERN = {"llama3": LLAMA3, "qwen2": LLAMA3.replace("{1,3}", "")}

SENTENCES = """The baker opens her shop before the sun is up, and the smell of bread fills the whole street.
It's not that they don't know; they've just never asked, and we'll see what she'd say.
A program reads its input, checks what it can, and says clearly what it cannot do.
In 1969 the harbour froze for 43 days, 7 hours and 12 minutes: nobody had seen that since 1888.
Wer früh aufsteht, sieht die Straße noch leer und hört, wie die Stadt langsam aufwacht.
Über den Fluss führt eine Brücke aus Holz, die größer wirkt, als sie ist.
Le garçon a déjà mangé, mais il reste du pain, du fromage et l'été entier devant nous.
Où est la clé de l'atelier ? Elle n'est ni sur la table, ni près de la fenêtre.
El niño pequeño preguntó por qué el río no corre hacia la montaña.
Мы вышли из дома рано утром, когда над рекой ещё стоял густой туман.
Никто не знал, сколько стоит этот старый корабль и кому он принадлежит.
今天早上下了雨，但是下午天气很好，我们去公园散步。
図書館の窓から見える海は、朝と夕方では色がまったく違います。
도서관에서 빌린 책을 다 읽고 나서 친구에게 편지를 썼다.
הספר הישן נשאר על השולחן ליד החלון הפתוח.
القطار يصل إلى المدينة قبل غروب الشمس بقليل.
पुराने बाज़ार में हर सुबह ताज़े फल और सब्ज़ियाँ मिलती हैं।
for (int i = 0; i < n; i++) {\n    total += values[i] * weights[i];\n}
def area(width, height):\n\treturn width * height  # in square metres
if (err != NULL && err->code >= 400) { fprintf(stderr, "%s: %d\\n", name, err->code); }
SELECT name, COUNT(*) FROM readers WHERE year > 2019 GROUP BY name;
{"name": "socle", "version": [0, 1, 0], "stable": false, "ratio": 1.25e-3}
- first point\n- second point\n  - a detail of it\n\n1. one\n2. two
Temperature: -3.5 °C; wind 12 km/h; pressure 1013 hPa (±2).
www.example.org/path?query=1&other=two#part — see § 4.2, p. 17–19.
🙂 fine, 🎉 done, 👩‍🔬 at work, 🇳🇴 and 🇯🇵 meet: 3 > 2 ≥ 1 ≠ 0.""".split("\n")


def corpus():
    """Documents of one to six sentences, the same on every run."""
    rng, documents = random.Random(4), []
    for _ in range(160):
        chosen = [rng.choice(SENTENCES).replace("\\n", "\n").replace("\\t", "\t") for _ in range(rng.randrange(1, 7))]
        documents.append(rng.choice([" ", "\n", "\n\n", "  "]).join(chosen) + rng.choice(["", "\n"]))
    return documents


def split(pattern):
    steps = [pre_tokenizers.Split(Regex(PATTERN[pattern]), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    return pre_tokenizers.Sequence(steps)


def byte_level(pattern, documents, size):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False) if pattern == "gpt2" else split(pattern)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(documents, trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False,
                                                         initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def with_flags(documents):
    """Added tokens with every flag, and a template around the text."""
    t = byte_level("llama3", documents, 500)
    t.add_tokens([AddedToken("[left]", lstrip=True, normalized=False), AddedToken("[right]", rstrip=True), AddedToken("Fluss", single_word=True),
                  AddedToken("    "), AddedToken("<think>", normalized=False), AddedToken("[left][right]")])
    first, last = t.token_to_id("<|im_start|>"), t.token_to_id("<|im_end|>")
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>", pair="$A $B", special_tokens=[("<|im_start|>", first), ("<|im_end|>", last)])])
    return t


def prefixed(documents):
    t = byte_level("gpt2", documents, 420)
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    return t


def sentence_piece(documents, words, fallback):
    """Merges over characters; `words`: none crosses from one word into the next."""
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=not words or fallback, byte_fallback=fallback))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    if words:
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    t.train_from_iterator(documents, trainers.BpeTrainer(vocab_size=700, special_tokens=special, limit_alphabet=90, show_progress=False))
    saved = json.loads(t.to_str())
    saved["pre_tokenizer"] = None
    saved["added_tokens"] = [a for a in saved["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(saved))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_tokens([AddedToken("two words", normalized=True)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", t.token_to_id("<s>"))])
    return t


ATOMS = ["'s", "'S", "'ſ", "'LL", "'re", "'Ve", "'x", " ", "  ", "    ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\x85", "\u200b", "a", "word", "Hello",
         "don't", "I'M", "'", "é", "e\u0301", "中文", "日本語", "한국어", "עברית", "العربية", "हिन्दी", "Привет", "123", "4567", "٣٤", "½", "Ⅷ", "①", "😀",
         "👨‍👩‍👧", "🇩🇪", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_", "<think>", "<s>", "</s>", "<unk>", "[left]", "[right]", "Fluss", "two words",
         "▁", "<0x41>", "_", "--", "...", "!?", "\x00", "\x07", "\ufeff", "\ufffd", "\U0010ffff", "$1,234.56", "x=1;", "ǅ", "ß", "K", "ﬁ", "aaaaaaaaaaaaaaaaaaaaaaaaa"]


def texts():
    rng = random.Random(7)
    fixed = ["", " ", "  ", "\n", "\n\n", " \n \n ", "a", "Hello, world!", "a b  c   d    e", "\t\tx\n\t y", "'s's 'S 'll'LL", "1234567890 12 345",
             "<|im_start|>user\nHi<|im_end|>\n", "  [left]  [right]  x", "[left][right] y", "Fluss Flussbett, Fluss.", "a" * 300, " " * 130 + "x", "0" * 40,
             "don't <think>\n  no\n</think>", "x two words y", "two words", "\u00e9\u0301\u200d", "end.\r\n\r\nNext"]
    made = ["".join(rng.choice(ATOMS) for _ in range(rng.randrange(1, 9))) for _ in range(130)]
    wide = ["".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x80, 0x800), rng.randrange(0x800, 0xD800), rng.randrange(0xE000, 0x20000)]))
                    for _ in range(rng.randrange(1, 12))) for _ in range(25)]
    long = ["".join(rng.choice("etaoinshrdlu") for _ in range(n)) for n in (41, 120, 400)] + ["".join(rng.choice("Надомрекв") for _ in range(90))]
    return fixed + long + [s.replace("\\n", "\n").replace("\\t", "\t") for s in SENTENCES] + made + wide


def main():
    documents = corpus()
    (HERE / "corpus.jsonl").write_text("".join(json.dumps({"text": d}, ensure_ascii=False) + "\n" for d in documents), encoding="utf-8")
    made = {"gpt2": byte_level("gpt2", documents, 800), "llama3": byte_level("llama3", documents, 800), "qwen2": byte_level("qwen2", documents, 450),
            "flags": with_flags(documents), "prefix": prefixed(documents), "words": sentence_piece(documents, True, True),
            "whole": sentence_piece(documents, False, True), "unknown": sentence_piece(documents, True, False)}
    for name, t in made.items():
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(t.to_str()), ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    stories = DATA / "models/stories260K-hf/tokenizer.json"
    if stories.exists():
        made["stories"] = Tokenizer.from_file(str(stories))
    cases = {"tokenizers": list(made), "cases": []}
    for text in texts():
        case = {"text": text, "ids": []}
        for t in made.values():
            row = []
            for parse in (False, True):
                t.encode_special_tokens = not parse
                row.append(t.encode(text, add_special_tokens=parse).ids)
            row.append(t.decode(row[1], skip_special_tokens=True))
            case["ids"].append(row)
        cases["cases"].append(case)
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases["cases"])
    (HERE / "cases.json").write_text(f'{{"tokenizers": {json.dumps(cases["tokenizers"])}, "cases": [\n{lines}\n]}}\n', encoding="utf-8")


main()
