"""Makes a tiny Qwen3 with random weights and a tokenizer of its own, offline: what a real SGLang serves.

``PYTHON make_tiny.py FOLDER`` with the Python of SGLang's environment; 382,000 parameters, 1 MB, the
same at each run. Its configuration names as many classes as a vector has numbers, so that the classify
route of a server that embeds has a class for each.
"""

import json
import sys
from pathlib import Path

import torch  # type: ignore[import-not-found] # it is in SGLang's environment alone
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (  # type: ignore[import-not-found] # likewise
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CONTEXT = 2048
DIMENSIONS = 128
CORPUS = (
    "hello world. the quick brown fox jumps over the lazy dog. " * 4,
    json.dumps({"name": "get_weather", "arguments": {"city": "Paris"}}) * 4,
)
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    bytes_to_tokens = Tokenizer(models.BPE())
    bytes_to_tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_to_tokens.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_to_tokens.train_from_iterator(CORPUS, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=bytes_to_tokens,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def model(words: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    labels = {number: f"class_{number}" for number in range(DIMENSIONS)}
    config = Qwen3Config(
        vocab_size=len(words),
        hidden_size=DIMENSIONS,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
        id2label=labels,
        label2id={name: number for number, name in labels.items()},
    )
    return Qwen3ForCausalLM(config).to(torch.bfloat16)


def main(folder: Path) -> None:
    words = tokenizer()
    model(words).save_pretrained(folder)
    words.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
