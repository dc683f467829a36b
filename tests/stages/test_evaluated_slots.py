"""slots.csv: which slots of a clip and of its sequence hold one object."""

import numpy as np

from pipeline.evaluation.slots import COLUMNS
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from tests.stages.conftest import CONTEXT_FRAMES


def test_slots_of_clips_are_matched_with_those_of_their_sequences_by_where_their_objects_are(evaluated, inputs):
    encoded, futures = open_latents(inputs["latents"]), open_predicted_latents(inputs["predicted_latents"])
    text = (evaluated[0] / "slots.csv").read_text()
    rows = [line.split(",") for line in text.splitlines()]
    assert tuple(rows.pop(0)) == COLUMNS and any(row[-1] for row in rows)
    present = 0
    for clip, (video, first) in enumerate(zip(futures.video_id, futures.first_frame, strict=True)):
        here, there = futures.read(np.array([clip])), encoded.read(np.flatnonzero(encoded.video_id == video))
        present += int((here.presence[0] > 0.5).sum())
        for _, _, slot, start, other in (row for row in rows if row[:2] == [video, str(first)] and row[-1]):
            window = slice(first - int(start), first - int(start) + CONTEXT_FRAMES)
            apart = here.pose[0, :CONTEXT_FRAMES, int(slot), :2] - there.pose[0, window, int(other), :2]
            assert apart.norm(dim=-1).mean() < 3 and there.presence[0, int(other)] > 0.5
    assert len(rows) == present
