"""Charts as inline SVG; colours and fonts come from the page's style sheet, so that light and dark both suit."""

import math
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 460, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40


@dataclass(frozen=True)
class Line:
    """One curve: a value per step (None: there is none) and, where known, how sure each one is."""

    name: str
    values: list[float | None]
    margins: list[float] | None = None
    """Half the width of the band around each value."""


def line_chart(lines: list[Line], x_label: str, y_label: str) -> str:
    """Curves over steps 1, 2, ...: line i has the class `line-i`. Returns one <svg> element."""
    num_steps = max(len(line.values) for line in lines)
    low, high = _extent(lines)
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def x(step: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (step / max(1, num_steps - 1) if num_steps > 1 else 0.5)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    def text(kind: str, content: str, anchor: str, place: str) -> str:
        return f'<text class="{kind}" text-anchor="{anchor}" {place}>{escape(content)}</text>'

    words = escape(_summary(lines, x_label, y_label))
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{words}">']
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(text("tick", f"{tick:g}", "end", f'x="{_LEFT - 6}" y="{y(tick) + 4:.1f}"'))
    for step in range(0, num_steps, max(1, math.ceil(num_steps / 10))):
        parts.append(text("tick", str(step + 1), "middle", f'x="{x(step):.1f}" y="{_HEIGHT - _BOTTOM + 16}"'))
    across, down = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(text("label", x_label, "middle", f'x="{across}" y="{_HEIGHT - 6}"'))
    parts.append(text("label", y_label, "middle", f'transform="translate(13 {down}) rotate(-90)"'))
    for i, line in reversed(list(enumerate(lines))):  # the first on top
        points = [(x(step), value) for step, value in enumerate(line.values) if value is not None]
        if line.margins and len(points) == len(line.margins):
            band = [(px, value, margin) for (px, value), margin in zip(points, line.margins, strict=True)]
            upper = [f"{px:.1f},{y(value + margin):.1f}" for px, value, margin in band]
            lower = [f"{px:.1f},{y(value - margin):.1f}" for px, value, margin in band]
            parts.append(f'<polygon class="band line-{i}" points="{" ".join([*upper, *reversed(lower)])}"/>')
        path = " ".join(f"{px:.1f},{y(value):.1f}" for px, value in points)
        parts.append(f'<polyline class="curve line-{i}" points="{path}"/>')
        for px, value in points:
            title = f"<title>{escape(line.name)}: {value:.4g}</title>"
            parts.append(f'<circle class="dot line-{i}" cx="{px:.1f}" cy="{y(value):.1f}" r="3">{title}</circle>')
    return "".join([*parts, "</svg>"])


def _extent(lines: list[Line]) -> tuple[float, float]:
    reach = [(value, margin) for line in lines
             for value, margin in zip(line.values, line.margins or [0.0] * len(line.values), strict=False)
             if value is not None]
    low = min((value - margin for value, margin in reach), default=0.0)
    high = max((value + margin for value, margin in reach), default=1.0)
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers that lie around low .. high."""
    raw = (high - low) / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _summary(lines: list[Line], x_label: str, y_label: str) -> str:
    """The chart in words, for those who do not see it."""
    ends = []
    for line in lines:
        known = [value for value in line.values if value is not None]
        if known:
            ends.append(f"{line.name} from {known[0]:.3g} to {known[-1]:.3g}")
    return f"{y_label} by {x_label}: {'; '.join(ends)}"
