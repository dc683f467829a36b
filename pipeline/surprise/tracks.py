"""How unlikely are tracks that the encoder found? As `pipeline.surprise.scores`, of places and of what vanished alone:
no frame is drawn nor searched, so that whole splits are judged in seconds.

Legend: T context frames, h frames after them, K slots, H W px.
"""

import numpy as np
import torch

from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import Predictor
from pipeline.surprise.places import situations
from pipeline.surprise.scores import LASTS, OF_FRAMES, Scores, in_slots, likeliest, of_pose, of_vanished, told
from pipeline.thresholds import IN_VIEW, PRESENT


@torch.inference_mode()
def score_tracks(
    predictor: Predictor, latents: Latents, context_frames: int, object_px: float, height: int, width: int,
) -> Scores:
    """Scores what comes after the context in the latents of one clip, up to the predictor's horizon. object_px: width
    of an object at log_scale 0; height, width of the frame, px."""
    until = min(latents.num_frames, context_frames + predictor.config.horizon)
    context, num_frames = latents.frames(0, context_frames), until - context_frames
    block = predictor.restrained(context, predictor(context))
    slots = (context.presence[0] > PRESENT).nonzero()[:, 0]
    pose = latents.pose[0, context_frames:until, slots]
    place, in_view = poses.place(pose), poses.visibility(pose)
    nats = {
        "pose": of_pose(block, place, slots).where(in_view > IN_VIEW, torch.nan),
        "vanished": of_vanished(block, 1 - in_view, slots), "appearance": torch.full_like(in_view, torch.nan),
    }
    K = latents.presence.shape[1]
    forecast = likeliest(context, block, num_frames).pose[0][:, slots]
    situation = np.zeros((num_frames, K), int)
    situation[:, slots.numpy()] = situations(forecast, context_frames, LASTS, object_px, height, width).numpy()
    reach = object_px * poses.scale(pose)[..., None] / 2
    box, nothing = torch.cat([place - reach, place + reach], -1), np.full(num_frames, np.nan)
    return Scores(
        {kind: told(in_slots(values, slots, K)) for kind, values in nats.items()}, dict.fromkeys(OF_FRAMES, nothing),
        in_slots(box, slots, K), np.full((num_frames, 4), np.nan),
        in_slots(poses.place(context.pose[:, -1, slots]), slots, K)[0], situation,
    ).lasting(LASTS, later=False)
