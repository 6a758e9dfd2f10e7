"""How fast text becomes ids: `python tokenizer_speed.py DIR [--rounds 5] [--parts encode,threads,hard,load]`. Runs in the peers' Python.

Encoding: documents of 20 kB with Llama-3's vocabulary, all on one core, by turns in one run, medians over the rounds. All keep
their caches of words from round to round; what socle does with empty ones stands beside. socle makes the ids of every document; quicktok
and tiktoken are taken by whichever of their interfaces is faster: ids as
an array, or a count, or a list."""
import argparse
import base64
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from benchlib import DATA, SOCLE, fail, need_socle, read_text, run_json
import tokenizer_texts
from tokenizer_vocabularies import LLAMA3

BYTES, SLOW_BYTES = 16_000_000, 2_000_000  # of each text; the slowest peer gets less of it


# --- texts ----------------------------------------------------------------------------------------------------------------------
def take(path, most):
    """Documents of a file, evenly over all of it."""
    with open(path, encoding="utf-8") as f:
        found = [json.loads(line)["text"] for line in f]
    size = sum(len(text.encode()) for text in found)
    step = max(1.0, size / most)
    return [found[int(i * step)] for i in range(int(len(found) / step))]


def write(path, texts):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts), encoding="utf-8")
    return path


