import torch

from pipeline.autoencoder.clean_background import background_behind, estimate_background, median_background


def test_background_fills_what_was_never_seen_from_around_it():
    frames = torch.full((1, 4, 1, 16, 16), 0.3)
    covered = torch.zeros(1, 4, 16, 16)
    covered[..., 6:10, 6:10] = 1
    frames[..., 6:10, 6:10] = 0.9
    background, seen = estimate_background(frames, covered)
    torch.testing.assert_close(background, torch.full((1, 1, 16, 16), 0.3), atol=0.02, rtol=0)
    assert torch.equal(seen[0, 0] == 0, covered[0, 0] == 1)


def test_on_a_canvas_every_frame_lies_where_the_camera_was():
    frames, camera = torch.rand(1, 1, 1, 8, 8).repeat(1, 3, 1, 1, 1), torch.zeros(1, 3, 6)
    camera[0, 1, 0] = 4
    wide, seen = background_behind(frames, torch.zeros(1, 3, 8, 8), camera, margin=4)
    assert wide.shape == (1, 1, 16, 16) and (seen[0, 0, 4:12, 4:16] == 1).all() and seen.sum() == 8 * 12
    torch.testing.assert_close(wide[..., 4:12, 12:], frames[:, 1, :, :, 4:])  # shown by that frame alone
    torch.testing.assert_close(median_background(frames, camera, 4)[..., 4:12, 4:8], frames[:, 0, :, :, :4])
    assert torch.equal(median_background(frames, camera, 0), frames[:, 0])
