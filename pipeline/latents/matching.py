"""Which slots of two clips hold the same object.

Legend: B clips, T frames, K slots.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.thresholds import PRESENT

SAME_PX = 3.0
"""Distance of two tracks of one object, found in the same frames, at most."""
NOWHERE = -1


def same_objects(here: Latents, there: Latents, within_px: float = SAME_PX) -> Tensor:
    """Which slot of `there` holds the same object as each slot of `here`, int64 [B, K]; NOWHERE where none does. Both
    are latents of the same frames; within_px: tracks that are closer, on average over the frames, are of one object."""
    found = torch.full(here.presence.shape, NOWHERE)
    both = (here.presence[:, :, None] > PRESENT) & (there.presence[:, None] > PRESENT)  # [B, K, K of there]
    apart = (poses.place(here.pose)[:, :, :, None] - poses.place(there.pose)[:, :, None]).norm(dim=-1).mean(1)
    for b, distance in enumerate(torch.where(both, apart, 1e6).cpu().numpy()):
        for slot, other in zip(*linear_sum_assignment(distance), strict=True):
            if distance[slot, other] < within_px:
                found[b, slot] = int(other)
    return found


def in_order_of(context: Latents, whole: Latents) -> Latents:
    """Poses and presence of `whole`, which begins with the frames of `context`, in the slots in which `context` has the
    same objects; the others are absent."""
    slot_of = same_objects(context, whole.frames(0, context.num_frames)).to(whole.pose.device)
    order = slot_of.clamp(min=0)[:, None, :, None].expand_as(whole.pose)
    return whole.replace(pose=whole.pose.gather(2, order), presence=(slot_of != NOWHERE).to(whole.presence))
