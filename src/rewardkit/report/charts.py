"""The geometry of a page's charts; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rewardkit.report.figure_types import Histogram, Point, Trend
from rewardkit.report.formatting import number, percent

WIDTH, HEIGHT = 340, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 6, 334, 20, 112
_TICK_ROOM = 40  # for the numbers beside a line
_MAX_BAR_WIDTH = 84  # two levels of a reward should not fill the chart
_TAIL_WIDTH = 1.5  # an end bin that is wider than this times an inner one holds a tail
_MAX_LABELLED_BARS = 6  # with more, the shares above them would overlap
_FLAT_RANGE = 1e-9


class BarShape(NamedTuple):
    """A bar as drawn, with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    tip: str
    above: str
    below: str


class LineShape(NamedTuple):
    """A line over the steps as drawn: the line, the band around it, its points and its axis."""

    path: str
    band: str
    points: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    first: int
    last: int


def draw_bars(histogram: Histogram) -> list[BarShape]:
    """Lay out a histogram's bars in a box of 340 by 132."""
    bars = histogram.bars
    if not bars:
        return []
    largest, total = max(bar.size for bar in bars), sum(bar.size for bar in bars)
    step = min((_RIGHT - _LEFT) / len(bars), _MAX_BAR_WIDTH)
    left = (_LEFT + _RIGHT - step * len(bars)) / 2
    gap = max(1.0, step * 0.12)
    shapes = []
    for index, bar in enumerate(bars):
        # On a square-root scale one row in a thousand is still three pixels high. A logarithm
        # would show it even better, and would hide how rare it is.
        height = (bar.size / largest) ** 0.5 * (_BOTTOM - _TOP)
        share = percent(bar.size / total)
        span = number(bar.low)
        if bar.low != bar.high:
            span += f" to {number(bar.high)}"
        shapes.append(
            BarShape(
                x=round(left + index * step + gap / 2, 2),
                y=round(_BOTTOM - height, 2),
                width=round(step - gap, 2),
                height=round(height, 2),
                low=bar.low,
                high=bar.high,
                tip=f"{span}: {bar.size:,} ({share})",
                above=share if len(bars) <= _MAX_LABELLED_BARS and bar.size else "",
                below=_label_below(histogram, index),
            )
        )
    return shapes


def _label_below(histogram: Histogram, index: int) -> str:
    """Return the label of a level, or of the first, the middle and the last bin."""
    bars = histogram.bars
    if histogram.levels:
        return number(bars[index].low)
    inner_width = bars[1].high - bars[1].low
    bar = bars[index]
    tail = bar.high - bar.low > inner_width * _TAIL_WIDTH
    if index == 0:
        return f"\N{LESS-THAN OR EQUAL TO} {number(bar.high)}" if tail else number(bar.low)
    if index == len(bars) - 1:
        return f"\N{GREATER-THAN OR EQUAL TO} {number(bar.low)}" if tail else number(bar.high)
    if index != len(bars) // 2:
        return ""
    return number(_snap_to_zero(bar.low, bars[-1].high - bars[0].low))


def _snap_to_zero(value: float, width: float) -> float:
    # An edge at 1e-17, or within a pixel of 0, is meant as 0.
    return 0.0 if abs(value) < width / 200 else value


def draw_line(trend: Trend) -> LineShape:
    """Lay out a line over the steps, with a band of one standard deviation around a mean."""
    _, points, share = trend
    margins = [0.0 if share else point.std for point in points]
    low = min(p.mean - margin for p, margin in zip(points, margins, strict=True))
    high = max(p.mean + margin for p, margin in zip(points, margins, strict=True))
    if share:
        low, high = 0.0, 1.0
    if high - low < _FLAT_RANGE:  # a level line goes through the middle
        low, high = low - 0.5, high + 0.5
    first, last = points[0].step, points[-1].step

    def to_x(step: int) -> float:
        width = _RIGHT - 4 - _TICK_ROOM
        return round(_TICK_ROOM + (step - first) / max(last - first, 1) * width, 2)

    def to_y(value: float) -> float:
        return round(_BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP + 8), 2)

    label = percent if share else number
    dots = tuple((to_x(p.step), to_y(p.mean), _describe_point(p, share=share)) for p in points)
    above = [(to_x(p.step), to_y(p.mean + m)) for p, m in zip(points, margins, strict=True)]
    under = [(to_x(p.step), to_y(p.mean - m)) for p, m in zip(points, margins, strict=True)]
    ends = [_snap_to_zero(value, high - low) for value in (low, (low + high) / 2, high)]
    ticks = tuple((to_y(value), label(value)) for value in ends)
    band = "" if share else _svg_path([*above, *reversed(under)]) + "Z"
    return LineShape(
        _svg_path([dot[:2] for dot in dots]), band, dots, ticks, first, points[-1].last
    )


def _describe_point(point: Point, *, share: bool) -> str:
    steps = f"step {point.step}" if point.step == point.last else f"steps {point.step}-{point.last}"
    if share:
        return f"{steps}: {percent(point.mean)} of {point.size:,} groups"
    return f"{steps}: mean {number(point.mean)}, std {number(point.std)}, {point.size:,} rows"


def _svg_path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
