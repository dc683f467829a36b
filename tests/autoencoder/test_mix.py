import numpy as np
import pytest
import torch

from pipeline.autoencoder.mix import COLUMNS, PLAIN, CarriedOn, Ingredients, Mix, moments, shares_of
from pipeline.carrying.forecasts import NAMES

SHAPE = (3, 12, 16)


def some_ingredients(num_clips: int, num_steps: int = 4, seed: int = 0) -> Ingredients:
    draw = torch.Generator().manual_seed(seed)
    carried = CarriedOn(
        torch.rand(len(NAMES), num_steps, *SHAPE, generator=draw),
        (torch.rand(num_steps, 1, *SHAPE[1:], generator=draw) > 0.5).float(), torch.rand(*SHAPE, generator=draw),
    )
    layers = torch.rand(num_clips, num_steps, *SHAPE, generator=draw)
    alpha = (torch.rand(num_clips, num_steps, 2, *SHAPE[1:], generator=draw) > 0.7) / 2
    return carried.beside(layers, alpha, 0.3 * torch.randn(layers.shape, generator=draw))


def test_before_it_is_fitted_it_shows_the_layers():
    ingredients = some_ingredients(2)
    mixed = Mix(*SHAPE, num_steps=4)(ingredients, torch.zeros(4))
    torch.testing.assert_close(mixed, ingredients.layers)


@pytest.mark.parametrize("column", [("layers", "everywhere"), ("thrown", "cut-outs"), ("last", "objects"),
                                    ("remainder", "everywhere")])
def test_shares_find_what_the_truth_was_mixed_from(column):
    """The truth is the median and three quarters of one column, at every step."""
    clips = []
    for seed in range(40):
        ingredients = some_ingredients(1, seed=seed)
        chosen = list(ingredients.columns())[COLUMNS.index(column)]
        clips.append(moments(ingredients, ingredients.median[:, None] + 0.75 * chosen))
    shares = shares_of(clips)
    wanted = torch.zeros(4, len(COLUMNS))
    wanted[:, COLUMNS.index(column)] = 0.75
    torch.testing.assert_close(shares, wanted, atol=0.1, rtol=0)  # drawn a little to zero


def test_few_clips_keep_to_the_plain_columns():
    """Half of the truth is noise, which the other columns happen to explain a little."""
    def of_others(num_clips: int) -> float:
        clips = []
        for seed in range(num_clips):
            ingredients = some_ingredients(1, seed=seed)
            noise = torch.rand(1, 4, *SHAPE, generator=torch.Generator().manual_seed(100 + seed))
            clips.append(moments(ingredients, (ingredients.layers + noise) / 2))
        return float(shares_of(clips)[:, [i for i in range(len(COLUMNS)) if i not in PLAIN]].abs().mean())

    assert of_others(1) < 0.03


def test_clips_that_nobody_foresees_do_not_decide_for_those_that_layers_foresee():
    foreseen, unforeseen = [], []
    for seed in range(4):
        ingredients = some_ingredients(1, seed=seed)
        noise = torch.rand(1, 4, *SHAPE, generator=torch.Generator().manual_seed(100 + seed))
        foreseen.append(moments(ingredients, ingredients.layers + 0.01 * noise))
        unforeseen.append(moments(ingredients, noise))
    shares = shares_of(foreseen + unforeseen)
    assert shares[:, 0].min() > 0.9
    psnr = [-10 * clip.error(shares.double()).log10().mean() for clip in foreseen]
    assert min(psnr) > 25


def test_the_error_of_a_mix_is_that_of_its_frames():
    ingredients = some_ingredients(1)
    target = torch.rand(1, 4, *SHAPE, generator=torch.Generator().manual_seed(9))
    shares = torch.zeros(4, len(COLUMNS)).double()
    shares[:, 3] = 0.5
    mixed = ingredients.median[:, None] + 0.5 * list(ingredients.columns())[3]
    wanted = (mixed - target).square().mean((0, 2, 3, 4)).double()
    torch.testing.assert_close(moments(ingredients, target).error(shares), wanted, atol=1e-6, rtol=0)


def test_trust_lies_between_the_two_sets_of_shares():
    mix, ingredients = Mix(*SHAPE, num_steps=4), some_ingredients(2)
    mix.straight.zero_()
    mix.straight[:, COLUMNS.index(("last", "everywhere"))] = 1
    last = ingredients.carried[:, NAMES.index("last")]
    torch.testing.assert_close(mix(ingredients, torch.zeros(4)), last.expand_as(ingredients.layers))
    torch.testing.assert_close(mix(ingredients, torch.ones(4)), ingredients.layers)
    halfway = mix(ingredients, torch.tensor([0.0, 0.5, 1.0, 1.0]))
    torch.testing.assert_close(halfway[:, 1], (last + ingredients.layers)[:, 1] / 2)


def test_later_steps_are_mixed_as_the_last_that_was_learned():
    mix, ingredients = Mix(*SHAPE, num_steps=2), some_ingredients(1, num_steps=5)
    mix.straight[1].zero_()
    mixed = mix(ingredients, torch.zeros(5))
    median = ingredients.median[:, None].expand_as(mixed)
    assert torch.equal(mixed[:, 1:], median[:, 1:].clamp(0, 1)) and not torch.equal(mixed[:, 0], median[:, 0])


def test_frames_are_carried_on_beside_layers():
    mix = Mix(*SHAPE, num_steps=3)
    context = np.random.default_rng(0).integers(0, 256, (5, *SHAPE[1:], 3), np.uint8)
    carried = mix.carry_on(context, np.full(context.shape[1:], 0.5, np.float32), 3)
    last = torch.from_numpy(context[-1]).movedim(-1, 0) / 255
    torch.testing.assert_close(carried.forecasts[NAMES.index("last")], last.expand(3, *SHAPE), atol=1e-5, rtol=0)
    median = torch.from_numpy(np.median(context, 0)).movedim(-1, 0).float() / 255
    torch.testing.assert_close(carried.median, median, atol=1e-5, rtol=0)
