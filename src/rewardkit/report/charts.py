"""The geometry of a page's charts; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rewardkit.report.figures import Histogram, Point, Trend, number, percent

WIDTH, HEIGHT = 340, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 334, 20, 112
_SIDE = 40  # room for the numbers beside a line
_TAIL = 1.5  # an end bin that is so much wider holds a tail
_FEW = 6  # so many bars have their share written above


class Column(NamedTuple):
    """A bar as drawn, with what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    tip: str
    above: str
    below: str


class Line(NamedTuple):
    """A line over the steps as drawn: the line, the band around it, its points and its axis."""

    path: str
    band: str
    points: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    first: int
    last: int


def columns(histogram: Histogram) -> list[Column]:
    """Return a histogram's bars, in a box of 340 by 132."""
    bars = histogram.bars
    if not bars:
        return []
    most, total = max(bar.size for bar in bars), sum(bar.size for bar in bars)
    step = min((_RIGHT - _LEFT) / len(bars), 84)
    left = (_LEFT + _RIGHT - step * len(bars)) / 2
    gap = max(1.0, step * 0.12)
    drawn = []
    for place, bar in enumerate(bars):
        height = (bar.size / most) ** 0.5 * (_BOTTOM - _TOP)  # the root, so that few rows show
        share = percent(bar.size / total)
        span = number(bar.low)
        if bar.low != bar.high:
            span += f" to {number(bar.high)}"
        drawn.append(
            Column(
                x=round(left + place * step + gap / 2, 2),
                y=round(_BOTTOM - height, 2),
                width=round(step - gap, 2),
                height=round(height, 2),
                low=bar.low,
                high=bar.high,
                tip=f"{span}: {bar.size:,} ({share})",
                above=share if len(bars) <= _FEW and bar.size else "",
                below=_below(histogram, place),
            )
        )
    return drawn


def _below(histogram: Histogram, place: int) -> str:
    """Return what stands below a bar: its level, or an edge here and there."""
    bars = histogram.bars
    if histogram.levels:
        return number(bars[place].low)
    inner = bars[1].high - bars[1].low
    if place == 0:
        tail = bars[0].high - bars[0].low > inner * _TAIL
        return f"\N{LESS-THAN OR EQUAL TO} {number(bars[0].high)}" if tail else number(bars[0].low)
    if place == len(bars) - 1:
        tail = bars[-1].high - bars[-1].low > inner * _TAIL
        return (
            f"\N{GREATER-THAN OR EQUAL TO} {number(bars[-1].low)}"
            if tail
            else number(bars[-1].high)
        )
    if place != len(bars) // 2:
        return ""
    return number(_rounded(bars[place].low, bars[-1].high - bars[0].low))


def _rounded(value: float, width: float) -> float:
    """Return a place on an axis, 0 where it is all but there."""
    return 0.0 if abs(value) < width / 200 else value


def line(trend: Trend) -> Line:
    """Return a line over the steps, with one standard deviation to both sides of a mean."""
    _, points, share = trend
    room = [0.0 if share else point.std for point in points]
    low = min(p.mean - r for p, r in zip(points, room, strict=True))
    high = max(p.mean + r for p, r in zip(points, room, strict=True))
    if share:
        low, high = 0.0, 1.0
    if high - low < 1e-9:  # noqa: PLR2004 - a level line gets air
        low, high = low - 0.5, high + 0.5
    first, last = points[0].step, points[-1].step

    def across(step: int) -> float:
        return round(_SIDE + (step - first) / max(last - first, 1) * (_RIGHT - 4 - _SIDE), 2)

    def up(value: float) -> float:
        return round(_BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP + 8), 2)

    told = percent if share else number
    marks = tuple((across(p.step), up(p.mean), _tip(p, told(p.mean), share=share)) for p in points)
    above = [(across(p.step), up(p.mean + r)) for p, r in zip(points, room, strict=True)]
    under = [(across(p.step), up(p.mean - r)) for p, r in zip(points, room, strict=True)]
    ends = [_rounded(value, high - low) for value in (low, (low + high) / 2, high)]
    ticks = tuple((up(value), told(value)) for value in ends)
    band = "" if share else _path([*above, *reversed(under)]) + "Z"
    return Line(_path([mark[:2] for mark in marks]), band, marks, ticks, first, points[-1].last)


def _tip(point: Point, told: str, *, share: bool) -> str:
    """Return what a point says."""
    steps = f"step {point.step}" if point.step == point.last else f"steps {point.step}-{point.last}"
    if share:
        return f"{steps}: {told} of {point.size:,} groups"
    return f"{steps}: mean {told}, std {number(point.std)}, {point.size:,} rows"


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return the points as an SVG path."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
