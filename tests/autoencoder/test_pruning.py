import torch

from pipeline.autoencoder.pruning import before, boxes, moves, prune
from pipeline.autoencoder.tracking import Cells, Tracks
from pipeline.latents import camera_code
from tests.autoencoder.clips import line

T, SIDE = 10, 24


def tracks_of(*centres: torch.Tensor) -> tuple[Tracks, Cells]:
    """Tracks along centres [T, 2] of discs, each sure of its own cells, on white before black; 2 px a cell."""
    centre = torch.stack(centres, 1)[None]
    grid = torch.arange(SIDE) + 0.5
    x, y = (centre[..., i, None, None] for i in range(2))
    disc = (((grid - x).square() + (grid[:, None] - y).square()) < 9).float()
    one = torch.ones(1, len(centres))
    tracks = Tracks(centre, disc / disc.sum(2, keepdim=True).clamp(min=1), one[..., None].expand(-1, -1, 3), one)
    moving, image = disc.amax(2), disc.amax(2)[:, :, None]
    return tracks, Cells(image, torch.zeros_like(image), image, moving, torch.tensor([2.0, 2.0]), object_cells=8)


def camera(place: torch.Tensor, roll: torch.Tensor | None = None) -> torch.Tensor:
    still = torch.zeros(T)
    motion = camera_code.assemble_motion(place, still, still if roll is None else roll)
    return camera_code.assemble(motion, torch.zeros(T, 2))[None]


def test_what_goes_with_the_scene_leads_nowhere():
    tracks, cells = tracks_of(line((4, 5), (1, 0), T), line((12, 18), (0, 0), T))
    assert moves(tracks, cells, camera(torch.zeros(T, 2))).tolist() == [[True, False]]
    pan = camera(line((0, 0), (-2, 0), T))
    assert moves(tracks, cells, pan).tolist() == [[False, True]]


def test_what_goes_round_with_a_rolling_scene_leads_nowhere():
    roll = torch.linspace(0, 0.6, T)
    middle, arm = torch.tensor([12.0, 12.0]), torch.tensor([8.0, 0.0])
    round_about = middle + camera_code.turned(arm.expand(T, 2), -roll)
    tracks, cells = tracks_of(round_about, line((20, 12), (0, 0), T))
    assert moves(tracks, cells, camera(torch.zeros(T, 2), roll)).tolist() == [[False, True]]


def test_only_what_shows_and_moves_by_itself_stays():
    track = line((5, 6), (1, 0), T)
    tracks, cells = tracks_of(
        track, track + torch.tensor([1.5, 0]), line((4, 18), (1, 0), T), line((18, 16), (0, -1), T)
    )
    weaker = cells._replace(moving=cells.moving * (torch.arange(SIDE)[:, None] < 15))
    roams = torch.tensor([[True, True, True, True]])
    presence = prune(tracks, cells, roams, roams)
    assert presence[0, :2].sum() == 1, "a double stayed, or both went"
    assert presence[0, 2:].tolist() == [1, 1]
    assert prune(tracks, weaker, roams, roams)[0, 2] == 0
    assert prune(tracks, cells, ~roams, ~roams).sum() == 0


def test_boxes_cover_what_roams_and_its_surroundings():
    tracks, cells = tracks_of(line((5, 6), (1, 0), T), line((12, 18), (0, 0), T))
    covered = boxes(tracks, cells, torch.tensor([[True, False]]))
    assert covered.shape == (1, T, SIDE, SIDE)
    assert covered[0, 0, 6, 5] > 0.95 and covered[0, 0, 6, 2] > 0.5 and covered[0, 0, 18, 12] < 0.05


def test_a_track_lies_before_a_known_background_where_most_of_it_does():
    tracks, cells = tracks_of(line((5, 12), (0, 0), T), line((19, 12), (0, 0), T))
    left = torch.zeros(1, 1, 48, 48)
    left[..., :24] = 1
    assert before(left, tracks, cells).tolist() == [[True, False]]
    nothing = torch.zeros(1, 1, 1, 1)  # before a moving camera
    assert not before(nothing, tracks, cells).any()


def test_two_that_rest_side_by_side_are_no_parts_of_one():
    tracks, cells = tracks_of(line((5, 12), (0, 0), T), line((9.5, 12), (0, 0), T))
    rests, counts = torch.tensor([[False, False]]), torch.tensor([[True, True]])
    assert prune(tracks, cells, rests, counts).tolist() == [[1, 1]]
    assert prune(tracks, cells, counts, counts).sum() == 1
