"""The tokenizers that socle is held against, as tokenizer.json: `python tokenizer_vocabularies.py DIR` writes DIR/tokenizers/NAME.json
for every row of the tables below, from the vocabularies in $SOCLE_DATA (default ../shared/data) and from what `tokenizers` trains on
DIR/texts/sample.txt. Those that are there already stay. Runs in the peers' Python (bench/peers)."""
import base64
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from benchlib import DATA, read_text
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# --- patterns, as the families' tokenizer.json have them ------------------------------------------------------------------------
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
UPPER, LOWER, SHORT = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SHORT}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SHORT}"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = O200K.replace(SHORT, "").replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
             r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CJK = r"[一-龥぀-ゟ゠-ヿ]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


# --- vocabularies ---------------------------------------------------------------------------------------------------------------
def byte_characters():
    """GPT-2's character for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


BYTE = byte_characters()


def shown(token):
    return "".join(BYTE[b] for b in token)


def all_merges(vocab, order=None):
    """Every pair that makes a token of the vocabulary: what converters make of a list of ranks."""
    merges = []
    for token, rank in sorted(vocab.items(), key=order or (lambda x: x[1])):
        pairs = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(pairs, key=lambda p: (vocab[p[0]], vocab[p[1]]))
    return merges


def ranks(name):
    lines = read_text(DATA / "tokenizers" / name).splitlines()
    return {shown(base64.b64decode(line.split()[0])): int(line.split()[1]) for line in lines}


def quicktok_ranks(name):
    import quicktok
    found = quicktok.get_encoding(name)
    return {shown(token): found.encode_single_token(token) for token in found.token_byte_values()}


cache = {}


def once(make, *words):
    """Vocabulary and merges, made once for all tokenizers that share them."""
    key = (make.__name__, *words)
    if key not in cache: cache[key] = make(*words)
    return cache[key]


def from_ranks(name):
    vocab = ranks(name)
    return vocab, all_merges(vocab)


def from_quicktok(name):
    vocab = quicktok_ranks(name)
    return vocab, all_merges(vocab)


def from_gpt2(folder):
    vocab = json.loads(read_text(DATA / "tokenizers" / folder / "encoder.json.zst"))
    lines = read_text(DATA / "tokenizers" / folder / "vocab.bpe.zst").decode().split("\n")
    return vocab, [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]


def from_sentencepiece(name):
    """Pieces, their scores, and the text of the rules for characters. The model file is a protocol buffer; these are the fields."""
    import sentencepiece.sentencepiece_model_pb2 as protocol
    model = protocol.ModelProto()
    model.ParseFromString(read_text(DATA / "tokenizers" / name))
    return [(p.piece, p.score) for p in model.pieces], model.normalizer_spec.precompiled_charsmap


def spm_bpe(name):
    pieces, _ = from_sentencepiece(name)
    vocab = {piece: i for i, (piece, _) in enumerate(pieces)}
    score = dict(pieces)
    merges = all_merges(vocab, order=lambda x: (-score[x[0]], x[1]))
    return vocab, [m for m in merges if not (m[0] + m[1]).startswith("<0x")]


def byte_level(source, pattern=None, normalizer=None, before=(), use_regex=False, prefix=False, trim=True, special=(), added=(), post=None, **model):
    """A byte-level BPE as nearly all families have it: `before` and the pattern cut, ByteLevel maps bytes to characters."""
    vocab, merges = once(*source)
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, **model))
    steps = [*before]
    if pattern: steps.append(pre_tokenizers.Split(Regex(pattern), "isolated", False))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=prefix, trim_offsets=trim, use_regex=use_regex))
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(list(special))
    t.add_tokens(list(added))
    t.post_processor = post(t) if post else processors.ByteLevel(trim_offsets=False)
    return t


def template(single, *tokens):
    return lambda t: processors.TemplateProcessing(single=single, pair=f"{single} $B:1", special_tokens=[(x, t.token_to_id(x)) for x in tokens])


def spm_like(name, normalizer=None, pre=None, strip=True, special=("<unk>", "<s>", "</s>"), post=template("<s> $A", "<s>"), decoder=None):
    """A SentencePiece BPE: no words, blanks as U+2581, bytes where a character is missing."""
    vocab, merges = once(spm_bpe, name)
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer: t.normalizer = normalizer
    if pre: t.pre_tokenizer = pre
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()] + ([decoders.Strip(" ", 1, 0)] if strip else [])
    t.decoder = decoder or decoders.Sequence(steps)
    t.add_special_tokens([AddedToken(x, normalized=False) for x in special])
    t.post_processor = post(t)
    return t


# --- trained here ---------------------------------------------------------------------------------------------------------------
WORK = None


def sample():
    """Lines of the sample, without endless words: `tokenizers` cannot train a Unigram on them."""
    if "sample" not in cache:
        text = (WORK / "texts" / "sample.txt").read_text(encoding="utf-8")
        cache["sample"] = re.sub(r"[^ \n]{100,}", "", text).split("\n")
    return cache["sample"]


def trained(t, trainer):
    t.train_from_iterator(sample(), trainer)
    return t


def unigram_32k():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    trained(t, trainers.UnigramTrainer(vocab_size=32000, special_tokens=["<s>", "</s>", "<unk>", "<mask>"], unk_token="<unk>", show_progress=False))
    t.post_processor = template("<s> $A </s>", "<s>", "</s>")(t)
    return t


def wordpiece_30k():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trained(t, trainers.WordPieceTrainer(vocab_size=30000, special_tokens=special, show_progress=False))
    t.post_processor = template("[CLS] $A [SEP]", "[CLS]", "[SEP]")(t)
    return t


def retold(base, **parts):
    """A tokenizer with the vocabulary of another one, and other parts around it: fields of its tokenizer.json."""
    tree = json.loads((WORK / "tokenizers" / f"{base}.json").read_text())
    for key, value in parts.items():
        if key == "model": tree["model"].update(value)
        else: tree[key] = value
    return Tokenizer.from_str(json.dumps(tree))


def part(component):
    """A component's JSON."""
    return json.loads(component.__getstate__())


