"""The networks that LPIPS and FVD are defined by, where the user gives them."""

from dataclasses import dataclass

import torch

from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.metrics.fvd import VideoNetwork
from pipeline.metrics.lpips import Lpips, load_lpips


@dataclass(frozen=True)
class Networks:
    lpips: Lpips | None = None
    fvd: VideoNetwork | None = None


def load_networks(
    params: EvaluateParams, num_frames: int, frame_shape: tuple[int, int, int], device: torch.device,
) -> Networks:
    """The networks that the parameters name. num_frames: of a clip; frame_shape: height, width, channels. Raises
    UserError when a file is not the one meant, or cannot judge such clips."""
    lpips = load_lpips(params.lpips, *frame_shape[:2]).to(device) if params.lpips else None
    fvd = VideoNetwork(params.fvd, (num_frames, *frame_shape), device) if params.fvd else None
    return Networks(lpips, fvd)


def network_protocol(params: EvaluateParams, networks: Networks) -> dict[str, str]:
    """Which files the figures were made with, and how."""
    said = {}
    if params.lpips:
        assert networks.lpips is not None, "the networks of other parameters"
        said["lpips"] = f"version 0.1, {networks.lpips.backbone}, sha256 {params.lpips.sha256}"
    if params.fvd:
        said["fvd"] = f"whole clips, given frames included, mean over samples; sha256 {params.fvd.sha256}"
    return said
