"""The result types and how they are printed as text; the command line adds colours and columns."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Literal, NamedTuple, get_args

from rewardkit._messages import pluralize
from rewardkit.audit.ablations import Part

NOT_TESTED = "not tested: this reward checks neither answer, layout nor language"
FORM_ALONE = (
    "its verifier checks a form, which wrong answers may have too: add a reward for the content"
)
NO_MAXIMUM = (
    "maximum not checked: no upper bound declared (add a `bounds` property), or the reward depends"
    " on other rows"
)
CHECK_NAMES: dict[Part, str] = {
    "answer": "right answer",
    "answer_type": "answer type",
    "answer_tag": "answer tag",
    "block_order": "block order",
    "reasoning": "reasoning present",
    "clean_end": "nothing after",
    "language": "language",
}
"""How a report names what a reward checks."""

_ELLIPSIS = "\u2026"
_MAX_WHOLE_EXCERPT = 64  # characters: this many fit on a terminal line uncut


FindingKind = Literal[
    "wrong_form",
    "raises",
    "constant",
    "no_sample",
    "never_rewarded",
    "exploit",
    "refused",
    "slow",
]
"""What may be wrong with a reward:

- wrong_form: it works on texts alone, and the prompts are messages, or the other way around;
- raises: it raises;
- constant: every completion earns the same;
- no_sample: every completion of all sample tasks does, so that other rows are needed;
- never_rewarded: no completion earns less than the reference completion, so that exploits cannot be
  found;
- exploit: this completion is rewarded like the reference completion;
- refused: this completion is right, and earns less than half of the way;
- slow: scoring it takes too long.
"""


class Finding(NamedTuple):
    """A problem of a reward on one completion."""

    reward: str
    """The reward's name."""
    kind: FindingKind
    """What is wrong, as `FindingKind` explains."""
    entry: str
    """The completion's name in the zoo, or of the way in which it is right; "reference" for the
    reference completion."""
    family: str = ""
    """The entry's family."""
    severity: int = 3
    """3 for a completion that takes a model no effort, 2 for a wrong or hedged answer, 1 for a
    right answer in a broken layout."""
    missing: tuple[Part, ...] = ()
    """The parts that the reward checks and the completion lacks."""
    score_fraction: float = 0.0
    """The fraction of the reference completion's reward that it earns: 0 is the value of the
    ablation that lacks the same parts, 1 the reference's."""
    value: float | None = None
    """What it earned."""
    reference_score: float | None = None
    """What the reference completion earned."""
    row_count: int = 0
    """The number of rows with this finding."""
    row: int = 0
    """The row with the highest fraction."""
    completion: str = ""
    """The completion of that row."""
    excerpt: str = ""
    """The part of it that differs from the reference completion."""
    detail: str = ""
    """The reward's own reason, or the error."""

    def __str__(self) -> str:
        """Return it in one line, without the reward's name."""
        detail = self.detail
        if self.kind == "refused":
            detail = f"earns {_format(self.value)}, reference {_format(self.reference_score)}"
        if self.kind == "exploit":
            detail = f"{self.score_fraction:.0%}, earns {_format(self.value)}"
            detail += f", reference {_format(self.reference_score)}"
            if self.missing:
                detail += f", missing {', '.join(self.missing).replace('_', ' ')}"
        return f"{self.kind} {self.entry}: {detail}: {quote(self.excerpt)}"


class FindingGroup(NamedTuple):
    """The findings of one reward, kind and family."""

    worst: Finding
    """The first of them."""
    others: tuple[Finding, ...]

    @property
    def other_names(self) -> str:
        """The other entries in words, "" if there are none."""
        if not self.others:
            return ""
        names = ", ".join(one.entry for one in self.others)
        return f"{len(self.others)} more ({self.worst.family}): {names}"


