"""Curves of what varies in time, one line per slot in its colour.

Legend: S samples, T frames, K slots, P pose components, C camera components.
"""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.pictures.layers import slot_color

_LEAST_SPAN = 0.1
"""Of an axis, in its unit: what varies by less looks constant, as it is."""


def write_trajectories(
    path: Path, pose: np.ndarray, present: np.ndarray, camera: np.ndarray,
    labels: dict[str, tuple[tuple[str, str], ...]], num_given: int | None, title: str,
) -> None:
    """Writes a PNG: one panel per component of pose [S, T, K, P] and of camera [S, T, C].

    present bool [K]: the slots to draw; labels: name and unit of each component, under "pose" and "camera"; num_given:
    frames before a forecast starts, None where nothing is forecast. The first sample is drawn stronger.
    """
    slots = np.flatnonzero(present)
    panels = [(pose[:, :, slots, i], label, slots) for i, label in enumerate(labels["pose"])] if len(slots) else []
    panels += [(camera[..., None, i], (f"camera {name}", unit), None) for i, (name, unit) in enumerate(labels["camera"])]
    figure = Figure(figsize=(10, 1.7 * ((len(panels) + 1) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots((len(panels) + 1) // 2, 2, sharex=True, squeeze=False).ravel()
    for axis, (values, (name, unit), of_slots) in zip(axes, panels):
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
        figure.legend(handles=axes[0].get_lines()[len(pose) - 1::len(pose)], ncols=8, loc="outside lower center")
    figure.suptitle(title)
    figure.savefig(path, metadata={"Software": None})
