"""Shows what was seen in a source: objects, motion, and the way of the camera, clip by clip."""

import numpy as np
from PIL import Image, ImageDraw

from pipeline.pictures.grid import FORECAST, INK, PAPER, Tile, draw_grid
from pipeline.pictures.layers import slot_color
from pipeline.suggestion.facts import ClipFacts, MotionFacts

NUM_CLIPS = 5
_WIDTH = 320
"""A frame is drawn about as wide, px."""
_FULL = 0.4
"""Difference to the background that is drawn black."""


def draw_suggestion(facts: MotionFacts, title: str) -> np.ndarray:
    """RGB [height, width, 3]: of a few clips, evenly spread, a row each."""
    count = len(facts.clips)
    chosen = np.unique(np.linspace(0, count - 1, min(count, NUM_CLIPS)).round().astype(int))
    return draw_grid([_row(facts.clips[i]) for i in chosen], title=title)


def _row(clip: ClipFacts) -> list[Tile]:
    T, H, W, _ = clip.frames.shape
    scale = max(1, round(_WIDTH / W))
    t = int(np.argmax(clip.counts()))
    here = [(k, track[t]) for k, track in enumerate(clip.tracks) if t in track]
    widths = ", ".join(f"{region.side:.0f}" for _, region in sorted(here, key=lambda pair: -pair[1].side)[:6])
    many = "1 object" if len(here) == 1 else f"{len(here)} objects"
    framed = _canvas(clip.frames[t], scale)
    pen = ImageDraw.Draw(framed)
    for k, region in here:
        left, top, right, bottom = (side * scale for side in region.box)
        pen.rectangle((left, top, right - 1, bottom - 1), outline=slot_color(k), width=2)
    motion = (255 * (1 - clip.difference.max(0) / _FULL)).clip(0, 255).astype(np.uint8)
    moved = _canvas(motion[..., None], scale)
    pen = ImageDraw.Draw(moved)
    for k, track in enumerate(clip.tracks):
        pen.line([(track[t].x * scale, track[t].y * scale) for t in sorted(track)], fill=slot_color(k), width=2)
    found = f"frame {clip.first_frame + t}: {many}, {widths} px wide" if here else "nothing found"
    return [
        Tile(np.asarray(framed), found),
        Tile(np.asarray(moved), f"what differed in {T} frames"),
        Tile(_camera(clip, scale), _way(clip)),
    ]


def _way(clip: ClipFacts) -> str:
    roll = f", rolls by {clip.camera_roll():.1f} degrees" if clip.camera_roll() else ""
    return f"camera: {clip.camera_extent():.1f} px to each side{roll}"


def _camera(clip: ClipFacts, scale: int) -> np.ndarray:
    """The frame's middle as it goes over the background."""
    H, W = clip.frames.shape[1:3]
    canvas = Image.new("RGB", (W * scale, H * scale), PAPER)
    pen = ImageDraw.Draw(canvas)
    points = [tuple(float(v) for v in ((place[:2] + [W / 2, H / 2]) * scale)) for place in clip.camera_path]
    pen.line(points, fill=INK, width=2)
    x, y = points[0]
    pen.ellipse((x - 4, y - 4, x + 4, y + 4), outline=FORECAST, width=2)
    return np.asarray(canvas)


def _canvas(frame: np.ndarray, scale: int) -> Image.Image:
    rgb = np.broadcast_to(frame, (*frame.shape[:2], 3))
    return Image.fromarray(np.ascontiguousarray(rgb.repeat(scale, 0).repeat(scale, 1)))
