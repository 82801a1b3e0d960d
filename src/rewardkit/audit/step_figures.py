"""What one training step shows: each reward's values, its groups, clipped and copied texts.

`StepMeter` measures a step from its completions and values. `read_log_row` reads what a trainer's
log has of the same figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from rewardkit._score_checks import weighted_sum
from rewardkit._text.words import ngrams, split_words
from rewardkit.batch import Batch

# Reading words is most of the time that a step takes. Sixteen completions per step are 80 in the
# five steps that an alert looks at, which is enough to tell a quarter of them from a tenth.
SAMPLED_ROWS = 16
# Bounds on what is read of a text, so that a step's time does not grow with its longest text.
MAX_TEXT_CHARACTERS, MAX_PROMPT_CHARACTERS = 4_000, 20_000
COPIED_NGRAM = 4  # words; three are often a phrase of the language ("the number of")
# Below this a text is a phrase, which a prompt may well contain ("The answer is 8").
MIN_WORDS = 8
# A text is a copy if half of it is in its own prompt, or a fifth in what all prompts share: an
# answer may restate its question, but a worked example is about another one.
COPIED_OF_PROMPT, COPIED_OF_SHARED = 0.5, 0.2
MAX_SHARED_PROMPTS = 16  # different prompts that are compared for what they share

RECENT_STEPS = 8  # in which a text counts as repeated; a step may have one prompt alone
MIN_PROMPTS = 3  # with one text, before it counts as repeated: two may be the same question
# Shorter texts ("yes", "42", a label in tags) are often right for several prompts. One that nearly
# all prompts get is not.
LONG_TEXT_CHARACTERS, NEARLY_ALL = 80, 0.8


class Step(NamedTuple):
    """The completions of a step, and what each reward gave them."""

    number: int
    """The trainer's step, from 1."""
    batch: Batch
    """The completions, with their prompts and token ids if they are known."""
    values: Mapping[str, Sequence[float | None]]
    """By the reward's name, a value or None per completion."""
    whys: Mapping[str, Sequence[str]] = {}
    """By the reward's name, a why per completion, for rewards that give one."""


class RewardFigures(NamedTuple):
    """The values of one reward, or of the weighted sum, in one step."""

    mean: float | None
    """The mean of the known values; None if there are none."""
    std: float = 0.0
    """Their standard deviation."""
    low: float | None = None
    """The lowest value; None if only the mean is known."""
    high: float | None = None
    """The highest value; None if only the mean is known."""
    abstained: float = 0.0
    """The share of completions without a value, 0 to 1, without the rows of other tasks."""
    timeouts: float = 0.0
    """The share of completions whose why is a timeout, 0 to 1."""
    size: int | None = None
    """The number of completions; None if it is not known."""


class Share(NamedTuple):
    """A share of the completions, 0 to 1, and a row that shows it."""

    share: float
    row: int = 0


class StepFigures(NamedTuple):
    """The figures of one step; None for those that are not known."""

    step: int
    rewards: Mapping[str, RewardFigures]
    total: RewardFigures | None = None
    """The weighted sum."""
    flat_groups: float | None = None
    """The share of the groups in which all completions earn the same."""
    group_count: int | None = None
    """The number of groups."""
    clipped: Share | None = None
    """Completions that reach the limit of tokens."""
    copied: Share | None = None
    """Completions that are largely words of their prompt."""
    repeated: Share | None = None
    """Completions that other prompts got too, word for word."""


