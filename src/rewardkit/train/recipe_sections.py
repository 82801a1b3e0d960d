"""The sections of a recipe, as typed models: an unknown key or a wrong type is an error."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    JsonValue,
    field_validator,
    model_validator,
)

from rewardkit._messages import did_you_mean, shorten_text
from rewardkit.presets.names import presets_by_name
from rewardkit.registry import names
from rewardkit.reward import Reward

Row = dict[str, Any]
Tracker = Literal["swanlab", "wandb", "trackio", "tensorboard"]
BackendName = Literal["unsloth", "trl"]
PositiveInt = Annotated[int, Field(ge=1)]


def _find_preset(given: Any) -> Any:
    # before the registry is asked: a recipe's bare name is a preset first
    if not isinstance(given, str):
        return given
    presets = presets_by_name()
    if given not in presets and given not in (registered := names("reward")):
        hint = did_you_mean(given, [*presets, *registered]) or "; `rewardkit list` has them"
        raise ValueError(f"no reward or preset is called {shorten_text(given)!r}{hint}")
    return presets.get(given, given)


Rewards = Annotated[
    tuple[Annotated[Reward, BeforeValidator(_find_preset)], ...],
    BeforeValidator(lambda given: given if isinstance(given, tuple) else (given,)),
]
"""One reward or a list, as mappings or names; presets by name too."""


class Section(BaseModel):
    """A section of a recipe."""

    # strict: YAML has numbers and booleans, so that '32' or true for a rank is a mistake
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _convert_lists_to_tuples(cls, given: Any) -> Any:
        # YAML has lists, and the fields are tuples, so that a recipe cannot change after validation
        if not isinstance(given, dict):
            return given
        return {
            key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
        }


class Model(Section):
    """The model and how it is loaded."""

    name: str
    """A name on the hub, or a folder."""
    max_seq_length: int = 1024
    """Prompt and completion together, in tokens."""
    load_in_4bit: bool = False
    fast_inference: bool = True
    """Generate with vLLM. Without it the model generates by itself, more slowly."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """The share of the GPU's memory for vLLM."""
    gradient_checkpointing: Literal["unsloth"] | bool = "unsloth"
    random_state: int = 3407


class Lora(Section):
    """The adapter that is trained."""

    rank: PositiveInt
    alpha: PositiveInt
    modules: tuple[str, ...] | Literal["all-linear"] | None = None
    """The names of the layers; None for the backend's default."""


DATASET_BUILDERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}
"""The name of the builder in `datasets` that reads a local file, by the file's suffix."""


DataFile = Annotated[FilePath, Field(strict=False)]


class Data(Section):
    """Where the rows come from: exactly one of `hub`, `file` and `made`."""

    hub: str | None = None
    """A dataset's name on the hub, with its `config` and `split`."""
    config: str | None = None
    split: str = "train"
    file: DataFile | None = None
    """A local .jsonl, .json or .parquet file."""
    made: Literal["arithmetic", "gsm_symbolic"] | None = None
    """Rows that are generated: sums of two numbers, or GSM8K variations by reasoning-gym."""
    largest: PositiveInt = 20
    """The largest number in a sum."""
    rows: PositiveInt | None = None
    """How many rows to use; None for all."""
    seed: int = 3407
    answer: str | None = "answer"
    """The column with the reference; None where the rewards need none."""
    answer_after: str | None = None
    """The text before the reference in that column, such as GSM8K's `####`."""
    held_out: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Rows that are kept from training for the comparison: a share below 1, or a number of rows."""
    test_file: DataFile | None = None
    """A local file with the rows for the comparison, in place of held-out rows."""
    test_split: str | None = None
    """The split of the hub's dataset with the rows for the comparison, likewise."""

    @model_validator(mode="after")
    def _check_source_and_held_out(self) -> Self:
        if sum(source is not None for source in (self.hub, self.file, self.made)) != 1:
            message = "give exactly one of hub, file and made"
            raise ValueError(message)
        for name, file in (("file", self.file), ("test_file", self.test_file)):
            if file is not None and file.suffix not in DATASET_BUILDERS:
                message = f"{name}: got {file.name}, expected {', '.join(DATASET_BUILDERS)}"
                raise ValueError(message)
        tests = (self.held_out, self.test_file, self.test_split)
        if sum(bool(source) for source in tests) > 1:
            message = "give only one of held_out, test_file and test_split"
            raise ValueError(message)
        if self.test_split is not None and self.hub is None:
            message = "test_split: only a dataset on the hub has splits; give test_file"
            raise ValueError(message)
        if self.held_out > 1 and self.held_out % 1:
            message = f"held_out: got {self.held_out}, expected a whole number, or a share below 1"
            raise ValueError(message)
        return self