class Evidence(NamedTuple):
    """Why the audit says that a reward checks a part: a completion without it earns less."""

    part: Part
    excerpt: str
    """What of the completion differs from the reference completion."""
    value: float
    """What it earned."""
    reference_score: float | None
    """What the reference completion earned."""

    def __str__(self) -> str:
        """Return it in one line."""
        earned = f"earns {_format(self.value)} of {_format(self.reference_score)}"
        return f"{CHECK_NAMES[self.part]}: {quote(self.excerpt)} {earned}"


class RewardAudit(NamedTuple):
    """The result of an audit for one reward."""

    reward: str
    """Its name."""
    checks: tuple[Part, ...]
    """The parts that it checks, on some row; empty if the reference completion earns no more than a
    text without content, as with a reward that depends on the length alone."""
    reference_scores: tuple[float | None, ...]
    """What the reference completion of each row earned."""
    exploit_count: int
    """How many entries it rewards."""
    raises: bool = False
    """Whether it raises on the reference completion of every row."""
    evidence: tuple[Evidence, ...] = ()
    """What shows that it checks each of these parts, in their order."""
    unsafe_terms: tuple[str, ...] = ()
    """Of a total without exploits, the rewards that have some."""
    checks_form: bool = False
    """Whether its verifiers check a form alone, so that it is not held to the right answer."""
    absent_columns: tuple[str, ...] = ()
    """The columns that it reads and no row has, so that it cannot be tested."""

    @property
    def summary(self) -> str:
        """The number of exploits and the parts that it checks, in one line."""
        if not self.checks and not self.exploit_count:
            if self.absent_columns:
                return f"not tested: no row has the column {self.absent_columns[0]!r}"
            if self.raises:
                return "not tested: it raises"
            if all(score is None for score in self.reference_scores):
                return "not tested: it abstains on the reference completion"
            return f"not tested: {FORM_ALONE}" if self.checks_form else NOT_TESTED
        names = ", ".join(CHECK_NAMES[part] for part in self.checks)
        checks = f"checks: {names}" if names else "checks: none on the reference completion"
        count = pluralize(self.exploit_count, "exploit")
        if self.unsafe_terms:
            terms = ", ".join(self.unsafe_terms)
            count += f", since the sum pays less for those of {terms}"
        return f"{count}; {checks}; {FORM_ALONE}" if self.checks_form else f"{count}; {checks}"


class Audit(NamedTuple):
    """The result of an audit."""

    findings: tuple[Finding, ...]
    """The problems, sorted by kind (raises, constant, never_rewarded, exploit, slow), the worst
    first within a kind; empty if there are none."""
    rewards: tuple[RewardAudit, ...]
    """The rewards, and their total if there are several."""
    entry_count: int
    """How many entries of the zoo apply to at least one row."""
    row_count: int
    """The number of rows."""
    sample: str | None
    """The sample task; None for the caller's rows."""
    unscored_count: int = 0
    """How many completions were not scored within the time limit."""

    @property
    def exploits(self) -> tuple[Finding, ...]:
        """The findings that are exploits."""
        return tuple(finding for finding in self.findings if finding.kind == "exploit")

    @property
    def summary(self) -> str:
        """How many completions were scored, and for which rows."""
        source = f"the sample {self.sample!r}" if self.sample else "the data"
        rows = f"{pluralize(self.row_count, 'row')} of {source}"
        entries = pluralize(self.entry_count, "degenerate completion")
        return f"{entries}, {rows}{_count_unscored(self.unscored_count)}"

    def findings_of(self, reward: str) -> list[Finding]:
        """Return the findings of one reward, by its name."""
        return [finding for finding in self.findings if finding.reward == reward]

    def group_findings(self, reward: str) -> list[FindingGroup]:
        """Return the findings of one reward by kind and family, the worst first."""
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings_of(reward):
            # Findings without a family are of the reference completion.
            groups.setdefault((finding.kind, finding.family), []).append(finding)
        return [FindingGroup(first, tuple(others)) for first, *others in groups.values()]

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            **self._asdict(),
            "findings": [finding._asdict() for finding in self.findings],
            "rewards": [
                {**result._asdict(), "evidence": [one._asdict() for one in result.evidence]}
                for result in self.rewards
            ],
        }

    def __str__(self) -> str:
        """Return it as text: the worst finding of each family, and the names of the others."""
        lines = [f"audit: {self.summary}"]
        for result in self.rewards:
            lines.append(f"{result.reward}: {result.summary}")
            lines += [f"  checks {evidence}" for evidence in result.evidence]
            for group in self.group_findings(result.reward):
                lines.append(f"  {group.worst}")
                lines += [f"    {group.other_names}"] * bool(group.others)
        return "\n".join(lines)