def unigram_spm():
    """SentencePiece's own Unigram test model: Precompiled rules for characters, scores as they are."""
    pieces, rules = from_sentencepiece("sentencepiece/test_model.model")
    t = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(rules), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    t.decoder = decoders.Metaspace()
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    return t


def precompiled():
    return normalizers.Precompiled(from_sentencepiece("sentencepiece/test_model.model")[1])


def bpe_trained(pre, normalizer=None, size=8000, special=("<unk>",), decoder=None, limit=None, model=None, **trainer):
    t = Tokenizer(models.BPE(unk_token="<unk>", **(model or {})))
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = pre
    if decoder: t.decoder = decoder
    return trained(t, trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), limit_alphabet=limit, show_progress=False, **trainer))


def word_level(pre, normalizer=None):
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    if normalizer: t.normalizer = normalizer
    t.pre_tokenizer = pre
    return trained(t, trainers.WordLevelTrainer(vocab_size=20000, special_tokens=["[UNK]"], show_progress=False))


def clip():
    lines = read_text(DATA / "tokenizers/clip/bpe_simple_vocab_16e6.txt.gz").decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]
    letters = [BYTE[b] for b in [*range(33, 127), *range(161, 173), *range(174, 256)]] + [BYTE[b] for b in range(256) if BYTE[b] >= "\u0100"]
    tokens = letters + [x + "</w>" for x in letters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    t = Tokenizer(models.BPE(vocab={x: i for i, x in enumerate(tokens)}, merges=merges, continuing_subword_prefix="", end_of_word_suffix="</w>",
                             unk_token="<|endoftext|>", fuse_unk=False))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    end, start = t.token_to_id("<|endoftext|>"), t.token_to_id("<|startoftext|>")
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", end), ("<|startoftext|>", start), trim_offsets=False, add_prefix_space=False)
    return t


def neox():
    return Tokenizer.from_str(read_text(DATA / "tokenizers/hf-json/allenai_gpt-neox-olmo-dolma-v1_5.tokenizer.json.zst").decode())


LLAMA3_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
                  "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"]
