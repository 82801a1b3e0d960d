"""A sequence-classification model of transformers in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from rewardkit._messages import error_line
from rewardkit._optional import require
from rewardkit._text.completions import read_content
from rewardkit.batch import Batch

Messages = tuple[tuple[str, str], ...]  # pairs of a role and a text
Row = tuple[Messages, str]  # the prompt, and the completion's text
MAX_TOKENS = 1 << 20  # of a model that gives no limit


@cache  # one for all rewards of the process that name the same model
def load_classifier(model: str, device: str | None, dtype: str) -> Classifier:
    """Return a model with its tokenizer, loaded once."""
    try:
        return Classifier(model, device, dtype)
    except OSError as error:
        message = f"cannot load {model!r}, expected a hub id or a folder: {error_line(error)}"
        raise OSError(message) from error


def read_messages(batch: Batch, row: int) -> Messages:
    """Return a row's prompt as messages: a text is the user's."""
    prompt = batch.prompts[row] if batch.prompts is not None else None
    if isinstance(prompt, Sequence) and not isinstance(prompt, str):
        messages = [each for each in prompt if isinstance(each, Mapping)]
        return tuple(
            (str(each.get("role", "user")), read_content(each.get("content"))) for each in messages
        )
    return (("user", batch.prompt_text(row)),)


def build_conversation(row: Row) -> list[dict[str, str]]:
    """Return the messages of a row, the completion as the assistant's."""
    prompt, text = row
    turns = (*prompt, ("assistant", text))
    return [{"role": role, "content": content} for role, content in turns]


class Classifier:
    """A loaded model with its tokenizer."""

    def __init__(self, model: str, device: str | None, dtype: str) -> None:
        transformers = require("transformers", install="rewardkit[trl]")
        self._torch = torch = require("torch", install="torch")
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        # a decoder's score is that of the last token, so what is cut is the start
        self._tokenizer.truncation_side = "left"
        self._model = transformers.AutoModelForSequenceClassification.from_pretrained(
            model, dtype=dtype if dtype == "auto" else getattr(torch, dtype)
        )
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        if self._model.config.pad_token_id is None:
            # without it, a decoder takes the padding's score
            self._model.config.pad_token_id = self._tokenizer.pad_token_id
        # a tokenizer without a limit has a huge number, and a model with relative positions none
        positions = getattr(self._model.config, "max_position_embeddings", None)
        self._max_tokens = min(self._tokenizer.model_max_length, positions or MAX_TOKENS)
        default = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.to(device or default).eval()

    def classify(
        self,
        rows: Sequence[Row],
        batch_size: int,
        max_tokens: int | None,
        label: str | int | None,
    ) -> list[float]:
        """Return the value of each row."""
        index = self._find_output(label)
        lengths = [sum(len(text) for _, text in (*prompt, ("", text))) for prompt, text in rows]
        # rows of like length together, so that little is padding
        order = sorted(range(len(rows)), key=lengths.__getitem__)
        values = [0.0] * len(rows)
        for start in range(0, len(rows), batch_size):
            part = order[start : start + batch_size]
            with self._torch.inference_mode():
                inputs = self._encode([rows[row] for row in part], max_tokens)
                logits = self._model(**inputs.to(self._model.device)).logits.float()
            outputs = logits[:, 0] if index is None else logits.softmax(-1)[:, index]
            for row, value in zip(part, outputs.tolist(), strict=True):
                values[row] = value
        return values

    def _encode(self, rows: Sequence[Row], max_tokens: int | None) -> Any:
        options = {
            "padding": True,
            "truncation": True,
            "max_length": min(self._max_tokens, max_tokens or self._max_tokens),
            "return_tensors": "pt",
        }
        if self._tokenizer.chat_template:
            texts = [
                self._tokenizer.apply_chat_template(build_conversation(row), tokenize=False)
                for row in rows
            ]
            # the template writes the special tokens itself
            return self._tokenizer(texts, add_special_tokens=False, **options)
        completions = [text for _, text in rows]
        if not any(prompt for prompt, _ in rows):
            return self._tokenizer(completions, **options)
        prompts = ["\n".join(text for _, text in prompt) for prompt, _ in rows]
        return self._tokenizer(prompts, completions, **options)

    def _find_output(self, label: str | int | None) -> int | None:
        """Return the index of the label's output, None for the only output."""
        names: dict[int, str] = self._model.config.id2label
        if label is None:
            if len(names) == 1:
                return None
        elif isinstance(label, int) and label < len(names):
            return label
        elif label in names.values():
            return next(index for index, name in names.items() if name == label)
        shown = ", ".join(f"{index}: {name}" for index, name in names.items())
        raise ValueError(f"label: got {label!r}, expected one of the model's outputs: {shown}")
