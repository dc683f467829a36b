"""What should worry about the training of a predictor, as far as its data and its curves tell."""

import json
from pathlib import Path

from pipeline.training.overfitting import losses, overfitted

OVERFITTED = 3.0
"""Nats by which the loss of validation may lie above that of training. Measured: 0.5 on 300 demonstration videos, 1.2
on real video of which the predictor learned something, 15 to 300 on sets of which it learned the clips by heart."""


def no_objects(with_objects: dict[str, bool]) -> list[str]:
    """A line if clips lack objects. with_objects: whether any clip of the splits train and val holds an object, by the
    split's name."""
    find = "see train_autoencoder.architecture.object_px and num_slots"
    if not any(with_objects.values()):
        return [f"train_predictor: no clip holds an object, so only how light and camera go on is learned; {find}"]
    if not with_objects["val"]:
        return ["train_predictor: no validation clip holds an object, so figures of objects are null, the scene's loss "
                f"alone chooses the weights, and objects go straight on; see preprocess.val_fraction, and {find[4:]}"]
    if not with_objects["train"]:
        return [f"train_predictor: no training clip holds an object, so nothing is learned of them; {find}"]
    return []


def overfitting(curves: Path) -> list[str]:
    """A line if clips were learned by heart. curves: the folder that the training wrote; without one there is none."""
    found = losses(curves)
    if found is None or found.ends - found.trained <= OVERFITTED:
        return []
    return [overfitted("train_predictor", found, digits=1)]


def worries(curves: Path) -> list[str]:
    """Everything that should worry, from the folder that the training wrote alone; without one there is nothing."""
    try:
        summary = json.loads((curves / "metrics.json").read_text(encoding="utf-8"))
        known = {split: summary[part].get("objects") is not None for split, part in
                 (("train", "train"), ("val", "validation"))}
    except (OSError, ValueError, LookupError, AttributeError):
        return []
    return no_objects(known) + overfitting(curves)