LLAMA3_SPECIAL += [f"<|reserved_special_token_{i}|>" for i in range(3, 248)]
QWEN2_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|vision_start|>", "<|vision_end|>"]
QWEN2_ADDED = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<think>", "</think>"]
GPT2_FILES, LLAMA3_FILES, QWEN_FILES = (from_gpt2, "gpt2"), (from_ranks, "llama3/tokenizer.model.zst"), (from_ranks, "qwen/qwen.tiktoken.zst")
OPENAI_FILES, CL100K_FILES = (from_quicktok, "o200k_base"), (from_quicktok, "cl100k_base")
PROMPT = template("<|begin_of_text|> $A", "<|begin_of_text|>")


def llama3_post(t):
    return processors.Sequence([processors.ByteLevel(trim_offsets=True), PROMPT(t)])


def roberta_post(t):
    return processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")), trim_offsets=True, add_prefix_space=True)


def bert_post(t):
    return processors.BertProcessing(("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]")))


def with_post(t, post):
    t.post_processor = post(t)
    return t


def pieces_of(words):
    return [AddedToken(w, single_word=True) for w in words]


N, P, D = normalizers, pre_tokenizers, decoders
MARKS = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])

# The seven that the whole text is held against.
MAIN = {
    "gpt2": lambda: byte_level(GPT2_FILES, use_regex=True, special=["<|endoftext|>"]),
    "llama3": lambda: byte_level(LLAMA3_FILES, LLAMA3, special=LLAMA3_SPECIAL, post=llama3_post, ignore_merges=True),
    "qwen2": lambda: byte_level(QWEN_FILES, QWEN2, N.NFC(), special=QWEN2_SPECIAL, added=[AddedToken(x, normalized=False) for x in QWEN2_ADDED]),
    "llama2": lambda: spm_like("llama2/tokenizer.model", MARKS),
    "unigram": unigram_32k,
    "unigram-spm": unigram_spm,
    "wordpiece": wordpiece_30k,
}
# Further families and single components; the smaller text is enough.
WIDE = {
    "cl100k": lambda: byte_level(CL100K_FILES, CL100K, special=["<|endoftext|>", "<|fim_prefix|>"]),
    "o200k": lambda: byte_level(OPENAI_FILES, O200K, special=["<|endoftext|>"]),
    "tekken": lambda: byte_level(LLAMA3_FILES, TEKKEN, ignore_merges=True, special=["<s>", "[INST]", "[/INST]"]),
    "qwen3.5": lambda: byte_level(QWEN_FILES, QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]"), N.NFC()),
    "gpt-neox": neox,
    "smollm": lambda: byte_level(GPT2_FILES, before=[P.Digits(True)], use_regex=True, special=["<|im_start|>", "<|im_end|>"]),
    "digits": lambda: byte_level(GPT2_FILES, before=[P.Digits(False)], use_regex=True),
    "deepseek": lambda: byte_level(QWEN_FILES, before=[P.Split(Regex("[\r\n]"), "isolated"), P.Split(Regex(r"\s?\p{L}+"), "isolated"),
                                                       P.Split(Regex(r"\s?\p{P}+"), "isolated"), P.Split(Regex(CJK), "isolated"), P.Digits(True)]),
    "deepseek3": lambda: byte_level(QWEN_FILES, DEEPSEEK3, N.Sequence([]), before=[P.Split(Regex(r"\p{N}{1,3}"), "isolated"), P.Split(Regex(CJK), "isolated")]),
    "falcon": lambda: with_pre(byte_level(GPT2_FILES, use_regex=True), P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False),
                                                                                         P.Digits(False), P.Split(Regex("[0-9][0-9][0-9]"), "isolated")])),
    "bloom": lambda: byte_level(GPT2_FILES, BLOOM),
    "roberta": lambda: byte_level(GPT2_FILES, use_regex=True, prefix=True, special=["<s>", "</s>", AddedToken("<mask>", lstrip=True)], post=roberta_post),
    "gpt2-prefix": lambda: byte_level(GPT2_FILES, use_regex=True, prefix=True, post=lambda t: processors.ByteLevel(trim_offsets=True)),
    "command-r": lambda: byte_level(GPT2_FILES, before=[P.Digits(True)], use_regex=True, normalizer=N.NFC()),
    "phi": lambda: byte_level(GPT2_FILES, use_regex=True, special=["<|endoftext|>"],
                              added=[AddedToken(" " * n, normalized=True) for n in range(31, 1, -1)] + [AddedToken("\t" * n, normalized=True) for n in range(9, 1, -1)]),
    "words": lambda: byte_level(GPT2_FILES, use_regex=True,
                                added=[AddedToken("the", single_word=True), AddedToken("and", lstrip=True), AddedToken("of", rstrip=True),
                                       AddedToken("in", single_word=True, lstrip=True, rstrip=True), AddedToken("é", normalized=True)]),
    "whisper": lambda: byte_level((from_ranks, "whisper/multilingual.tiktoken.zst"), use_regex=True, special=["<|endoftext|>", "<|startoftranscript|>", "<|en|>"]),
    "gpt2-lower": lambda: byte_level(GPT2_FILES, use_regex=True, normalizer=N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents()])),
    "gpt2-nfkd": lambda: byte_level(GPT2_FILES, use_regex=True, normalizer=N.Sequence([N.NFKD(), N.Strip()])),
    "byte-normalizer": lambda: byte_normalizer(),
    "scripts": lambda: with_pre(byte_level(GPT2_FILES, use_regex=True), P.Sequence([P.UnicodeScripts(), P.ByteLevel(add_prefix_space=False, use_regex=False)])),
    "llama2-metaspace": lambda: spm_like("llama2/tokenizer.model", None, P.Metaspace("▁", "first", False)),
    "llama2-always": lambda: spm_like("llama2/tokenizer.model", None, P.Metaspace("▁", "always", True)),
    "llama2-never": lambda: spm_like("llama2/tokenizer.model", None, P.Metaspace("▁", "never", True)),
    "mistral": lambda: spm_like("mistral/tokenizer.model.v1", MARKS),
    "gemma": lambda: spm_like("llama2/tokenizer.model", N.Replace(" ", "▁"), P.Split(" ", "merged_with_previous"), strip=False),
    "unigram-t5": lambda: retold("unigram-spm", normalizer=part(precompiled()), pre_tokenizer=part(P.Sequence([P.WhitespaceSplit(), P.Metaspace()]))),
    "unigram-xlmr": lambda: retold("unigram", normalizer=part(precompiled()), pre_tokenizer=part(P.Sequence([P.WhitespaceSplit(), P.Metaspace()]))),
    "unigram-albert": lambda: retold("unigram", normalizer=part(N.Sequence([N.Replace("``", '"'), N.Replace("''", '"'), N.NFKD(), N.StripAccents(), N.Lowercase(),
                                                                           precompiled(), N.Replace(Regex(" {2,}"), " ")]))),
    "unigram-nmt": lambda: retold("unigram", normalizer=part(N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(r"\s+"), " "), N.Strip(True, True)])),
                                  pre_tokenizer=part(P.Metaspace("▁", "first", False))),
    "unigram-whole": lambda: retold("unigram", pre_tokenizer=None, normalizer=part(MARKS)),
    "unigram-bytes": lambda: unigram_bytes(),
    "bert-cased": lambda: with_post(retold("wordpiece", normalizer=part(N.BertNormalizer(lowercase=False))), bert_post),
    "bert-accents": lambda: retold("wordpiece", normalizer=part(N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True))),
    "bert-strip": lambda: retold("wordpiece", normalizer=part(N.BertNormalizer(strip_accents=True, lowercase=False))),
    "wordpiece-whitespace": lambda: retold("wordpiece", normalizer=part(N.Lowercase()), pre_tokenizer=part(P.Whitespace()), model={"max_input_chars_per_word": 20}),
    "wordpiece-punctuation": lambda: retold("wordpiece", normalizer=part(N.NFKC()), pre_tokenizer=part(P.Sequence([P.WhitespaceSplit(), P.Punctuation("isolated")]))),
    "wordpiece-merged": lambda: retold("wordpiece", pre_tokenizer=part(P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous"), P.Digits(True)]))),
    "wordlevel": lambda: word_level(P.Whitespace(), N.Sequence([N.NFD(), N.StripAccents(), N.Lowercase()])),
    "wordlevel-split": lambda: word_level(P.Sequence([P.CharDelimiterSplit(" "), P.Punctuation("removed")])),
    "clip": clip,
    "gpt1": lambda: bpe_trained(P.BertPreTokenizer(), N.BertNormalizer(), decoder=D.BPEDecoder("</w>"), limit=500, model={"end_of_word_suffix": "</w>"}, end_of_word_suffix="</w>"),
    "bpe-prefix": lambda: bpe_trained(P.Whitespace(), N.NFC(), limit=400, model={"continuing_subword_prefix": "##"}, continuing_subword_prefix="##"),
    "bpe-fuse": lambda: bpe_trained(P.WhitespaceSplit(), limit=100, model={"fuse_unk": True}),
    "bpe-unk": lambda: bpe_trained(P.Metaspace(), limit=100, decoder=D.Metaspace()),
    "split-removed": lambda: bpe_trained(P.Split(Regex(r"[,;\s]+"), "removed"), limit=300),
    "split-next": lambda: bpe_trained(P.Split(Regex(r"\s"), "merged_with_next"), limit=300),
    "split-contiguous": lambda: bpe_trained(P.Split(Regex(r"[\p{P}\s]"), "contiguous"), limit=300),
    "split-inverted": lambda: bpe_trained(P.Split(Regex(r"\w+|[^\w\s]+"), "isolated", True), limit=300),
    "split-previous": lambda: bpe_trained(P.Split(Regex(r"(?<=[a-z])(?=[A-Z])|[_\n]"), "merged_with_previous"), limit=300),
    "fixed": lambda: bpe_trained(P.FixedLength(7), limit=300),
}


def with_pre(t, pre):
    t.pre_tokenizer = pre
    return t


def byte_normalizer():
    """Bytes mapped to characters by the normalizer, and cut after that."""
    vocab, merges = once(*GPT2_FILES)
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    t.normalizer = N.Sequence([N.NFC(), N.ByteLevel()])
    t.pre_tokenizer = P.Split(Regex("Ġ?[^Ġ]+|Ġ+"), "isolated")
    t.decoder = D.ByteLevel()
    return t


def unigram_bytes():
    """Byte fallback in a Unigram: the pieces of `unigram` and 256 bytes."""
    tree = json.loads((WORK / "tokenizers" / "unigram.json").read_text())
    lowest = min(score for _, score in tree["model"]["vocab"])
    tree["model"]["vocab"] += [[f"<0x{b:02X}>", lowest] for b in range(256)]
    tree["model"]["byte_fallback"] = True
    tree["decoder"] = part(D.Sequence([D.ByteFallback(), D.Metaspace()]))
    return Tokenizer.from_str(json.dumps(tree))


def main():
    global WORK
    WORK = pathlib.Path(sys.argv[1])
    only = sys.argv[2:]
    folder = WORK / "tokenizers"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in {**MAIN, **WIDE}.items():
        path = folder / f"{name}.json"
        if path.exists() or (only and name not in only): continue
        try: t = make()
        except FileNotFoundError as e:
            print(f"{name}: {e}", file=sys.stderr)
            continue
        partial = path.with_suffix(".partial")
        t.save(str(partial), pretty=False)
        partial.rename(path)
        print(f"{name}: {t.get_vocab_size()} tokens", file=sys.stderr)


if __name__ == "__main__": main()
