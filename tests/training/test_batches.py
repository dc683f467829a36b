import threading

import pytest
import torch

from pipeline.errors import UserError
from pipeline.training.batches import batches_of


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_beside_a_gpu_the_next_batch_is_made_while_it_works(device):
    made, third = [], threading.Event()

    def make_batch(step: int) -> int:
        made.append(step)
        if step == 3:
            third.set()
        return 10 * step

    batches = batches_of(make_batch, range(2, 5), torch.device(device))
    assert next(batches) == 20
    assert third.wait(30 if device == "cuda" else 0) == (device == "cuda")
    assert list(batches) == [30, 40] and made == [2, 3, 4]


def test_a_batch_that_cannot_be_made_ends_the_training_beside_a_gpu_too():
    def make_batch(step: int) -> int:
        if step == 1:
            raise UserError("damaged")
        return step

    batches = batches_of(make_batch, range(3), torch.device("cuda"))
    assert next(batches) == 0
    with pytest.raises(UserError, match="damaged"):
        next(batches)
