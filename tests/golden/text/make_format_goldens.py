#!/usr/bin/env python3
"""Makes small vocabularies in other formats than tokenizer.json, each with the ids that its own program gives for many texts:
SentencePiece, tiktoken, and for GGUF and WordPiece Hugging Face `tokenizers`.

    VENV/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2 tiktoken==0.14.0 gguf==0.19.0
    VENV/bin/python tests/golden/text/make_format_goldens.py

Writes beside this script: formats/ and formats/cases.json.
"""
import base64, io, json, pathlib, random, struct
import gguf, sentencepiece, tiktoken
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "formats"
OUT.mkdir(exist_ok=True)
LINES = [json.loads(line)["text"] for line in open(HERE / "corpus.jsonl", encoding="utf-8")]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

random.seed(11)
PIECES = ["the ", "bread", " ", "  ", "   ", "\n", "\n\n", "\t", "\u00e9", "e\u0301", "\u4e2d\u6587", "\U0001F600", "\u0130", "'s", "'LL", "123", "1234567",
          "<user>", "x<user>y", "aaaa", "!!", "...", "\r\n", "\u3000", "\u043c\u044b ", "B", "UPPER ", "[CLS]", "\u00c5ngstr\u00f6m", "\ufb01"]
TEXTS = ["", " ", "   ", "a", " a ", "Hello  world ", "\n"] + [line[:80] for line in LINES[:20]]
TEXTS += ["".join(random.choice(PIECES) for _ in range(random.randint(1, 9))) for _ in range(120)]
cases = []


def case(file, ids, pattern=None, add=False):
    cases.append({"file": file, "pattern": pattern, "add_special": add, "ids": [list(ids(t)) for t in TEXTS]})


def train_pieces(name, **settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LINES), model_writer=model, minloglevel=2, num_threads=1, **settings)
    m = proto.ModelProto()
    m.ParseFromString(model.getvalue())
    m.trainer_spec.ClearField("input")
    (OUT / name).write_bytes(m.SerializeToString())
    return m, sentencepiece.SentencePieceProcessor(model_proto=m.SerializeToString())


# --- SentencePiece -------------------------------------------------------------------------------------------------------------
unigram, sp = train_pieces("unigram.model", model_type="unigram", vocab_size=400, normalization_rule_name="identity", character_coverage=1.0)
case("unigram.model", sp.encode)
unigram_ids = sp.encode
_, sp = train_pieces("suffix.model", model_type="unigram", vocab_size=400, normalization_rule_name="identity", character_coverage=1.0,
                     treat_whitespace_as_suffix=True)
case("suffix.model", sp.encode)
bpe, sp = train_pieces("bpe.model", model_type="bpe", vocab_size=700, normalization_rule_name="identity", byte_fallback=True, remove_extra_whitespaces=False)
case("bpe.model", sp.encode)
bpe_ids = sp.encode
_, sp = train_pieces("user.model", model_type="bpe", vocab_size=700, normalization_rule_name="identity", byte_fallback=True,
                     user_defined_symbols=["<user>", "aaa"], add_dummy_prefix=False, remove_extra_whitespaces=False)
case("user.model", sp.encode)

# --- llama2.c: the same as bpe.model, as its tokenizer.py writes it ---------------------------------------------------------------
tokens = []
for i, p in enumerate(bpe.pieces):
    text = f"\n{p.piece}\n" if i in (1, 2) else p.piece
    tokens.append((text.replace("\u2581", " ").encode(), p.score))
with open(OUT / "llama2c.bin", "wb") as f:
    f.write(struct.pack("I", max(len(t) for t, _ in tokens)))
    for text, score in tokens: f.write(struct.pack("fI", score, len(text)) + text)
case("llama2c.bin", bpe_ids)

# --- byte-level BPE: tiktoken's ranks, GPT-2's two files ------------------------------------------------------------------------------
def byte_level(pattern):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pattern
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=600, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t
def split_then_bytes(regex):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
trained = byte_level(split_then_bytes(LLAMA3))
vocab = trained.get_vocab()
chars = {}
n = 0
for b in range(256):
    if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255: chars[chr(b)] = b
    else:
        chars[chr(256 + n)] = b
        n += 1
ranks = {bytes(chars[c] for c in token): i for token, i in vocab.items()}
with open(OUT / "ranks.tiktoken", "wb") as f:
    for token, rank in sorted(ranks.items(), key=lambda x: x[1]): f.write(base64.b64encode(token) + f" {rank}\n".encode())
