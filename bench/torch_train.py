#!/usr/bin/env python3
"""Training by PyTorch and transformers, the peer of `socle train`: speed and peak memory of a GPT-2 124M step, or the loss
curve of a given model on a given token file.

    bench/peers python bench/torch_train.py --steps 5 --json                               # speed: random weights, random ids
    bench/peers python bench/torch_train.py --init DIR --tokens PREFIX --steps 100 --json  # curve: as socle with shuffle: false"""
import argparse
import json
import os
import resource
import statistics
import sys
import time


def options():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--init", help="Hugging Face folder to start from (default: GPT-2 124M, random weights)")
    o.add_argument("--tokens", help="PREFIX of Megatron's .bin and .idx (default: random ids)")
    o.add_argument("--batch", type=int, default=4, help="sequences of a micro-batch (default %(default)s)")
    o.add_argument("--seq", type=int, default=256, help="tokens of a sequence (default %(default)s)")
    o.add_argument("--accumulate", type=int, default=1, help="micro-batches of a step (default %(default)s)")
    o.add_argument("--steps", type=int, default=5, help="steps, the timed ones (default %(default)s)")
    o.add_argument("--untimed", type=int, default=0, help="steps before them that are not timed (default %(default)s)")
    o.add_argument("--threads", type=int, default=2)
    o.add_argument("--lr", type=float, default=6e-4)
    o.add_argument("--warmup-steps", type=int, default=0, help="linear warm-up: step s of them has lr * s / N (default: none)")
    o.add_argument("--betas", type=float, nargs=2, default=[0.9, 0.95])
    o.add_argument("--eps", type=float, default=1e-8)
    o.add_argument("--weight-decay", type=float, default=0.1)
    o.add_argument("--clip", type=float, default=1.0)
    o.add_argument("--seed", type=int, default=1)
    o.add_argument("--compile", action="store_true", help="torch.compile the model (needs g++ and Python's headers)")
    o.add_argument("--fused", action="store_true", help="AdamW's fused kernel in place of its default")
    o.add_argument("--other-sums", action="store_true", help="the same arithmetic, its sums in another order: plain attention, narrower vectors")
    o.add_argument("--double", action="store_true", help="everything in f64: what f32 runs are an approximation of")
    o.add_argument("--json", action="store_true", help="one JSON object on stdout: tokens_per_s, peak_rss_bytes, step_seconds, loss, grad_norm")
    return o.parse_args()


given = options()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(given.threads)  # before torch is loaded
if given.other_sums:
    os.environ |= {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import torch.nn.functional as F
import transformers

torch.set_num_threads(given.threads)
torch.manual_seed(given.seed)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def load_model():
    attention = "eager" if given.other_sums else "sdpa"
    if given.init:
        model = transformers.AutoModelForCausalLM.from_pretrained(given.init, dtype=torch.float64 if given.double else torch.float32, attn_implementation=attention)
    else:
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(attn_implementation=attention))  # the defaults are the 124M shape
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout): part.p = 0.0
    for name in ("attn_pdrop", "resid_pdrop", "embd_pdrop", "attention_dropout"):
        if hasattr(model.config, name): setattr(model.config, name, 0.0)
    for part in model.modules():  # attention keeps copies of its own
        if isinstance(getattr(part, "attn_dropout", None), float): part.attn_dropout = 0.0
        if isinstance(getattr(part, "attention_dropout", None), float): part.attention_dropout = 0.0
    return model.train()


def read_tokens(prefix):
    """All ids of a Megatron token file, document after document."""
    with open(prefix + ".idx", "rb") as f:
        head = f.read(34)
    if head[:9] != b"MMIDIDX\0\0": sys.exit(f"{prefix}.idx is not Megatron's index")
    types = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 8: np.uint16}
    if head[17] not in types: sys.exit(f"{prefix}.idx: ids of type {head[17]} are not known")
    return np.fromfile(prefix + ".bin", dtype=types[head[17]]).astype(np.int64)


def windows(vocab):
    """Inputs and targets [batch, seq] without end: window i is ids[i * seq .. i * seq + seq], targets one further."""
    if given.tokens:
        ids = read_tokens(given.tokens)
    else:
        n = (given.steps + given.untimed) * given.accumulate * given.batch * given.seq + 1
        ids = np.random.default_rng(given.seed).integers(vocab, size=n)
    if ids.max() >= vocab: sys.exit(f"{given.tokens}: id {ids.max()}, and the model has {vocab} rows")
    n_window, at = (len(ids) - 1) // given.seq, 0
    need = (given.steps + given.untimed) * given.accumulate * given.batch
    if n_window < need: sys.exit(f"{given.tokens} has {n_window} windows of {given.seq}, the run needs {need}")
    ids = torch.from_numpy(ids)
    while True:
        starts = [i * given.seq for i in range(at, at + given.batch)]
        at += given.batch
        yield torch.stack([ids[s : s + given.seq] for s in starts]), torch.stack([ids[s + 1 : s + given.seq + 1] for s in starts])


def main():
    model = load_model()
    parameters = list(model.parameters())
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": given.weight_decay},
              {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=given.lr, betas=tuple(given.betas), eps=given.eps, fused=given.fused or None)
    run = torch.compile(model) if given.compile else model
    batches = windows(model.config.vocab_size)
    losses, norms, seconds = [], [], []
    for step in range(given.untimed + given.steps):
        start = time.perf_counter()
        for g in optimizer.param_groups: g["lr"] = given.lr * min(1.0, (step + 1) / max(1, given.warmup_steps))
        loss_sum = 0.0
        for _ in range(given.accumulate):
            x, y = next(batches)
            logits = run(input_ids=x, use_cache=False).logits
            loss = F.cross_entropy(logits.flatten(0, 1), y.flatten()) / given.accumulate
            loss.backward()
            loss_sum += loss.item()
            del logits, loss
        norm = torch.nn.utils.clip_grad_norm_(parameters, given.clip).item()
        optimizer.step()
        optimizer.zero_grad()
        took = time.perf_counter() - start
        print(f"step {step + 1}: loss {loss_sum:.4f}, {took:.2f} s", file=sys.stderr)
        losses.append(loss_sum)
        norms.append(norm)
        if step >= given.untimed: seconds.append(took)
    tokens = given.accumulate * given.batch * given.seq
    result = {
        "what": "torch " + ("compiled" if given.compile else "eager") + (" fused" if given.fused else ""), "torch": torch.__version__, "threads": given.threads,
        "batch": given.batch, "seq": given.seq, "tokens_per_s": tokens / statistics.median(seconds),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "step_seconds": seconds, "loss": losses, "grad_norm": norms}
    if given.json: print(json.dumps(result))
    else: print(f"{result['what']}: {result['tokens_per_s']:.1f} tokens/s, peak {result['peak_rss_bytes'] / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
