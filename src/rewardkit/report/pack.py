"""The data in a page: every row's values, and as many texts as fit.

Both are deflated JSON in base64, so that nothing in a completion can be read as markup, and so that
a page opens with its figures before its texts are unpacked.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from rewardkit.extract import Extractor
from rewardkit.report.answers import locate
from rewardkit.report.formatting import HEAD, MAX_TEXT_CHARACTERS, cut_middle, shorten_names
from rewardkit.report.rows import Rows, Value

PICKED = 60
"""How many of the best, of the worst, and so on come first."""
MAX_TABLE_ROWS = 20_000
"""How many rows the table has at most; of a larger file it has some."""
MAX_EXTRA_COLUMNS = 40
"""How many other columns of a row are shown."""
# Neighbours of the sample: rows of one prompt usually lie together, and say more as a group.
_BLOCK_ROWS = 16
# Compressed text is only measured after a flush, which costs a few bytes: so often, not each row.
_FLUSH_CHARACTERS = 48_000


class Packed(NamedTuple):
    """What a page embeds, in base64."""

    values: str
    texts: str
    rows: int
    """How many rows the table holds."""
    shown: int
    """How many of them have their texts."""


def pack(rows: Rows, extractors: Sequence[Extractor], room: int) -> Packed:
    """Pack every row's values, and as many texts as fit into `room` characters."""
    order = list(islice(_order_rows(rows), MAX_TABLE_ROWS))
    chosen = sorted(order)
    values = _deflate(_encode_values(rows, chosen))
    # Four characters of base64 hold three bytes.
    texts_room = (room - len(values)) * 3 // 4
    texts, shown = _pack_texts(rows, order, extractors, texts_room)
    return Packed(values, base64.b64encode(texts).decode("ascii"), len(chosen), shown)


def _encode_values(rows: Rows, chosen: Sequence[int]) -> bytes:
    """Encode the columns of numbers as JSON."""

    def select(column: Sequence[Any]) -> list[Any]:
        return [_shorten_number(column[row]) for row in chosen]

    columns = {
        "row": chosen,
        "step": select(rows.steps),
        "group": select(rows.group_of),
        "total": select(rows.totals),
        "advantage": select(rows.advantages),
        "disagreement": select(rows.disagreement),
        "means": [_shorten_number(mean) for mean in rows.group_means],
        "stds": [_shorten_number(std) for std in rows.group_stds],
        "rates": [_shorten_number(rate) for rate in rows.pass_rates] if rows.rule else None,
        "rewards": list(rows.values),
        "values": [select(values) for values in rows.values.values()],
    }
    return json.dumps(columns, separators=(",", ":"), allow_nan=False).encode()


def _shorten_number(value: Any) -> Any:
    """Return a float with six significant digits, a whole one as an integer."""
    if not isinstance(value, float):
        return value
    value = float(f"{value:.6g}")
    return int(value) if value.is_integer() else value


def _order_rows(rows: Rows) -> Iterator[int]:
    """Yield every row once: the extremes first, with their small groups, then blocks at random."""
    seen: set[int] = set()
    for row in _rank_rows(rows):
        group = rows.group_of[row]
        members = rows.groups[group] if group is not None else [row]
        # A whole group is worth reading together, unless it would fill the page alone.
        for member in members if len(members) <= _BLOCK_ROWS else [row]:
            if member not in seen:
                seen.add(member)
                yield member


