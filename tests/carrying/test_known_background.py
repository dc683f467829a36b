import numpy as np

from pipeline.carrying.known_background import MAX_TRAINING_FRAMES, background_of_clip, training_background
from tests.carrying.scenes import drifting_square, ground


def test_the_median_of_training_frames_is_without_what_moves():
    frames, _ = drifting_square(40)
    known = training_background((255 * frames).round().astype(np.uint8)[None])
    assert known.dtype == np.float32 and known.shape == frames.shape[1:]
    np.testing.assert_allclose(known, ground(), atol=0.003)


def test_of_many_frames_a_choice_is_taken():
    frames = np.arange(1000, dtype=np.uint16).reshape(10, 100, 1, 1, 1) % 251
    few = training_background(frames.astype(np.uint8))
    assert len(frames) * 100 > MAX_TRAINING_FRAMES and abs(few.item() * 255 - 125) < 10


def test_the_clip_shows_through_where_it_agrees_and_its_light_is_followed():
    """The square hides some ground throughout the context: only the known background tells what is there."""
    frames, places = drifting_square(4, light=0.7)
    found = background_of_clip(frames, ground())
    hidden = (places > 0.5).all(0)[..., 0]
    assert hidden.sum() > 100
    assert np.abs(found - 0.7 * ground()).mean() < 0.003
    wrong = np.abs(np.median(frames, 0) - 0.7 * ground())[hidden].mean()
    assert np.abs(found - 0.7 * ground())[hidden].mean() < wrong / 5


def test_a_background_without_contrast_takes_the_mean_light_of_the_clip():
    context = np.full((3, 8, 8, 1), 0.6, np.float32)
    np.testing.assert_allclose(background_of_clip(context, np.full((8, 8, 1), 0.2, np.float32)), 0.6, atol=1e-5)
