import numpy as np
import pytest

from benchmarks.disturbed_sprites import DISTURBANCES, LIGHT, NOTHING, DisturbedVideo, draw_disturbed
from benchmarks.surprise import SHOWS, Watched, auroc, judge
from data.sprites.generate import SpriteParams
from pipeline.surprise.watching import Surprise

PARAMS = SpriteParams(
    num_videos=1, num_frames=24, height=64, width=64, fps=10, num_objects=(2, 2), object_side=(10, 14), speed=(1, 2),
    stop_probability=0, turn_every=None, panning=False, brightness_drift=0, style="color", seed=3,
)
SINCE = (11, 15)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_one_thing_is_disturbed_and_nothing_before(kind):
    video = draw_disturbed(PARAMS, 0, kind, *SINCE)
    assert SINCE[0] <= video.since <= SINCE[1] and video.frames.shape == (24, 64, 64, 3)
    again = draw_disturbed(PARAMS, 0, kind, *SINCE)
    assert np.array_equal(video.frames, again.frames)
    steps = np.linalg.norm(np.diff(video.position, axis=0), axis=-1)
    t, change = video.since, np.abs(np.diff(video.frames.astype(int), axis=0)).mean((1, 2, 3))
    if kind == "flicker":
        assert video.target == LIGHT and change[t - 1] > 4 * change[t - 2] and change[t] > 4 * change[t + 1]
        return
    own = steps[:, video.target]
    if kind == "jump":
        assert own[t - 1] > 9 and own[t:t + 4].max() < 3
    elif kind == "freeze":
        assert own[t - 2] > 0.9 and own[t - 1:].max() == 0
    elif kind == "turn":
        before, after = (np.diff(video.position[i - 2:i, video.target], axis=0)[0] for i in (t, t + 1))
        assert before @ after < 0.51 * np.linalg.norm(before) * np.linalg.norm(after)
        assert np.isclose(np.linalg.norm(before), np.linalg.norm(after))
    else:  # it moves as it did, but looks otherwise
        assert change[t - 1] > 2 * change[t - 2] and own.max() < 3


def watched(kind: str, since: int, rarity: list[float], target: int, box: tuple | None, name: str) -> Watched:
    position = np.full((30, 1, 2), 20.0)
    video = DisturbedVideo(np.empty(0), kind, since, target, position, np.array([10.0]))
    return Watched(video, [[Surprise(name, None, 0, one, box)] for one in rarity], 10)


def test_figures():
    here, there = (16.0, 16, 24, 24), (40.0, 40, 50, 50)
    videos = [
        watched(kind, 12, [0.5, 0.4, *[1e-4] * SHOWS, 1e-5], LIGHT if kind == "flicker" else 0,
                None if kind == "flicker" else here, "scene" if kind == "flicker" else "pose")
        for kind in DISTURBANCES
    ]
    calm = watched(NOTHING, 0, [0.3] * 999 + [1e-3 / 2], LIGHT, None, "scene")
    figures = judge([*videos, calm], 1000)
    assert figures["auroc"] == 1 and all(kind["auroc"] == 1 for kind in figures["kinds"].values())
    assert figures["named"] == 1 and figures["promise"] == {"100": 0.1, "1000": 1.0}
    wrong = watched("turn", 12, [0.5, 0.4, *[1e-4] * SHOWS], 0, there, "pose")
    assert judge([*videos[1:], wrong, calm], 1000)["kinds"]["turn"]["named"] == 0


def test_auroc_counts_ties_half():
    assert auroc(np.array([0.1, 0.1]), np.array([0.1, 0.5])) == 0.75
