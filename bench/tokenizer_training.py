"""Training a 32k byte-level BPE on DIR/texts/train500.jsonl with 2 threads, socle and `tokenizers` by turns: seconds, memory, and
whether the merges are equal. `python tokenizer_training.py DIR [--rounds 1] [--file FILE]`. Runs in the peers' Python; called with
--peer it is the peer's side."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from benchlib import SOCLE, fail, need_socle
from tokenizer_vocabularies import LLAMA3

SIZE, SPECIAL = 32000, "<|endoftext|>"


def train_peer(path, out):
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=SIZE, min_frequency=0, special_tokens=[SPECIAL], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    with open(path, encoding="utf-8") as f:
        t.train_from_iterator((json.loads(line)["text"] for line in f), trainer)
    t.save(out)


def measured(command, environment=None):
    """Seconds and peak bytes of a program."""
    start = time.perf_counter()
    p = subprocess.Popen([str(w) for w in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
    said = p.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode: fail(f"{command[0]}: exit status {p.returncode}: {said.strip()[-400:]}")
    return time.perf_counter() - start, used.ru_maxrss * 1024


def merges_of(path):
    merges = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["model"]["merges"]
    return [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in merges]


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("work", type=pathlib.Path)
    o.add_argument("--rounds", type=int, default=1)
    o.add_argument("--file", type=pathlib.Path)
    o.add_argument("--peer", help=argparse.SUPPRESS)
    given = o.parse_args()
    text = given.file or given.work / "texts/train500.jsonl"
    if given.peer: return train_peer(text, given.peer)
    need_socle()
    ours, theirs = given.work / "training-socle", given.work / "training-tokenizers.json"
    sides = {"socle": ([SOCLE, "tokenizer", "train", "--vocab-size", SIZE, "--pattern", "llama3", "--special", SPECIAL, "--threads", 2, "--out", ours, text], None),
             "tokenizers": ([sys.executable, __file__, given.work, "--file", text, "--peer", theirs], {"RAYON_NUM_THREADS": "2"})}
    took = {name: [] for name in sides}
    for r in range(given.rounds):
        for name in sides if r % 2 == 0 else reversed(sides):
            shutil.rmtree(ours, ignore_errors=True) if name == "socle" else None
            took[name].append(measured(*sides[name]))
            print(f"round {r + 1}: {name} {took[name][-1][0]:.1f} s", file=sys.stderr)
    a, b = merges_of(ours / "tokenizer.json"), merges_of(theirs)
    equal = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    print(f"\n32k byte-level BPE, {text.stat().st_size / 1e6:.0f} MB of JSON lines, 2 threads\n\n| | seconds | memory | socle is |\n| --- | ---: | ---: | ---: |")
    middle = {name: statistics.median(s for s, _ in x) for name, x in took.items()}
    for name in sides:
        print(f"| {name} | {middle[name]:.1f} | {max(m for _, m in took[name]) / 1e9:.2f} GB | {middle[name] / middle['socle']:.2f}x |")
    same = equal == len(a) == len(b)
    print(f"\n{len(a)} merges, all equal" if same else f"\nmerges differ from {equal} on: socle {a[equal:equal + 1]}, tokenizers {b[equal:equal + 1]} ({len(a)}, {len(b)})")
    sys.exit(not same)


if __name__ == "__main__": main()