for name, pattern in (("llama3", LLAMA3), ("gpt2", GPT2), (r"\p{L}+|\P{L}", r"\p{L}+|\P{L}")):
    case("ranks.tiktoken", tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}).encode_ordinary, pattern=name)
(OUT / "gpt2").mkdir(exist_ok=True)
model = json.loads(trained.to_str())["model"]
vocab = model["vocab"]
vocab["<|end|>"] = len(vocab)
(OUT / "gpt2/encoder.json").write_text(json.dumps(vocab))
(OUT / "gpt2/vocab.bpe").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"]), encoding="utf-8")
trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
case("gpt2", lambda t: trained.encode(t).ids)
(OUT / "gpt2/tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>", "add_bos_token": False, "tokenizer_class": "GPT2Tokenizer"}))

# --- WordPiece -------------------------------------------------------------------------------------------------------------------------
words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
words.normalizer = normalizers.BertNormalizer()
words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
words.train_from_iterator(LINES, trainers.WordPieceTrainer(vocab_size=500, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
by_id = [t for t, _ in sorted(words.get_vocab().items(), key=lambda x: x[1])]
words = Tokenizer(models.WordPiece(words.get_vocab(), unk_token="[UNK]"))
words.normalizer = normalizers.BertNormalizer()
words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
words.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
(OUT / "vocab.txt").write_text("".join(t + "\n" for t in by_id), encoding="utf-8")
case("vocab.txt", lambda t: words.encode(t).ids, add=True)

# --- GGUF --------------------------------------------------------------------------------------------------------------------------------
def write_gguf(name, model, tokens, types, scores=None, merges=None, **more):
    w = gguf.GGUFWriter(OUT / name, "llama")
    w.add_tokenizer_model(model)
    w.add_token_list(tokens)
    w.add_token_types(types)
    if scores is not None: w.add_token_scores(scores)
    if merges is not None: w.add_token_merges(merges)
    for key, value in more.items():
        add = w.add_string if isinstance(value, str) else w.add_bool if isinstance(value, bool) else w.add_uint32
        add(key.replace("__", "."), value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
t = "tokenizer__"
write_gguf("pieces.gguf", "llama", [p.piece for p in bpe.pieces], [p.type for p in bpe.pieces], [p.score for p in bpe.pieces],
           **{t + "ggml__bos_token_id": 1, t + "ggml__eos_token_id": 2, t + "ggml__unknown_token_id": 0, t + "ggml__add_bos_token": True,
              t + "chat_template": "{{ messages }}", t + "chat_template__tool_use": "{{ tools }}"})
case("pieces.gguf", bpe_ids)
case("pieces.gguf", lambda x: [1] + bpe_ids(x), add=True)
write_gguf("unigram.gguf", "t5", [p.piece for p in unigram.pieces], [p.type for p in unigram.pieces], [p.score for p in unigram.pieces],
           **{t + "ggml__eos_token_id": 2, t + "ggml__unknown_token_id": 0, t + "ggml__add_space_prefix": True, t + "ggml__remove_extra_whitespaces": True})
case("unigram.gguf", lambda x: unigram_ids(x) + [2], add=True)
tokens = [k for k, _ in sorted(vocab.items(), key=lambda x: x[1])]
types = [1] * (len(tokens) - 1) + [3]
merges = [" ".join(m) for m in model["merges"]]
digits = pre_tokenizers.Digits(individual_digits=True)
for pre, steps in (("smollm", pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])),
                   ("falcon", pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
                                                       pre_tokenizers.Digits(), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])),
                   ("deepseek-coder", pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("[\r\n]"), "isolated"), pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"),
                        pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"), pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"), digits,
                        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))):
    write_gguf(f"{pre}.gguf", "gpt2", tokens, types, merges=merges, **{t + "ggml__pre": pre, t + "ggml__eos_token_id": len(tokens) - 1})
    trained.pre_tokenizer = steps
    case(f"{pre}.gguf", lambda x: trained.encode(x).ids)
inside = [x if x.startswith("[") and x.endswith("]") and len(x) > 2 else x[2:] if x.startswith("##") else "\u2581" + x for x in by_id]
write_gguf("words.gguf", "bert", inside, [3 if i < 5 else 1 for i in range(len(by_id))],
           **{t + "ggml__bos_token_id": 2, t + "ggml__seperator_token_id": 3, t + "ggml__unknown_token_id": 1, t + "ggml__padding_token_id": 0})
case("words.gguf", lambda x: words.encode(x).ids, add=True)

(OUT / "cases.json").write_text(json.dumps({"texts": TEXTS, "cases": cases}, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
print(len(cases), "cases")
