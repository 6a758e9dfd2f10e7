#!/usr/bin/env python3
"""Do folders that socle writes load in transformers and PEFT, and mean the same there?

    bench/parity-loads [--work DIR]          # trains 3 steps from each golden model (tests/golden/torch) and takes what is saved
    bench/parity-loads MODEL... MODEL+ADAPTER...

MODEL is a Hugging Face folder or a training run's folder (its newest checkpoint). Log-probabilities of random ids must agree with
`socle eval --ids`; every tensor must find its place; where there is a tokenizer, its ids and its text must agree too."""
import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "2")
warnings.filterwarnings("ignore")
import torch
import transformers

from benchlib import *

BAR = 1e-3  # largest difference of a log-probability, in nats
TEXTS = ["Once upon a time, there was a ship.", "def f(x):\n    return x ** 2  # caf\u00e9\n", " 3.14 \u4f60\u597d \U0001f600\tend", "It's 2026; we'll see!"]
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def find_model(folder):
    """The folder itself, or the newest whole checkpoint below it."""
    if (folder / "config.json").exists(): return folder
    step = lambda p: [int(n) for n in re.findall(r"\d+", p.name)] or [-1]
    found = sorted((p.parent for p in folder.rglob("config.json") if ".partial" not in str(p)), key=step)
    if not found: fail(f"{folder} holds no config.json, nor does a folder in it")
    return found[-1]


def split_argument(word):
    """(base, adapter or None); a path that exists as written wins."""
    if pathlib.Path(word).exists(): return pathlib.Path(word), None
    for at in (m.start() for m in re.finditer(r"\+", word)):
        base, adapter = pathlib.Path(word[:at]), pathlib.Path(word[at + 1 :])
        if base.exists() and adapter.exists(): return base, adapter
    fail(f"{word}: no such folder")


def load(base, adapter, trouble):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(kind): trouble.append(f"{kind.replace('_', ' ')}: {', '.join(map(str, sorted(info[kind])))[:120]}")
    if adapter is None: return model.eval()
    from peft import PeftModel
    from safetensors import safe_open
    model = PeftModel.from_pretrained(model, adapter)
    here = {re.sub(r"\.default(?=\.|$)", "", k) for k in model.state_dict() if "lora_" in k}
    with safe_open(adapter / "adapter_model.safetensors", "pt") as f: there = set(f.keys())
    if here != there: trouble.append(f"adapter tensors without a counterpart: {', '.join(sorted(here ^ there))[:120]}")
    return model.eval()


def logprobs(model, ids):
    with torch.no_grad(): logits = model(torch.tensor([ids])).logits[0].double()
    return logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].tolist()


def largest_gap(a, b):
    if len(a) != len(b): return float("inf")
    return max(abs(x - y) for x, y in zip(a, b)) if all(x == x for x in a + b) else float("inf")


def compare_tokenizer(folder, trouble):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        theirs = tokenizer.encode(text, add_special_tokens=False)
        p = subprocess.run([SOCLE, "tokenizer", "encode", "-t", folder], input=text.encode(), capture_output=True)
        if p.returncode: return trouble.append(f"socle tokenizer: {p.stderr.decode(errors='replace').strip()[-120:]}")
        if theirs != [int(x) for x in p.stdout.split()]: trouble.append(f"other ids for {text!r}")
    if getattr(tokenizer, "chat_template", None):
        messages = [{"role": "user", "content": "What does ls do?"}, {"role": "assistant", "content": "list directory contents"}, {"role": "user", "content": "And cat?"}]
        theirs = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        p = subprocess.run([SOCLE, "template", folder], input=json.dumps({"messages": messages, "add_generation_prompt": True}).encode(), capture_output=True)
        if p.returncode == 0 and p.stdout.decode() != theirs: trouble.append("the chat template renders otherwise")  # a socle without `template` is no error
    return len(TEXTS)


def check(word):
    base, adapter = split_argument(word)
    base, trouble, said = find_model(base), [], []
    try: model = load(base, adapter, trouble)
    except Exception as e: return f"{word}: does not load: {type(e).__name__}: {' '.join(str(e).split())[:200]}", False
    vocab, length = model.config.vocab_size, min(40, getattr(model.config, "max_position_embeddings", 40))
    ids = random.Random(5).choices(range(vocab), k=length)
    theirs = logprobs(model, ids)
    argument = f"{base}+{adapter}" if adapter else str(base)
    p = subprocess.run([SOCLE, "eval", argument, "--ids", " ".join(map(str, ids)), "--json"], capture_output=True, text=True)
    if p.returncode: trouble.append(f"socle eval: {p.stderr.strip()[-160:]}")
    else:
        gap = largest_gap(json.loads(p.stdout)["logprobs"], theirs)
        if gap <= BAR: said.append(f"log-probabilities within {gap:.1e}")
        else: trouble.append(f"log-probabilities off by {gap:.3g} (bar {BAR:.0e})")
    if adapter:
        with model.disable_adapter(): change = largest_gap(logprobs(model, ids), theirs)
        said.append(f"the adapter changes them by up to {change:.2g}")
        if change == 0: trouble.append("the adapter changes nothing")
    if (base / "tokenizer.json").exists():
        n = compare_tokenizer(base, trouble)
        if n and not trouble: said.append(f"tokenizer agrees on {n} texts")
    return f"{word}: {'; '.join(said + trouble)}", not trouble


def make_runs(work):
    """3 steps of training from each golden model, on random ids: folders that socle wrote."""
    for golden in sorted((ROOT / "tests" / "golden" / "torch").glob("*/model.safetensors")):
        name, draw = golden.parent.name, random.Random(3)
        write_tokens(work / f"{name}-tokens", [draw.choices(range(67), k=400)])
        out, config = work / name, work / f"{name}.yaml"
        shutil.rmtree(out, ignore_errors=True)
        config.write_text(f"model: {{init: {golden.parent}}}\ndata:\n  train: [{{path: {work / name}-tokens, weight: 1.0}}]\n  seq_len: 16\n  shuffle: false\n"
                          f"batch: {{sequences: 2, accumulate: 1}}\noptimizer: {{name: adamw, lr: 1e-3}}\nschedule: {{name: constant, warmup_steps: 0}}\nsteps: 3\n"
                          f"checkpoint: {{every: 3, keep: 1}}\nseed: 1\nout: {out}\n")
        run(SOCLE, "train", config, what=f"socle train from {name}")
        yield str(out)


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--work", type=pathlib.Path, help="where runs are made (default: a temporary folder)")
    o.add_argument("models", nargs="*", metavar="MODEL")
    given = o.parse_args()
    need_socle()
    with contextlib.ExitStack() as stack:
        work = given.work.resolve() if given.work else pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        right = []
        for word in given.models or make_runs(work):
            text, ok = check(word)
            print(("ok   " if ok else "WRONG ") + text, flush=True)
            right.append(ok)
    print(f"{sum(right)} of {len(right)} load elsewhere and mean the same")
    sys.exit(not right or not all(right))


main()
