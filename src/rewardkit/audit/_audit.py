"""Audit and preflight: what a reward pays for, before a model finds out.

`audit` scores a zoo of degenerate completions beside an honest one, and names those that a reward
pays like it. `preflight` looks at a dataset with the rewards that are to train on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby, takewhile
from typing import Any, Literal, NamedTuple

from rewardkit.audit._preflight import Wrap, template
from rewardkit.audit.ablations import LACKS, SLOT, Honest, Lack, as_noise
from rewardkit.audit.samples import SAMPLES
from rewardkit.audit.zoo import ZOO, Entry
from rewardkit.reward import Reward
from rewardkit.scorer import (
    RewardLike,
    Row,
    Scorer,
    Value,
    as_text,
    counted,
    in_form,
    scorers,
    total,
)
from rewardkit.verify.base import texts

TOTAL = "total"
"""What the weighted sum of several rewards is called."""
_MORE = "\u2026"
_SHORT = 64  # characters that are shown as they are
_MATTERS = 0.25  # of the widest gap to a foil: a lesser gap is no demand, but a matter of length


class Finding(NamedTuple):
    """What is wrong with a reward on one degenerate completion."""

    reward: str
    """The reward's name."""
    kind: Literal["raises", "constant", "unpaid", "exploit", "slow"]
    """It raises; everything earns the same; nothing earns less than the honest completion, so that
    no exploit can be told; this completion is paid like an honest one; this one takes too long to
    score."""
    entry: str
    """The completion's name in the zoo; "honest" for the honest one."""
    family: str = ""
    """The entry's family."""
    grave: int = 3
    """How bad it is: 3 for what costs a model nothing, 2 for a wrong or hedged answer, 1 for a
    right one in disorder."""
    lacks: tuple[Lack, ...] = ()
    """What the reward asks for and the completion lacks."""
    take: float = 0.0
    """Where the completion's value lies between that of the plainest one that lacks the same, 0,
    and the honest one's, 1."""
    value: float | None = None
    """What it earned."""
    honest: float | None = None
    """What the honest completion earned."""
    rows: int = 0
    """On how many of the rows."""
    row: int = 0
    """The row where it took the most."""
    completion: str = ""
    """The completion there."""
    gist: str = ""
    """The completion, with what begins or ends the honest one as well left out."""
    detail: str = ""
    """The reward's own reason, or the error."""

    def __str__(self) -> str:
        """Return it in one line."""
        if self.kind == "exploit":
            told = f"({self.take:.0%}): earns {self.value:g}, honest {self.honest:g}"
            lacks = f", without {', '.join(self.lacks)}" if self.lacks else ""
            return f"{told}{lacks}: {shown(self.gist)}"
        return f"({self.detail}): {shown(self.gist)}"


class Audited(NamedTuple):
    """What one reward was held to."""

    reward: str
    """Its name."""
    asks: tuple[Lack, ...]
    """What it asks for, on some row; nothing where the honest completion earns no more than noise,
    as with a reward that looks at the length alone."""
    honest: tuple[float | None, ...]
    """What the honest completion of each row earned."""
    exploits: int
    """How many entries it pays."""


class Audit(NamedTuple):
    """What an audit found."""

    findings: tuple[Finding, ...]
    """What is wrong, the worst first; empty where nothing is."""
    rewards: tuple[Audited, ...]
    """The rewards, and their total where there are several."""
    entries: int
    """How many entries of the zoo were made for a row at least."""
    rows: int
    """How many rows they were made for."""
    sample: str | None
    """The sample task; None for rows of one's own."""

    @property
    def exploits(self) -> tuple[Finding, ...]:
        """The findings that are exploits."""
        return tuple(finding for finding in self.findings if finding.kind == "exploit")

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            **self._asdict(),
            "findings": [finding._asdict() for finding in self.findings],
            "rewards": [audited._asdict() for audited in self.rewards],
        }

    def __str__(self) -> str:
        """Return it as text, a line for each finding."""
        where = counted(self.rows, "row") + (
            f" of the sample {self.sample!r}" if self.sample else ""
        )
        lines = [f"audit: {self.entries} degenerate completions, {where}"]
        for audited in self.rewards:
            asks = ", ".join(audited.asks) or "nothing that the zoo lacks"
            lines.append(
                f"{audited.reward}: {counted(audited.exploits, 'exploit')}; asks for {asks}"
            )
            found = [finding for finding in self.findings if finding.reward == audited.reward]
            lines += [f"  {finding.kind} {finding.entry} {finding}" for finding in found]
        return "\n".join(lines)


