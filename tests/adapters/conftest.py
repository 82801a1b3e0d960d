"""A language model of a few kilobytes that generates one of five texts, so all scores are known."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the libraries are imported
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

PAD, EOS, OTHER = "<pad>", "<eos>", "<other>"
NEXT: dict[str, dict[str, float]] = {
    "?": {"<reasoning>\n": 0.75, "hm": 0.25},
    "<assistant>": {"<reasoning>\n": 0.75, "hm": 0.25},
    "<reasoning>\n": {"6 * 7\n": 1.0},
    "6 * 7\n": {"</reasoning>\n": 1.0},
    "</reasoning>\n": {"<answer>\n": 1.0},
    "<answer>\n": {"42": 0.5, "41": 0.5},
    "42": {"\n</answer>": 1.0},
    "41": {"\n</answer>": 1.0},
    "\n</answer>": {EOS: 0.6, " So": 0.4},
    " So": {EOS: 1.0},
    "hm": {EOS: 1.0},
}
"""What may follow each token, with its probability: the whole model."""
TOKENS = [PAD, EOS, OTHER, *NEXT, "6*7", "<user>"]
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def _tokenizer() -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    numbers = {token: number for number, token in enumerate(TOKENS)}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token=OTHER))
    words.add_special_tokens([PAD, EOS, OTHER])
    words.add_tokens([tokenizers.AddedToken(token, normalized=False) for token in TOKENS[3:]])
    words.decoder = tokenizers.decoders.Fuse()
    tokenizer = pytest.importorskip("transformers").PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=OTHER,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _model() -> Any:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    size = len(TOKENS)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=size,
        intermediate_size=size,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        pad_token_id=TOKENS.index(PAD),
        bos_token_id=None,
        eos_token_id=TOKENS.index(EOS),
    )
    model = transformers.LlamaForCausalLM(config)
    # The layer adds nothing and the norm scales a token's unit vector by the root of its length,
    # so each column of the head is one token's row of NEXT.
    head = torch.full((size, size), math.log(1e-12))
    for token, following in NEXT.items():
        for after, share in following.items():
            head[TOKENS.index(after), TOKENS.index(token)] = math.log(share)
    with torch.no_grad():
        layer = model.model.layers[0]
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(head / math.sqrt(size))
    return model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the saved model and its tokenizer."""
    pytest.importorskip("trl", reason="the trl extra is not installed")
    path = tmp_path_factory.mktemp("model")
    _model().save_pretrained(path)
    _tokenizer().save_pretrained(path)
    return path
