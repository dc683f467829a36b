import ast
import inspect
from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from pipeline.autoencoder import discovery_params, sprite_params
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.proposals import propose
from tests.autoencoder.clips import line, moving_squares

PARAMS = ProposalParams(num_slots=2, object_px=16, patch_dim=24, canvas_margin=0)


@pytest.mark.parametrize("module", [discovery_params, sprite_params], ids=["discovery_params", "sprite_params"])
def test_every_threshold_says_what_it_decides(module):
    for group in ast.parse(inspect.getsource(module)).body:
        if isinstance(group, ast.ClassDef) and group.name != "DiscoveryParams":
            for field, text in zip(group.body, [*group.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    said = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                    assert said and text.value.value.endswith("."), f"{group.name}: {ast.unparse(field)}"


def test_other_thresholds_find_something_else():
    frames, _, _ = moving_squares(line((6, 20), (2, 1), 10)[:, None], torch.tensor([[0.9, 0.1, 0.1]]))
    assert propose(frames, PARAMS).sprites.presence.sum() == 1
    for change in (
        {"evidence": replace(DISCOVERY.evidence, noise=1.0)},
        {"pruning": replace(DISCOVERY.pruning, min_travel=10.0)},
        {"comparison": replace(DISCOVERY.comparison, min_contrast=1.0)},
    ):
        assert propose(frames, PARAMS, discovery=replace(DISCOVERY, **change)).sprites.presence.sum() == 0, change


def test_thresholds_stand_firm():
    with pytest.raises(FrozenInstanceError):
        DISCOVERY.evidence.noise = 1.0
