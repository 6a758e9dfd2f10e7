"""The texts that tokenizers are compared on: `python tokenizer_texts.py DIR` fetches Debian packages and writes into DIR/texts
    prose.jsonl   50 MB in 40 languages: the Debian handbook, manual pages, LibreOffice's help and messages, books, a wiki, the New Testament
    code.jsonl    38 MB of the Linux sources
    odd.jsonl     12 MB: numbers, emoji, runs of white space, look-alikes of special tokens, all of Unicode, endless words
    small.jsonl   every 16th document of these three
    sample.txt    every 9th one, documents apart by form feeds: what vocabularies are trained on
    noise.bin     1 MB of bytes that are no UTF-8
and with --training also train500.jsonl, 500 MB of the same sources. Documents have about 20 kB. Standard library only; the same bytes
on every run with the same packages."""
import hashlib
import html
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tarfile
import unicodedata

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from benchlib import DATA, fail, read_text, run

DOCUMENT, LANGUAGE, PROSE, CODE, TRAINING = 20_000, 1_700_000, 50_000_000, 38_000_000, 500_000_000
MANPAGES = "cs da de el es fi fr hu id it ja mk nb nl pl pt-br ro ru sr sv tr uk vi zh".split()
MESSAGES = "am ar bn el fa gu he hi ka km kn ko ml mr si ta te th zh-cn".split()
HELP = "el hi km ko zh-cn".split()
PACKAGES = ["linux-source-6.1", "debian-handbook", *(f"manpages-{x}" for x in MANPAGES), *(f"libreoffice-l10n-{x}" for x in MESSAGES),
            *(f"libreoffice-help-{x}" for x in HELP)]


# --- packages -------------------------------------------------------------------------------------------------------------------
def fetch(work):
    """Unpacks every package into work/unpacked/NAME."""
    debs = work / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    have = {p.name.split("_")[0] for p in debs.glob("*.deb")}
    need = [name for name in PACKAGES if name not in have]
    if need and subprocess.run(["apt-get", "-q", "download", *need], cwd=debs, stdout=subprocess.DEVNULL).returncode:
        fail("apt-get could not download the texts' packages (what it said is above)")
    for deb in sorted(debs.glob("*.deb")):
        folder = work / "unpacked" / deb.name.split("_")[0]
        if deb.name.split("_")[0] not in PACKAGES or folder.exists(): continue
        partial = folder.with_suffix(".partial")
        run("dpkg-deb", "-x", deb, partial)
        partial.rename(folder)


def page_text(data):
    """Words of an HTML page."""
    text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", "", data.decode(errors="replace"))
    text = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?i)</(p|h\d|li|tr|div|pre)>|<br ?/?>", "\n", text)))
    return re.sub(r"\n[ \t]*(\n[ \t]*)+", "\n\n", text)


ROFF = {r"\-": "-", r"\(aq": "'", r"\(bu": "•", r"\(em": "—", r"\(en": "–", r"\(co": "©", r"\e": "\\", r"\&": "", r"\ ": " ", r"\~": "\u00a0", r"\(lq": "“",
        r"\(rq": "”", r"\(oq": "‘", r"\(cq": "’", r"\(dq": '"', r"\(Fo": "«", r"\(Fc": "»", r"\/": "", r"\,": "", r"\|": "", r"\^": "", r"\%": ""}


def roff_text(data):
    """Words of a manual page, near enough: requests' names and font changes go."""
    lines = []
    for line in data.decode(errors="replace").split("\n"):
        if re.match(r"[.']\s*\\\"", line): continue
        line = re.sub(r"^[.']\s*[A-Za-z]+ ?", "", line)
        line = re.sub(r"\\f(\[\w*\]|\(..|.)|\\s[+-]?\d", "", line)
        lines.append(re.sub(r"\\(\(..|.)", lambda m: ROFF.get(m[0], m[0]), line))
    return "\n".join(lines)


def mo_text(data):
    """Translations of a gettext catalogue."""
    _, _, n, _, at = struct.unpack_from("<5I", data)
    texts = []
    for i in range(n):
        length, start = struct.unpack_from("<2I", data, at + 8 * i)
        texts.append(data[start:start + length].replace(b"\0", b"\n").decode(errors="replace"))
    return "\n".join(texts)


def files(folder, ending):
    return sorted(p for p in folder.rglob(f"*{ending}") if p.is_file() and not p.is_symlink())


