import math

import numpy as np
import pytest
import torch

from pipeline.latents import pose as poses

POSE = torch.tensor([[10.0, 20.0, math.log(2), 0.0, 0.0, 1.0], [3.0, 4.0, 0.0, math.log(1.5), 0.25, 0.25]])


def test_parts_have_names_and_make_the_whole():
    assert poses.place(POSE).tolist() == [[10, 20], [3, 4]] and poses.visibility(POSE).tolist() == [1, 0.25]
    torch.testing.assert_close(poses.scale(POSE), torch.tensor([2.0, 1.0]))
    assert torch.equal(poses.assemble(poses.place(POSE), poses.shape(POSE), poses.visibility(POSE)), POSE)
    assert torch.equal(poses.assemble(poses.place(POSE), poses.shape(POSE)), poses.moving(POSE))
    assert len(poses.COMPONENTS) == len(poses.UNITS) == POSE.shape[-1]
    assert poses.moving(POSE).shape == (2, poses.NUM_MOVING)


def test_arrays_are_read_as_tensors_are():
    array = POSE.numpy()
    for part in (poses.place, poses.shape, poses.moving, poses.visibility, poses.scale):
        np.testing.assert_allclose(part(array), part(POSE).numpy())


def test_a_pose_is_moved_and_grown():
    moved = poses.moved(POSE, torch.tensor([1.0, -2.0]))
    assert poses.place(moved).tolist() == [[11, 18], [4, 2]]
    assert torch.equal(moved[..., 2:], POSE[..., 2:])
    grown = poses.grown(POSE, 1.5)
    torch.testing.assert_close(poses.scale(grown), torch.tensor([3.0, 1.5]))
    assert torch.equal(grown[..., 3:], POSE[..., 3:]) and torch.equal(poses.place(grown), poses.place(POSE))


def test_a_matrix_of_step_and_shape_is_that_of_their_pose():
    step, shape = torch.tensor([0.5, 2.0]), torch.tensor([[0.0, 0.0, 0.0], [0.1, -0.2, 0.3]])
    pose = poses.assemble(poses.place(POSE), poses.shape_of_step(step, 24, 20.0, shape), poses.visibility(POSE))
    wanted = poses.matrix(poses.place(POSE), step, shape)
    torch.testing.assert_close(poses.matrix_of(pose, 24, 20.0), wanted)
    assert torch.equal(poses.matrix(poses.place(POSE), step)[0], wanted[0])  # exactly: nothing scales or turns
    extreme = poses.matrix(torch.zeros(2, 2), torch.ones(2), torch.tensor([[99.0, 0, 0], [-99.0, 0, 0]]))
    torch.testing.assert_close(extreme[:, 0, 0], torch.tensor([16.0, 1 / 16]))


def test_the_matrix_leads_from_samples_to_the_frame_and_back():
    # samples half a pixel apart, twice as many for the larger one
    matrix = poses.matrix_of(POSE, patch_dim=8, patch_px=4.0)
    corner = torch.tensor([2.0, -4.0, 1.0])
    x, y = 1.5, -2 / 1.5  # of the second one: wider, lower, then turned
    turned = [3 + math.cos(0.25) * x - math.sin(0.25) * y, 4 + math.sin(0.25) * x + math.cos(0.25) * y]
    torch.testing.assert_close(matrix @ corner, torch.tensor([[12.0, 16.0], turned]))
    back = poses.inverse(matrix)
    there = torch.cat([matrix @ corner, torch.ones(2, 1)], -1)
    torch.testing.assert_close((back @ there[..., None])[..., 0], corner[:2].expand(2, 2))
    assert poses.scale_and_shift(matrix).tolist() == [True, False]


@pytest.mark.parametrize("axis, wanted", [(0, [22.0, 20.0]), (1, [10.0, 12.0])])
def test_mirrors(axis, wanted):
    mirrored = poses.mirrored(POSE, axis, 32)
    assert poses.place(mirrored)[0].tolist() == wanted
    assert torch.equal(poses.mirrored(mirrored, axis, 32), POSE)
    assert torch.equal(poses.place(mirrored), poses.mirrored(poses.place(POSE), axis, 32))  # a place alone
    # a point of the mirrored picture lies where the mirror shows that of the picture
    point, flip = torch.tensor([2.0, -4.0, 1.0]), torch.ones(3)
    flip[axis] = -1
    seen = (poses.matrix_of(POSE, 8, 4.0) @ point)
    seen[:, axis] = 32 - seen[:, axis]
    torch.testing.assert_close(poses.matrix_of(mirrored, 8, 4.0) @ (point * flip), seen)
    assert torch.equal(poses.mirrored_shape(poses.shape(POSE)), poses.shape(mirrored))


def test_x_and_y_exchanged():
    other = poses.transposed(POSE)
    assert poses.place(other).tolist() == [[20, 10], [4, 3]]
    assert torch.equal(poses.transposed(other), POSE)
    assert torch.equal(poses.place(other), poses.transposed(poses.place(POSE)))  # a place alone
    seen = (poses.matrix_of(POSE, 8, 4.0) @ torch.tensor([2.0, -4.0, 1.0])).flip(-1)
    torch.testing.assert_close(poses.matrix_of(other, 8, 4.0) @ torch.tensor([-4.0, 2.0, 1.0]), seen)
    assert torch.equal(poses.transposed_shape(poses.shape(POSE)), poses.shape(other))


def test_what_is_out_of_the_frame_is_not_visible():
    """An object is 10 px wide at log_scale 0, and 20 in the last row."""
    place = torch.tensor([[20.0, 15], [-4, 15], [-6, 15], [44, 29], [46, 29], [20, -5.5], [20, 34], [-6, 15]])
    shapes = torch.zeros(8, 3)
    shapes[-1, 0] = math.log(2)
    pose = poses.assemble(place, shapes, torch.full((8,), 0.75))
    hidden = poses.hidden_outside(pose, 10, height=30, width=40)
    assert (poses.visibility(hidden) > 0).tolist() == [True, True, False, True, False, False, True, True]
    assert torch.equal(hidden[[0, 1, 3, 6, 7]], pose[[0, 1, 3, 6, 7]])
    assert torch.equal(poses.moving(hidden), poses.moving(pose))
