"""Curves of what varies in time, one line per slot in its colour, over the frames of the video.

Legend: S samples, T frames, K slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from pipeline.latents.codes import time_varying
from pipeline.latents.latents import Latents
from pipeline.pictures.grid import INK, PAPER
from pipeline.pictures.layers import slot_color
from pipeline.pictures.lettering import LINE_PX, write
from pipeline.thresholds import PRESENT

RGB = tuple[float, float, float]
_LEAST_SPAN = 0.1
"""Least length of an axis, in its unit: what varies by less looks constant, as it is."""
_STYLES = ("-", "--")
"""Lines of the first store, and of the one beside it."""
_SCENE, _ALONE = (0.3, 0.3, 0.3), (0.6, 0.6, 0.6)
"""Colours of what belongs to the scene, and of an object that the first store lacks."""
_WIDTH, _WIDER, _WIDEST = 10, 3, 60
"""Inches of one sequence, of each further one, and of the most."""


@dataclass(frozen=True)
class Course:
    """One sequence or clip."""

    latents: Latents
    """Batch axis S: samples, of which the first says which slots hold an object and is drawn stronger."""
    first_frame: int
    num_given: int | None = None
    """Frames before a forecast starts; None: nothing is forecast."""
    drawn_as: Sequence[int] | None = None
    """[K] the slot in whose colour each slot is drawn, negative: in none; None: each in its own."""

    def slots(self) -> list[int]:
        """The slots that hold an object."""
        return np.flatnonzero(self.latents.presence[0].numpy() > PRESENT).tolist()

    def slot_drawn(self, slot: int) -> int:
        return slot if self.drawn_as is None else int(self.drawn_as[slot])


def draw_trajectories(stores: dict[str, list[Course]], title: str) -> np.ndarray:
    """Draws one panel per number with a name of every time-varying code, objects first: RGB [height, width, 3].

    stores: by name, at most two, the sequences to draw in a row; lines of the second are dashed.
    """
    courses = [(course, style) for own, style in zip(stores.values(), _STYLES, strict=False) for course in own]
    slots = sorted({course.slot_drawn(slot) for course, _ in courses for slot in course.slots()})
    codes = sorted((code for code in time_varying() if code.components), key=lambda code: code.owner == "scene")
    panels = [(code, i) for code in codes if code.owner == "scene" or slots for i in range(len(code.components))]
    length = max(map(len, stores.values()))
    width = min(_WIDTH + _WIDER * (length - 1), _WIDEST)
    figure = Figure(figsize=(width, 1.7 * ((len(panels) + 1) // 2)), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots((len(panels) + 1) // 2, 2, sharex=True, squeeze=False).ravel()
    for axis, (code, i) in zip(axes, panels, strict=False):  # an odd number leaves one over
        of_objects = code.owner == "object"
        for course, style in courses:
            values = course.latents.codes[code.name].numpy()[..., i]
            values = values.reshape(*values.shape[:2], -1)
            for slot in course.slots() if of_objects else (0,):
                color = _color(course.slot_drawn(slot)) if of_objects else _SCENE
                _draw(axis, values[:, :, slot], course, color, style)
        name, unit = code.components[i], code.units[i]
        name = name if of_objects else f"{code.name} {name}"
        axis.set_ylabel(name if unit == "1" else f"{name}, {unit}")
        _set_limits(axis)
    for axis in axes[len(panels):]:
        axis.set_visible(False)
    for axis in axes[len(panels) - 2:len(panels)]:
        axis.set_xlabel("frame of the video")
        axis.tick_params(labelbottom=True)
        axis.xaxis.get_major_locator().set_params(integer=True)
    handles = [Line2D([], [], color=_color(slot), label=f"slot {slot}" if slot >= 0 else "in no slot of the first")
               for slot in slots]
    if len(stores) > 1:
        handles += [Line2D([], [], color=_SCENE, ls=style, label=name)
                    for name, style in zip(stores, _STYLES, strict=True)]
    if handles:
        figure.legend(handles=handles, ncols=4, loc="outside lower center")
    canvas.draw()
    drawing = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    is_forecast = any(course.num_given is not None for course, _ in courses)
    return _titled(drawing, f"{title}; forecast from the dashed line on" if is_forecast else title)


def _draw(axis: Axes, values: np.ndarray, course: Course, color: RGB, style: str) -> None:
    """values [S, T]"""
    times = course.first_frame + np.arange(values.shape[1])
    for sample in reversed(range(len(values))):
        axis.plot(times, values[sample], color=color, alpha=1 if sample == 0 else 0.35, lw=1.5, ls=style)
    axis.axvline(course.first_frame - 0.5, color="0.85", lw=1)
    if course.num_given is not None:
        axis.axvline(course.first_frame + course.num_given - 0.5, color="0.5", ls="--", lw=1)


def _set_limits(axis: Axes) -> None:
    """Shows a little more than the range of the lines."""
    lines = [np.asarray(line.get_ydata()) for line in axis.get_lines() if line.get_transform() == axis.transData]
    values = np.concatenate(lines) if lines else np.zeros(1)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    middle, half = (high + low) / 2, max(_LEAST_SPAN, 1.1 * (high - low)) / 2
    axis.set_ylim(middle - half, middle + half)
    axis.ticklabel_format(useOffset=False)
    axis.grid(alpha=0.25)


def _color(slot: int) -> RGB:
    red, green, blue = slot_color(max(slot, 0))
    return _ALONE if slot < 0 else (red / 255, green / 255, blue / 255)


def _titled(drawing: Image.Image, title: str) -> np.ndarray:
    """The title stands above, in letters that names of videos may have."""
    canvas = Image.new("RGB", (drawing.width, drawing.height + 2 * LINE_PX), PAPER)
    canvas.paste(drawing, (0, 2 * LINE_PX))
    write(canvas, (LINE_PX // 2, LINE_PX // 2), title, INK)
    return np.asarray(canvas)