DATASET = "dataset"
"""The name in place of a reward's, for problems of the dataset itself."""

ProblemKind = Literal[
    "missing_column",
    "wrong_form",
    "raises",
    "slow",
    "below_maximum",
    "refused_spelling",
    "opened_by_template",
    "constant",
    "redundant",
    "scale",
    "flat",
    "uncut_reference",
    "special_tokens",
    "white_space",
    "missing_reference",
    "mixed_kinds",
    "units",
    "one_answer",
    "leaked",
    "two_answers",
    "duplicates",
    "no_prompt",
    "mixed_prompts",
    "held_out",
    "chat_template",
    "tags_lost",
    "too_long",
]
"""What may be wrong with a reward on a dataset, then with the dataset itself:

- missing_column: a column that it reads is missing;
- wrong_form: it works on texts alone, and the prompts are messages, or the other way around;
- raises: it raises;
- slow: it takes too long, and was stopped;
- below_maximum: a perfect completion earns less than the reward's maximum (of a plain function: the
  most that any completion earned here, or the least if its weight is negative); rewards that see
  the length alone need not pay it;
- refused_spelling: a right answer in another spelling than the reference's earns as a wrong one;
- opened_by_template: it pays less if the chat template has opened the thought;
- constant: perfect completions and degenerate ones (an empty one, the reference alone, the prompt
  again, an endless repetition, ...) earn the same;
- redundant: it gives these the same values as another reward, but for scale and offset;
- scale: its values differ many times as much as another's, which the sum hardly sees;
- flat: in most groups of the dataset's own completions all earn the same;
- uncut_reference: a whole solution with `####` for a reference;
- special_tokens, white_space, units: a reference has a tokenizer's token, white space around it, or
  a unit in some rows;
- missing_reference: "n/a" or another word for none;
- mixed_kinds: numbers, and some references that are not; or several types;
- one_answer: the same for all prompts;
- leaked: the answer is in the prompt;
- two_answers: one prompt has two;
- duplicates: a row is in the data twice;
- no_prompt, mixed_prompts: no column `prompt`, or both texts and messages in it;
- held_out: a prompt is in the held-out rows too;
- chat_template: it cannot be applied to the prompts;
- tags_lost: a tag of the layout does not survive decoding without special tokens;
- too_long: a perfect completion has more tokens than `max_completion_length`.
"""
PROBLEM_KINDS: tuple[ProblemKind, ...] = get_args(ProblemKind)


class Problem(NamedTuple):
    """A problem of one reward on a dataset, or of the dataset, with the first row that shows it."""

    reward: str
    """The reward's name, "total", or "dataset"."""
    kind: ProblemKind
    """What is wrong, as `ProblemKind` explains."""
    detail: str
    """The error, or the reward's own reason."""
    row_count: int = 0
    """The number of rows with this problem."""
    row: int = 0
    """The first of them."""
    completion: str = ""
    """The completion of that row."""
    value: float | None = None
    """What it earned; None if the reward abstained."""
    expected: float | None = None
    """What it should have earned."""

    @property
    def summary(self) -> str:
        """The problem in one or two lines, without the reward's name."""
        line = f"{self.kind} on {pluralize(self.row_count, 'row')}: {self.detail}"
        if self.expected is None:
            return line
        earned = "nothing (it abstained)" if self.value is None else _format(self.value)
        expected = _format(self.expected)
        return f"{line}\n  {self.completion!r} earned {earned}, expected {expected}"

    def __str__(self) -> str:
        """Return the reward's name and the summary."""
        return f"{self.reward}: {self.summary}"


