import pytest
import torch

from pipeline.predictor.augmentation import augment
from tests.predictor.some_latents import SPEC, draws, some_latents


@pytest.mark.parametrize("width", [48, 32])
def test_augmentation_gives_the_mirrored_turned_and_reversed_tracks(width):
    spec = SPEC.model_copy(update={"width": width})
    clips = some_latents(200)
    other = augment(clips, spec, "motion", draws()).check(SPEC)
    x, y = clips.pose[..., 0], clips.pose[..., 1]
    tracks = [(a, b) for a in (x, width - x) for b in (y, 32 - y)]
    tracks += [(b, a) for a, b in tracks] if width == 32 else []
    tracks += [(a.flip(1), b.flip(1)) for a, b in tracks]
    hits = [((other.pose[..., 0] == a) & (other.pose[..., 1] == b)).all((1, 2)) for a, b in tracks]
    assert torch.stack(hits).sum(0).tolist() == [1] * 200 and all(hit.any() for hit in hits)
    assert torch.equal(other.appearance, clips.appearance)
    reversed_only = augment(clips, spec, "reverse", draws()).pose
    kept, turned = ((reversed_only == pose).flatten(1).all(1) for pose in (clips.pose, clips.pose.flip(1)))
    assert (kept ^ turned).all() and kept.any() and turned.any()
    assert augment(clips, spec, "none", draws()) is clips


def test_augmentation_mirrors_and_turns_the_camera_with_the_objects():
    spec, clips = SPEC.model_copy(update={"width": 32}), some_latents(50)
    along = clips.camera.clone()  # a camera that follows the first object, seen from the frame's middle
    along[..., :2] = clips.pose[:, :, 0, :2] - 16
    other = augment(clips.replace(camera=along), spec, "motion", draws())
    torch.testing.assert_close(other.camera[..., :2], other.pose[:, :, 0, :2] - 16)
    assert (other.camera[..., 2:] == along[..., 2:]).all((1, 2)).any()
