"""True pixels of one clip in another, beside what a renderer draws."""

from dataclasses import replace

import numpy as np

from pipeline.metrics.exchanges import TrueClip, exchange_looks, shows_whole

SIDE, HALF = 24, 3


def draw(paths: list[list[tuple[float, float]]], levels: list[int], ground: int, halves: list[int]) -> TrueClip:
    """Squares along paths of centres x, y over a ramp; later ones are nearer. Centres between pixels are drawn at the
    nearest."""
    num_frames = len(paths[0])
    background = np.broadcast_to(ground + np.arange(SIDE, dtype=np.uint8)[:, None], (num_frames, SIDE, SIDE))
    background = np.repeat(background[..., None], 3, -1)
    frames, segmentation = background.copy(), np.zeros((num_frames, SIDE, SIDE), np.uint8)
    for number, (path, level, half) in enumerate(zip(paths, levels, halves, strict=True), 1):
        for t, (x, y) in enumerate(np.round(path).astype(int)):
            window = (t, slice(max(0, y - half), y + half), slice(max(0, x - half), x + half))
            frames[window], segmentation[window] = level, number
    position = np.stack([np.array(path, np.float32) for path in paths], 1)
    return TrueClip(frames, background, segmentation, position)


def clip(*path: tuple[float, float], level: int = 200, ground: int = 20, half: int = HALF) -> TrueClip:
    return draw([list(path)], [level], ground, [half])


def test_the_target_is_what_a_renderer_draws():
    here, there = clip((12, 8), half=4), clip((6, 15), level=90, ground=70)
    found = exchange_looks(here, 0, there, 0)
    assert (found.time, found.other_time) == (0, 0)
    wanted = clip((12, 8), level=90).frames[0]
    assert (found.target == wanted).all()
    # the new square of 6 px without its edge, and around its edge what is left of the old one of 8 px with its border
    assert found.judged.sum() == 4 * 4 + 10 * 10 - 8 * 8 and found.judged[8, 12] and not found.judged[5, 9]


def test_frames_are_chosen_that_lie_whole_pixels_apart():
    here = clip((7.5, 8), (8.3, 8), (9.1, 8))
    there = clip((10.75, 12), (10.34, 12), (11.0, 12), level=90)
    found = exchange_looks(here, 0, there, 0)
    assert (found.time, found.other_time) == (1, 1)
    assert exchange_looks(clip((7.5, 8)), 0, clip((10, 12)), 0) is None
    assert exchange_looks(clip((7, 8.2)), 0, clip((10, 12)), 0) is None


def test_other_objects_are_left_alone():
    crowded = draw([[(12, 8)] * 2, [(12, 14), (12, 18)]], [200, 50], 20, [HALF, HALF])
    found = exchange_looks(crowded, 0, clip((6, 15), (6, 15), level=90), 0)
    assert found.time == 1  # in the first frame they touch
    assert (found.target == draw([[(12, 8)], [(12, 18)]], [90, 50], 20, [HALF, HALF]).frames[0]).all()
    assert exchange_looks(crowded, 0, clip((12, 12), (12, 12), half=8), 0) is None  # would cover the second one
    touching = draw([[(12, 8)], [(12, 14)]], [200, 50], 20, [HALF, HALF])
    assert exchange_looks(clip((6, 15)), 0, touching, 0) is None


def test_what_would_leave_the_frame_is_no_exchange():
    assert exchange_looks(clip((5, 8)), 0, clip((12, 12), half=6), 0) is None
    cut = clip((2, 8))
    assert not shows_whole(cut.segmentation[0], 0) and exchange_looks(cut, 0, clip((12, 12)), 0) is None
    hidden = replace(clip((8, 8)), segmentation=np.zeros((1, SIDE, SIDE), np.uint8))
    assert not hidden.whole.any() and exchange_looks(hidden, 0, clip((12, 12)), 0) is None
