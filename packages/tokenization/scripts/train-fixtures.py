# python3 scripts/train-fixtures.py REPOSITORY test/fixtures
# Trains small tokenizers on this repository's own prose (PyPI tokenizers 0.23.3) and records what the Rust
# implementation makes of some texts. Run once; the result is committed.
import json, sys, glob, os
from tokenizers import Tokenizer, models, trainers, pre_tokenizers, normalizers, decoders, processors, AddedToken, Regex
root, out = sys.argv[1], sys.argv[2]
files = sorted(glob.glob(root+'/docs/*.md')) + [root+'/README.md', root+'/ERRORS.md'] + sorted(glob.glob(root+'/plugins/*/README.md'))
corpus = [open(f).read() for f in files] + ["Prüfung façade naïve 日本語 中文 한국어 Ελληνικά русский 😀 ½ ²" ]*20
texts = ["", " ", "Hello world", "The picker chooses an endpoint.", "  two  spaces\n\n\tand tabs  ", "can't I'LL we'Ve it'ſ", "12345 3.14 ٣", "日本語のテキスト 한국어 русский Ελληνικά", "😀👩‍👩‍👧 é e\u0301 ﬁ ½", "<|user|>hi<|end|>\n<|assistant|>", "x<|end|> y <|user|>", "a\u0085b\ufeffc\u3000d", "</s><s> ▁ ▁▁", "_snake_case CamelCase kebab-case", "ſtraße ﬀ", "tail   ", "a  b", "[MASK] x[MASK]y  [MASK]", "plugin's plugins 's"]
def save(name, t, cfg):
    d = f"{out}/{name}"; os.makedirs(d, exist_ok=True)
    json.dump(json.loads(t.to_str()), open(d+"/tokenizer.json","w"), ensure_ascii=False, separators=(",",":"))
    json.dump(cfg, open(d+"/tokenizer_config.json","w"), ensure_ascii=False, indent=1)
    t = Tokenizer.from_file(d+"/tokenizer.json")
    json.dump([{"text":s,"ids":t.encode(s).ids,"bare":t.encode(s,add_special_tokens=False).ids} for s in texts], open(d+"/expected.json","w"), ensure_ascii=False, separators=(",",":"))
    print(name, t.get_vocab_size(), os.path.getsize(d+"/tokenizer.json"))
chatml = "{%- if tools %}<|system|>{{ tools | tojson }}<|end|>\n{%- endif %}{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}{%- if add_generation_prompt %}<|assistant|>{%- endif %}"
special = ["<|system|>","<|user|>","<|assistant|>","<|end|>"]
# 1 byte level, pattern with a case-insensitive group, NFC, ignore_merges
t = Tokenizer(models.BPE(ignore_merges=True)); t.normalizer = normalizers.NFC()
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel()
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=900, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
t.post_processor = processors.TemplateProcessing(single="<|system|> $A", special_tokens=[("<|system|>", t.token_to_id("<|system|>"))])
save("byte-level", t, {"chat_template": chatml, "eos_token": "<|end|>"})
# 2 SentencePiece style in normalizer (Llama 2): byte fallback, fused unknown
bytes_ = [f"<0x{b:02X}>" for b in range(256)]
t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1000, special_tokens=["<unk>","<s>","</s>"]+bytes_, limit_alphabet=80, show_progress=False))
t.pre_tokenizer = None
d = json.loads(t.to_str()); d["added_tokens"] = d["added_tokens"][:3]; t = Tokenizer.from_str(json.dumps(d))
t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>",1),("</s>",2)])
save("metaspace-normalizer", t, {"chat_template": [{"name":"default","template":"{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}"}], "bos_token": {"content":"<s>"}})
# 3 Metaspace pre-tokenizer, prepended at the start only; unknown without byte fallback; stripping and normalized added tokens
t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=False))
t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], limit_alphabet=70, show_progress=False))
t.add_tokens([AddedToken("[MASK]", lstrip=True, rstrip=True), AddedToken("plugin", single_word=True, normalized=True)])
save("metaspace-first", t, {})
# 4 three splits and digits, GPT-2 pattern with a prefix space
t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Split(Regex(r"[一-龥぀-ヿ]+"), "isolated"), pre_tokenizers.Split("-", "merged_with_next"), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)])
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
t.post_processor = processors.ByteLevel()
save("splits", t, {})
# 5 no BPE: WordPiece
t = Tokenizer(models.WordPiece(unk_token="[UNK]")); t.normalizer = normalizers.BertNormalizer(); t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]","[CLS]","[SEP]","[MASK]"], show_progress=False))
t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]",1),("[SEP]",2)])
save("word-piece", t, {})
