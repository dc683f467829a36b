"""Which slots of two clips hold the same object.

Legend: B clips, T frames, K slots.
"""

import torch
from scipy.optimize import linear_sum_assignment

from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.thresholds import PRESENT

SAME_PX = 3.0
"""Tracks that are closer than that, on average over the frames, are of one object."""


def in_order_of(context: Latents, whole: Latents) -> Latents:
    """Poses and presence of `whole`, which begins with the frames of `context`, in the slots in which `context` has the
    same objects; the others are absent."""
    pose, presence = whole.pose.clone(), torch.zeros_like(whole.presence)
    there = (context.presence[:, :, None] > PRESENT) & (whole.presence[:, None] > PRESENT)  # [B, K, K]
    here, there_too = poses.place(context.pose), poses.place(whole.pose[:, :context.num_frames])
    apart = (here[:, :, :, None] - there_too[:, :, None]).norm(dim=-1).mean(1)
    for b, distance in enumerate(torch.where(there, apart, 1e6).cpu().numpy()):
        for slot, other in zip(*linear_sum_assignment(distance), strict=True):
            pose[b, :, slot] = whole.pose[b, :, other]
            presence[b, slot] = float(distance[slot, other] < SAME_PX)
    return whole.replace(pose=pose, presence=presence)
