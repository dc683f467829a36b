"""Changes to a scene as they are written on a command line.

move SLOT DX DY     the object DX px further right and DY px further down
remove SLOT         without the object
swap SLOT SLOT      each object looks like the other
background VIDEO    before the background of the end of another video
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.forecasting import scene as scenes
from pipeline.forecasting.forecaster import Forecaster
from pipeline.forecasting.scene import Scene

FORMS = ("move SLOT DX DY", "remove SLOT", "swap SLOT SLOT", "background VIDEO")
ReadEnd = Callable[[Path], np.ndarray]
"""The last frames of a video, uint8 [context_frames, H, W, C]."""


def edit_scene(scene: Scene, edits: list[str], forecaster: Forecaster, read_end: ReadEnd) -> Scene:
    """The scene after all edits, one after the other. Raises UserError when one is none of FORMS, names a slot without
    an object, or a video that cannot be read."""
    for edit in edits:
        scene = _edit(scene, edit, forecaster, read_end)
    return scene


def _edit(scene: Scene, edit: str, forecaster: Forecaster, read_end: ReadEnd) -> Scene:
    verb, *words = edit.split() or [""]
    if verb == "background" and words:
        end = read_end(Path(edit.split(maxsplit=1)[1]))
        return scenes.exchange_background(scene, forecaster.look(end[None])[0])
    kinds = {"move": (_slot, _pixels, _pixels), "remove": (_slot,), "swap": (_slot, _slot)}.get(verb, ())
    if not kinds or len(kinds) != len(words):
        raise UserError(f"--edit '{edit}': wanted one of {', '.join(FORMS)}")
    arguments = [read(word, edit, scene) for read, word in zip(kinds, words, strict=True)]
    changes: dict[str, Callable[..., Scene]] = {"move": scenes.move, "remove": scenes.remove, "swap": scenes.swap}
    return changes[verb](scene, *arguments)


def describe(scene: Scene) -> str:
    """Which slots hold an object, and where it is in the last frame."""
    return ", ".join(f"slot {slot} at ({x:.0f}, {y:.0f}) px" for slot, (x, y) in scene.objects().items()) or "none"


def _slot(word: str, edit: str, scene: Scene) -> int:
    objects = scene.objects()
    if not word.isdecimal() or int(word) not in objects:
        raise UserError(f"--edit '{edit}': wanted the slot of an object, got '{word}'; objects: {describe(scene)}")
    return int(word)


def _pixels(word: str, edit: str, scene: Scene) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e4:
        raise UserError(f"--edit '{edit}': wanted a distance in px, got '{word}'")
    return value
