#!/usr/bin/env python3
"""Makes the goldens of this folder with PyTorch, transformers and PEFT (README.md says what each file holds).

    bench/peers python tests/golden/torch/make_goldens.py        # writes the files anew; the same bits on the same peers
    bench/peers python tests/golden/torch/make_goldens.py --check   # compares with what is there

Values are computed in double from inputs that are exact in f32, then rounded to f32: a difference seen in a test is socle's
own. As a check of the checker, PyTorch in f32 must come within 1e-5 of them by the measure of the tests."""
import argparse
import json
import os
import pathlib
import shutil
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1" # nothing here is fetched: PEFT would look its base up
warnings.filterwarnings("ignore", module="transformers|peft")

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
IGNORED = -100
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


class Draw:
    """Random tensors, a function of the seed alone."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape, std=1.0, mean=0.0):
        return torch.randn(shape, generator=self.generator) * std + mean

    def ids(self, below, *shape):
        return torch.randint(below, shape, generator=self.generator)


# ---------------------------------------------------------------------------------------------------------------- operations


def differentiate(function, inputs, names, dtype):
    """out, dNAME of each of `names`, with the upstream gradient dout; all in `dtype`."""
    given = {k: v.to(dtype) if v.is_floating_point() else v for k, v in inputs.items()}
    for name in names:
        given[name].requires_grad_()
    results = function(**{k: v for k, v in given.items() if k != "dout"})
    results = results if isinstance(results, dict) else {"out": results}
    results["out"].backward(given["dout"])
    return {k: v.detach() for k, v in results.items()} | {"d" + name: given[name].grad for name in names}


def case(function, inputs, names):
    sharp = differentiate(function, inputs, names, torch.float64)
    plain = differentiate(function, inputs, names, torch.float32)
    for name, value in sharp.items():
        gap, largest = (plain[name].double() - value).abs().max().item(), value.abs().max().item()
        assert gap <= 1e-5 * largest, f"{function.__name__} {name}: PyTorch in f32 is off by {gap:.3g} of {largest:.3g}"
    return {k: v.int() if v.dtype == torch.int64 else v for k, v in inputs.items()} | {k: v.float() for k, v in sharp.items()}


def linear(x, w, bias):
    return F.linear(x, w, bias)


def linear_cases():
    for seed, (name, rows, n_in, n_out) in enumerate([("one", 1, 1, 1), ("odd", 5, 7, 3), ("tail", 37, 33, 19), ("large", 70, 50, 40)]):
        d = Draw(100 + seed)
        yield name, linear, {"x": d.normal(rows, n_in), "w": d.normal(n_out, n_in), "bias": d.normal(n_out), "dout": d.normal(rows, n_out)}, ["x", "w", "bias"]


def adapted_linear(x, w, bias, slot, a, b, scale):
    out = F.linear(x, w, bias)
    for s in range(a.shape[0]):
        mine = (slot == s).to(x.dtype)[:, None]
        out = out + mine * scale[s] * F.linear(F.linear(x, a[s]), b[s])
    return out


def adapted_linear_cases():
    for seed, (name, rows, n_in, n_out, n_slot, rank) in enumerate([("odd", 5, 7, 3, 1, 2), ("slots", 37, 33, 19, 3, 5)]):
        d = Draw(150 + seed)
        slot = torch.sort(d.ids(n_slot + 1, rows)).values - 1 if n_slot > 1 else torch.zeros(rows, dtype=torch.int64)
        yield name, adapted_linear, {
            "x": d.normal(rows, n_in), "w": d.normal(n_out, n_in), "bias": d.normal(n_out), "slot": slot,
            "a": d.normal(n_slot, rank, n_in), "b": d.normal(n_slot, n_out, rank),
            "scale": torch.tensor([0.5, 2.0, 1.25])[:n_slot], "dout": d.normal(rows, n_out)}, ["x", "w", "bias", "a", "b"]


def embedding(ids, w):
    return F.embedding(ids, w)


def embedding_cases():
    for seed, (name, rows, vocab, dim) in enumerate([("odd", 5, 3, 7), ("repeats", 37, 11, 19), ("large", 60, 70, 33)]):
        d = Draw(200 + seed)
        yield name, embedding, {"ids": d.ids(vocab, rows), "w": d.normal(vocab, dim), "dout": d.normal(rows, dim)}, ["w"]


def rms_norm(x, w, eps):
    return F.rms_norm(x, (x.shape[-1],), w, eps.item())


def layer_norm(x, w, bias, eps):
    return F.layer_norm(x, (x.shape[-1],), w, bias, eps.item())


def norm_cases(function, first_seed, has_bias):
    for seed, (name, rows, dim, eps) in enumerate([("odd", 5, 7, 1e-5), ("tail", 37, 33, 1e-6), ("large", 50, 66, 1e-5), ("small_values", 6, 17, 1e-2)]):
        d = Draw(first_seed + seed)
        inputs = {"x": d.normal(rows, dim, std=0.05 if name == "small_values" else 1.0, mean=0.3 if has_bias else 0.0), "w": d.normal(dim, std=0.5, mean=1.0)}
        inputs |= {"bias": d.normal(dim)} if has_bias else {}
        inputs |= {"eps": torch.tensor([eps]), "dout": d.normal(rows, dim)}
        yield name, function, inputs, ["x", "w", "bias"] if has_bias else ["x", "w"]


def rope(x, position, inverse):
    """As transformers' Llama does it: the two halves of a head are the pairs' first and second members."""
    half = inverse.shape[0]
    angle = position[:, None].to(x.dtype) * inverse[None]
    cos, sin = torch.cat([angle.cos()] * 2, -1)[:, None], torch.cat([angle.sin()] * 2, -1)[:, None]
    heads = x.unflatten(-1, (-1, 2 * half))
    turned = torch.cat([-heads[..., half:], heads[..., :half]], -1)
    return {"out": (heads * cos + turned * sin).flatten(1), "cos": angle.cos(), "sin": angle.sin()}


def rope_cases():
    for seed, (name, rows, n_head, head_dim, theta) in enumerate([("odd", 5, 3, 2, 1e4), ("tail", 37, 2, 10, 1e4), ("large", 50, 3, 16, 5e5)]):
        d = Draw(500 + seed)
        inverse = (1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)).float()
        position = torch.cat([torch.arange(rows // 2), torch.arange(rows - rows // 2)])
        yield name, rope, {"x": d.normal(rows, n_head * head_dim), "position": position, "inverse": inverse, "dout": d.normal(rows, n_head * head_dim)}, ["x"]


def attention(q, k, v, first, n_head, n_kv_head):
    """Row i sees rows first[i] .. i; scores are divided by the root of head_dim; q's head h reads k and v of head h / (n_head / n_kv_head)."""
    n_head, n_kv_head, rows = n_head.item(), n_kv_head.item(), q.shape[0]
    at = torch.arange(rows)
    seen = (at[None] <= at[:, None]) & (at[None] >= first[:, None])
    heads = lambda x, n: x.unflatten(-1, (n, -1)).transpose(0, 1)
    spread = lambda x: heads(x, n_kv_head).repeat_interleave(n_head // n_kv_head, 0)
    out = F.scaled_dot_product_attention(heads(q, n_head)[None], spread(k)[None], spread(v)[None], attn_mask=seen)
    return out[0].transpose(0, 1).flatten(1)


def attention_cases():
    shapes = [("one", [1], 1, 1, 1), ("odd", [5], 3, 1, 5), ("grouped", [19], 6, 2, 4), ("packed", [7, 1, 29], 4, 2, 6), ("large", [70, 14], 2, 1, 16)]
    for seed, (name, documents, n_head, n_kv_head, head_dim) in enumerate(shapes):
        d, rows = Draw(600 + seed), sum(documents)
        first = torch.cat([torch.full((n,), sum(documents[:i]), dtype=torch.int64) for i, n in enumerate(documents)])
        yield name, attention, {
            "q": d.normal(rows, n_head * head_dim, std=1.5), "k": d.normal(rows, n_kv_head * head_dim, std=1.5), "v": d.normal(rows, n_kv_head * head_dim),
            "first": first, "n_head": torch.tensor([n_head]), "n_kv_head": torch.tensor([n_kv_head]), "dout": d.normal(rows, n_head * head_dim)}, ["q", "k", "v"]


def swiglu(gate, up):
    return F.silu(gate) * up


def gelu(x):
    return F.gelu(x, approximate="tanh")


def elementwise_cases(function, first_seed, names):
    for seed, (name, rows, dim) in enumerate([("odd", 5, 7), ("tail", 37, 19), ("large", 40, 50)]):
        d = Draw(first_seed + seed)
        yield name, function, {n: d.normal(rows, dim, std=3.0) for n in names} | {"dout": d.normal(rows, dim)}, names


def head(x, w, targets):
    logits = F.linear(x, w)
    return {"out": F.cross_entropy(logits, targets, reduction="none", ignore_index=IGNORED), "logsumexp": logits.logsumexp(-1)}


def head_cases():
    for seed, (name, rows, dim, vocab) in enumerate([("odd", 5, 7, 3), ("tail", 37, 19, 33), ("mean", 21, 12, 50), ("large", 70, 24, 131)]):
        d = Draw(900 + seed)
        targets = d.ids(vocab, rows)
        targets[d.ids(rows, max(1, rows // 5))] = IGNORED
        dout = torch.full((rows,), 1.0 / (targets != IGNORED).sum().item()) if name == "mean" else d.normal(rows)
        yield name, head, {"x": d.normal(rows, dim), "w": d.normal(vocab, dim, std=0.7), "targets": targets, "dout": dout}, ["x", "w"]


def adamw_cases():
    """Three steps of torch.optim.AdamW with clip_grad_norm_ over both parameters: `w` decays, `bias` does not."""
    for name, lr, clip in [("clipped", 0.01, 1.0), ("free", 0.003, 1e9)]:
        d = Draw(1000)
        start = {"w": d.normal(5, 7), "bias": d.normal(11)}
        gradients = [{k: d.normal(*v.shape, std=1.0 + step) for k, v in start.items()} for step in range(3)]
        parameters = {k: torch.nn.Parameter(v.double()) for k, v in start.items()}
        optimizer = torch.optim.AdamW(
            [{"params": [parameters["w"]], "weight_decay": 0.1}, {"params": [parameters["bias"]], "weight_decay": 0.0}], lr=lr, betas=(0.9, 0.95), eps=1e-8)
        tensors = {"lr": torch.tensor([lr]), "clip": torch.tensor([clip])} | start
        for step, g in enumerate(gradients, 1):
            for k, p in parameters.items():
                p.grad = g[k].double()
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
            optimizer.step()
            tensors |= {f"step{step}.d{k}": v for k, v in g.items()} | {f"step{step}.{k}": p.detach().float() for k, p in parameters.items()}
            tensors[f"step{step}.grad_norm"] = norm.float().reshape(1)
        for k, p in parameters.items():
            tensors |= {f"step3.{k}.exp_avg": optimizer.state[p]["exp_avg"].float(), f"step3.{k}.exp_avg_sq": optimizer.state[p]["exp_avg_sq"].float()}
        yield name, tensors


OPERATIONS = {
    "linear": linear_cases(), "adapted_linear": adapted_linear_cases(), "embedding": embedding_cases(), "rms_norm": norm_cases(rms_norm, 300, False),
    "layer_norm": norm_cases(layer_norm, 400, True), "rope": rope_cases(), "attention": attention_cases(), "swiglu": elementwise_cases(swiglu, 700, ["gate", "up"]),
    "gelu": elementwise_cases(gelu, 800, ["x"]), "head": head_cases()}


def make_operations(out):
    for name, cases in OPERATIONS.items():
        save(out / f"{name}.safetensors", {f"{c}.{k}": v for c, function, inputs, names in cases for k, v in case(function, inputs, names).items()})
    save(out / "adamw.safetensors", {f"{c}.{k}": v for c, tensors in adamw_cases() for k, v in tensors.items()})


def save(path, tensors):
    assert all(v.isfinite().all() for v in tensors.values()), f"{path.name} holds a number that is not finite"
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path)


# -------------------------------------------------------------------------------------------------------------- whole models


def fill(model, seed):
    """Weights large enough that every part of the model shows in the loss; norms near 1, biases near 0, none exactly."""
    d = Draw(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if p.dim() > 1: p.copy_(d.normal(*p.shape, std=0.7 if "lora" in name else 1.6 / p.shape[-1] ** 0.5))
            else: p.copy_(d.normal(*p.shape, std=0.2, mean=0.0 if name.endswith("bias") else 1.0))


def batch_of(seed, vocab, n_batch, n_seq, n_ignored):
    d = Draw(seed)
    ids = d.ids(vocab, n_batch, n_seq + 1)
    targets = ids[:, 1:].clone()
    targets.view(-1)[d.ids(targets.numel(), n_ignored)] = IGNORED
    return {"ids": ids[:, :-1].contiguous(), "targets": targets}


def run_model(model, batch, dtype, wanted):
    model = model.to(dtype).eval()
    model.zero_grad()
    first, more = batch.get("first"), {}
    if first is not None:
        at = torch.arange(first.shape[1])
        more["attention_mask"] = ((at[None, None] <= at[None, :, None]) & (at[None, None] >= first[:, :, None]))[:, None]
        more["position_ids"] = at[None] - first
    logits = model(input_ids=batch["ids"], use_cache=False, **more).logits
    loss = F.cross_entropy(logits.flatten(0, 1), batch["targets"].flatten(), ignore_index=IGNORED)
    loss.backward()
    return {"loss": loss.detach().reshape(1), "logits": logits.detach()} | {wanted(k): p.grad.detach() for k, p in model.named_parameters() if wanted(k)}


def expected(model, batch, wanted=lambda name: "gradient." + name):
    sharp, plain = run_model(model, batch, torch.float64, wanted), run_model(model, batch, torch.float32, wanted)
    for name, value in sharp.items():
        gap, largest = (plain[name].double() - value.double()).abs().max().item(), value.abs().max().item()
        assert largest > 1e-4, f"{name}: the largest value is {largest:.3g}, nothing to compare"
        assert gap <= 1e-5 * largest, f"{name}: PyTorch in f32 is off by {gap:.3g} of {largest:.3g}"
    return batch | {k: v.float() for k, v in sharp.items()}


def packed(batch, lengths):
    """Two documents a row: the last id of the first has no target, and nothing is seen across."""
    n_batch, n_seq = batch["ids"].shape
    first, targets = torch.zeros(n_batch, n_seq, dtype=torch.int64), batch["targets"].clone()
    for row, length in enumerate(lengths):
        first[row, length:] = length
        targets[row, length - 1] = IGNORED
    return {"ids": batch["ids"], "targets": targets, "first": first}


def check_packing(model, batch, lengths):
    """Each document run alone gives the same logits as packed."""
    together = run_model(model, batch, torch.float64, lambda _: None)["logits"]
    with torch.no_grad():
        for row, length in enumerate(lengths):
            for part in (slice(0, length), slice(length, None)):
                alone = model.double()(input_ids=batch["ids"][row : row + 1, part], use_cache=False).logits[0]
                assert (alone - together[row, part]).abs().max() < 1e-6, "a packed document is not what it is alone"


def save_model(model, folder):
    model.float().save_pretrained(folder)


def make_llama(out):
    from transformers import LlamaConfig, LlamaForCausalLM
    shared = dict(num_hidden_layers=2, hidden_size=32, vocab_size=67, max_position_embeddings=64, attn_implementation="sdpa", bos_token_id=1, eos_token_id=2, dtype="float32")
    untied = LlamaForCausalLM(LlamaConfig(**shared, num_attention_heads=4, num_key_value_heads=2, intermediate_size=44, rms_norm_eps=1e-5, tie_word_embeddings=False))
    fill(untied, 1)
    save_model(untied, out / "llama-grouped")
    batch, lengths = batch_of(2, 67, 2, 19, 5), (7, 12)
    save(out / "llama-grouped" / "expected.safetensors", expected(untied, batch))
    check_packing(untied, packed(batch, lengths), lengths)
    save(out / "llama-grouped" / "expected-packed.safetensors", expected(untied, packed(batch, lengths)))

    tied = LlamaForCausalLM(LlamaConfig(**shared, num_attention_heads=4, num_key_value_heads=4, head_dim=10, intermediate_size=40, rms_norm_eps=1e-6, tie_word_embeddings=True,
                                        attention_bias=True, mlp_bias=True, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}))
    fill(tied, 3)
    folder = out / "llama-tied-biases"
    save_model(tied, folder)
    config = json.loads((folder / "config.json").read_text()) # rope and dtype as transformers 4 writes them
    config |= {"rope_theta": config.pop("rope_parameters")["rope_theta"], "rope_scaling": None, "torch_dtype": config.pop("dtype")}
    config["transformers_version"] = "4.46.0"
    (folder / "config.json").write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    batch = batch_of(4, 67, 3, 13, 4)
    save(folder / "expected.safetensors", expected(tied, batch))
    again = run_model(LlamaForCausalLM.from_pretrained(folder, attn_implementation="sdpa"), batch, torch.float64, lambda _: None)
    assert again["loss"].equal(run_model(tied, batch, torch.float64, lambda _: None)["loss"]), "config.json does not say what the model is"


def make_gpt2(out):
    from transformers import GPT2Config, GPT2LMHeadModel
    model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=4, n_embd=32, n_inner=56, n_positions=24, vocab_size=67, attn_implementation="sdpa", bos_token_id=1, eos_token_id=2,
                                       resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, dtype="float32"))
    fill(model, 5)
    save_model(model, out / "gpt2")
    save(out / "gpt2" / "expected.safetensors", expected(model, batch_of(6, 67, 2, 21, 5)))


def make_adapter(out):
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM
    base = LlamaForCausalLM.from_pretrained(out / "llama-grouped", attn_implementation="sdpa")
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], lora_dropout=0.0, task_type="CAUSAL_LM"))
    d = Draw(7)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if "lora_" in name: p.copy_(d.normal(*p.shape, std=0.4 / p.shape[-1] ** 0.5))
    model.peft_config["default"].base_model_name_or_path = "llama-grouped"
    folder = out / "llama-grouped-lora"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True) # PEFT's form of a model card
    save(folder / "expected.safetensors", expected(model, batch_of(8, 67, 2, 15, 3), lambda name: "gradient." + name.replace(".default", "") if "lora_" in name else None))
    config = json.loads((folder / "adapter_config.json").read_text())
    config["target_modules"].sort() # a set: its order is not the same twice
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


