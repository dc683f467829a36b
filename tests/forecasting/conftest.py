import pytest
import torch

from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import DeterministicParams
from pipeline.predictor.predictor import Predictor
from tests.forecasting.bouncing import CONTEXT, HORIZON, SPEC, bouncing_clips


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """Has seen objects that come back from walls."""
    torch.manual_seed(0)
    model = Predictor(PredictorConfig(
        architecture=DeterministicParams(hidden_dim=32, num_layers=1, num_heads=2), spec=SPEC, context_frames=CONTEXT,
        horizon=HORIZON,
    ))
    clips = bouncing_clips(2000, 0)
    model.fit_normalisation(clips)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for step in range(200):
        batch = clips.map(lambda code, step=step: code[64 * (step % 31):][:64])
        loss = model.losses(batch.frames(0, CONTEXT), batch.frames(CONTEXT, CONTEXT + HORIZON))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / 200)
    return model.eval()
