"""What of a file is put into a page: every row's values, and the texts that fit.

Both are deflated JSON in base64, so that nothing in a completion can be read as markup, and so that
a page opens with its figures before its texts are unpacked.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from rewardkit.extract import Extractor
from rewardkit.report.answers import locate
from rewardkit.report.rows import Rows, Value

PICKED = 60
"""How many of the best, of the worst, and so on come first."""
TABLE_ROWS = 20_000
"""A larger file's table holds so many rows."""
HEAD, TAIL = 12_000, 4_000
"""What stays of a long text, in characters."""
_CELL = 300
_BLOCK = 16
_FLUSH = 48_000


class Packed(NamedTuple):
    """What a page embeds, in base64."""

    values: str
    texts: str
    rows: int
    """How many rows the table holds."""
    shown: int
    """How many of them have their texts."""


def pack(rows: Rows, extractors: Sequence[Extractor], room: int) -> Packed:
    """Return every row's values, and as many texts as fit into `room` characters."""
    order = list(_order(rows))
    chosen = sorted(order[:TABLE_ROWS])
    values = _encode(_values(rows, chosen))
    size = room - len(values)
    texts, shown = _texts(rows, order[:TABLE_ROWS], extractors, size * 3 // 4)
    return Packed(values, base64.b64encode(texts).decode("ascii"), len(chosen), shown)


def _values(rows: Rows, chosen: Sequence[int]) -> bytes:
    """Return the columns of numbers as JSON."""

    def taken(column: Sequence[Any]) -> list[Any]:
        return [_short(column[row]) for row in chosen]

    columns = {
        "row": chosen,
        "step": taken(rows.steps),
        "group": taken(rows.group_of),
        "total": taken(rows.totals),
        "advantage": taken(rows.advantages),
        "apart": taken(rows.disagreement),
        "means": [_short(mean) for mean in rows.group_means],
        "stds": [_short(std) for std in rows.group_stds],
        "rewards": list(rows.values),
        "values": [taken(values) for values in rows.values.values()],
    }
    return json.dumps(columns, separators=(",", ":"), allow_nan=False).encode()


def _short(value: Any) -> Any:
    """Return a number with six significant digits, a whole one without its point."""
    if not isinstance(value, float):
        return value
    value = float(f"{value:.6g}")
    return int(value) if value.is_integer() else value


def _order(rows: Rows) -> Iterator[int]:
    """Yield every row once: the extremes first, with their small groups, then blocks at random."""
    seen: set[int] = set()
    for row in _wanted(rows):
        group = rows.group_of[row]
        mates = rows.groups[group] if group is not None else [row]
        for mate in mates if len(mates) <= _BLOCK else [row]:
            if mate not in seen:
                seen.add(mate)
                yield mate


def _wanted(rows: Rows) -> Iterator[int]:
    """Yield the rows that a reader looks for first, then all of them in blocks at random."""
    size = range(len(rows))
    stds = rows.group_stds
    apart = rows.disagreement
    yield from _first(size, rows.totals, sign=-1)
    yield from _first(size, rows.totals, sign=1)
    yield from _first(size, apart, sign=-1)
    yield from (
        row for place in _first(range(len(stds)), stds, sign=-1) for row in rows.groups[place]
    )
    for values in rows.values.values():  # a row or two for every bar of a histogram
        known = sorted((value, row) for row, value in enumerate(values) if value is not None)
        changes = dict(known)
        yield from islice(changes.values(), 0, None, max(1, len(changes) // PICKED))
    blocks = list(range(0, len(rows), _BLOCK))
    Random(0).shuffle(blocks)  # noqa: S311 - a sample, the same each time
    for block in blocks:
        yield from size[block : block + _BLOCK]


def _first(places: Sequence[int], values: Sequence[Value], *, sign: int) -> list[int]:
    """Return the places of the least values, or of the greatest for a negative sign."""
    known = [(sign * value, place) for place in places if (value := values[place]) is not None]
    return [place for _, place in sorted(known)[:PICKED]]


def _texts(
    rows: Rows, order: Sequence[int], extractors: Sequence[Extractor], room: int
) -> tuple[bytes, int]:
    """Return as many texts as `room` bytes take, a line of JSON each, and how many they are.

    A piece that does not fit is taken back, and is the last one tried.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, shown = b"", 0
    for piece, count in _pieces(rows, order, extractors):
        before = packer.copy()
        more = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        if len(packed) + len(more) + 8 > room:
            packer = before
            break
        packed, shown = packed + more, shown + count
    return packed + packer.flush(), shown


def _pieces(
    rows: Rows, order: Sequence[int], extractors: Sequence[Extractor]
) -> Iterator[tuple[bytes, int]]:
    """Yield lines of JSON, some tens of thousands of characters at a time, with their rows."""
    prompts: dict[str, int] = {}
    lines: list[str] = []
    count = size = 0
    for row in order:
        prompt = rows.prompts[row]
        if prompt and prompt not in prompts:
            prompts[prompt] = len(prompts)
            lines.append(_line({"p": prompts[prompt], "t": _cut(prompt)[0]}))
        lines.append(_line(_row(rows, row, extractors, prompts.get(prompt))))
        count, size = count + 1, size + len(lines[-1])
        if size >= _FLUSH:
            yield "".join(lines).encode(), count
            lines, count, size = [], 0, 0
    yield "".join(lines).encode(), count


def _row(
    rows: Rows, row: int, extractors: Sequence[Extractor], prompt: int | None
) -> dict[str, Any]:
    """Return what is shown of one row when it is opened."""
    text = rows.texts[row]
    short, moved = _cut(text)
    data: dict[str, Any] = {"r": row, "t": short, "n": len(text)}
    if prompt is not None:
        data["q"] = prompt
    whys = [rows.whys[name][row] for name in rows.values]
    if any(whys):
        data["w"] = [_cut(why, _CELL, 0)[0] for why in whys]
    if answer := locate(text, extractors):
        data["a"] = [_cut(answer.text, _CELL, 0)[0], answer.finder]
        start, end = (place if place <= HEAD else place + moved for place in answer[2:])
        if 0 <= start < end <= len(short) and short[start:end] == answer.text:
            data["a"] += [_units(short[:start]), _units(short[:end])]
    if cells := rows.cells[row]:
        data["c"] = {name: _cut(_cell(cell), _CELL, 0)[0] for name, cell in cells.items()}
    return data


def _cut(text: str, head: int = HEAD, tail: int = TAIL) -> tuple[str, int]:
    """Return a text without the middle of what is too long, and how far its end moved."""
    left_out = len(text) - head - tail
    if left_out <= 0:
        return text, 0
    note = f" [\N{HORIZONTAL ELLIPSIS} {left_out:,} characters left out \N{HORIZONTAL ELLIPSIS}] "
    return text[:head] + note + text[len(text) - tail :], len(note) - left_out


def _units(text: str) -> int:
    """Return a text's length as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


def _cell(cell: Any) -> str:
    """Return a dataset's cell as text."""
    return cell if isinstance(cell, str) else json.dumps(cell, default=str, ensure_ascii=False)


def _line(data: dict[str, Any]) -> str:
    """Return one line of JSON; other scripts stay as they are, for they pack better."""
    line = json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n"
    return line.encode("utf-8", "replace").decode()


def _encode(data: bytes) -> str:
    """Return data deflated, in base64."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(data) + packer.flush()).decode("ascii")
