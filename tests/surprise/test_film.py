import numpy as np

from pipeline.pictures.grid import CONTEXT, FORECAST, PAPER
from pipeline.surprise.film import Rarest, draw_moment, surprising
from pipeline.surprise.sliding import Frame
from pipeline.surprise.watching import Moment, Surprise

BOX = (4.0, 4, 12, 12)


def moment(number: int, *rarities: float) -> Moment:
    """One object after the other surprises, each with its box, by where it is and, less, by its looks."""
    found = [
        Surprise(kind, thing, 1.0, rarity * more, BOX)
        for thing, rarity in enumerate(rarities) for kind, more in (("pose", 1), ("appearance", 2))
    ]
    pixels = np.full((24, 32, 3), 100, np.uint8)
    return Moment(Frame(number, pixels, begins=False), sorted(found, key=lambda one: one.rarity))


def test_of_every_object_the_rarest_is_named():
    named = surprising(moment(0, 1e-4, 0.5, 1e-5), 1000)
    assert [(one.kind, one.thing) for one in named] == [("pose", 2), ("pose", 0)]
    assert named[0].what() == "object 2 is not where it should be" and named[0].how_rare() == "1 frame in 100,000"
    assert surprising(moment(0, 0.5), 1000) == []


def test_every_frame_of_a_film_is_of_one_size_and_says_by_its_edge_what_it_is():
    calm, loud, given = moment(0, 0.5), moment(1, *[1e-12] * 20), Moment(moment(2).frame, [])
    drawn = [draw_moment(one, 1000, "a title that is longer than the film is wide" * 9) for one in (calm, loud, given)]
    assert len({picture.shape for picture in drawn}) == 1
    for picture, edge in zip(drawn, (PAPER, FORECAST, CONTEXT), strict=True):
        assert (picture == edge).all(-1).mean(0).max() > 0.8, "a vertical line of that colour"
    assert (drawn[0] != drawn[1]).any()


def test_the_rarest_moments_are_kept_one_of_those_that_follow_one_another():
    rarest = Rarest(most=3, apart=5)
    rarities = {0: 0.1, 2: 1e-3, 4: 1e-2, 10: 1e-4, 20: 0.5, 30: 1e-6, 33: 1e-5, 40: 0.3}
    for number, rarity in rarities.items():
        rarest.add("a.mp4", moment(number, rarity))
    rarest.add("b.mp4", Moment(moment(0).frame, []))
    kept = rarest.moments()
    assert [(video, one.frame.number) for video, one in kept] == [("a.mp4", 30), ("a.mp4", 10), ("a.mp4", 2)]
    assert rarest.sheet("title") is not None and Rarest(3, 5).sheet("title") is None