class StepMeter:
    """Measures steps, one after the other; it remembers recent texts and what prompts share."""

    def __init__(
        self,
        *,
        weights: Mapping[str, float] | None = None,
        may_skip: Collection[str] = (),
        max_tokens: int | None = None,
        group_size: int = 2,
    ) -> None:
        """Set what is known about the run.

        `weights` are the rewards' weights in the sum, by default 1. `may_skip` names the rewards
        that may abstain on all of a prompt's completions, such as those for one task of a mixture.
        `max_tokens` is the limit of a completion's tokens, and `group_size` the number of
        completions per prompt: smaller groups are parts of one, on several processes.
        """
        self.weights, self.may_skip = weights, may_skip
        self.max_tokens, self.group_size = max_tokens, group_size
        self._recent = deque[list[tuple[int, int, bool]]](maxlen=RECENT_STEPS)
        self._shared = _SharedText()

    def measure(self, step: Step) -> StepFigures:
        """Measure a step; raises ValueError for another number of values than completions."""
        batch = step.batch
        for name, values in step.values.items():
            if len(values) != len(batch):
                message = f"{name}: got {len(values)} values, expected {len(batch)}"
                raise ValueError(message)
        groups = [] if batch.prompts is None else batch.groups()
        rewards = {
            name: _measure_values(
                values, step.whys.get(name, ()), groups if name in self.may_skip else None
            )
            for name, values in step.values.items()
        }
        names = [*step.values]
        weights = [1.0 if self.weights is None else self.weights[name] for name in names]
        totals = [weighted_sum(row, weights) for row in zip(*step.values.values(), strict=True)]
        totals = totals or [None] * len(batch)
        return StepFigures(
            step.number,
            rewards,
            _measure_values(totals),
            *self._measure_flat_groups(totals, groups),
            self._measure_clipped(batch),
            self._measure_copied(batch, groups),
            self._measure_repeated(batch, groups),
        )

    def _measure_flat_groups(
        self, totals: Sequence[float | None], groups: Sequence[range]
    ) -> tuple[float | None, int]:
        known = [
            [total for row in rows if (total := totals[row]) is not None]
            for rows in groups
            if len(rows) >= self.group_size
        ]
        # values that single precision, in which trainers sum, cannot distinguish are equal
        flat = [max(group) - min(group) < 1e-6 for group in known if len(group) > 1]  # noqa: PLR2004
        return (fmean(flat) if flat else None), len(flat)

    def _measure_clipped(self, batch: Batch) -> Share | None:
        if self.max_tokens is None or batch.completion_ids is None or not len(batch):
            return None
        lengths = [*map(len, batch.completion_ids)]
        share = sum(length >= self.max_tokens for length in lengths) / len(lengths)
        return Share(share, lengths.index(max(lengths)))

    def _measure_copied(self, batch: Batch, groups: Sequence[range]) -> Share | None:
        if not groups:
            return None
        stride = max(len(batch) // SAMPLED_ROWS, 1)
        sampled = range(0, len(batch), stride)[:SAMPLED_ROWS]
        # the last one counts if nothing is copied: any row is an example of that
        shares = [(0.0, 0)]
        copied = 0
        for rows in groups:
            picked = [row for row in sampled if row in rows]
            if not picked:
                continue
            in_prompt = self._shared.add(batch.prompt_text(rows[0]))
            for row in picked:
                words = split_words(batch.texts[row][:MAX_TEXT_CHARACTERS])
                if len(words) < MIN_WORDS:
                    continue
                grams = [*ngrams(words, COPIED_NGRAM)]
                own = sum(map(in_prompt.__contains__, grams)) / len(grams)
                shared = sum(map(self._shared.grams.__contains__, grams)) / len(grams)
                copied += own >= COPIED_OF_PROMPT or shared >= COPIED_OF_SHARED
                shares.append((own, row))
        return Share(copied / len(sampled), max(shares)[1])

    def _measure_repeated(self, batch: Batch, groups: Sequence[range]) -> Share | None:
        if not groups:
            return None
        # hashes: the texts of eight steps may be hundreds of megabytes
        rows = [
            (hash(text), prompt, not text or len(text) >= LONG_TEXT_CHARACTERS)
            for group in groups
            for prompt in [hash(batch.prompt_text(group[0]))]
            for text in (batch.texts[row].strip() for row in group)
        ]
        self._recent.append(rows)
        counts: Counter[int] = Counter()
        prompts = defaultdict[int, set[int]](set)
        for recent in self._recent:
            for text, prompt, _ in recent:
                counts[text] += 1
                prompts[text].add(prompt)
        threshold = NEARLY_ALL * counts.total()
        repeated = [
            (counts[text], row)
            for row, (text, _, is_long) in enumerate(rows)
            if len(prompts[text]) >= MIN_PROMPTS and (is_long or counts[text] >= threshold)
        ]
        return Share(len(repeated) / len(rows), max(repeated, default=(0, 0))[1])


class _SharedText:
    """The n-grams that all prompts share: instructions and worked examples."""

    def __init__(self) -> None:
        self.grams: frozenset[Any] = frozenset()
        self._first: frozenset[Any] = frozenset()
        self._prompts: set[int] = set()

    def add(self, prompt: str) -> frozenset[Any]:
        """Return a prompt's n-grams, and keep what it shares with those before it."""
        prompt = prompt[-MAX_PROMPT_CHARACTERS:]
        grams = frozenset(ngrams(split_words(prompt), COPIED_NGRAM))
        key = hash(prompt)
        if key not in self._prompts and len(self._prompts) < MAX_SHARED_PROMPTS:
            self._prompts.add(key)
            if len(self._prompts) == 1:
                self._first = grams  # one prompt alone shares nothing
            else:
                self.grams = (self.grams if len(self._prompts) > 2 else self._first) & grams  # noqa: PLR2004
        return grams


def is_timeout(why: str) -> bool:
    """Whether a why says that time ran out.

    >>> is_timeout("Timed out after 5 s"), is_timeout("right three times")
    (True, False)
    """
    return "timeout" in (lowered := why.lower()) or "timed out" in lowered


def _measure_values(
    values: Sequence[float | None],
    whys: Sequence[str] = (),
    groups: Sequence[range] | None = None,
) -> RewardFigures:
    known = [value for value in values if value is not None]
    missing = len(values) - len(known)
    if missing and groups is not None:
        # a prompt of another task has no value at all; one that has some should have all
        missing = sum(
            0 < count < len(rows) and count
            for rows in groups
            for count in [sum(values[row] is None for row in rows)]
        )
    timeouts = sum(map(is_timeout, whys))
    size = max(len(values), 1)
    if not known:
        return RewardFigures(
            None, abstained=missing / size, timeouts=timeouts / size, size=len(values)
        )
    return RewardFigures(
        fmean(known),
        pstdev(known) if len({*known}) > 1 else 0.0,
        min(known),
        max(known),
        missing / size,
        timeouts / size,
        len(values),
    )


def read_log_row(row: Mapping[str, Any]) -> StepFigures:
    """Read the figures in a row of TRL's log; texts and single values are not in it.

    >>> row = {"step": 7, "rewards/right/mean": 0.5, "rewards/right/std": 0.5, "reward": 0.5}
    >>> read_log_row(row).rewards["right"].mean
    0.5
    """
    rewards = {
        key.removeprefix("rewards/").removesuffix("/mean"): RewardFigures(
            mean, row.get(f"{key.removesuffix('/mean')}/std") or 0.0
        )
        for key, mean in row.items()
        if key.startswith("rewards/") and key.endswith("/mean")
    }
    total, clipped = row.get("reward"), row.get("completions/clipped_ratio")
    return StepFigures(
        row["step"],
        rewards,
        None if total is None else RewardFigures(total, row.get("reward_std") or 0.0),
        row.get("frac_reward_zero_std"),
        None,
        None if clipped is None else Share(clipped),
    )
