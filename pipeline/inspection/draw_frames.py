"""Strips of the frames of a video, as one store or two have them.

Legend: n rows, S samples, T frames, C channels, H W px.
"""

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.inspection.span import Span
from pipeline.pictures.baselines import sample_name
from pipeline.pictures.error_map import error_map
from pipeline.pictures.grid import CONTEXT, FORECAST, Color
from pipeline.pictures.layers import color_segmentation
from pipeline.pictures.sheets import strip_sheet

SLOTS = "slots of the given frames"
Strip = dict[int, np.ndarray]
"""Frame number in the video -> picture uint8 [H, W, C]."""


def frames_sheet(spans: list[Span], title: str) -> np.ndarray:
    """Draws what stores of frames or predicted frames hold of a video, below one another, and under it how far the
    first strips of two stores are apart. Raises UserError when a store is damaged, or their frames differ in size."""
    strips: dict[str, Strip] = {}
    edges: dict[str, Color] = {}
    main: list[Strip] = []
    for span in spans:
        own = _of_frames(span) if span.facts.kind == "frames" else _of_predictions(span)
        named = {f"{span.store}: {label}" if len(spans) > 1 else label: strip for label, strip in own.items()}
        if span.facts.kind != "frames":
            edges |= {label: CONTEXT if label.endswith(SLOTS) else FORECAST for label in named}
        main.append(next(iter(named.values())))
        num_last = len(named)
        strips |= named
    sizes = {tuple(next(iter(strip.values())).shape[:2]) for strip in main}
    if len(sizes) > 1:
        found = " and ".join(f"{width} x {height} px" for height, width in sorted(sizes))
        raise UserError(f"--compare: wanted frames of one size, found {found}; look at each store by itself")
    if len(main) > 1:
        shared = sorted(main[0].keys() & main[1].keys())
        strips[f"error of {[*strips][len(strips) - num_last]}"] = {t: error_map(main[1][t], main[0][t]) for t in shared}
    return strip_sheet({label: strip for label, strip in strips.items() if strip}, edges, title)


def _of_frames(span: Span) -> dict[str, Strip]:
    store = open_frames(span.facts.path)
    strips = {"frames": _strip(span, store.read(span.rows))}
    if "segmentation" in store.truth_names:
        segmentation = store.read_truth("segmentation", span.rows)
        strips["true objects"] = _strip(span, color_segmentation(segmentation))
    return strips


def _of_predictions(span: Span) -> dict[str, Strip]:
    """The samples, what needs no predictor, and which slots the context shows."""
    store = open_predicted_frames(span.facts.path)
    parts: list[dict[str, np.ndarray]] = []
    for row in span.rows.tolist():
        samples = store.read(row, row + 1)[0]
        parts.append({sample_name(s, len(samples)): frames for s, frames in enumerate(samples)} | {
            "straight on": store.read_straight_on(row, row + 1)[0],
            SLOTS: color_segmentation(store.read_context_segmentation(row, row + 1)[0]),
        })
    start = {label: 0 if label == SLOTS else store.context_frames for label in parts[0]}
    return {label: _strip(span, [part[label] for part in parts], start[label]) for label in parts[0]}


def _strip(span: Span, clips: np.ndarray | list[np.ndarray], start: int = 0) -> Strip:
    """clips: of every row frames [T, H, W, C], which begin `start` frames after the row's first."""
    return {
        first + start + t: frame for first, frames in zip(span.first_frames, clips, strict=True)
        for t, frame in enumerate(frames)
    }
