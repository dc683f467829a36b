"""Evidence on a model that draws white squares where the pose says, over a grey whose level is the background code."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, SceneTruth
from pipeline.frames.pixels import to_uint8
from pipeline.latents.latents import Latents

SIDE, NUM_FRAMES = 32, 4


@dataclass(frozen=True)
class Drawn:
    displacement = None
    frames: Tensor
    background: Tensor
    mask: Tensor

    def segmentation(self) -> Tensor:
        return torch.cat([torch.full_like(self.mask[:, :, :1], 0.5), self.mask], 2).argmax(2)


def decode(latents: Latents) -> Drawn:
    """Squares of 6 px, white times the first number of the slot's appearance."""
    pixels = torch.arange(SIDE) + 0.5
    x, y = latents.pose[..., 0, None, None], latents.pose[..., 1, None, None]
    inside = ((pixels - x).abs() < 3) & ((pixels[:, None] - y).abs() < 3)
    mask = inside * latents.presence[:, None, :, None, None]
    background = latents.background[:, None, :1, None, None].expand(-1, latents.num_frames, 1, SIDE, SIDE)
    color = (mask * latents.appearance[:, None, :, :1, None]).amax(2, keepdim=True)
    frames = torch.where(mask.amax(2, keepdim=True) > 0, color, background)
    return Drawn(frames, background, mask)


def squares(level: float, x: float, looks: float = 1.0) -> Latents:
    """One sequence: slot 1 of 2 moves from (x, 16) to the right by a px per frame."""
    pose = torch.zeros(1, NUM_FRAMES, 2, 6)
    pose[0, :, 1] = torch.tensor([x, 16.0, 0.0, 0.0, 0.0, 1.0])
    pose[0, :, 1, 0] += torch.arange(NUM_FRAMES)
    appearance = torch.tensor([[[0.0, 0.0], [looks, 0.0]]])
    flat = torch.zeros(1, 2)
    camera = torch.zeros(1, NUM_FRAMES, 6)
    return Latents(
        background=torch.tensor([[level]]), appearance=appearance, presence=torch.tensor([[0.0, 1.0]]), depth=flat,
        camera=camera, pose=pose,
    )


def scene(latents: Latents) -> SceneTruth:
    drawn = decode(latents)
    ids = drawn.mask[:, :, 1].numpy().astype(np.uint8)
    velocity, color, shape = np.ones((1, NUM_FRAMES, 1, 2)), np.ones((1, 1, 3)), np.ones((1, 1))
    return SceneTruth(ids, 1, to_uint8(drawn.background), velocity, color, shape)


def test_layers_that_are_the_truth():
    latents, other = squares(0.4, 10), squares(0.8, 16)
    evidence, drawn, truth = Evidence(decode, SIDE, SIDE), decode(latents), scene(latents)
    evidence.add_interventions(latents)
    evidence.add_truth(truth, drawn.segmentation().numpy(), to_uint8(drawn.background), latents, np.array(["a"]))
    evidence.add_swap(to_uint8(drawn.frames), truth, latents, other, scene(other).background)
    figures = evidence.figures({"position_r2_time_varying": 1.0, "position_r2_time_independent": 0.0})
    assert figures["decomposition"] == {
        "presence_precision": 1.0, "presence_recall": 1.0, "num_objects_accuracy": 1.0,
        "background_psnr_behind_objects": 100.0,
    }
    assert figures["disentanglement"]["swap_background_psnr"] == 100.0
    assert figures["disentanglement"]["intervention_error_px"] == pytest.approx(0, abs=1e-6)
    assert figures["disentanglement"]["probes"]["time_varying"]["position"] == 1.0


