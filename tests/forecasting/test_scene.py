import torch

from pipeline.autoencoder.layer_pictures import Pictures
from pipeline.forecasting.scene import Scene, exchange_background, move, remove, swap
from pipeline.predictor.rollout import rollout
from tests.forecasting.bouncing import CONTEXT, HORIZON, bouncing, clip_of, some_latents


def scene(seed: int = 0) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    pictures = Pictures(torch.rand(1, 3, 48, 48, generator=generator), torch.rand(1, 3, 4, 8, 8, generator=generator))
    return Scene(some_latents(1, CONTEXT, seed).replace(presence=torch.tensor([[1.0, 1.0, 0.0]])), pictures)


def changed(one: Scene, other: Scene) -> set[str]:
    codes = {name for name, code in one.latents.codes.items() if not torch.equal(code, other.latents.codes[name])}
    pictures = {f"picture of {name}" for name in ("background", "objects")
                if not torch.equal(getattr(one.pictures, name), getattr(other.pictures, name))}
    return codes | pictures


def test_a_moved_object_was_elsewhere_all_along():
    before, after = scene(), move(scene(), 1, 5.0, -3.0)
    assert changed(before, after) == {"pose"}
    difference = after.latents.pose - before.latents.pose
    torch.testing.assert_close(difference[0, :, 1], torch.tensor([5.0, -3, 0, 0, 0, 0]).expand(CONTEXT, 6))
    assert (difference[:, :, [0, 2]] == 0).all()


def test_objects_are_listed_with_their_places_and_removed():
    before = scene()
    x, y = before.latents.pose[0, -1, 1, :2].tolist()
    assert list(before.objects()) == [0, 1] and before.objects()[1] == (x, y)
    after = remove(before, 0)
    assert changed(before, after) == {"presence"} and list(after.objects()) == [1]


def test_a_scene_moves_where_an_object_in_view_does():
    still = scene().latents.pose[:, :1].expand(1, CONTEXT, -1, -1).clone()
    still[..., -1] = 1
    going, hidden = still.clone(), still.clone()
    going[0, :, 1, 0] += torch.linspace(0, 3, CONTEXT)
    hidden[0, :, 1, 0] += torch.linspace(0, 3, CONTEXT)
    hidden[0, :, 1, -1] = 0
    wavering = still + 0.3 * torch.rand(still.shape, generator=torch.Generator().manual_seed(0))
    scenes = [Scene(scene().latents.replace(pose=pose), None) for pose in (still, going, hidden, wavering)]
    assert [one.moves() for one in scenes] == [False, True, False, False]
    assert not remove(scenes[1], 1).moves() and not remove(remove(scenes[1], 0), 1).moves()


def test_swapped_objects_exchange_looks_and_pictures_and_nothing_else():
    before, after = scene(), swap(scene(), 0, 1)
    assert changed(before, after) == {"appearance", "picture of objects"}
    assert torch.equal(after.latents.appearance[:, [1, 0, 2]], before.latents.appearance)
    assert torch.equal(after.pictures.objects[:, [1, 0, 2]], before.pictures.objects)
    assert changed(before, swap(after, 1, 0)) == set()


def test_another_background_brings_its_light_and_its_picture():
    before, other = scene(), scene(1)
    after = exchange_background(before, other)
    assert changed(before, after) == {"background", "camera", "picture of background"}
    assert changed(other, after).isdisjoint({"background", "camera", "picture of background"})
    plain = Scene(before.latents, None)
    assert exchange_background(plain, Scene(other.latents, None)).pictures is None


def test_an_object_moved_elsewhere_comes_back_from_the_wall_where_it_meets_it_now(predictor):
    """It flies right at 2 px a frame and would meet the wall at 42 px after 9 frames; moved 12 px, after 3."""
    start, velocity = torch.tensor([[10.0, 20], [30, 30], [20, 12]]), torch.tensor([[2.0, 0.5], [-1, 0], [0, 1]])
    before = Scene(clip_of(bouncing(start, velocity, CONTEXT)[None]), None)
    x = {}
    for name, shown in (("before", before), ("after", move(before, 0, 12.0, 0.0))):
        continued = rollout(predictor, shown.latents, HORIZON, 1, torch.Generator().manual_seed(0))
        future = continued.pose[0, CONTEXT:, :, :2]
        x[name] = future[:, 0, 0]
        moved_start = start + (12.0 if name == "after" else 0) * torch.tensor([[1.0, 0], [0, 0], [0, 0]])
        truth = bouncing(moved_start, velocity, CONTEXT + HORIZON)[:, CONTEXT:].transpose(0, 1)
        assert (future - truth).norm(dim=-1).max() < 1.5, name
    assert (x["before"].diff() > 1).all() and x["before"].max() > 39  # still on its way to the wall
    assert x["after"].argmax() == 2 and x["after"][-1] < 34  # back from it
