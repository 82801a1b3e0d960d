"""Peers of the rewards that ask a model: a tiny classifier, and a server that answers at once.

The figures are about what the rewards add to the model's own time.
"""

from __future__ import annotations

import atexit
import json
import string
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rewardkit as rk
from peers import FEW, GROUP, Chat, Pair, texts
from rewardkit._optional import require

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
MAX_TOKENS, BATCH = 256, 16


@cache
def save_classifier() -> str:
    """Save a tiny classifier with random weights and a tokenizer of characters; return its path."""
    transformers, torch = (require(name, install=name) for name in ("transformers", "torch"))
    tokenizers = require("tokenizers", install="transformers")
    folder = TemporaryDirectory(prefix="classifier-")
    atexit.register(folder.cleanup)
    special = ["<pad>", "<eos>", "<user>", "<assistant>"]
    indices = {token: index for index, token in enumerate([*special, *string.printable])}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(indices, "<pad>"))
    pattern = tokenizers.Regex(rf"{'|'.join(special)}|[\s\S]")
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=special[0], eos_token=special[1]
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder.name)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(indices),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=MAX_TOKENS,
        pad_token_id=0,
        eos_token_id=1,
        num_labels=1,
    )
    transformers.LlamaForSequenceClassification(config).save_pretrained(folder.name)
    return folder.name


def classifier_pairs() -> Iterator[Pair]:
    """The pipeline of transformers with the same classifier, in batches of the same size."""
    transformers = require("transformers", install="rewardkit[trl]")
    transformers.utils.logging.disable_progress_bar()
    folder = save_classifier()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, truncation_side="left")
    classify = transformers.pipeline(
        "text-classification", model=folder, tokenizer=tokenizer, device="cpu"
    )

    def scored(prompts: list[Chat], completions: list[Chat], **_: Any) -> list[float]:
        chats = [[*prompt, *text] for prompt, text in zip(prompts, completions, strict=True)]
        rendered = tokenizer.apply_chat_template(chats, tokenize=False)
        found = classify(
            rendered,
            function_to_apply="none",
            batch_size=BATCH,
            truncation=True,
            max_length=MAX_TOKENS,
        )
        return [one["score"] for one in found]

    reward = rk.build("reward_model", model=folder, device="cpu", batch_size=BATCH)
    # batches are made up in another order, which changes the last digits
    yield Pair("reward_model", reward, "pipeline", scored, rows=FEW, within=1e-4)


@cache
def start_stub() -> str:
    """Start a server that answers in place of a model; return its address."""
    command = [sys.executable, str(Path(__file__).with_name("judge_stub.py"))]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - its own script
    atexit.register(server.kill)
    port = server.stdout.readline().strip() if server.stdout else ""
    return f"http://127.0.0.1:{port}/v1"


def judge_pairs() -> Iterator[Pair]:
    """The client of openai in a pool of threads, which sends as many requests."""
    openai = require("openai", install="rewardkit[judge]")
    given = {"model": "stub", "base_url": start_stub(), "api_key_env": None}
    client = openai.OpenAI(base_url=given["base_url"], api_key="none")
    pool = ThreadPoolExecutor(32)
    atexit.register(pool.shutdown)

    def ask(task: str, shown: str) -> dict[str, Any]:
        messages = [{"role": "system", "content": task}, {"role": "user", "content": shown}]
        reply = client.chat.completions.create(model="stub", messages=messages, temperature=0.0)
        found: dict[str, Any] = json.loads(reply.choices[0].message.content)
        return found

    def judged(prompts: list[Chat], completions: list[Chat], **_: Any) -> list[float]:
        shown = [
            f"{prompt[-1]['content']}\n\n{text[0]['content']}"
            for prompt, text in zip(prompts, completions, strict=True)
        ]
        replies = pool.map(partial(ask, "Is the answer clear? Reply in JSON."), shown)
        return [float(reply["clear"] == "yes") for reply in replies]

    def compared(completions: list[Chat], **_: Any) -> list[float]:
        said = [text.strip() for text in texts(completions)]
        groups = [said[start : start + GROUP] for start in range(0, len(said), GROUP)]
        orders = [order for group in groups for order in (group, group[::-1])]
        shown = [
            "\n".join(
                f"[a completion {number} begins]\n{text}\n[a completion {number} ends]"
                for number, text in enumerate(order, 1)
            )
            for order in orders
        ]
        replies = [*pool.map(partial(ask, "Rate each from 0 to 10. Reply in JSON."), shown)]
        values: list[float] = []
        for index, group in enumerate(groups):
            first, second = ([*one.values()] for one in replies[2 * index : 2 * index + 2])
            both = [rank(first), rank(second[::-1])]
            values += [sum(pair) / 2 for pair in zip(*both, strict=True)][: len(group)]
        return values

    criteria = {"clear": {"ask": "Is it clear?", "choices": {"no": 0.0, "yes": 1.0}}}
    judge = rk.build("judge", criteria=criteria, **given)
    relative = rk.build("relative_judge", show_prompt=False, **given)
    yield Pair("judge", judge, "openai in threads", judged, "hash", FEW)
    yield Pair("relative_judge", relative, "openai in threads", compared, "hash", FEW)


def rank(values: Sequence[float]) -> list[float]:
    """Return the share of the others that each value is above, equal ones half."""
    return [
        (sum(other < one for other in values) + (values.count(one) - 1) / 2) / (len(values) - 1)
        for one in values
    ]


SOURCES: dict[str, Callable[[], Iterator[Pair]]] = {
    "transformers": classifier_pairs,
    "by hand, openai": judge_pairs,
}
"""Where the peers are from."""
PACKAGES = ("transformers", "openai")
