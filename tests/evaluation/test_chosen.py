"""Which clips are shown, and what is said of them."""

import pytest

from pipeline.evaluation.chosen import choose_clips


def rows(num: int, **figures) -> list[dict]:
    """psnr of one clip after the other rises; the third one moves most."""
    made = [{"video_id": f"v{i}", "first_frame": 10 * i, "psnr": 20.0 + i, "motion": 0.25 if i == 2 else 0.1}
            for i in range(num)]
    return [row | {name: values[i] for name, values in figures.items()} for i, row in enumerate(made)]


def test_the_worst_the_median_the_best_and_the_one_that_moves_most():
    chosen = choose_clips(rows(9), 4)
    assert [(x.video_id, x.first_frame, x.name) for x in chosen] == [
        ("v0", 0, "worst"), ("v4", 40, "median"), ("v8", 80, "best"), ("v2", 20, "most_moving")]
    assert chosen[0].title == "v0 from frame 0: worst of 9 clips (20.0 dB, 10% of the pixels move)"
    assert "most moving of 9 clips (22.0 dB, 25% " in chosen[3].title


def test_the_mean_picture_decides_where_there_are_several_samples():
    chosen = choose_clips(rows(3, mean_picture_psnr=[30.0, 10.0, 20.0]), 3)
    assert [x.video_id for x in chosen] == ["v1", "v2", "v0"] and "worst of 3 clips (10.0 dB" in chosen[0].title


def test_one_clip_may_be_chosen_for_two_reasons_and_others_take_the_room():
    chosen = choose_clips(rows(9, motion=[1.0] + [0.0] * 8), 5)
    assert [x.name for x in chosen][:3] == ["worst", "median", "best"]
    assert chosen[0].reason.startswith("worst and most moving of 9 clips")
    assert len({x.video_id for x in chosen}) == 5 and all(x.name.startswith("rank_") for x in chosen[3:])


@pytest.mark.parametrize(("num", "count", "shown"), [
    (0, 4, 0), (5, 0, 0), (1, 4, 1), (2, 4, 2), (3, 1, 1), (50, 12, 12),
])
def test_as_many_as_there_are_and_are_asked_for(num, count, shown):
    assert len(choose_clips(rows(num, motion=[0.0] * num), count)) == shown
