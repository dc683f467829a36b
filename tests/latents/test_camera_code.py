import torch

from pipeline.latents import camera_code

CAMERA = torch.tensor([[5.0, -3.0, 0.1, 1.2, 0.05], [0.0, 0.0, 0.0, 1.0, 0.0]])


def test_parts_have_names_and_make_the_whole():
    motion, light = camera_code.motion(CAMERA), camera_code.light(CAMERA)
    assert camera_code.place(CAMERA).tolist() == [[5, -3], [0, 0]] and light.shape == (2, 2)
    assert torch.equal(camera_code.assemble(motion, light), CAMERA)
    again = camera_code.assemble_motion(camera_code.place(motion), camera_code.log_zoom(motion))
    assert torch.equal(again, motion)
    assert len(camera_code.COMPONENTS) == len(camera_code.UNITS) == CAMERA.shape[-1]


def test_mirrors_turn_the_way_and_leave_zoom_and_light():
    for axis in (0, 1):
        mirrored = camera_code.mirrored(CAMERA, axis)
        wanted = CAMERA.clone()
        wanted[0, axis] *= -1
        assert torch.equal(mirrored, wanted)
        assert not torch.signbit(mirrored[1]).any()  # a camera that holds still stays +0: equal clips give equal bytes


def test_x_and_y_exchanged():
    exchanged = camera_code.transposed(CAMERA)
    assert camera_code.place(exchanged)[0].tolist() == [-3, 5]
    assert torch.equal(camera_code.transposed(exchanged), CAMERA)