# ---------------------------------------------------------------------------------------------------------------------- main

MODELS = ["llama-grouped", "llama-tied-biases", "gpt2", "llama-grouped-lora"]


def make(out):
    from transformers.utils import logging
    logging.disable_progress_bar()
    make_operations(out)
    make_llama(out)
    make_gpt2(out)
    make_adapter(out)


def gap_of(a, b):
    """max|a-b| / max|b|: the measure of the tests; 0 where both are nothing."""
    if a.shape != b.shape or a.dtype != b.dtype: return float("inf")
    gap, largest = (a.double() - b.double()).abs().max().item(), b.double().abs().max().item()
    return gap / largest if largest else gap


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--check", action="store_true", help="write nothing; fail where a golden differs by more than 1e-5 of its largest value")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        make(made)
        if given.check:
            worst = 0.0
            for path in sorted(made.rglob("*.safetensors")):
                new, old = load_file(path), load_file(HERE / path.relative_to(made))
                assert new.keys() == old.keys(), f"{path.name} has other tensors"
                worst = max([worst] + [gap_of(old[k], new[k]) for k in new])
            print(f"largest gap to the goldens here: {worst:.3g}")
            raise SystemExit(worst > 1e-5)
        for name in MODELS:
            shutil.rmtree(HERE / name, ignore_errors=True)
        shutil.copytree(made, HERE, dirs_exist_ok=True, copy_function=shutil.copyfile)
    total = sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file())
    print(f"wrote {len(list(HERE.glob('*.safetensors')))} operations and {len(MODELS)} folders, {total / 1000:.0f} kB in all")


if __name__ == "__main__":
    main()
