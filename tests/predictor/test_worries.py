import json

import pytest

from pipeline.predictor.worries import OVERFITTED, worries


def write(folder, training, validation, objects=0.5, first_step=1):
    for split, losses in (("train", training), ("validation", validation)):
        path = folder / "plots" / "metrics" / split / "loss.tsv"
        path.parent.mkdir(parents=True)
        rows = [f"{step}\t{loss}" for step, loss in enumerate(losses, first_step)]
        path.write_text("\n".join(["step\tloss", *rows]) + "\n")
    summary = {"train": {"loss": training[-1], "objects": 0.5}, "validation": {"objects": objects}}
    (folder / "metrics.json").write_text(json.dumps(summary))


@pytest.mark.parametrize("gap, is_said", [(OVERFITTED - 0.1, False), (OVERFITTED + 0.1, True)])
def test_validation_far_above_training_is_named_with_the_weights_that_are_kept(tmp_path, gap, is_said):
    write(tmp_path, [4.0, -2.0], [3.0, -1.5, -2.0 + gap])
    said = worries(tmp_path)
    assert len(said) == is_said
    assert not is_said or "weights of step 2, least in validation (-1.5)" in said[0]


def test_no_object_in_validation_is_told_from_the_curves_as_well(tmp_path):
    write(tmp_path, [0.0], [0.0], objects=None)
    assert "no validation clip holds an object" in worries(tmp_path)[0]


def test_without_curves_there_is_nothing_to_say(tmp_path):
    assert worries(tmp_path) == []
    (tmp_path / "metrics.json").write_text("{")
    assert worries(tmp_path) == []
