import pytest
import torch

from pipeline.autoencoder.medians import median, median_over_time


@pytest.mark.parametrize("number", [1, 2, 7, 100])
def test_median_is_that_of_torch(number):
    x = torch.rand(3, number, generator=torch.Generator().manual_seed(number))
    assert torch.equal(median(x), x.median(-1).values)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 5, 8, 20, 33])
def test_median_over_time_is_that_of_the_frames_that_count(num_frames):
    generator = torch.Generator().manual_seed(num_frames)
    x = torch.randn(2, num_frames, 50, 3, generator=generator)
    counts = torch.rand(2, num_frames, 50, 1, generator=generator) > 0.6
    counts[:, :, 0] = False
    wanted = torch.where(counts, x, torch.nan).nanmedian(1).values.nan_to_num()
    assert torch.equal(median_over_time(x, counts), wanted)
    everything = torch.ones(2, num_frames, 1, 1, dtype=torch.bool)
    assert torch.equal(median_over_time(x, everything), x.median(1).values)