class Spread(NamedTuple):
    """How far a reward, or the total, differs within groups of completions."""

    reward: str
    """The reward's name, or "total"."""
    mean: float
    """The mean over all completions."""
    std: float
    """The mean over the groups of the standard deviation within a group, as TRL computes it."""
    flat: float
    """The fraction of the groups in which all completions earn the same, 0 to 1."""


class Preflight(NamedTuple):
    """The result of a preflight."""

    problems: tuple[Problem, ...]
    """The problems; empty if there are none."""
    row_count: int
    """The number of rows tried."""
    unbounded: tuple[str, ...]
    """The rewards whose maximum is not declared, or depends on other rows of the batch."""
    spread: tuple[Spread, ...] = ()
    """The spread of each reward, and of their total, within groups."""
    groups: Literal["simulated", "dataset"] = "simulated"
    """Where the groups come from: the dataset's own completions, if it has a column `completion`
    (adjacent rows of one prompt are a group) or `completions` (a list per row). Simulated groups
    have eight completions per row: two perfect ones, one with other digits, another row's, one cut
    in half, one with a remark after it, one without its tags, and an empty one."""
    unscored_count: int = 0
    """How many completions were not scored within the time limit."""

    @property
    def summary(self) -> str:
        """The number of rows and problems, and where the groups come from."""
        source = "from the dataset" if self.groups == "dataset" else "simulated"
        problems = pluralize(len(self.problems), "problem")
        rows = pluralize(self.row_count, "row")
        return f"{rows}, {problems}; groups: {source}{_count_unscored(self.unscored_count)}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            **self._asdict(),
            "problems": [problem._asdict() for problem in self.problems],
            "spread": [spread._asdict() for spread in self.spread],
        }

    def __str__(self) -> str:
        """Return it as text, one line per problem and reward."""
        lines = [f"preflight: {self.summary}"]
        lines += [f"  {problem}" for problem in self.problems]
        lines += [f"  {name}: {NO_MAXIMUM}" for name in self.unbounded]
        for spread in self.spread:
            flat = f", {spread.flat:.0%} of the groups are flat" if spread.flat else ""
            figures = f"mean {spread.mean + 0.0:.3g}, std {spread.std:.3g} in a group{flat}"
            lines.append(f"  {spread.reward}: {figures}")
        return "\n".join(lines)


def _count_unscored(count: int) -> str:
    return f"; {pluralize(count, 'completion')} not scored: the time was over" if count else ""


def quote(text: str, limit: int = 72) -> str:
    """Return a completion as a Python string, shortened in the middle if it exceeds `limit`.

    >>> quote("7" * 100, limit=10)
    "'77777\u202677777' (100 characters)"
    """
    if len(text) <= limit:
        return repr(text)
    ends = f"{text[: limit // 2]}{_ELLIPSIS}{text[-(limit // 2) :]}"
    return f"{ends!r} ({len(text):,} characters)"


def excerpt(text: str, reference: str) -> str:
    r"""Return the part of a long completion that differs from the reference completion.

    >>> reference = "There are 2 boxes of 3 eggs each, so that there are 6 eggs in all the boxes."
    >>> excerpt(reference.replace("6", "5 or 6"), reference)
    '\u20265 or \u2026'
    """
    if len(text) <= _MAX_WHOLE_EXCERPT:
        return text
    start = _common_prefix_length(text, reference)
    # The suffix is measured after the prefix, so that the two cannot overlap.
    end = _common_prefix_length(text[start:][::-1], reference[start:][::-1])
    left, right = (_ELLIPSIS if size else "" for size in (start, end))
    return f"{left}{text[start : len(text) - end]}{right}"


def _format(value: float | None) -> str:
    # Adding 0.0 turns -0.0, which a weight of 0 makes of a penalty, into 0.0.
    return "None" if value is None else f"{value + 0.0:g}"


def _common_prefix_length(text: str, other: str) -> int:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False))
    return sum(1 for _ in pairs)
