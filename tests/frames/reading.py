"""What the readers of files that hold several videos find in them."""

from pathlib import Path

import numpy as np

from pipeline.frames.read_video import READERS
from pipeline.frames.source import open_source


def videos_in(path: Path, layout=None, **named) -> dict[str, np.ndarray]:
    """The frames of all videos at `path` by video_id, as many as they say; layout, named: as open_source takes them."""
    with open_source(path, layout, **named) as source:
        found = {}
        for video in source.videos:
            reader = READERS[video.kind]
            found[video.video_id] = np.stack(list(reader.frames(video)))
            assert len(found[video.video_id]) == reader.num_frames(video)
        return found