def test_errors_show_where_they_are_made():
    latents, other = squares(0.4, 10), squares(0.8, 16)
    evidence, drawn, truth = Evidence(decode, SIDE, SIDE), decode(latents), scene(latents)
    # a ghost of the object in the decoded background; a swap into a background 0.1 darker than the true one
    ghost = drawn.background + 0.2 * drawn.mask[:, :, 1:]
    evidence.add_truth(truth, drawn.segmentation().numpy(), to_uint8(ghost), latents, np.array(["a"]))
    darker = scene(squares(0.7, 16)).background
    evidence.add_swap(to_uint8(drawn.frames), truth, latents, other, darker)
    figures = evidence.figures({"position_r2_time_varying": None, "position_r2_time_independent": None})
    assert figures["decomposition"]["background_psnr_behind_objects"] == pytest.approx(20 * np.log10(5), abs=0.05)
    # off the edges lie 4 x 4 px of the object and all but 8 x 8 px of the background
    share = (SIDE**2 - 64) / (SIDE**2 - 64 + 16)
    wanted = -10 * np.log10(share * 0.1**2)
    assert figures["disentanglement"]["swap_background_psnr"] == pytest.approx(wanted, abs=0.2)


def test_a_model_that_moves_objects_too_far():
    evidence = Evidence(lambda codes: decode(codes.replace(pose=codes.pose * 1.2)), SIDE, SIDE)
    evidence.add_interventions(squares(0.4, 10))
    assert evidence.figures(None)["disentanglement"]["intervention_error_px"] == pytest.approx(1, abs=1e-6)


def test_halves_that_give_an_object_other_codes():
    latents = [squares(0.4, 8, looks=looks) for looks in (0.2, 0.6)]
    evidence = Evidence(decode, SIDE, SIDE)
    calls = []

    def encode(frames: Tensor) -> Latents:
        """Knows the sequence by the square's level; in the second half the slots change places and the code grows by
        0.1."""
        first = len(calls) % 2 == 0
        calls.append(frames.shape[1])
        codes = latents[round((frames.amax().item() - 0.2) / 0.4)]
        half = codes.frames(0, 2) if first else codes.frames(2, 4)
        if first:
            return half
        return half.replace(
            appearance=half.appearance.flip(1) + 0.1, presence=half.presence.flip(1), pose=half.pose.flip(2)
        )

    for codes in latents:
        drawn = decode(codes.replace(background=torch.zeros(1, 1)))
        evidence.add_halves(encode, to_uint8(drawn.frames), drawn.segmentation().numpy())
    assert calls == [2, 2, 2, 2]
    # within: (0.1^2 + 0.1^2) / 2 for two features; between: means 0.25 and 0.65 in one, equal in the other
    ratio = evidence.figures(None)["disentanglement"]["appearance_variance_ratio"]
    assert ratio == pytest.approx(0.01 / 0.08, rel=1e-4)


def test_large_clips_are_encoded_one_by_one(monkeypatch):
    codes, asked = squares(0.4, 10), []
    frames = np.repeat(to_uint8(decode(codes).frames), 3, 0)
    segmentation = np.repeat(decode(codes).segmentation().numpy(), 3, 0)

    def encode(frames: Tensor) -> Latents:
        asked.append(len(frames))
        return codes.frames(0, 2).map(lambda code: code.repeat(len(frames), *[1] * (code.dim() - 1)))

    for at_once, wanted in ((2**23, [3, 3]), (1, 6 * [1])):
        monkeypatch.setattr("pipeline.evaluation.drawn.VIDEO_VALUES_AT_ONCE", at_once)
        asked.clear()
        evidence = Evidence(decode, SIDE, SIDE)
        evidence.add_halves(encode, frames, segmentation)
        assert asked == wanted


def test_sequences_too_short_to_be_halved_are_left_alone():
    evidence = Evidence(decode, SIDE, SIDE)
    frames = np.zeros((1, 3, SIDE, SIDE, 1), np.uint8)
    evidence.add_halves(lambda frames: pytest.fail("encoded"), frames, frames[..., 0])
    assert evidence.figures(None)["disentanglement"]["appearance_variance_ratio"] is None


def test_without_truth_only_what_needs_none_is_said():
    evidence = Evidence(decode, SIDE, SIDE)
    figures = evidence.figures(None)
    assert figures == {"disentanglement": {"intervention_error_px": None, "appearance_variance_ratio": None}}
