import math

import torch

from pipeline.latents import camera_code

CAMERA = torch.tensor([[5.0, -3.0, 0.1, 0.2, 1.2, 0.05], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]])


def test_parts_have_names_and_make_the_whole():
    motion, light = camera_code.motion(CAMERA), camera_code.light(CAMERA)
    assert camera_code.place(CAMERA).tolist() == [[5, -3], [0, 0]] and light.shape == (2, 2)
    assert torch.equal(camera_code.assemble(motion, light), CAMERA)
    again = camera_code.assemble_motion(*(part(motion) for part in (
        camera_code.place, camera_code.log_zoom, camera_code.roll)))
    assert torch.equal(again, motion)
    assert len(camera_code.COMPONENTS) == len(camera_code.UNITS) == CAMERA.shape[-1]


def test_mirrors_turn_the_way_and_the_roll_and_leave_zoom_and_light():
    for axis in (0, 1):
        mirrored = camera_code.mirrored(CAMERA, axis)
        wanted = CAMERA.clone()
        wanted[0, [axis, 3]] *= -1
        assert torch.equal(mirrored, wanted)
        assert not torch.signbit(mirrored[1]).any()  # a camera that holds still stays +0: equal clips give equal bytes


def test_x_and_y_exchanged():
    exchanged = camera_code.transposed(CAMERA)
    assert camera_code.place(exchanged)[0].tolist() == [-3, 5]
    assert torch.equal(camera_code.roll(exchanged), -camera_code.roll(CAMERA))
    assert not torch.signbit(exchanged[1]).any()
    assert torch.equal(camera_code.transposed(exchanged), CAMERA)


def test_points_turn_clockwise_and_by_nothing_stay_as_they_are():
    quarter = camera_code.turned(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor(math.pi / 2))
    torch.testing.assert_close(quarter, torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))  # y points down
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(camera_code.turned(points, torch.zeros(50)), points)
