"""What evaluate can say where ground truth is missing, wholly or in part."""

import json

import numpy as np
import pytest

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.frames.frame_store import open_frames
from stages.evaluate import evaluate
from tests.stages.conftest import write_latents, write_test_frames

PARAMS = EvaluateParams(batch_size=2, num_sheets=1)


def evaluated_with(truth, inputs, tmp_path):
    """The metrics of test frames of which so much is known, as write_test_frames takes it."""
    store = write_test_frames(tmp_path / "frames.zarr", open_frames(inputs["test_frames"]).read(slice(None)), truth)
    model, weights = load_autoencoder(inputs["autoencoder"])
    made_from = {"autoencoder": weights.identity, "test_frames": store.identity}
    write_latents(tmp_path / "latents.zarr", model, store, made_from)
    known = {**inputs, "test_frames": store.path, "latents": tmp_path / "latents.zarr"}
    return evaluate(PARAMS, **known, output=tmp_path / "out")


def test_without_ground_truth_the_rest_is_still_judged(inputs, tmp_path):
    metrics = evaluated_with(None, inputs, tmp_path)
    assert "decomposition" not in metrics
    assert set(metrics["disentanglement"]) == {"intervention_error_px", "appearance_variance_ratio"}
    assert "position_error" not in metrics["prediction"] and metrics["reconstruction"]["psnr"] > 0
    assert metrics["prediction"]["occupancy"]["made_from"] == ["segmentation of the decoded test sequence"]


@pytest.mark.parametrize("known", [(), ("position",), ("background",), ("background", "position")])
def test_partial_ground_truth_is_judged_as_far_as_it_goes(inputs, evaluated, tmp_path, known):
    store, whole = open_frames(inputs["test_frames"]), json.loads((evaluated[0] / "metrics.json").read_text())
    truth = [
        {name: store.read_truth(name, slice(row, row + 1))[0] for name in ("segmentation", *known)}
        | {"present": np.ones(2, bool)} for row in range(len(store))
    ]
    metrics = evaluated_with(truth, inputs, tmp_path)
    names = {"fg_ari", "fg_miou", "identity_consistency"}
    names |= {"presence_precision", "presence_recall", "num_objects_accuracy"}
    names |= {"background_psnr_behind_objects"} if "background" in known else set()
    assert metrics["decomposition"] == {n: pytest.approx(whole["decomposition"][n], abs=1e-6) for n in names}
    assert ("position_error" in metrics["prediction"]) == ("position" in known)
    assert ("position_r2_time_varying" in metrics["disentanglement"]) == ("position" in known)
    assert ("swap_background_psnr" in metrics["disentanglement"]) == ("background" in known)
    assert ("swap_appearance_psnr" in metrics["disentanglement"]) == (len(known) == 2)
    assert "probes" not in metrics["disentanglement"]