# --- encoding -------------------------------------------------------------------------------------------------------------------
def peers(work):
    """Name and function from texts to a number of tokens; the interfaces of one peer under one name."""
    import quicktok
    import tiktoken
    import tokenizers
    lines = read_text(DATA / "tokenizers/llama3/tokenizer.model.zst").splitlines()
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    quick, hf = quicktok.get_encoding("llama3"), tokenizers.Tokenizer.from_file(str(work / "tokenizers/llama3.json"))
    tik = tiktoken.Encoding("llama3", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    hf.encode_special_tokens = True
    return {
        "quicktok": [lambda texts: sum(quick.count(t) for t in texts), lambda texts: len(quick.encode_batch(texts, 1)[0])],
        "tiktoken": [lambda texts: sum(len(tik.encode_ordinary(t)) for t in texts), lambda texts: sum(len(tik.encode_to_numpy(t)) for t in texts)],
        "tokenizers": [lambda texts: sum(len(e) for e in hf.encode_batch_fast(texts, add_special_tokens=False))],
    }


def timed(count, texts):
    start = time.perf_counter()
    tokens = count(texts)
    return time.perf_counter() - start, tokens


def socle_speed(tokenizer, path, threads=1, rounds=3):
    return run_json(SOCLE, "bench", "tokenizer", "-t", tokenizer, "--threads", threads, "--rounds", rounds, "--json", path)


def encode(work, rounds):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    found = peers(work)
    english = tokenizer_texts.documents((make(path) for make, path in tokenizer_texts.prose_sources(work)["en"]), BYTES)
    texts = {"English prose": list(english), "prose in 40 languages": take(work / "texts/prose.jsonl", BYTES), "code": take(work / "texts/code.jsonl", BYTES)}
    wrong = []
    print("| text | socle MB/s (with empty caches) | " + " | ".join(f"{name} MB/s, socle is" for name in found) + " |\n| --- | ---: |" + " ---: |" * len(found))
    for what, documents in texts.items():
        path, size = write(work / "speed" / f"{what.replace(' ', '-')}.jsonl", documents), sum(len(t.encode()) for t in documents)
        few = take(path, SLOW_BYTES)
        few_size = sum(len(t.encode()) for t in few)
        speeds, tokens, cold = {name: [] for name in ("socle", *found)}, dict.fromkeys(("socle", "tiktoken", "quicktok")), []
        for r in range(rounds):
            for name in speeds if r % 2 == 0 else reversed(speeds):  # a slow drift of the machine falls on all alike
                if name == "socle":
                    m = socle_speed(work / "tokenizers/llama3.json", path)
                    speeds[name].append(m["bytes_per_s"] / 1e6)
                    cold.append(m["first_bytes_per_s"] / 1e6)
                    tokens[name] = m["tokens"]
                    continue
                some, bytes_ = (few, few_size) if name == "tokenizers" else (documents, size)
                did = [timed(count, some) for count in found[name]]
                speeds[name].append(bytes_ / 1e6 / min(seconds for seconds, _ in did))
                if name in tokens: tokens[name] = did[0][1]
            if tokens["socle"] != tokens["tiktoken"]: fail(f"{what}: socle makes {tokens['socle']} tokens, tiktoken {tokens['tiktoken']}")
        middle = {name: statistics.median(x) for name, x in speeds.items()}
        cells = [f"{middle[name]:.1f}, {middle['socle'] / middle[name]:.2f}x" for name in found]
        print(f"| {what}, {size / 1e6:.0f} MB, {tokens['socle']} tokens | {middle['socle']:.1f} ({statistics.median(cold):.1f}) | " + " | ".join(cells) + " |", flush=True)
        if tokens["quicktok"] != tokens["socle"]: wrong.append(f"{what}: quicktok makes {tokens['quicktok']} tokens, socle and tiktoken {tokens['socle']}")
    for line in wrong: print(f"\n{line}")
    os.sched_setaffinity(0, allowed)


# --- threads --------------------------------------------------------------------------------------------------------------------
def threads(work, rounds):
    print("\n| text | 1 thread MB/s | 2 threads MB/s | |\n| --- | ---: | ---: | ---: |")
    for what in ("prose", "code"):
        speed = {1: [], 2: []}
        for _ in range(rounds):
            for n in speed: speed[n].append(socle_speed(work / "tokenizers/llama3.json", work / f"texts/{what}.jsonl", n)["bytes_per_s"] / 1e6)
        one, two = statistics.median(speed[1]), statistics.median(speed[2])
        print(f"| {what} | {one:.1f} | {two:.1f} | {two / one:.2f}x |", flush=True)


# --- hard texts -----------------------------------------------------------------------------------------------------------------
def hard(work, rounds):
    """Seconds for texts that are the worst for some algorithm, and how they grow when the text doubles."""
    import random
    letters = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=10_000_000))
    texts = {"a million a": "a" * 1_000_000, "a million blanks": " " * 1_000_000, "a million line feeds": "\n" * 1_000_000, "a million !": "!" * 1_000_000,
             "a million 的": "的" * 1_000_000, "one word of 10 MB": letters}
    names = [n for n in ("gpt2", "llama3", "qwen2", "llama2", "unigram", "wordpiece") if (work / f"tokenizers/{n}.json").exists()]
    print("\n| seconds (growth with twice the text) | " + " | ".join(names) + " |\n| --- |" + " ---: |" * len(names))
    for what, text in texts.items():
        cells = []
        for name in names:
            took = []
            for part in (text[:len(text) // 2], text):
                path = write(work / "speed/hard.jsonl", [part])
                took.append(socle_speed(work / f"tokenizers/{name}.json", path, 1, 3)["seconds"])
            cells.append(f"{took[1]:.3f} ({took[1] / max(took[0], 1e-6):.1f}x)")
        print(f"| {what} | " + " | ".join(cells) + " |", flush=True)


# --- loading --------------------------------------------------------------------------------------------------------------------
def load(work, rounds):
    print("\n| tokenizer.json | MB | socle, process start included, ms | tokenizers, loading alone, ms |\n| --- | ---: | ---: | ---: |")
    for name in ("gpt2", "llama3", "qwen2", "llama2", "unigram", "wordpiece"):
        path = work / f"tokenizers/{name}.json"
        if not path.exists(): continue
        took = []
        for _ in range(11):
            start = time.perf_counter()
            p = subprocess.run([SOCLE, "tokenizer", "encode", "-t", path], stdin=subprocess.DEVNULL, capture_output=True)
            took.append(time.perf_counter() - start)
            if p.returncode: break
        import tokenizers
        start = time.perf_counter()
        tokenizers.Tokenizer.from_file(str(path))
        theirs = time.perf_counter() - start
        ours = f"{1e3 * statistics.median(took):.0f}" if p.returncode == 0 else "refused"
        print(f"| {name} | {path.stat().st_size / 1e6:.1f} | {ours} | {1e3 * theirs:.0f} |", flush=True)


PARTS = {"encode": encode, "threads": threads, "hard": hard, "load": load}


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("work", type=pathlib.Path)
    o.add_argument("--rounds", type=int, default=5)
    o.add_argument("--parts", default=",".join(PARTS))
    given = o.parse_args()
    need_socle()
    for part in given.parts.split(","): PARTS[part](given.work, given.rounds)


if __name__ == "__main__": main()
