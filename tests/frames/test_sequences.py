from multiprocessing import Pipe

import numpy as np
import pytest

from pipeline.frames.read_video import FrameFormat, probe
from pipeline.frames.sequences import Cut, _receive, cut_video
from pipeline.frames.source import open_source

FORM = FrameFormat(height=8, width=8, crop="center", color="gray", fps=None, fps_if_unknown=10)


@pytest.mark.parametrize(("length", "stride", "starts"), [(4, 4, [0, 4, 8]), (4, 7, [0, 7]), (15, 15, [0]), (16, 16, [])])
def test_a_video_is_cut_at_regular_places(tmp_path, length, stride, starts):
    frames = np.random.default_rng(0).integers(0, 256, (1, 15, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", frames)
    cut = Cut(FORM, length, stride)
    with open_source(tmp_path / "a.npy", "video_time") as source:
        video = source.videos[0]
        sequences = list(cut_video(5, video, probe(video, FORM), cut))
    assert [sequence.first_frame for sequence in sequences] == starts and cut.num_sequences(15) == len(starts)
    for sequence, start in zip(sequences, starts, strict=True):
        assert sequence.video == 5 and np.array_equal(sequence.frames[..., 0], frames[0, start : start + length])


def test_a_process_that_died_is_noticed():
    receiver, sender = Pipe(duplex=False)
    sender.close()
    with pytest.raises(RuntimeError, match="decoding process ended"):
        _receive(receiver)
