
import pytest
import torch

from pipeline.predictor.predictor import Predictor
from tests.predictor.some_latents import some_latents
from tests.predictor.some_predictors import untrained


@pytest.fixture(params=[("mixture", "motion"), ("deterministic", "motion"), ("deterministic", "none")], ids="-".join)
def predictor(request) -> Predictor:
    """Trained on 6 -> 4 frames (not really: its weights are random, its statistics those of some latents)."""
    model = untrained(*request.param)
    model.fit_normalisation(some_latents(50))
    for parameter in model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return model.eval()
