"""`report`: a file of scored completions as one page that needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

from rewardkit._files import reading
from rewardkit._optional import require
from rewardkit.component import walk
from rewardkit.config import load
from rewardkit.extract import Extractor
from rewardkit.report import charts
from rewardkit.report.answers import USUAL
from rewardkit.report.figures import Figures, Finding, as_data, measure, number, percent
from rewardkit.report.pack import PICKED, Packed, pack
from rewardkit.report.rows import Rows, gather
from rewardkit.reward import Linear, Reward

MAX_BYTES = 2_000_000


class Report(NamedTuple):
    """What was written, and what stands out."""

    path: Path
    """The page."""
    size: int
    """Its bytes."""
    rows: int
    """How many rows the file has."""
    shown: int
    """How many of them can be read in the page; the table has the values of all."""
    figures: Figures
    """Every figure that the page draws."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What stands out, the worst first."""
        return self.figures.findings

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        data: dict[str, Any] = as_data(self)
        return {**data, "path": str(self.path)}


def report(  # noqa: PLR0913 - keywords, all but two
    source: Path | str,
    out: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    title: str | None = None,
    rewards: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    group: str = "prompt",
    extractor: Extractor | None = None,
    max_bytes: int = MAX_BYTES,
) -> Report:
    r"""Write one HTML file about the rewards in `source`, and return what it says.

    `source` is what `rewardkit score` wrote, or TRL's `completions_*.parquet`: a file, a glob, or a
    folder. `columns` gives a column of the file the name that is read here, as {"response":
    "completion"}. Rewards are the columns `rewards/NAME`, or TRL's; `rewards` names others, and
    `weights` their factors in the sum, 1 where nothing says otherwise. Rows of one step with equal
    cells under `group` are a group. `extractor` finds the answers to highlight: by default those of
    the rewards in `SOURCE.rewards.yaml`, then answer tags, LaTeX boxes and `####`.

    All figures are over all rows, which are held in memory. The page is at most `max_bytes` long:
    it has the values of 20,000 rows at most and as many texts as fit, picked ones before others at
    random, and says how many.

    Raises ValueError for a file without rows, completions or rewards, for unknown names and for
    `max_bytes` too small for the figures alone; FileNotFoundError; and ImportError where a package
    is missing.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = '{"prompt": "2 + 2?", "completion": "4", "rewards/length": 0.5}'
    >>> _ = (folder / "scored.jsonl").write_text(f"{row}\n{row}\n")
    >>> done = report(folder / "scored.jsonl", folder / "report.html")
    >>> [finding.title for finding in done.findings]
    ['Most groups teach nothing', 'A reward is flat']
    """
    require("jinja2", install="rewardkit[report]")  # before the file is read
    scored = _scored(Path(source))
    rows = gather(
        reading.read(source, columns=columns),
        rewards=rewards,
        weights={**{name: weight for name, (_, weight) in scored.items()}, **(weights or {})},
        group=group,
        sum_anew=rewards is not None or weights is not None,
    )
    if unknown := [name for name in weights or () if name not in rows.values]:
        has = ", ".join(rows.values)
        raise ValueError(
            f"a weight for {unknown[0]!r}, which is no reward of the file; it has {has}"
        )
    bounds = {name: reward.bounds for name, (reward, _) in scored.items()}
    figures = measure(rows, bounds)
    told = title or f"Rewards of {Path(source).resolve().name}"
    extractors = _extractors([reward for reward, _ in scored.values()], extractor)
    nothing = Packed("", "", rows=len(rows) - 1, shown=len(rows) - 1)  # the longest it can say
    frame = len(_render(rows, figures, nothing, told, source))
    packed = pack(rows, extractors, max_bytes - frame)
    page = _render(rows, figures, packed, told, source)
    if len(page) > max_bytes:
        raise ValueError(
            f"got max_bytes={max_bytes:,}; the figures of {len(rows):,} rows alone take"
            f" {len(page):,}"
        )
    path = Path(out)
    path.write_bytes(page)
    return Report(path, len(page), len(rows), packed.shown, figures)


def _scored(source: Path) -> dict[str, tuple[Reward, float]]:
    """Return the rewards beside a scored file with their weights, by name, where they load."""
    beside = Path(f"{source}.rewards.yaml")
    if not beside.is_file():
        return {}
    try:
        loaded = load(beside)
    except ValueError:  # functions that YAML does not hold, or a plugin that is not here
        return {}
    found = {}
    for reward in loaded if isinstance(loaded, list) else [loaded]:
        for term, weight in reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]:
            found[term.__name__] = term, weight
    return found


def _extractors(rewards: Sequence[Reward], given: Extractor | None) -> Sequence[Extractor]:
    """Return what finds answers: what was given, else what the rewards use, else the usual ones."""
    if given is not None:
        return [given]
    used = [part for reward in rewards for part in walk(reward) if isinstance(part, Extractor)]
    return list(dict.fromkeys([*used, *USUAL]))


def _render(rows: Rows, figures: Figures, packed: Packed, title: str, source: Path | str) -> bytes:
    """Return the page."""
    jinja2 = require("jinja2", install="rewardkit[report]")
    folder = files("rewardkit.report")
    html, style, script = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    environment = jinja2.Environment(
        autoescape=True,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "percent": percent, "breakable": breakable}
    page: str = environment.from_string(html).render(
        title=title,
        source=Path(source).resolve().name,
        version=version("rewardkit"),
        rows=rows,
        figures=figures,
        charts=charts,
        packed=packed,
        picked=PICKED,
        style=_Inline(style),
        script=_Inline(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return page.encode()


class _Inline(str):
    """The project's own style and script, which are not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text as it is, as markupsafe asks for it."""
        return str(self)


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy calls a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def visible(value: Any) -> Any:
    r"""Return a text with the characters that cannot be seen, or that turn it round, as U+XXXX.

    >>> visible("a\u202eb\x00")
    'a[U+202E]b[U+0000]'
    """
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__"):
        return value
    return "".join(
        f"[U+{ord(sign):04X}]" if category(sign) in _UNSEEN and sign != "\n" else sign
        for sign in value
    )


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def breakable(name: str) -> list[str]:
    """Return a name in parts, between which a line may break.

    >>> breakable("xml_count[value=1]")
    ['xml_', 'count[', 'value=', '1]']
    """
    parts: list[str] = []
    part = ""
    for sign in name:
        part += sign
        if sign in "_[=,/.":
            parts, part = [*parts, part], ""
    return [*parts, part] if part else parts