def _rank_rows(rows: Rows) -> Iterator[int]:
    """Yield the rows that a reader looks for first, then all of them in blocks at random."""
    indices = range(len(rows))
    stds = rows.group_stds
    yield from _extremes(indices, rows.totals, highest=True)
    yield from _extremes(indices, rows.totals, highest=False)
    yield from _extremes(indices, rows.disagreement, highest=True)
    for group in _extremes(range(len(stds)), stds, highest=True):
        yield from rows.groups[group]
    for values in rows.values.values():  # a row or two for every bar of a histogram
        last_rows = {value: row for row, value in enumerate(values) if value is not None}
        spaced = islice(sorted(last_rows), 0, None, max(1, len(last_rows) // PICKED))
        yield from map(last_rows.__getitem__, spaced)
    blocks = list(range(0, len(rows), _BLOCK_ROWS))
    Random(0).shuffle(blocks)  # noqa: S311 - a sample, the same each time
    for block in blocks:
        yield from indices[block : block + _BLOCK_ROWS]


def _extremes(indices: Sequence[int], values: Sequence[Value], *, highest: bool) -> list[int]:
    """Return the indices of the highest or the lowest values, the most extreme first."""
    # Negated rather than sorted in reverse, so that equal values stay in the file's order.
    factor = -1 if highest else 1
    known = ((factor * value, index) for index in indices if (value := values[index]) is not None)
    return [index for _, index in nsmallest(PICKED, known)]


def _pack_texts(
    rows: Rows, order: Sequence[int], extractors: Sequence[Extractor], room: int
) -> tuple[bytes, int]:
    """Deflate as many texts as `room` bytes take, one line of JSON each, and count them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, shown = b"", 0
    for lines, count in _text_blocks(rows, order, extractors):
        # zlib cannot take a block back, so its state is kept until the block is known to fit.
        before = packer.copy()
        more = packer.compress(lines) + packer.flush(zlib.Z_SYNC_FLUSH)
        if len(packed) + len(more) + 8 > room:  # the end of the stream takes a few bytes
            packer = before
            break
        packed, shown = packed + more, shown + count
    return packed + packer.flush(), shown


def _text_blocks(
    rows: Rows, order: Sequence[int], extractors: Sequence[Extractor]
) -> Iterator[tuple[bytes, int]]:
    """Yield lines of JSON, some tens of thousands of characters at a time, and their rows."""
    prompts: dict[str, int] = {}
    lines: list[str] = []
    count = size = 0
    for row in order:
        prompt = rows.prompts[row]
        if prompt and prompt not in prompts:  # a prompt is written once for all of its completions
            prompts[prompt] = len(prompts)
            lines.append(_encode_line({"p": prompts[prompt], "t": cut_middle(prompt)[0]}))
        lines.append(_encode_line(_text_entry(rows, row, extractors, prompts.get(prompt))))
        count, size = count + 1, size + len(lines[-1])
        if size >= _FLUSH_CHARACTERS:
            yield "".join(lines).encode(), count
            lines, count, size = [], 0, 0
    yield "".join(lines).encode(), count


def _text_entry(
    rows: Rows, row: int, extractors: Sequence[Extractor], prompt: int | None
) -> dict[str, Any]:
    """Return the texts of one row that are shown when it is opened, under keys of one letter."""
    text = rows.texts[row]
    short, shift = cut_middle(text)
    entry: dict[str, Any] = {"r": row, "t": short, "n": len(text)}
    if prompt is not None:
        entry["q"] = prompt
    whys = [rows.whys[name][row] for name in rows.values]
    if any(whys):
        entry["w"] = [_shorten_text(why) for why in whys]
    if answer := locate(text, extractors):
        entry["a"] = [_shorten_text(answer.text), answer.extractor]
        ends = (answer.start, answer.end)
        start, end = (position if position <= HEAD else position + shift for position in ends)
        # An answer in the part that was cut out has no position in what is left.
        if 0 <= start < end <= len(short) and short[start:end] == answer.text:
            entry["a"] += [_utf16_length(short[:start]), _utf16_length(short[:end])]
    if extras := rows.extras[row]:
        entry["c"] = _extra_columns(extras)
    return entry


def _extra_columns(extras: Mapping[str, Any]) -> dict[str, str]:
    shown = [*islice(extras, MAX_EXTRA_COLUMNS)]
    columns = {
        short: _shorten_text(_as_text(extras[name]))
        for name, short in zip(shown, shorten_names(shown), strict=True)
    }
    if more := len(extras) - len(shown):
        columns[f"and {more:,} more columns"] = ""
    return columns


def _shorten_text(text: str) -> str:
    return cut_middle(text, MAX_TEXT_CHARACTERS, 0)[0]


def _utf16_length(text: str) -> int:
    """Return a text's length as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _encode_line(entry: dict[str, Any]) -> str:
    # Other scripts are not escaped, since they pack better as they are.
    line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False) + "\n"
    return line.encode("utf-8", "replace").decode()


def _deflate(data: bytes) -> str:
    """Compress data as a raw stream in base64, which DecompressionStream unpacks in a browser."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(data) + packer.flush()).decode("ascii")
