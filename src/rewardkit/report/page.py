"""`report`: a file of scored completions as one page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

from rewardkit import __version__
from rewardkit._files.journal import write_atomically
from rewardkit._files.source import Source, sidecar_path
from rewardkit._optional import require
from rewardkit.component import Component, walk
from rewardkit.config import load
from rewardkit.extract import Extractor, Regex
from rewardkit.report import charts
from rewardkit.report.answers import USUAL
from rewardkit.report.compute_figures import measure
from rewardkit.report.figure_types import Figures, ReportFinding
from rewardkit.report.formatting import as_data, number, percent, shorten_names, two_decimals
from rewardkit.report.pack import PICKED, Packed, pack
from rewardkit.report.rows import Rows, gather
from rewardkit.reward import Linear, Reward

MAX_BYTES = 2_000_000  # what a mail or a chat still takes, and a browser opens at once
MAX_PATTERN_SECONDS = 1.0
EXTRA = "rewardkit[report]"


class Report(NamedTuple):
    """The page that was written, and what it says."""

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
    def findings(self) -> tuple[ReportFinding, ...]:
        """What is wrong with the rewards, the worst first."""
        return self.figures.findings

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries and lists, as JSON takes them."""
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

    `source` is a file that `rewardkit score` wrote, or TRL's `completions_*.parquet`: a file, a
    glob, or a folder. `columns` gives a column of the file the name that is read here, as
    {"response": "completion"}. Rewards are the columns `rewards/NAME`, or TRL's; `rewards` names
    others, and `weights` their factors in the sum, by default those of `SOURCE.rewards.yaml`, or 1.
    Rows of one step with equal values of `group` are a group. `extractor` finds the answers to
    highlight: by default those of the rewards in `SOURCE.rewards.yaml`, then answer tags, LaTeX
    boxes and `####`.

    All figures are over all rows, which are held in memory. The page has at most `max_bytes`: the
    values of up to 20,000 rows, and as many texts as fit, the extremes before a random sample. It
    says how many.

    Raises ValueError for a file without rows, completions or rewards, for unknown names, and for
    `max_bytes` too small for the figures alone; FileNotFoundError; ImportError if a package is
    missing.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> row = '{"prompt": "2 + 2?", "completion": "4", "rewards/length": 0.5}'
    >>> _ = (folder / "scored.jsonl").write_text(f"{row}\n{row}\n")
    >>> done = report(folder / "scored.jsonl", folder / "report.html")
    >>> [finding.title for finding in done.findings]
    ['Most groups give no learning signal (zero reward std)', 'A reward is flat']
    """
    require("jinja2", install=EXTRA)  # before the file is read, which takes longer
    opened = Source.resolve(source)
    weighted = _load_sidecar(opened)
    rows = gather(
        opened.rows(columns=columns),
        rewards=rewards,
        weights={**{name: weight for name, (_, weight) in weighted.items()}, **(weights or {})},
        group=group,
        sum_anew=rewards is not None or weights is not None,
    )
    _refuse_unknown_weights(weights or {}, rows)
    bounds = [reward.bounds for reward, _ in weighted.values()]
    figures = measure(rows, dict(zip(shorten_names(weighted), bounds, strict=True)))
    extractors = _choose_extractors([reward for reward, _ in weighted.values()], extractor)
    name = Path(source).resolve().name
    page, shown = _fit_page(
        rows, figures, extractors, (title or f"Rewards of {name}", name), max_bytes
    )
    path = Path(out)
    _write_page(path, page)
    return Report(path, len(page), len(rows), shown, figures)


def _write_page(path: Path, page: bytes) -> None:
    if path.exists() and not path.is_file():  # a pipe, or /dev/null
        path.write_bytes(page)
    else:  # beside the file itself: renaming would replace a link to it, such as /dev/stdout
        write_atomically(path.resolve(), page)


def _load_sidecar(source: Source) -> dict[str, tuple[Reward, float]]:
    """Return the rewards beside a scored file with their weights, by name, if they load."""
    sidecar = sidecar_path(source.name)
    if not sidecar.is_file():
        return {}
    try:
        loaded = load(sidecar)
    except ValueError:  # functions, which YAML does not hold, or a plugin that is not installed
        return {}
    found = {}
    for reward in loaded if isinstance(loaded, list) else [loaded]:
        for term, weight in reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]:
            found[term.__name__] = term, weight
    return found


def _refuse_unknown_weights(weights: Mapping[str, float], rows: Rows) -> None:
    known = {*rows.values}
    if unknown := [name for name in weights if shorten_names([name])[0] not in known]:
        present = ", ".join(rows.values)
        raise ValueError(f"a weight for {unknown[0]!r}, but the file's rewards are {present}")


def _choose_extractors(
    rewards: Sequence[Reward], extractor: Extractor | None
) -> Sequence[Extractor]:
    """Return the extractor that was given, else those of the rewards and the usual ones."""
    if extractor is not None:
        return [extractor]
    used = [
        part
        for reward in rewards
        for part in walk(reward)
        # The file beside may be somebody else's, and ask for hours on each text.
        if isinstance(part, Extractor) and all(map(_is_quick, walk(part)))
    ]
    return list(dict.fromkeys([*used, *USUAL]))


def _is_quick(part: Component) -> bool:
    return not isinstance(part, Regex) or part.timeout <= MAX_PATTERN_SECONDS


def _fit_page(
    rows: Rows,
    figures: Figures,
    extractors: Sequence[Extractor],
    names: tuple[str, str],
    max_bytes: int,
) -> tuple[bytes, int]:
    """Return the page with as many texts as fit, and their number; `names` are title and file."""
    # The page without its data, with the longest sentence that it can say about it.
    empty = Packed("", "", rows=len(rows) - 1, shown=len(rows) - 1)
    frame = len(_render_page(rows, figures, empty, *names))
    packed = pack(rows, extractors, max_bytes - frame)
    page = _render_page(rows, figures, packed, *names)
    if len(page) > max_bytes:
        raise ValueError(
            f"got max_bytes={max_bytes:,}; the figures of {len(rows):,} rows alone take"
            f" {len(page):,}"
        )
    return page, packed.shown


def _render_page(rows: Rows, figures: Figures, packed: Packed, title: str, source: str) -> bytes:
    jinja2 = require("jinja2", install=EXTRA)
    folder = files("rewardkit.report")
    html, style, script = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    environment = jinja2.Environment(
        autoescape=True,
        finalize=show_invisible,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "two_decimals": two_decimals,
        "split_name": split_name,
    }
    page: str = environment.from_string(html).render(
        title=title,
        source=source,
        version=__version__,
        rows=rows,
        figures=figures,
        charts=charts,
        packed=packed,
        picked=PICKED,
        style=_Inline(style),
        script=_Inline(script),
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
    )
    return page.encode()


class _Inline(str):
    """The project's own style and script, which are not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text unchanged; markupsafe calls this instead of escaping."""
        return str(self)


def _policy_hash(text: str) -> str:
    """Return a Content-Security-Policy's name for a script or a style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def show_invisible(value: Any) -> Any:
    r"""Replace characters that are invisible, or that reorder the text, by U+XXXX.

    >>> show_invisible("a\u202eb\x00")
    'a[U+202E]b[U+0000]'
    """
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__"):
        return value
    return "".join(
        f"[U+{ord(character):04X}]"
        if category(character) in _INVISIBLE_CATEGORIES and character != "\n"
        else character
        for character in value
    )


_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def split_name(name: str) -> list[str]:
    """Split a name into parts between which a line may break.

    >>> split_name("xml_count[value=1]")
    ['xml_', 'count[', 'value=', '1]']
    """
    # The style breaks a long word too, but not in a table, which would be as wide as the word.
    return re.findall(r"[^\s_\[=,/.]{0,23}.", name, re.DOTALL)
