"""FVD with a network whose features are known."""

import hashlib
import warnings

import numpy as np
import pytest
import torch

from pipeline.errors import UserError
from pipeline.metrics.fvd import VideoNetwork, fvd
from pipeline.metrics.network_file import NetworkFile

SHAPE = (4, 8, 8, 3)


class Means(torch.nn.Module):
    """Mean of each channel, and how much the last frame is brighter than the first."""

    def forward(self, videos: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        assert rescale and resize and return_features
        change = videos[:, :, -1].mean((1, 2, 3)) - videos[:, :, 0].mean((1, 2, 3))
        return torch.cat([videos.mean((2, 3, 4)), change[:, None]], 1)


class PictureClassifier(torch.nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((1, 2, 3))


def write(path, network: torch.nn.Module) -> NetworkFile:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network).save(path)
    return NetworkFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_features_are_those_of_videos_from_0_to_255(tmp_path):
    network = VideoNetwork(write(tmp_path / "means.pt", Means()), SHAPE, torch.device("cpu"))
    videos = np.zeros((9, *SHAPE), np.uint8)
    videos[..., 0], videos[8, ..., 1] = 255, 100
    videos[8, -1, ..., 2] = 60
    assert network.features(videos)[0].tolist() == [255, 0, 0, 0]
    assert network.features(videos)[8].tolist() == pytest.approx([255, 100, 15, 20], rel=1e-5)
    grey = network.features(videos[..., :1])
    assert grey.shape == (9, 4) and grey[0].tolist() == [255, 255, 255, 0]


def test_the_figure_is_the_mean_distance_of_the_samples():
    random = np.random.default_rng(0)
    true = random.normal(size=(50, 6))
    generated = np.stack([true + 1, true[::-1], true + [2, 0, 0, 0, 0, 0]], 1)
    assert fvd(true, generated) == pytest.approx((6 + 0 + 4) / 3)
    assert fvd(true[:1], generated[:1]) is None


def test_what_is_not_meant_is_not_loaded(tmp_path):
    means = write(tmp_path / "means.pt", Means())
    noise = tmp_path / "noise.pt"
    noise.write_bytes(b"not a network")
    for file, *texts in (
        (NetworkFile(path=means.path, sha256="0" * 64), "evaluate.fvd", "wanted 000000000000"),
        (
            NetworkFile(path=noise, sha256=hashlib.sha256(b"not a network").hexdigest()), "noise.pt",
            "no TorchScript file",
        ),
        (write(tmp_path / "pictures.pt", PictureClassifier()), "pictures.pt", "does not take videos"),
    ):
        with pytest.raises(UserError) as caught:
            VideoNetwork(file, SHAPE, torch.device("cpu"))
        assert all(text in str(caught.value) for text in texts) and "\n" not in str(caught.value)
