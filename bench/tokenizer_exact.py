"""Ids and offsets of socle against Hugging Face `tokenizers`: `python tokenizer_exact.py DIR [--only NAME,...] [--peers-only]`.

For every tokenizer in DIR/tokenizers: the peer's ids of DIR/texts are kept in DIR/ids (made once), socle's are made anew. A line a
tokenizer, and DIR/differences.txt with the shortest text found for each difference. Exit status 1 where there is one. Runs in the
peers' Python."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import numpy
from benchlib import SOCLE, need_socle
from tokenizer_vocabularies import MAIN, WIDE
from tokenizers import Tokenizer

# what a run asks for: special tokens of the text are parsed; the post-processor's are added; offsets
PARSE, PLAIN, WHOLE = ("parse", True, False, False), ("text", False, False, False), ("whole", True, True, True)
MAIN_RUNS = [("small", WHOLE), ("odd", PARSE), ("odd", PLAIN), ("code", PARSE), ("prose", PARSE)]
WIDE_RUNS = [("small", WHOLE), ("small", PLAIN)]
BATCH, SHOWN = 32, 3
# byte-level or with byte fallback, and no normalizer that rewrites: what goes in comes out
UNCHANGED = ["gpt2", "llama3", "llama2", "cl100k", "o200k", "smollm", "deepseek", "mistral", "llama2-metaspace", "gemma"]


def documents(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line)["text"] for line in f]


# --- the peer -------------------------------------------------------------------------------------------------------------------
def byte_positions(text):
    """Byte at which each character begins, and the end."""
    lengths = numpy.frombuffer(text.encode("utf-32-le"), dtype=numpy.uint32)
    size = 1 + (lengths >= 0x80).astype(numpy.uint32) + (lengths >= 0x800) + (lengths >= 0x10000)
    return numpy.concatenate([[0], numpy.cumsum(size)]).astype(numpy.uint32)


def as_text(path):
    """The peer for texts whose special tokens are text. `encode_special_tokens` alone does not see to it where the model itself holds
    them (Unigram's pieces `<s>`, ...): here they get names that no text has."""
    config = json.loads(path.read_text(encoding="utf-8"))
    model, hidden = config["model"], {t["content"]: "\U0010fffd" + t["content"] for t in config["added_tokens"] if t["special"]}
    if "merges" in model: return Tokenizer.from_str(json.dumps(config))  # no merge makes one
    name = lambda token: hidden.get(token, token)
    if isinstance(model["vocab"], list): model["vocab"] = [[name(token), score] for token, score in model["vocab"]]
    else: model["vocab"] = {name(token): i for token, i in model["vocab"].items()}
    if "unk_token" in model: model["unk_token"] = name(model["unk_token"])
    for token in config["added_tokens"]: token["content"] = name(token["content"])
    config["post_processor"] = None
    return Tokenizer.from_str(json.dumps(config))


def peer_ids(tokenizer, texts, mode):
    """For each text the array that `socle bench tokenizer --ids` writes: how many, ids, and begins and ends with offsets."""
    _, parse, add, offsets = mode
    tokenizer.encode_special_tokens = not parse
    encode = tokenizer.encode_batch if offsets else tokenizer.encode_batch_fast
    for text, e in zip(texts, encode(texts, add_special_tokens=add)):
        ids = numpy.array(e.ids, dtype=numpy.uint32)
        parts = [numpy.array([len(ids)], dtype=numpy.uint32), ids]
        if offsets:
            at = byte_positions(text)
            ends = numpy.array(e.offsets, dtype=numpy.int64).reshape(-1, 2)
            parts += [at[ends[:, 0]], at[ends[:, 1]]]
        yield numpy.concatenate(parts)


def peer_file(work, name, tokenizer, text, mode):
    path = work / "ids" / f"{name}.{text}.{mode[0]}"
    if path.exists(): return path
    path.parent.mkdir(exist_ok=True)
    texts = documents(work / "texts" / f"{text}.jsonl")
    partial = path.with_suffix(path.suffix + f".{os.getpid()}.partial")
    with open(partial, "wb") as out:
        for i in range(0, len(texts), BATCH):
            for array in peer_ids(tokenizer, texts[i:i + BATCH], mode): array.tofile(out)
    partial.rename(path)
    return path


# --- socle ----------------------------------------------------------------------------------------------------------------------
class refused(Exception):
    pass


def socle_file(work, name, path, mode):
    _, parse, add, offsets = mode
    out = work / f"socle.{os.getpid()}.ids"
    words = [*(["--parse-special"] if parse else []), *(["--add-special"] if add else []), *(["--offsets"] if offsets else [])]
    p = subprocess.run([SOCLE, "bench", "tokenizer", "-t", work / "tokenizers" / f"{name}.json", "--rounds", "0", "--ids", out, *words, path],
                       capture_output=True, text=True)
    if p.returncode: raise refused(p.stderr.strip()[-400:] or f"exit status {p.returncode}")
    data = numpy.fromfile(out, dtype=numpy.uint32)
    out.unlink()
    return data


def split(data, mode):
    """The arrays of the documents."""
    at, found = 0, []
    while at < len(data):
        n = 1 + int(data[at]) * (3 if mode[3] else 1)
        found.append(data[at:at + n])
        at += n
    return found


def whole_characters(array, text):
    """Offsets rounded outward to whole characters: `tokenizers` counts in these, and says of each byte of a character that it is all of it."""
    n = int(array[0])
    if len(array) == 1 + n: return array
    at = byte_positions(text)
    begin, end = array[1 + n:1 + 2 * n], array[1 + 2 * n:]
    full = begin < end
    out = array.copy()
    out[1 + n:1 + 2 * n] = numpy.where(full, at[numpy.maximum(numpy.searchsorted(at, begin, "right") - 1, 0)], begin)
    out[1 + 2 * n:] = numpy.where(full, at[numpy.minimum(numpy.searchsorted(at, end, "left"), len(at) - 1)], end)
    return out


def same_ids(a, b):
    return a[0] == b[0] and numpy.array_equal(a[:1 + int(a[0])], b[:1 + int(b[0])])


def same(a, b):
    """Offsets too, where they are asked for; where an empty token lies says nothing."""
    if not same_ids(a, b) or len(a) != len(b): return False
    n = int(a[0])
    if len(a) == 1 + n: return True
    full = lambda x: x[1 + n:1 + 2 * n] != x[1 + 2 * n:]
    keep = numpy.concatenate([numpy.ones(1 + n, dtype=bool), full(a), full(a)])
    return numpy.array_equal(full(a), full(b)) and numpy.array_equal(a[keep], b[keep])


# --- differences ----------------------------------------------------------------------------------------------------------------
class shrinker:
    """Cuts a text down while the two differ on it, as `equal` says."""

    def __init__(self, work, name, tokenizer, mode, equal):
        self.work, self.name, self.tokenizer, self.mode, self.equal = work, name, tokenizer, mode, equal

    def both(self, texts):
        path = self.work / f"shrink.{os.getpid()}.jsonl"
        path.write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts), encoding="utf-8")
        ours = split(socle_file(self.work, self.name, path, self.mode), self.mode)
        path.unlink()
        return list(zip(peer_ids(self.tokenizer, texts, self.mode), map(whole_characters, ours, texts)))

    def first(self, candidates):
        """The first that the two differ on, or None."""
        candidates = [c for c in candidates if c]
        return next((c for c, (a, b) in zip(candidates, self.both(candidates)) if not self.equal(a, b)), None) if candidates else None

    def shrink(self, text):
        while len(text) > 40:  # windows, then single parts taken out
            n, half, most = len(text), len(text) // 2, len(text) * 3 // 4
            smaller = self.first([text[i:i + half] for i in (0, half, n // 4)] + [text[i:i + most] for i in (0, n - most)])
            if smaller is None: break
            text = smaller
        step = max(1, len(text) // 4)
        while step:
            smaller = self.first([text[:i] + text[i + step:] for i in range(0, len(text), step)][:200])
            if smaller is None: step //= 2
            else: text = smaller
        return text

    def describe(self, text):
        (peer, ours), = self.both([text])

        def shown(x):
            n = int(x[0])
            tokens = [(self.tokenizer.id_to_token(int(i)), int(i)) for i in x[1:1 + n][:12]]
            place = f" at {[(int(b), int(e)) for b, e in zip(x[1 + n:1 + 2 * n], x[1 + 2 * n:])][:12]}" if self.mode[3] else ""
            return f"{tokens}{place}"

        return f"    text {text[:200]!r}\n      tokenizers {shown(peer)}\n      socle      {shown(ours)}"


def compare(work, name, tokenizer, text, mode):
    """Documents, how many of them have other ids, how many other offsets alone, and short texts of either kind."""
    path = work / "texts" / f"{text}.jsonl"
    want = numpy.fromfile(peer_file(work, name, tokenizer, text, mode), dtype=numpy.uint32)
    got = socle_file(work, name, path, mode)
    peer = split(want, mode)
    if numpy.array_equal(want, got): return len(peer), 0, 0, []
    texts, lines = documents(path), []
    pairs = list(zip(peer, map(whole_characters, split(got, mode), texts)))
    ids = [i for i, (a, b) in enumerate(pairs) if not same_ids(a, b)]
    offsets = [i for i, (a, b) in enumerate(pairs) if same_ids(a, b) and not same(a, b)]
    for what, off, equal in (("ids", ids, same_ids), ("offsets", offsets, same)):
        s, found = shrinker(work, name, tokenizer, mode, equal), []
        for i in off[::max(1, len(off) // SHOWN)][:SHOWN]:
            short = s.shrink(texts[i])
            if short not in found: found.append(short)
        if off: lines += [f"{name}, {text}, {mode[0]}: {what} of {len(off)} of {len(peer)} documents differ", *(s.describe(t) for t in found)]
    return len(peer), len(ids), len(offsets), lines


def round_trip(work, name):
    """Whether bytes that are no UTF-8 come back as they were."""
    tokenizer, noise = work / "tokenizers" / f"{name}.json", (work / "texts/noise.bin").read_bytes()
    noise = noise.replace("▁".encode(), b"")  # SentencePiece's sign for a blank comes back as a blank
    ids = subprocess.run([SOCLE, "tokenizer", "encode", "-t", tokenizer], input=noise, capture_output=True)
    back = subprocess.run([SOCLE, "tokenizer", "decode", "-t", tokenizer], input=ids.stdout, capture_output=True)
    for p in (ids, back):
        if p.returncode: raise refused(p.stderr.decode(errors="replace").strip()[-400:])
    at = next((i for i, (a, b) in enumerate(zip(noise, back.stdout)) if a != b), min(len(noise), len(back.stdout)))
    if noise == back.stdout: return []
    return [f"{name}: bytes do not survive: from byte {at} on {noise[max(0, at - 8):at + 8]!r} comes back as {back.stdout[max(0, at - 8):at + 8]!r}"]


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("work", type=pathlib.Path)
    o.add_argument("--only", default="", help="names of tokenizers, comma-separated; `main` is the seven")
    o.add_argument("--texts", default="small,odd,code,prose")
    o.add_argument("--peers-only", action="store_true", help="makes DIR/ids only")
    given = o.parse_args()
    names = [*MAIN, *WIDE] if not given.only else [n for x in given.only.split(",") for n in (MAIN if x == "main" else [x])]
    if not given.peers_only: need_socle()
    differences, right, total = [], 0, 0
    for name in names:
        path = given.work / "tokenizers" / f"{name}.json"
        if not path.exists():
            print(f"{name}: not built", file=sys.stderr)
            continue
        parsing, plain = Tokenizer.from_file(str(path)), as_text(path)
        runs = [r for r in (MAIN_RUNS if name in MAIN else WIDE_RUNS) if r[0] in given.texts.split(",")]
        if given.peers_only:
            for text, mode in runs: peer_file(given.work, name, parsing if mode[1] else plain, text, mode)
            print(f"{name}: ids are there", file=sys.stderr)
            continue
        lines, n, off, moved = [], 0, 0, 0
        try:
            for text, mode in runs:
                some, other_ids, other_offsets, shown = compare(given.work, name, parsing if mode[1] else plain, text, mode)
                n, off, moved = n + some, off + other_ids, moved + other_offsets
                lines += shown
            if name in UNCHANGED: lines += round_trip(given.work, name)
            survive = ", bytes survive" if name in UNCHANGED and "bytes do not survive" not in "".join(lines) else ""
            word = (f"{n} texts equal" if not off + moved else f"of {n} texts {off} have other ids, {moved} other offsets alone") + survive
        except refused as e:
            lines, word = [f"{name}: refused: {e}"], f"refused: {str(e)[:140]}"
        total, right = total + 1, right + (not lines)
        differences += lines
        print(f"{name}: {word}", flush=True)
    if given.peers_only: return
    out = given.work / ("differences.txt" if not given.only else f"differences.{given.only.replace(',', '+')[:60]}.txt")
    out.write_text("\n".join(differences) + "\n", encoding="utf-8", errors="backslashreplace")
    print(f"{right} of {total} tokenizers give equal ids" + ("" if right == total else f"; see {out}"))
    sys.exit(right != total)


if __name__ == "__main__": main()