def long_lines(texts):
    return {line for text in texts for line in text.split("\n") if len(line) > 40}


def translated(text, original):
    """The page, or nothing where most of it is still the original."""
    lines = long_lines([text])
    return text if len(lines & original) * 2 < max(1, len(lines)) else ""


def other_lines(text):
    """Lines that are not in Latin letters alone: what has been translated."""
    return "".join(line for line in text.splitlines(keepends=True) if max(line) > "\u024f")


def prose_sources(work):
    """Language and a list of functions that give its texts, the most readable first."""
    root = work / "unpacked"
    found = {}

    def add(language, make, paths):
        found.setdefault(language, []).extend((make, p) for p in paths)

    english = sorted((DATA / "text/gutenberg").glob("*.zst")) + [DATA / "text" / f"{x}.zst" for x in ("wikitext-2.valid.txt", "c4_demo.jsonl", "botchan.txt")]
    add("en", lambda p: read_text(p).decode(errors="replace"), [p for p in english if p.exists()])
    add("ja", lambda p: read_text(p).decode(errors="replace"), [p for p in [DATA / "text/wagahaiwa_nekodearu.txt.zst"] if p.exists()])
    for p in sorted((DATA / "text/bible-corpus").glob("*.zst")):
        add(p.name.split("-")[0].lower(), lambda p: page_text(read_text(p)), [p])
    add("wiki", lambda p: html.unescape(read_text(p).decode()), sorted((DATA / "text/wikipedia-dump").glob("*.zst")))
    handbook = root / "debian-handbook/usr/share/doc/debian-handbook/html"
    original = long_lines(page_text(p.read_bytes()) for p in files(handbook / "en-US", ".html"))
    for folder in sorted(handbook.iterdir()):
        language = folder.name.split("-")[0] if folder.name not in ("pt-BR", "zh-TW") else folder.name.lower()
        add(language, lambda p: translated(page_text(p.read_bytes()), original if p.parent.name != "en-US" else set()), files(folder, ".html"))
    for x in HELP: add(x[:2], lambda p: other_lines(page_text(p.read_bytes())), files(root / f"libreoffice-help-{x}", ".html"))
    for x in MESSAGES: add(x[:2], lambda p: other_lines(mo_text(p.read_bytes())), files(root / f"libreoffice-l10n-{x}", ".mo"))
    for x in MANPAGES: add(x, lambda p: roff_text(read_text(p)), files(root / f"manpages-{x}/usr/share/man", ".gz"))
    return found


# --- documents ------------------------------------------------------------------------------------------------------------------
def documents(texts, most=None):
    """Texts joined and cut at ends of lines into documents of about 20 kB, at most `most` bytes in all."""
    held, size, total = [], 0, 0
    for text in texts:
        for line in text.splitlines(keepends=True):
            while line:
                part, line = line[:DOCUMENT], line[DOCUMENT:]  # a line may be a whole book
                held.append(part)
                size += len(part.encode(errors="replace"))
                if size < DOCUMENT: continue
                yield "".join(held)
                total += size
                held, size = [], 0
                if most and total >= most: return
    if held: yield "".join(held)


def prose(work, per_language=LANGUAGE, most=PROSE):
    """Documents of all languages by turns; languages with little text end early, and English has what they leave."""
    streams = [documents((make(p) for make, p in sources), per_language if language != "en" else None) for language, sources in sorted(prose_sources(work).items())]
    total = 0
    while streams:
        for s in streams[:]:
            document = next(s, None)
            if document is None: streams.remove(s)
            else:
                yield document
                total += len(document.encode(errors="replace"))
                if most and total >= most: return


def code_files(work):
    """Texts of the Linux sources, in an order that mixes them: the lowest hash of the name first is the sample; the archive is read once."""
    archive = next((work / "unpacked/linux-source-6.1/usr/src").glob("*.tar.xz"))
    with subprocess.Popen(["xz", "-dc", archive], stdout=subprocess.PIPE) as unpack:
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
            for member in tar:
                if not member.isfile() or member.size == 0 or member.size > 1 << 20: continue
                if re.search(r"\.(c|h|S|py|sh|rst|dts|dtsi|rs|pl|txt|json|yaml|awk|y|l)$|/(Makefile|Kconfig)$", member.name):
                    yield int.from_bytes(hashlib.sha256(member.name.encode()).digest()[:4], "big") / 2**32, tar.extractfile(member).read().decode(errors="replace")
        unpack.kill()


