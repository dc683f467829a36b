"""Walls inside the frame's edges, from which tracks come back.

Legend: B batch, T context frames, K slots, M modes, H horizon, P pose components, D features.
"""

import torch
from torch import Tensor, nn

from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.network_params import Augmentation
from pipeline.thresholds import PRESENT

NUM_OF_MODE = 3
"""Numbers of a mode's own: logits of how far its walls are from the edges in x and in y, as shares of half the frame,
and of the share of the way back that is taken; 0 goes on through the wall."""
LIKELY_SHARE = 0.02
"""Training starts with walls that leave out this share of the places where objects are."""
PLACE_ERROR_PX = 0.5
"""Nearer to a wall than that an object is at it, px."""
_FIRST_REACH_PX = 3.0
"""Training starts with turns that are believed up to this distance from where walls seem to be."""
_EAGER = 10.0
"""How much faster than others the few numbers learn that say what kind of walls there are."""


class Walls(nn.Module):
    """What walls have in common. How much of it can be learned depends on the clips: those mirrored at random have no
    left or right, those run backwards lose nothing at walls."""

    def __init__(self, spec: LatentSpec, augmentation: Augmentation, num_features: int):
        super().__init__()
        self.spec = spec
        self.sided, self.lossy = augmentation != "motion", augmentation == "none"
        if self.sided:
            self.turning_point = nn.Linear(num_features, 2)
            """The point of an object that walls turn back, px from its place: it reaches as far to the left as to the
            right and as far up as down."""
            nn.init.zeros_(self.turning_point.weight)
            nn.init.zeros_(self.turning_point.bias)
            self.trust = nn.Parameter(torch.zeros(()))
            """Logit of how far a turn that was seen is believed rather than what the object looks like."""
            self.beyond_seen = nn.Parameter(torch.zeros(2))
            """From where turns are seen to where the walls are, px."""
            self.log_reach = nn.Parameter(torch.tensor(_FIRST_REACH_PX).log())
            """Logarithm of the distance, px, at which a turn is no longer believed: the track is wrong there."""
        if self.lossy:
            self.lost = nn.Parameter(torch.zeros(()))
            """Logit of how much of the way beyond a wall is lost in the frame of the turn. 0: the wall is a mirror; 1:
            it holds the object until the next frame, as programs do that clip places to a range."""

    def forward(self, track: Tensor, start: Tensor, of_mode: Tensor, features: Tensor, seen: Tensor) -> Tensor:
        """Tracks [B, K, M, H, P - 1] that go straight on from start [B, K, M, 2], let come back from the walls of their
        modes, of_mode [B, K, M, NUM_OF_MODE]. features [B, K, D] and places seen [B, T, K, 2] of the objects."""
        frame_size = track.new_tensor([self.spec.width, self.spec.height])
        how_far, back = of_mode.split([2, 1], -1)
        low, share = how_far.sigmoid() * frame_size / 2, back[..., None, :].sigmoid()
        high = frame_size - low
        point = track.new_zeros(1, 1, 1, 2)
        if self.sided:
            point = self.turning_point(features)[:, :, None]
            point = point + self._correction(seen[:, :, :, None] + point[:, None], low, high)

        def beyond(place: Tensor) -> Tensor:
            """[2, B, K, M, H, 2]: first the walls on the left and above, then those on the right and below."""
            place = place + point[..., None, :]
            return torch.stack([low[..., None, :] - place, place - high[..., None, :]])

        over = beyond(poses.place(track)).relu()
        way_back = 2 * over
        if self.lossy:
            first = torch.where(over > 0, over, torch.inf).amin(-2, keepdim=True)
            now = beyond(start[..., None, :])
            first = torch.where(now > -PLACE_ERROR_PX, now.relu(), first)  # at the wall already
            way_back = way_back - (_EAGER * self.lost).sigmoid() * torch.minimum(first, over)
        return poses.moved(track, share * (way_back[0] - way_back[1]))

    def likely(self, clips: Latents) -> Tensor:
        """Logits [2] of how far the objects of clips keep from the edges in x and y, all but LIKELY_SHARE of them."""
        present = (clips.presence > PRESENT)[:, None].expand(clips.pose.shape[:3])
        place, frame_size = poses.place(clips.pose)[present], clips.pose.new_tensor([self.spec.width, self.spec.height])
        if not len(place):
            return frame_size.new_zeros(2)
        inside = torch.minimum(place, frame_size - place).sort(0).values[int(LIKELY_SHARE * len(place))]
        return torch.logit(2 * inside / frame_size, eps=0.05)

    def _correction(self, seen: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Of turning points [B, K, M, 2], by where they were seen [B, T, K, M, 2]: what came back from the outermost of
        its places was at a wall there. The larger it is, the less it counts (Tukey's biweight; Beaton and Tukey
        1974)."""
        least, most, ends = seen.amin(1), seen.amax(1), torch.stack([seen[:, 0], seen[:, -1]])
        at_low, at_high = ends.amin(0) - least > PLACE_ERROR_PX, most - ends.amax(0) > PLACE_ERROR_PX
        missing = torch.where(at_low, low - least, high - most) + self.beyond_seen
        weight = (1 - (missing / self.log_reach.exp()).square()).relu().square() * (at_low | at_high)
        return (_EAGER * self.trust).sigmoid() * weight * missing
