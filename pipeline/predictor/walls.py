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
"""Numbers that each mode has for itself: two logits of how far its walls are from the edges in x and in y, as shares of
half the frame, and the logit of the share of the way back that is taken (share 0: the object goes on through it)."""
LIKELY_SHARE = 0.02
"""Training starts with walls that leave out this share of the places where objects are."""
PLACE_ERROR_PX = 0.5
"""px. An object nearer to a wall than that is at the wall."""
_FIRST_REACH_PX = 3.0
"""px. Training starts with turns that are believed up to this distance from where walls seem to be."""
_EAGER = 10.0
"""How many times faster than the others those few numbers learn that say what kind of walls there are."""


class Walls(nn.Module):
    """What all walls have in common. How much of it can be learned depends on the augmentation: clips mirrored at
    random have no left or right, and clips run backwards lose nothing at walls."""

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
            """Logit of how far a turn that was seen is believed, rather than what the object looks like."""
            self.beyond_seen = nn.Parameter(torch.zeros(2))
            """From where turns are seen to where the walls are, px."""
            self.log_reach = nn.Parameter(torch.tensor(_FIRST_REACH_PX).log())
            """Logarithm of the distance, px, at which a turn is no longer believed: the track must be wrong there."""
        if self.lossy:
            self.lost = nn.Parameter(torch.zeros(()))
            """Logit of how much of the way beyond a wall is lost in the frame of the turn. 0: the wall is a mirror; 1:
            it holds the object until the next frame, as programs do that clip places to a range."""

    def forward(self, track: Tensor, start: Tensor, of_mode: Tensor, features: Tensor, seen: Tensor) -> Tensor:
        """Lets tracks [B, K, M, H, P - 1], which go straight on from start [B, K, M, 2], come back from walls.

        of_mode [B, K, M, NUM_OF_MODE]: the walls of each mode; features [B, K, D]: of the objects; seen [B, T, K, 2]:
        their places in the context. Returns the tracks in the shape they came in.
        """
        frame_size = track.new_tensor([self.spec.width, self.spec.height])
        how_far, back = of_mode.split([2, 1], -1)
        low = how_far.sigmoid() * frame_size / 2  # [B, K, M, 2] places of the walls on the left and above
        high = frame_size - low  # on the right and below
        share = back[..., None, :].sigmoid()
        point = track.new_zeros(1, 1, 1, 2)
        if self.sided:
            point = self.turning_point(features)[:, :, None]
            point = point + self._correction(seen[:, :, :, None] + point[:, None], low, high)

        def beyond(place: Tensor) -> Tensor:
            """How far places [B, K, M, H, 2] are beyond the walls, [2, B, K, M, H, 2]: first those on the left and
            above, then those on the right and below; less than 0: before them."""
            place = place + point[..., None, :]
            return torch.stack([low[..., None, :] - place, place - high[..., None, :]])

        over = beyond(poses.place(track)).relu()
        way_back = 2 * over  # as from a mirror
        if self.lossy:
            over_at_turn = torch.where(over > 0, over, torch.inf).amin(-2, keepdim=True)  # in the first frame beyond
            now = beyond(start[..., None, :])
            over_at_turn = torch.where(now > -PLACE_ERROR_PX, now.relu(), over_at_turn)  # at the wall already
            way_back = way_back - (_EAGER * self.lost).sigmoid() * torch.minimum(over_at_turn, over)
        return poses.moved(track, share * (way_back[0] - way_back[1]))

    def likely(self, clips: Latents) -> Tensor:
        """Logits [2], as in NUM_OF_MODE, of how far objects of these clips keep from the edges in x and y, but for
        LIKELY_SHARE of their places."""
        present = (clips.presence > PRESENT)[:, None].expand(clips.pose.shape[:3])
        place, frame_size = poses.place(clips.pose)[present], clips.pose.new_tensor([self.spec.width, self.spec.height])
        if not len(place):
            return frame_size.new_zeros(2)
        inside = torch.minimum(place, frame_size - place).sort(0).values[int(LIKELY_SHARE * len(place))]
        return torch.logit(2 * inside / frame_size, eps=0.05)

    def _correction(self, seen: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """By how much turning points [B, K, M, 2] are to be moved, px, from where they were seen, [B, T, K, M, 2]: an
        object that came back from its outermost place was at a wall there. The larger a correction is, the less it
        counts (Tukey's biweight; Beaton and Tukey 1974)."""
        least, most, ends = seen.amin(1), seen.amax(1), torch.stack([seen[:, 0], seen[:, -1]])
        came_back_from_low = ends.amin(0) - least > PLACE_ERROR_PX
        came_back_from_high = most - ends.amax(0) > PLACE_ERROR_PX
        missing = torch.where(came_back_from_low, low - least, high - most) + self.beyond_seen
        biweight = (1 - (missing / self.log_reach.exp()).square()).relu().square()
        weight = biweight * (came_back_from_low | came_back_from_high)
        return (_EAGER * self.trust).sigmoid() * weight * missing
