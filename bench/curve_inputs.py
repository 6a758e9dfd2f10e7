#!/usr/bin/env python3
"""What bench/curve starts from, made in the peers' Python: DIR/model, GPT-2 124M with transformers' own random weights, and
DIR/tokens.bin, .idx, texts by a byte-level BPE tokenizer that is trained on them.

    bench/peers python bench/curve_inputs.py DIR FILE..."""
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer

from benchlib import fail, read_text, write_tokens

out, texts = pathlib.Path(sys.argv[1]), sys.argv[2:]
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
if not (out / "model" / "model.safetensors").exists():
    torch.manual_seed(124)
    transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(out / "model")  # the defaults are the 124M shape
if texts:
    documents = [read_text(t).decode("utf-8", errors="strict") for t in texts]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(documents, vocab_size=16384, show_progress=False)
    encoded = [tokenizer.encode(d).ids for d in documents]
    if max(map(max, encoded)) >= 50257: fail("the tokenizer gave an id that GPT-2 has no row for")
    write_tokens(out / "tokens", encoded)