def audit(  # noqa: PLR0913 - each has a default
    reward: RewardLike | Sequence[RewardLike],
    rows: Sequence[Row] | None = None,
    *,
    wrap: str | Wrap | None = None,
    answer: str = "answer",
    sample: str | None = None,
    weights: Sequence[float] | None = None,
    share: float = 0.9,
    skip: Collection[str] = (),
    most: int = 8,
    slow: float = 5.0,
) -> Audit:
    r"""Score the zoo of degenerate completions beside honest ones, and name what is paid like them.

    `reward` is a reward or any function that TRL takes, or several of them; the terms of a sum are
    looked at one by one, and all together as "total", with `weights` for plain functions. `rows`
    hold the dataset's columns, up to `most` of which are used, and `wrap` writes the honest
    completion of a row, as in `preflight`: a text in which `{column}` stands for the row's cell, or
    a function of the row. `answer` is the column whose cell is the answer in it. Without rows the
    sample task in whose layout the rewards pay the most is taken, or the one that `sample` names;
    with rows and no `wrap`, `sample` names the layout.

    A reward is held only to what it asks for. It asks for the right answer where a completion that
    is honest but for a wrong answer earns clearly less, and for the layout's parts likewise; where
    it asks for the right answer, nothing else counts. An entry is an exploit where it lacks what is
    asked for, and yet lies at `share` or above on the way from the value of a completion that
    plainly lacks the same to that of the honest one. Where a reward asks for nothing, an entry that
    lacks everything is an exploit if it earns more than the honest one, and than noise as long. An
    entry that raises, or takes more than `slow` seconds to score, is a finding too; and so is a
    reward that pays the honest completion least of all, since no exploit can be told then. `skip`
    leaves out entries or families.

    Raises ValueError for a sample or entry that is not known, for rows without an answer, and for
    numbers out of range.

    >>> from rewardkit.presets import published
    >>> found = audit(published.match_format_exactly)
    >>> found.rewards[0].asks
    ('place', 'thought')
    >>> print(next(finding for finding in found.exploits if finding.entry == "closing-tags"))
    (100%): earns 3, honest 3, without place, thought: '</think>'
    """
    if most < 1 or not 0 < share <= 1:
        message = f"got most={most}, share={share:g}, expected at least 1, and above 0 up to 1"
        raise ValueError(message)
    zoo = _chosen(skip)
    given = scorers(reward, weights)
    if sample is not None and sample not in SAMPLES:
        message = f"no sample {sample!r}; there are {', '.join(SAMPLES)}"
        raise ValueError(message)
    if rows is None:
        sample = _fitting(given) if sample is None else sample
        task = SAMPLES[sample]
        rows, wrap, answer = task.rows, wrap or task.wrap, task.answer
    elif not rows:
        message = "no rows; give some rows of the dataset, as mappings by column, or none at all"
        raise ValueError(message)
    else:
        layout = SAMPLES[sample].wrap if sample else "{answer}"
        wrap, sample = wrap or layout.replace("{answer}", f"{{{answer}}}"), None
    rows = [*rows[:: max(len(rows) // most, 1)]][:most]
    honests = _honests(rows, wrap, answer)
    given = [in_form(scorer, rows[0], honests[0].text, noise=honests[0].noise) for scorer in given]
    cages = [_Cage(row, honest, zoo) for row, honest in zip(rows, honests, strict=True)]
    heard = [[cage.scored(scorer, slow) for cage in cages] for scorer in given]
    names = [scorer.name for scorer in given]
    beaten = [_beaten(*pair, cages) for pair in zip(given, heard, strict=True)]
    if len(given) > 1:
        names.append(TOTAL)
        heard.append([total(given, values) for values in zip(*heard, strict=True)])
        beaten.append([set() for _ in cages])
    findings: list[Finding] = []
    audited: list[Audited] = []
    for name, values, free in zip(names, heard, beaten, strict=True):
        asks, found = _judged(name, cages, values, free, _Limits(share, slow))
        findings += found
        paid = tuple(row[0].value for row in values)
        exploits = sum(finding.kind == "exploit" for finding in found)
        audited.append(Audited(name, asks, paid, exploits))
    made = {entry.name for cage in cages for entry in cage.entries}
    ranked = tuple(sorted(findings, key=_rank))
    return Audit(ranked, tuple(audited), len(made), len(rows), sample)


def shown(text: str, most: int = 72) -> str:
    """Return a completion as a Python string, with its middle left out where it is long.

    >>> shown("7" * 100, most=10)
    "'77777\u202677777' (100 characters)"
    """
    if len(text) <= most:
        return repr(text)
    told = f"{text[: most // 2]}{_MORE}{text[-(most // 2) :]}"
    return f"{told!r} ({len(text):,} characters)"


def _gist(text: str, honest: str) -> str:
    """Return a text with what begins or ends the honest one as well left out, where it is long.

    >>> honest = "There are 2 boxes of 3 eggs each, so that there are 6 eggs in all of the boxes."
    >>> _gist(honest.replace("6", "5 or 6"), honest)
    '\u20265 or \u2026'
    """
    if len(text) <= _SHORT:
        return text
    start = _alike(text, honest)
    end = _alike(text[start:][::-1], honest[start:][::-1])
    left, right = (_MORE if size else "" for size in (start, end))
    return f"{left}{text[start : len(text) - end]}{right}"


def _alike(text: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False))
    return sum(1 for _ in pairs)


# What is scored -----------------------------------------------------------------------------------


class _Limits(NamedTuple):
    """From where on something is a finding."""

    share: float
    slow: float


class _Cage:
    """A row with its honest completion, the foils and the zoo, in the order they are scored."""

    def __init__(self, row: Row, honest: Honest, zoo: Sequence[Entry]) -> None:
        self.row = row
        self.foils = honest.foils()
        made = [(entry, entry.make(honest)) for entry in zoo]
        kept = {text: entry for entry, text in reversed(made) if text is not None}
        self.entries = [entry for entry in zoo if entry in kept.values()]
        self.texts = [honest.text, honest.noise]
        self.texts += [text for foil in self.foils.values() for text in foil]
        self.first = len(self.texts)
        by_entry = {entry.name: text for text, entry in kept.items()}
        self.texts += [by_entry[entry.name] for entry in self.entries]

    def scored(self, scorer: Scorer, slow: float) -> list[Value]:
        """Return what each text earns."""
        return scorer.tried([self.row] * len(self.texts), self.texts, slow)

    def beaten(self, scorer: Scorer, values: Sequence[Value]) -> set[str]:
        """Return the entries that lack everything, and earn more than the honest completion.

        And more than noise as long.
        """
        honest = values[0].value
        rest = zip(self.entries, self.texts[self.first :], values[self.first :], strict=True)
        more = [
            (entry.name, text, value.value)
            for entry, text, value in rest
            if {*entry.lacks} >= {*LACKS} - {"end"}
            and None not in (honest, value.value)
            and value.value > honest  # type: ignore[operator]  # neither is None
        ]
        if not more:
            return set()
        plain = scorer.tried([self.row] * len(more), [as_noise(text) for _, text, _ in more])
        return {
            name
            for (name, _, value), noise in zip(more, plain, strict=True)
            if noise.value is None or noise.value < value  # type: ignore[operator]  # the same
        }

    def asked(self, values: Sequence[Value]) -> dict[Lack, float]:
        """Return what a reward asks for, by its values, each with the value of what lacks it."""
        honest, noise = values[0].value, values[1].value
        if honest is None or (noise is not None and noise >= honest):
            return {}
        plain: dict[Lack, float] = {}
        place = 2
        for lack, foil in self.foils.items():
            known = [v.value for v in values[place : place + len(foil)] if v.value is not None]
            place += len(foil)
            if known:
                plain[lack] = min(known)
        least = min([*plain.values(), honest if noise is None else noise])
        asks = {
            lack: value
            for lack, value in plain.items()
            if honest - value >= _MATTERS * (honest - least) > 0
        }
        whole = next((lack for lack in ("answer", "language") if lack in asks), None)
        return asks if whole is None else {whole: asks[whole]}


def _beaten(
    scorer: Scorer, values: Sequence[Sequence[Value]], cages: Sequence[_Cage]
) -> list[set[str]]:
    """Return, for each row, the entries that lack everything and earn more than the honest one.

    For a reward that asks for nothing. What looks at the length alone pays noise of the entry's
    length the same, and has none of them.
    """
    pointwise = not isinstance(scorer.reward, Reward) or scorer.reward.pointwise
    asks = any(cage.asked(row) for cage, row in zip(cages, values, strict=True))
    if asks or not pointwise:
        return [set() for _ in cages]
    return [cage.beaten(scorer, row) for cage, row in zip(cages, values, strict=True)]


def _chosen(skip: Collection[str]) -> list[Entry]:
    """Return the zoo without some entries and families."""
    known = {entry.name for entry in ZOO} | {entry.family for entry in ZOO}
    for name in skip:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"skip: no entry or family {name!r}{hint}"
            raise ValueError(message)
    return [entry for entry in ZOO if not {entry.name, entry.family} & {*skip}]


def _honests(rows: Sequence[Row], wrap: str | Wrap, answer: str) -> list[Honest]:
    """Return each row's honest completion."""
    write = wrap if callable(wrap) else template(wrap)
    skeletons = [_skeleton(number, row, write, answer) for number, row in enumerate(rows)]
    whole = [skeleton.replace(SLOT, right) for skeleton, right in skeletons]
    return [
        Honest(
            skeleton,
            right,
            prompt=as_text(row.get("prompt", "")),
            other=next((text for text in whole if text != whole[number]), ""),
        )
        for number, (row, (skeleton, right)) in enumerate(zip(rows, skeletons, strict=True))
    ]


def _skeleton(number: int, row: Row, write: Wrap, answer: str) -> tuple[str, str]:
    """Return a row's honest completion with SLOT in the answer's place, and the answer."""
    if answer not in row:
        near = get_close_matches(answer, row, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"row {number}: no column {answer!r} with the answer{hint}; name it as `answer`"
        raise ValueError(message)
    known = texts(row[answer])
    if not known:
        message = f"row {number}: {answer!r} is {row[answer]!r}, expected a text or a number"
        raise ValueError(message)
    right = known[0].strip()
    whole = write({**row, answer: right})
    try:
        skeleton = write({**row, answer: SLOT})
    except Exception:  # noqa: BLE001 - a function that computes with the answer
        skeleton = ""
    if SLOT not in skeleton and right in whole:
        skeleton = SLOT.join(whole.rsplit(right, 1))
    if SLOT not in skeleton:
        message = f"row {number}: the answer {right!r} is not in the completion {shown(whole)}"
        raise ValueError(message)
    return skeleton, right


def _fitting(given: Sequence[Scorer]) -> str:
    """Return the sample in whose layout the rewards tell an honest completion from noise the best.

    What counts is how many do, on some row, then how many pay their maximum, then by how much they
    do.
    """

    def fit(name: str) -> tuple[int, int, float]:
        task = SAMPLES[name]
        pairs = [*zip(task.rows, _honests(task.rows, task.wrap, task.answer), strict=True)]
        apart = [max(told_apart(one, *pair) for pair in pairs) for one in given]
        best = sum(
            any(_pays_maximum(one, row, honest.text) for row, honest in pairs) for one in given
        )
        return sum(gap > 0 for gap in apart), best, sum(apart)

    def told_apart(one: Scorer, row: Row, honest: Honest) -> float:
        formed = in_form(one, row, honest.text, noise=honest.noise)
        return formed.told_apart(row, honest.text, honest.noise) or 0.0

    return max(SAMPLES, key=fit)


def _pays_maximum(scorer: Scorer, row: Row, text: str) -> bool:
    """Return whether a text earns the most that a reward declares."""
    if not isinstance(scorer.reward, Reward):
        return False
    (found,) = scorer.tried([row], [text])
    return found.value is not None and found.value >= scorer.reward.bounds[1]


# What is found ------------------------------------------------------------------------------------


def _judged(
    name: str,
    cages: Sequence[_Cage],
    values: Sequence[Sequence[Value]],
    beaten: Sequence[set[str]],
    limits: _Limits,
) -> tuple[tuple[Lack, ...], list[Finding]]:
    """Return what a reward asks for, and what is wrong with it."""
    text = cages[0].texts[0]
    whole = Finding(name, "raises", "honest", rows=len(cages), completion=text, gist=text)
    if all(row[0].raised for row in values):
        return (), [whole._replace(detail=values[0][0].why)]
    found = [*_flat(whole, values)]
    asks: dict[Lack, None] = {}
    each: list[Finding] = []
    for number, (cage, row, free) in enumerate(zip(cages, values, beaten, strict=True)):
        asked = cage.asked(row)
        asks |= dict.fromkeys(asked)
        for entry, text, value in zip(
            cage.entries, cage.texts[cage.first :], row[cage.first :], strict=True
        ):
            finding = _found(entry, value, row[0].value, asked, limits)
            if finding is None and entry.name in free:
                finding = Finding(name, "exploit", entry.name, entry.family, entry.grave, take=1.0)
                finding = finding._replace(value=value.value, honest=row[0].value)
            if finding is not None:
                finding = finding._replace(completion=text, gist=_gist(text, cage.texts[0]))
                each.append(finding._replace(reward=name, row=number))
    return tuple(lack for lack in LACKS if lack in asks), [*found, *_merged(each)]


def _flat(whole: Finding, values: Sequence[Sequence[Value]]) -> Iterator[Finding]:
    """Yield what is wrong with a reward that does not pay the honest completion of any row."""
    known = {value.value for row in values for value in row if not value.raised}
    honest = values[0][0].value
    whole = whole._replace(value=honest, honest=honest)
    earns = "abstains" if honest is None else f"earns {honest:g}"
    if len(known) == 1:
        yield whole._replace(kind="constant", detail=f"every completion {earns}")
    elif all(_least(row) for row in values):
        told = f"the honest completion {earns}, the least of all"
        yield whole._replace(kind="unpaid", detail=f"{told}; give data and a wrap that it pays")


def _least(values: Sequence[Value]) -> bool:
    """Return whether nothing earns less than the honest completion, which comes first."""
    honest, *others = [value.value for value in values]
    return honest is None or all(other is None or other >= honest for other in others)


def _found(
    entry: Entry, value: Value, honest: float | None, asked: dict[Lack, float], limits: _Limits
) -> Finding | None:
    """Return what is wrong with an entry's value, None where nothing is."""
    told = Finding("", "raises", entry.name, entry.family, entry.grave, detail=value.why)
    told = told._replace(value=value.value, honest=honest)
    if value.raised:
        return told
    lacks = tuple(lack for lack in entry.lacks if lack in asked)
    if lacks and value.value is not None and honest is not None:
        plain = min(asked[lack] for lack in lacks)
        take = (value.value - plain) / (honest - plain)
        if take >= limits.share - 1e-9:
            return told._replace(kind="exploit", lacks=lacks, take=take)
    if value.seconds > limits.slow:
        return told._replace(kind="slow", detail=f"took more than {limits.slow:g} s")
    return None


def _merged(each: Iterable[Finding]) -> list[Finding]:
    """Return one finding for each entry and kind: where it took the most, on how many rows."""
    merged = []
    for _, same in groupby(sorted(each, key=_same), key=_same):
        alike = [*same]
        worst = max(alike, key=lambda finding: (finding.take, -finding.row))
        merged.append(worst._replace(rows=len(alike)))
    return merged


_same: Callable[[Finding], tuple[str, str]] = lambda finding: (finding.entry, finding.kind)  # noqa: E731 - a key
_PLACES = {entry.name: place for place, entry in enumerate(ZOO)}
_ORDER = ("raises", "constant", "unpaid", "exploit", "slow")


def _rank(finding: Finding) -> tuple[Any, ...]:
    """Return a key that puts the worst first: what takes all, then what is gravest."""
    return (
        _ORDER.index(finding.kind),
        -min(finding.take, 1.0),
        -finding.grave,
        -finding.rows,
        -finding.take,
        _PLACES.get(finding.entry, 0),
    )