class Message(Section):
    """One turn of a worked example."""

    role: Literal["system", "user", "assistant"]
    content: str


class Prompt(Section):
    """How a row becomes a prompt; `{column}` is replaced by the row's value."""

    user: str = "{question}"
    system: str | None = None
    example: tuple[Message, ...] = ()
    """A worked example, as turns before the user's."""
    chat: bool = True
    """Prompts are messages; if false, they are the user's text without a chat template."""

    def build(self, question: str, *, system: bool = True) -> Any:
        """Build a prompt; with `system=False`, without the system text and the example."""
        if not self.chat:
            return question
        before = [{"role": "system", "content": self.system}] if self.system else []
        before += [turn.model_dump() for turn in self.example]
        return [*(before if system else []), {"role": "user", "content": question}]


class Sampling(Section):
    """How completions are sampled; None keeps the trainer's default."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    """-1 for all tokens."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    """The seed of the first prompt; each further prompt has the next one, since one seed for all
    would make the answers alike."""
    stop_at_eos: bool = False
    keep_stop: bool = False
    """Keep the stop string in the text."""
    max_tokens: PositiveInt | None = None

    def options(self) -> dict[str, Any]:
        """Return the options that are given and have one name in TRL, transformers and vLLM."""
        names = ("temperature", "top_p", "top_k", "min_p")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}


RUN_FOLDER_ARGUMENTS = ("logging_steps", "output_dir", "report_to")
"""GRPOConfig's fields that the run folder depends on: it needs every step, in its own place."""


class Training(Section):
    """The trainer's settings under GRPOConfig's names; None keeps the trainer's default."""

    learning_rate: Annotated[float, Field(gt=0)]
    lr_scheduler_type: str | None = None
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] | None = None
    adam_beta1: float | None = None
    adam_beta2: float | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    optim: str | None = None
    num_generations: Annotated[int, Field(ge=2)]
    per_device_train_batch_size: PositiveInt = 1
    gradient_accumulation_steps: PositiveInt = 1
    max_prompt_length: PositiveInt | None = None
    """Rows with longer prompts are left out."""
    prompt_quantile: Annotated[float, Field(gt=0, le=1)] | None = None
    """The same limit as a quantile of the prompts' lengths."""
    max_completion_length: PositiveInt | None = None
    """None for the rest of the sequence after the longest prompt."""
    max_steps: PositiveInt | None = None
    num_train_epochs: Annotated[float, Field(gt=0)] | None = None
    save_steps: PositiveInt = 100
    eval_steps: PositiveInt | None = None
    """Evaluate on the held-out rows after every so many steps; None for never."""
    seed: int = 3407
    sampling: Sampling = Sampling()
    more: dict[str, JsonValue] = {}
    """Any other field of GRPOConfig."""

    @field_validator("more")
    @classmethod
    def _refuse_known_arguments(cls, more: dict[str, JsonValue]) -> dict[str, JsonValue]:
        own_keys = {*cls.model_fields, *Sampling.model_fields}
        if repeated := sorted(own_keys.intersection(more)):
            message = f"{', '.join(repeated)}: has a key of its own in training or its sampling"
            raise ValueError(message)
        if fixed := sorted({*RUN_FOLDER_ARGUMENTS}.intersection(more)):
            message = f"{', '.join(fixed)}: the run folder depends on it; it cannot be set here"
            raise ValueError(message)
        return more


class Questions(Section):
    """The questions that the model answers before and after training."""

    texts: tuple[str, ...] = (
        "Which is bigger? 9.11 or 9.9?",
        "calculate 11111 * 111",
        "What is the sqrt of 101?",
        "Solve (x + 2)^2 = 0",
    )
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)


class Compare(Section):
    """How the model with the adapter is compared with the model without it."""

    rows: PositiveInt | None = 20
    """How many of the held-out or test rows, chosen at random; None for all."""
    sampling: Sampling | None = None
    """How the responses are sampled: greedy with `temperature: 0`; None for as in training."""
    rewards: Rewards = ()
    """Rewards that are measured there and not trained, such as the accuracy."""
    language: str | None = None
    """The language to look for, as an ISO 639-1 code."""
    candidates: tuple[str, ...] | None = None
    """The languages to choose among; None for the common ones."""


class Save(Section):
    """What is saved in addition to the adapter."""

    merged_16bit: bool = False
    merged_4bit: bool = False
    gguf: tuple[Literal["f16", "q8_0", "q4_k_m", "q5_k_m"], ...] = ()
    push_to_hub: str | None = None
    """`user/name`; the merged models and GGUF files get the name with a suffix."""
