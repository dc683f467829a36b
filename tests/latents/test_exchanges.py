import torch

from pipeline.latents.codes import CODES
from pipeline.latents.exchanges import with_background, with_looks, with_looks_reordered
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(
    num_slots=3, background_dim=4, appearance_dim=5, height=16, width=24, motion_dim=1, detail_dim=2, deformation_dim=2
)


def some_latents(seed: int, presence: list[float]) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    latents = Latents(**{name: torch.rand(1, *SPEC.shape(name, 4), generator=generator) for name in CODES})
    return latents.replace(presence=torch.tensor([presence]))


def changed(before: Latents, after: Latents) -> set[str]:
    return {name for name, code in after.check(SPEC).codes.items() if not torch.equal(code, before.codes[name])}


def test_the_background_takes_its_light_and_what_lies_on_it_along():
    latents, other = some_latents(0, [1, 0, 1]), some_latents(1, [0, 1, 1])
    swapped = with_background(latents, other)
    assert changed(latents, swapped) == {"background", "camera", "motion", "detail"}
    assert all(torch.equal(swapped.codes[name], other.codes[name]) for name in changed(latents, swapped))


def test_objects_take_looks_in_order_and_over_again():
    latents, other = some_latents(0, [1, 1, 1]), some_latents(1, [0, 1, 1])
    dressed = with_looks(latents, other)
    assert changed(latents, dressed) == {"appearance", "deformation"}
    assert torch.equal(dressed.appearance[0], other.appearance[0, [1, 2, 1]])
    assert not dressed.deformation.any()  # how a picture changes is of its own clip
    empty = with_looks(latents, other.replace(presence=torch.zeros(1, 3)))
    assert torch.equal(empty.appearance, latents.appearance)


def test_empty_slots_keep_their_looks():
    latents = some_latents(0, [0, 1, 0])
    dressed = with_looks(latents, some_latents(1, [1, 0, 0]))
    assert torch.equal(dressed.appearance[0, [0, 2]], latents.appearance[0, [0, 2]])


def test_looks_change_slots_within_a_clip():
    latents, order = some_latents(0, [1, 1, 1]), torch.tensor([2, 1, 0])
    swapped = with_looks_reordered(latents, order)
    assert changed(latents, swapped) == {"appearance", "deformation"}
    assert torch.equal(swapped.appearance, latents.appearance[:, order])
    assert torch.equal(swapped.deformation, latents.deformation[:, :, order])
