"""Pictures of the same frames as one store has them, or two: what there is to draw follows from the stores' kinds."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.inspection.draw_codes import courses, in_colors_of, layers, tracks
from pipeline.inspection.draw_frames import frames_sheet
from pipeline.inspection.facts import has_codes
from pipeline.inspection.span import Span, file_name
from pipeline.pictures.trajectories import Course, draw_trajectories
from pipeline.provenance import check_made_from


@dataclass
class Drawings:
    """pictures: RGB [height, width, 3] by the name of their file; left_out: what is not drawn, and why."""

    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def draw(spans: list[Span], autoencoder: Path) -> Drawings:
    """Draws one sequence, or several in a row. From stores of codes: their courses, those of two stores in one picture,
    and, where the autoencoder's weights are at hand, tracks and layers. From stores of frames: strips.

    Raises UserError when the weights are others than those that made the first store's codes, or a store is damaged.
    """
    drawings, name = Drawings(), file_name(spans)
    title = spans[0].title + "".join(f"; {span.store}" for span in spans)
    if with_codes := [span for span in spans if has_codes(span.facts)]:
        own = [courses(span) for span in with_codes]
        own[1:] = [in_colors_of(own[0], other) for other in own[1:]]
        stores = {span.store: of_store for span, of_store in zip(with_codes, own, strict=True)}
        drawings.pictures[f"{name}_trajectories.png"] = draw_trajectories(stores, title)
        _draw_layers(drawings, name, with_codes, stores, autoencoder)
    if with_frames := [span for span in spans if not has_codes(span.facts)]:
        drawings.pictures[f"{name}_frames.png"] = frames_sheet(with_frames, title)
    return drawings


def _draw_layers(
    drawings: Drawings, name: str, spans: list[Span], stores: dict[str, list[Course]], autoencoder: Path,
) -> None:
    if not autoencoder.exists():
        drawings.left_out.append(f"no tracks and layers: no weights at {autoencoder}")
        return
    model, weights = load_autoencoder(autoencoder)
    first = spans[0].facts
    check_made_from(first.path, first.made_from, "autoencoder", autoencoder, weights.identity)
    drawings.pictures[f"{name}_tracks.png"] = tracks(model, stores, f"{spans[0].title}, sample 0 where there are any")
    for span, own in zip(spans, stores.values(), strict=True):
        if span.facts.made_from.get("autoencoder") != weights.identity:
            drawings.left_out.append(f"no layers of {span.facts.path}: other weights than {autoencoder} made its codes")
            continue
        which = f"_{span.store.replace(' ', '_')}" if len(spans) > 1 else ""
        title = f"{span.title}, {span.store}" + (", sample 0" if len(own[0].latents) > 1 else "")
        drawings.pictures[f"{name}{which}_layers.png"] = layers(model, own, title)