# --- odd texts ------------------------------------------------------------------------------------------------------------------
SPECIAL = """<|endoftext|> <|im_start|> <|im_end|> <|begin_of_text|> <|eot_id|> <|start_header_id|> <|end_header_id|> <|reserved_special_token_7|> <s> </s> <unk> <pad>
[CLS] [SEP] [MASK] [PAD] [UNK] [INST] [/INST] <<SYS>> <mask> <tool_call> </tool_call> <think> </think> <0x41> <0xE2> <|fim_prefix|> <|startoftext|>
|||IP_ADDRESS||| <|padding|> <|python_tag|> <extra_id_0> <|startoftranscript|> <|en|> ▁ ▁▁ Ġ Ċ ## ##ing </w> Ā""".split()
BLANKS = [" ", " ", " ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\u00a0", "\u1680", "\u2003", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u0085",
          "\u200b", "\u200d", "\ufeff", "\u180e", "\x1c", "\x1f"]
EMOJI = ["😀", "🚀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇯🇵", "🇺🇳", "1️⃣", "❤️", "❤", "☺︎", "🧑🏿‍🚒", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫨", "🪿", "©", "™", "♀", "⌚", "〰️"]
MARKED = ["don't", "I'LL", "we've", "'S", "'ſ", "it's", "IT'S", "o'clock", "İstanbul", "straße", "STRASSE", "ﬁne", "ΟΔΟΣ", "ς", "naïve", "nai\u0308ve", "Å", "A\u030a",
          "\u212b", "ǆ", "ǅ", "½", "²", "Ⅻ", "٣٤", "१२३", "４２", "𝟙𝟚", "한국어", "\u1112\u1161\u11ab", "が", "か\u3099", "ｶﾞ", "เก็บ", "ကြောင်း", "क्षेत्र", "camelCase",
          "HTTPServer", "snake_case", "x²", "日本語", "中文字符", "\u0301", "a\u0301\u0323", "q\u0323\u0307", "\u0344", "\ufb2c", "\u2126", "\U0001d15e", "\u0958", "ﷺ", "㍿",
          "\ufffd", "\x00", "\x7f", "\x01", "\ue000", "\U000f0000", "\u00ad", "ــ", "ʼn", "ŉ", "ẞ", "K", "ſt"]


def number(r):
    return r.choice([lambda: str(r.randrange(10 ** r.randrange(1, 30))), lambda: f"{r.uniform(-1e6, 1e6):.{r.randrange(8)}f}", lambda: hex(r.getrandbits(r.randrange(1, 64))),
                     lambda: f"{r.randrange(1900, 2100)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}", lambda: f"{r.randrange(10**9):,}", lambda: f"{r.random():e}",
                     lambda: ".".join(str(r.randrange(256)) for _ in range(4)), lambda: "".join(chr(0x660 + r.randrange(10)) for _ in range(r.randrange(1, 9)))])()


def any_character(r):
    while True:
        c = r.choice([lambda: r.randrange(0x20, 0x250), lambda: r.randrange(0x250, 0x3000), lambda: r.randrange(0x3000, 0x10000), lambda: r.randrange(0x10000, 0x32000),
                      lambda: r.randrange(0x110000)])()
        if not 0xD800 <= c < 0xE000: return chr(c)


def odd(seed=5, most=12_000_000):
    r = random.Random(seed)
    words = "the in and of The IN a I lorem ipsum don dolor sit amet return static int éclair Über naïve données мир день 你好 世界 नमस्ते สวัสดี 안녕 שלום مرحبا".split()
    run_of = lambda things, most: "".join(r.choice(things) for _ in range(r.randrange(1, most)))
    makers = [
        lambda: f"{number(r)}{r.choice([' ', ', ', '', chr(10), '%', '€', 'px ', '/'])}",
        lambda: run_of(EMOJI, 6) + r.choice(["", " ", "text"]),
        lambda: r.choice(words) + r.choice(BLANKS) * r.randrange(1, r.choice([3, 9, 90])) + r.choice(["", r.choice(BLANKS), run_of(BLANKS, 5)]),
        lambda: r.choice(["", " ", "  ", "x", "\n"]) + broken(r, r.choice(SPECIAL)) + r.choice(["", " ", "  ", "y", "\n", "."]),
        lambda: r.choice(MARKED) + r.choice(["", " ", "-", "."]),
        lambda: "".join(any_character(r) for _ in range(r.randrange(1, 9))) + r.choice(["", " "]),
        lambda: unicodedata.normalize(r.choice(["NFC", "NFD", "NFKC", "NFKD"]), run_of(words + MARKED, 5)) + " ",
        lambda: r.choice(["a", "ab", "é", "=", "-", "的", ".", "#", "0", "\u0301", "ha", "!?"]) * r.randrange(1, r.choice([10, 300])) + " ",
        lambda: r.choice(words) + r.choice(["", " ", "'s ", "'S", ".", ",", "!", "...", "?!", "_", "://", "()"]),
    ]
    total = 0
    while total < most:
        kind = r.choice([makers, makers, [r.choice(makers)] * 1, [r.choice(makers), makers[-1]]])
        text, size = [], 0
        while size < DOCUMENT:
            text.append(r.choice(kind)())
            size += len(text[-1].encode())
        total += size
        yield "".join(text)


def broken(r, token):
    """A special token, or nearly one."""
    return r.choice([lambda: token, lambda: token, lambda: token[:-1], lambda: token[1:], lambda: token.upper(), lambda: token[:1] + " " + token[1:], lambda: token * 3,
                     lambda: token[:len(token) // 2]])()


def noise(seed=7, n=1_000_000):
    """Bytes of every kind: random ones, UTF-8 with a byte changed, characters cut short, over-long forms and surrogates."""
    r = random.Random(seed)
    out = bytearray()
    while len(out) < n:
        text = bytearray("".join(r.choice(MARKED + EMOJI + SPECIAL + [" ", "word ", "\n"]) for _ in range(r.randrange(1, 20))).encode())
        kind = r.randrange(5)
        if kind == 0: out += r.randbytes(r.randrange(1, 40))
        elif kind == 1: text[r.randrange(len(text))] = r.randrange(256)
        elif kind == 2: text = text[:r.randrange(len(text)) + 1]
        elif kind == 3: text += r.choice([b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80\x80"])
        out += text
    return bytes(out[:n])


# --- files ----------------------------------------------------------------------------------------------------------------------
class jsonl:
    """A file of documents; appears whole."""

    def __init__(self, path):
        self.path, self.bytes, self.n = path, 0, 0
        self.file = open(path.with_suffix(".partial"), "wb")

    def put(self, text):
        self.bytes += len(text.encode(errors="replace"))
        self.n += 1
        self.file.write(json.dumps({"text": text}, ensure_ascii=False).encode(errors="replace") + b"\n")

    def close(self):
        self.file.close()
        self.path.with_suffix(".partial").rename(self.path)
        print(f"{self.path.name}: {self.n} documents, {self.bytes / 1e6:.1f} MB of text", file=sys.stderr)


def write_all(folder, kinds):
    small, sample, count = jsonl(folder / "small.jsonl"), [], 0
    for name, texts in kinds.items():
        out = jsonl(folder / f"{name}.jsonl")
        for text in texts:
            out.put(text)
            if count % 16 == 5: small.put(text)
            if count % 9 == 0: sample.append(text)
            count += 1
        out.close()
    small.close()
    (folder / "sample.txt").write_text("\f".join(sample), encoding="utf-8", errors="replace")
    (folder / "noise.bin").write_bytes(noise())


def write_training(folder, work):
    """Code and prose by turns: a share of each batch that both last for."""
    out, plain = jsonl(folder / "train500.jsonl"), documents(prose(work, None, None))
    code = documents(text for _, text in code_files(work))
    for i, text in enumerate(code):
        out.put(text)
        if i % 3 == 0 and (other := next(plain, None)) is not None: out.put(other)
        if out.bytes >= TRAINING: break
    out.close()


def main():
    work, training = pathlib.Path(sys.argv[1]), "--training" in sys.argv[2:]
    folder = work / "texts"
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "noise.bin"  # written last
    if not whole.exists() or training and not (folder / "train500.jsonl").exists(): fetch(work)
    if not whole.exists():
        share = 0.04  # of the Linux sources' files: more than CODE
        write_all(folder, {"prose": prose(work), "code": documents((text for at, text in code_files(work) if at < share), CODE), "odd": odd()})
    if training and not (folder / "train500.jsonl").exists(): write_training(folder, work)


if __name__ == "__main__": main()
