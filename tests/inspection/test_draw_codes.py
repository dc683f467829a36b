"""Two stores in one picture: who is whose, and where."""

import torch

from pipeline.inspection.draw_codes import UNMATCHED, _tracks, in_colors_of
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.pictures.layers import slot_color
from pipeline.pictures.trajectories import Course

SPEC = LatentSpec(num_slots=3, background_dim=2, appearance_dim=2, height=64, width=64)


def clip(num_frames: int, places: list[list[float]]) -> Latents:
    """One sample; objects stay where they are."""
    codes = Latents(**{name: torch.zeros(1, *SPEC.shape(name, num_frames)) for name in CODES})
    pose = codes.pose.clone()
    pose[..., :2], pose[..., -1] = torch.tensor(places), 1
    return codes.replace(pose=pose, presence=torch.ones_like(codes.presence))


def test_objects_of_the_second_store_have_the_colors_of_the_first_by_the_frames_that_both_saw():
    """The clip begins in the middle of the second sequence; its forecast goes wrong, its context does not."""
    first = [Course(clip(10, [[10, 10], [30, 30], [50, 50]]), 0), Course(clip(10, [[20, 20], [40, 40], [60, 10]]), 10)]
    future = clip(8, [[40, 40], [20, 20], [5, 60]])
    future.pose[:, 4:, :, :2] = 0
    second, = in_colors_of(first, [Course(future, 12, num_given=4)])
    assert second.drawn_as == [1, 0, -1]
    assert _tracks([second]).colors == [slot_color(1), slot_color(0), UNMATCHED]


def test_tracks_of_several_clips_do_not_run_into_one_another():
    tracks = _tracks([Course(clip(4, [[1, 1], [2, 2], [3, 3]]), 0), Course(clip(3, [[4, 4], [5, 5], [6, 6]]), 4)])
    assert tracks.place.shape == (7, 6, 2)
    assert tracks.in_view[:4, :3].all() and tracks.in_view[4:, 3:].all() and tracks.in_view.sum() == 12 + 9
