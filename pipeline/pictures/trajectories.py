"""Curves of what varies in time, one line per slot in its colour.

Legend: S samples, T frames, K slots.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.latents.codes import time_varying
from pipeline.latents.latents import Latents
from pipeline.pictures.layers import slot_color
from pipeline.thresholds import PRESENT

_LEAST_SPAN = 0.1
"""Of an axis, in its unit: what varies by less looks constant, as it is."""


def write_trajectories(path: Path, latents: Latents, num_given: int | None, title: str) -> None:
    """Writes a PNG: one panel per number with a name of every time-varying code, objects first.

    latents: batch axis S, the samples of one clip, of which the first one says which slots hold an object and is drawn
    stronger; num_given: frames before a forecast starts, None where nothing is forecast.
    """
    slots = np.flatnonzero(latents.presence[0].numpy() > PRESENT)
    panels = list(_panels(latents, slots))
    figure = Figure(figsize=(10, 1.7 * ((len(panels) + 1) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots((len(panels) + 1) // 2, 2, sharex=True, squeeze=False).ravel()
    for axis, (values, (name, unit), of_slots) in zip(axes, panels, strict=False):  # an odd number leaves one over
        for i in range(values.shape[2]):
            color = "0.3" if of_slots is None else np.array(slot_color(of_slots[i])) / 255
            for sample in reversed(range(len(values))):
                line, = axis.plot(values[sample, :, i], color=color, alpha=1 if sample == 0 else 0.35, lw=1.5)
            line.set_label("" if of_slots is None else f"object {of_slots[i] + 1}")
        if num_given is not None:
            axis.axvline(num_given - 0.5, color="0.5", ls="--", lw=1)
        axis.set_ylabel(name if unit == "1" else f"{name}, {unit}")
        middle, half = (values.max() + values.min()) / 2, max(_LEAST_SPAN, 1.1 * np.ptp(values)) / 2
        axis.set_ylim(middle - half, middle + half)
        axis.ticklabel_format(useOffset=False)
        axis.grid(alpha=0.25)
    for axis in axes[len(panels):]:
        axis.set_visible(False)
    for axis in axes[len(panels) - 2:len(panels)]:
        axis.set_xlabel("time, frames")
        axis.tick_params(labelbottom=True)
        axis.xaxis.get_major_locator().set_params(integer=True)
    if len(slots):
        figure.legend(handles=axes[0].get_lines()[len(latents) - 1::len(latents)], ncols=8, loc="outside lower center")
    figure.suptitle(title if num_given is None else f"{title}; forecast from the dashed line on")
    figure.savefig(path, metadata={"Software": None})


def _panels(latents: Latents, slots: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[str, str], np.ndarray | None]]:
    """Values [S, T, lines], name and unit, and the slots that the lines are of (None: the scene)."""
    for code in sorted((code for code in time_varying() if code.components), key=lambda code: code.owner == "scene"):
        values = latents.codes[code.name].numpy()
        for i, label in enumerate(zip(code.components, code.units, strict=True)):
            if code.owner == "scene":
                yield values[..., None, i], (f"{code.name} {label[0]}", label[1]), None
            elif len(slots):
                yield values[:, :, slots, i], label, slots
