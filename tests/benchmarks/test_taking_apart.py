import numpy as np
import torch

from benchmarks.taking_apart import app, drawn, measure
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.proposals import propose
from pipeline.frames.pixels import to_uint8
from pipeline.frames.write_video import write_video
from tests.autoencoder.clips import line, moving_squares

PARAMS = ArchitectureParams(
    num_slots=2, object_px=10, patch_dim=16, canvas_margin=0, background_channels=4, appearance_dim=8, hidden_dim=8,
    motion_dim=4, detail_dim=8, deformation_dim=2,
)


def clip(seed: int) -> torch.Tensor:
    return moving_squares(line((6, 8 + seed), (2, 1), 10)[:, None], torch.tensor([[0.9, 0.3, 0.1]]), side=10, px=48,
                          seed=seed)[0]


def test_layers_are_drawn_as_the_clip_shows_them():
    shown = clip(0)
    layers = drawn(propose(shown, PARAMS), 48, 48)
    assert layers.shape == shown.shape and (layers - shown).abs().mean() < 0.02


def test_figures_are_means_over_clips():
    clips = [clip(0), clip(1)]
    both, each = measure(clips, PARAMS, 1), [measure([one], PARAMS, 2) for one in clips]
    assert both["objects"] == 1 and both["seconds"] > 0 and both["codes"] > 0
    np.testing.assert_allclose(both["psnr"], np.mean([figures["psnr"] for figures in each]), rtol=1e-5)
    assert both["psnr"] > 25


def test_a_set_is_measured_at_another_size(tmp_path, capfd):
    videos = tmp_path / "videos"
    videos.mkdir()
    for n in range(6):
        write_video(videos / f"{n}.mp4", to_uint8(torch.cat([clip(n), clip(n).flip(1)], 1)[0]), fps=10)
    (tmp_path / "sets.yaml").write_text("squares: {source: videos, height: 48, width: 48}\n")
    arguments = [str(tmp_path), "--side", "64", "--slots", "3", "--num-clips", "2", "--repeats", "1",
                 "--output", str(tmp_path / "out")]
    app(arguments, standalone_mode=False)
    row = next(line for line in capfd.readouterr().out.splitlines() if "squares" in line)
    assert "of 64x64" in row and " 3 " in row
