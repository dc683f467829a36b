import pytest

from pipeline.autoencoder.worries import APART, RISES, worries
from tests.predictor.test_worries import write


@pytest.mark.parametrize("training, validation, kept", [
    ([0.02, 0.01], [0.02, 0.02], None),
    ([0.02, 0.01], [0.02, 0.02 * (RISES + 0.01)], "weights of step 1"),
    ([0.02, 0.01], [0.06, 0.01 * (APART + 0.1)], "weights of step 2"),
])
def test_what_was_learned_by_heart_is_said_with_the_weights_that_are_kept(tmp_path, training, validation, kept):
    write(tmp_path, training, validation)
    said = worries(tmp_path)
    assert len(said) == (kept is not None)
    assert kept is None or (kept in said[0] and "train_autoencoder.training.num_steps" in said[0])


def test_that_training_began_better_than_it_ended_is_said(tmp_path):
    write(tmp_path, [0.02, 0.01], [0.01, 0.02], first_step=0)
    assert "kept is the closed form" in worries(tmp_path)[0]


def test_without_curves_there_is_nothing_to_say(tmp_path):
    assert worries(tmp_path) == []
