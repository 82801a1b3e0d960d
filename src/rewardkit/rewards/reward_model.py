"""A trained reward model, or another model that classifies texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Annotated, Any, Literal, final

from pydantic import Field, model_validator

from rewardkit.batch import Batch
from rewardkit.extract import Extractor, Whole
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds
from rewardkit.rewards._classifier import Row, load_classifier, read_messages
from rewardkit.rewards._judging import EndpointReward, Text, describe_error


@final
@register("reward_model")
class RewardModel(EndpointReward):
    """What a sequence-classification model says of the prompt with its completion.

    The model is loaded when it is first used, once per process, and equal rows are classified once.
    Without `base_url` it runs here, by transformers. With it, rows are sent concurrently to a
    server such as `vllm serve MODEL`; a row abstains if its request fails, and the share of such
    rows goes to the logs as `failed`.

    A model with one output gives that number, whose unit only the model knows: `relative` makes it
    a rank or a z-score within the group, and `standardize` one over the last steps. Blank
    completions are classified like any other.

    >>> reward = RewardModel(model="Skywork/Skywork-Reward-V2-Qwen3-0.6B")
    >>> reward.bounds
    (-inf, inf)
    """

    model: Text
    """A hub id or a folder, or the model's name at the endpoint."""
    label: str | Annotated[int, Field(ge=0)] | None = None
    """Which output of a model with several: its name or its index, and the value is the output's
    probability, 0 to 1. None for a model with one output."""
    base_url: Text | None = None
    """The server, as `http://localhost:8000`, without a key in it; None to run the model here."""
    api_key_env: Text | None = None
    """The environment variable that holds the endpoint's key; None for none."""
    route: Literal["pooling", "classify", "score", "embeddings"] = "pooling"
    """What the endpoint is asked, below `base_url`. `score` is sent two texts, as a cross-encoder
    expects; the others a conversation."""
    extractor: Extractor = Whole()
    """Finds the part of the completion to classify."""
    show_prompt: bool = True
    """Whether the model sees the prompt."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """How many rows run at once, here."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The maximum length of a row, here; of a longer one the start is left out. None for the
    model's own."""
    device: Text | None = None
    """Where the model runs, as `cpu` or `cuda:1`; None for the process's GPU if it has one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The weights' type; `auto` for the one that they were saved in."""

    @model_validator(mode="after")
    def _check_label(self) -> RewardModel:
        if self.base_url is not None and isinstance(self.label, str):
            raise ValueError("label: an endpoint's outputs have no names; give the output's index")
        return self

    @property
    def bounds(self) -> Bounds:
        """0 to 1 for a label's probability, else none."""
        return (-inf, inf) if self.label is None else (0.0, 1.0)

    @property
    def reads_prompt(self) -> bool:
        """Whether the model sees the prompt."""
        return self.show_prompt

    def score(self, batch: Batch) -> list[Score]:
        """Return the model's value for each completion (batch length).

        Raises ImportError if transformers and torch, or for an endpoint openai, are not installed;
        OSError if the model cannot be loaded; and ValueError if `label` does not fit its outputs,
        or the batch has no prompts to show.
        """
        rows = [*self._build_rows(batch)]
        asked = [*dict.fromkeys(rows)]
        values = self._run(asked) if self.base_url is None else self._request(asked)
        found = dict(zip(asked, values, strict=True))
        if self.base_url is not None:
            errors = [each if isinstance(each, str) else None for each in map(found.get, rows)]
            self._log_failed(batch, errors)
        each = map(found.__getitem__, rows)
        return [Score(None, one) if isinstance(one, str) else Score(one) for one in each]

    def _build_rows(self, batch: Batch) -> Iterator[Row]:
        for row, text in enumerate(map(self.extractor.extract, batch.texts)):
            yield read_messages(batch, row) if self.show_prompt else (), text or ""

    def _run(self, rows: Sequence[Row]) -> list[float | str]:
        classifier = load_classifier(self.model, self.device, self.dtype)
        return [*classifier.classify(rows, self.batch_size, self.max_tokens, self.label)]

    def _request(self, rows: Sequence[Row]) -> list[float | str]:
        """Return the endpoint's value for each row, or what went wrong."""
        from rewardkit.rewards import _pooling  # noqa: PLC0415 - with the client alone

        async def post(client: Any, row: Row) -> float:
            body = _pooling.build_body(self.model, self.route, row)
            # the client's own paths are below base_url too
            reply = await client.post(f"/{self.route}", body=body, cast_to=object)
            return _pooling.read_value(reply, self.label)

        base_url = self.base_url or ""
        key = self._read_key(self.api_key_env, base_url) if rows else ""
        found = self._connect(base_url, key).send(post, rows)
        return [describe_error(one, key) if isinstance(one, Exception) else one for one in found]
