"""What was surprising in the test split: the tracks that the encoder found, under the forecast from their beginnings,
against those of the validation split."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.latents.latent_store import LatentStore
from pipeline.predictor.predictor import Predictor
from pipeline.surprise.calibration import FEWEST_FRAMES, Calibration, calibration_of
from pipeline.surprise.scores import OF_OBJECTS, Scores
from pipeline.surprise.tracks import score_tracks

NUM_MOMENTS = 10
THRESHOLDS = (100, 1000)
"""Frames of which one is promised to surprise."""
_MOST = 1e6
"""Frames of which one, or fewer, surprises so: more than that nobody has seen."""
_AT_ONCE = 16
"""Sequences read together."""


def judge_surprise(
    encoded: LatentStore, predictor: Predictor, context_frames: int, object_px: float, height: int, width: int,
) -> dict | None:
    """Section of metrics.json; None where validation frames are too few to say what is rare, or no sequence is longer
    than a context. object_px: width of an object at log_scale 0; height, width of the frame, px."""

    def scored(split: str) -> Iterator[tuple[int, Scores]]:
        rows = encoded.rows(split)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start:start + _AT_ONCE]
            latents = encoded.read(part)
            for b, row in enumerate(part.tolist()):
                clip = latents.map(lambda code: code[b:b + 1])  # noqa: B023, called at once
                yield row, score_tracks(predictor, clip, context_frames, object_px, height, width)

    known = calibration_of([[(0, scores)] for _, scores in scored("val")])
    if known.num_frames < FEWEST_FRAMES:
        return None
    rarities, found = [np.empty(0)], list[dict[str, Any]]()
    for row, scores in scored("test"):
        rarity = _rarity(known, scores)  # [kinds, h, K]
        rarities.append(rarity.min((0, 2)))
        kind, i, slot = np.unravel_index(rarity.argmin(), rarity.shape)
        found.append({
            "video_id": str(encoded.video_id[row]), "frame": int(encoded.first_frame[row]) + context_frames + int(i),
            "object": int(slot) + 1, "kind": OF_OBJECTS[kind], "one_in": min(1 / float(rarity.min()), _MOST),
        })
    frames = np.concatenate(rarities)
    shares = {f"one_in_{every}": {"share": float((frames * every < 1).mean()), "promised": 1 / every}
              for every in THRESHOLDS}
    rarest = sorted(found, key=lambda one: -one["one_in"])[:NUM_MOMENTS]
    return {"frames": len(frames), "validation_frames": known.num_frames, **shares, "moments": rarest}


def _rarity(known: Calibration, scores: Scores) -> np.ndarray:
    """Float [kinds of OF_OBJECTS, h, K]."""
    compared = known.compared(scores).of_objects
    return np.stack([known.rarity(kind, compared[kind]) for kind in OF_OBJECTS])
