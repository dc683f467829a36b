"""Continues latents by one block: the trained horizon at once, each object on one of several trajectories.

A trajectory is a straight line that the end of the context shows, turned to a heading of the mode's own, plus a
residual, and folded back at walls; all of these are learned.

Legend: B batch, T context frames, K slots, H horizon trained on, M modes, P pose components.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline import checkpoint
from pipeline.checkpoint import Checkpoint
from pipeline.latents import pose as poses
from pipeline.latents.extrapolation import FIT_FRAMES, course, held, line_fit
from pipeline.latents.latents import Latents
from pipeline.predictor.block import Block, draw
from pipeline.predictor.context import NUM_OF_PLACE, ContextNetwork, PredictorConfig
from pipeline.predictor.draws import Draws
from pipeline.predictor.losses import nearest_mode_surprise, surprise
from pipeline.predictor.pace import pace
from pipeline.predictor.spread import Spread
from pipeline.predictor.walls import NUM_OF_MODE, Walls

KIND = "predictor"
_MAX_LOGIT = 6.0
_LOG_SPREAD_RANGE = (-5.0, 3.0)
_FOLLOWS_BIAS = torch.tensor([3.0, 0.0, 0.0, -3.0])
"""Training starts with tracks that mostly go on at their pace."""
_NUM_LINES = len(_FOLLOWS_BIAS)
_ENDS = (2, 2 + NUM_OF_MODE, 2 + NUM_OF_MODE + 2 * _NUM_LINES)
"""Where heading, walls and what is followed end among the numbers of a mode's motion."""
_QUIET_SHARE = 0.15
_PARTING = 0.5
"""Share of the training after which modes are free to lie where they like."""


class Predictor(ContextNetwork):
    """Of kind mixture, or with a single mode of kind deterministic."""

    def __init__(self, config: PredictorConfig):
        super().__init__(config)
        params, horizon, width = config.architecture, config.horizon, config.architecture.hidden_dim
        num_scene, num_of_objects = (sum(codes.values()) for codes in (self.scene_codes, self.object_codes))
        self.mode_logits = nn.Linear(width, params.num_modes)
        self.moving = nn.Linear(width, params.num_modes * (_ENDS[-1] + horizon * NUM_OF_PLACE))
        self.spread = nn.Linear(width, params.num_modes * horizon * NUM_OF_PLACE)
        self.visibility = nn.Linear(width, params.num_modes * horizon)
        self.camera = nn.Sequential(
            nn.Linear(self.num_scene_features + width, width), nn.GELU(), nn.Linear(width, horizon * 2 * num_scene)
        )
        with torch.no_grad():
            self.moving.weight.mul_(0.1)
            self.spread.weight.mul_(0.1)
            heading, _, follows, _ = self._of_modes(self.moving.bias)
            heading.zero_()
            follows.copy_(_FOLLOWS_BIAS.repeat(2))
        codes = (*self.scene_codes, *self.object_codes)
        self.residual_share: Tensor
        self.register_buffer("residual_share", torch.ones(1 + len(codes), horizon))
        """Of places, then of each other code: how much is used of what the network adds, see `restraint`."""
        self.trust: Tensor
        self.register_buffer("trust", torch.zeros(horizon))
        """How much nearer to the truth than straight lines the places are, as a share of their squared error."""
        self.walls = Walls(self.spec, config.augmentation, self.num_features)
        self.changes = nn.Linear(width, horizon * 2 * num_of_objects) if num_of_objects else None
        for last in (self.visibility, self.camera[-1], self.changes):
            if isinstance(last, nn.Linear):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)

    def forward(self, context: Latents) -> Block:
        """Context of T >= 2 frames -> the block that follows it."""
        alone, objects, scene = self.see(context)
        modes, horizon = self.config.architecture.num_modes, self.config.horizon
        log_spread = self.spread(objects).unflatten(-1, (modes, horizon, NUM_OF_PLACE))
        visibility = poses.visibility(held(context.pose, horizon)).transpose(1, 2)[:, :, None]
        means, spreads = self._codes(context, objects, scene)
        return Block(
            mode_logits=self.mode_logits(objects),
            moving=self._course(context, self._of_modes(self.moving(objects)), alone),
            place_spread=_spread(log_spread, self.residual_scale),
            visibility_logits=_logit(visibility) + self.visibility(objects).unflatten(-1, (modes, horizon)),
            means=means, spreads=spreads,
        )

    @torch.no_grad()
    def fit_normalisation(self, clips: Latents) -> None:
        """Walls start where the tracks of these clips end."""
        super().fit_normalisation(clips)
        walls = self._of_modes(self.moving.bias)[1]
        walls[:, :2] = self.walls.likely(clips)

    def losses(self, context: Latents, target: Latents, progress: float = 1.0) -> dict[str, Tensor]:
        """What training lowers, "loss", and its parts: surprise by `target`, the H frames after `context`. Early in the
        training (progress: 0 to 1) it is that of the nearest modes, so that modes part."""
        block = self(context)
        parts, early = surprise(block, target), max(0.0, 1 - progress / _PARTING)
        if early:
            nearest = nearest_mode_surprise(block, target)
            parts |= {"loss": parts["loss"] + early * (nearest - parts["objects"])}
        return parts

    def draw_block(self, context: Latents, draws: Draws, spread: Spread) -> dict[str, Tensor]:
        """One future per row of `context`: the next H frames of every time-varying code, as `draw` gives them."""
        return draw(self.restrained(context, self(context)), draws, spread)

    def restrained(self, context: Latents, block: Block) -> Block:
        """The block with as much of what the network adds to going on without learning as is borne out."""
        shares = dict(zip(block.means, self.residual_share[1:], strict=True))
        line = course(context.pose, self.config.horizon).transpose(1, 2)[:, :, None]
        means = {name: torch.lerp(self.base_of(name, context), mean, shares[name][:, None])
                 for name, mean in block.means.items()}
        return block._replace(moving=torch.lerp(line, block.moving, self.residual_share[0][:, None]), means=means)

    def base_of(self, name: str, context: Latents) -> Tensor:
        """A code continued without learning, shaped as in a block's means."""
        base = self.going_on(context, [name])
        return base.transpose(1, 2) if name in self.object_codes else base

    def _course(self, context: Latents, motion: tuple[Tensor, ...], alone: Tensor) -> Tensor:
        """Trajectories [B, K, M, H, P - 1] of modes: a line turned by a heading, plus a residual, folded back at walls.
        motion: what `_of_modes` gives; alone [B, K, D]: features of the objects."""
        heading, walls, follows, residual = motion
        start, slope = self._lines(context)  # [B, K, L, 2]
        shares = follows.unflatten(-1, (2, _NUM_LINES)).softmax(-1).transpose(-1, -2)  # [B, K, M, L, 2]
        start, slope = ((shares * line[:, :, None]).sum(-2) for line in (start, slope))
        steps = torch.arange(1, self.config.horizon + 1, device=slope.device)[:, None]
        place = start[..., None, :] + _turned(slope, heading)[..., None, :] * steps
        shape = poses.shape(course(context.pose, self.config.horizon)).transpose(1, 2)[:, :, None]
        line = poses.assemble(place, shape.expand(*place.shape[:-1], -1))
        residual = self._quiet(residual.unflatten(-1, (-1, NUM_OF_PLACE)) * self.residual_scale)
        return self.walls(poses.moved(line, residual), start, walls, alone, self._window(poses.place(context.pose))[0])

    def _of_modes(self, motion: Tensor) -> tuple[Tensor, ...]:
        """Of what `moving` says, [..., M * D], the parts for every mode, [..., M, D]: heading (2) as `_turned` takes
        it, walls (NUM_OF_MODE) as `Walls` does, logits of which of the L lines it follows in x and in y (2 L), residual
        (H * NUM_OF_PLACE)."""
        return motion.unflatten(-1, (self.config.architecture.num_modes, -1)).tensor_split(_ENDS, -1)

    def _quiet(self, residual: Tensor) -> Tensor:
        """Draws residuals [..., H, NUM_OF_PLACE] to zero that are small beside what a line misses in one frame: on a
        free stretch the line is exact, and a network's noise would only blur it."""
        small = _QUIET_SHARE * self.residual_scale[0]
        return residual * residual.square() / (residual.square() + small.square())

    def _lines(self, context: Latents) -> tuple[Tensor, Tensor]:
        """Start and slope [B, K, L, 2] in x and y of what a track may follow: its pace over the whole context, the way
        it goes now; the line through its last frames; the one through the last two, or the way before mirrored, which
        are true of an object that has just come back from a wall."""
        place = poses.place(context.pose)
        recent = self._window(place)[0]
        end, slope = line_fit(place)
        last = line_fit(place[:, -2:])[1]
        before = line_fit(recent[:, :max(2, self.config.context_frames - FIT_FRAMES)])[1]
        start, speed = pace(recent)
        slopes = [speed * (last + 0.5 * slope).sign(), slope, last, -before]
        return torch.stack([start, end, place[:, -1], place[:, -1]], 2), torch.stack(slopes, 2)

    def _codes(self, context: Latents, objects: Tensor, scene: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Means and spreads of all codes but the pose, as `Block` has them, from the features of objects [B, K, D] and
        scene [B, D]: what goes on without learning, but for a residual."""
        horizon = self.config.horizon
        mean, log_spread = self.camera(scene).unflatten(-1, (2, horizon, -1)).unbind(1)
        mean = self.going_on(context, self.scene_codes) + mean * self.camera_scale
        means = _by_name(mean, self.scene_codes)
        spreads = _by_name(_spread(log_spread, self.camera_scale), self.scene_codes)
        if self.changes:
            mean, log_spread = self.changes(objects).unflatten(-1, (2, horizon, -1)).unbind(2)
            mean = self.going_on(context, self.object_codes).transpose(1, 2) + mean * self.object_scale
            means |= _by_name(mean, self.object_codes)
            spreads |= _by_name(_spread(log_spread, self.object_scale), self.object_codes)
        return means, spreads


def _by_name(codes: Tensor, widths: dict[str, int]) -> dict[str, Tensor]:
    """Codes that lie side by side [..., all widths], each on its own."""
    return dict(zip(widths, codes.split(list(widths.values()), -1), strict=True))


def _spread(log_spread: Tensor, scale: Tensor) -> Tensor:
    """Standard deviations from what a network says of them, in units of `scale`."""
    return log_spread.clamp(*_LOG_SPREAD_RANGE).exp() * scale


def _turned(slope: Tensor, heading: Tensor) -> Tensor:
    """Velocities [B, K, M, 2] of modes turned and changed.

    heading [B, K, M, 2]: angle, radians, to what is the mode's own from the start (all around, the first straight on),
    and by how much the speed is changed, as a share of it.
    """
    (x, y), (angle, change) = slope.unbind(-1), heading.unbind(-1)
    modes = heading.shape[2]
    angle = angle + 2 * math.pi / modes * torch.arange(modes, device=slope.device)
    way = torch.stack([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], -1)
    return way * (1 + change)[..., None]


def save_predictor(path: Path, predictor: Predictor, made_from: dict[str, str]) -> None:
    """Writes weights and configuration; made_from names latents and autoencoder."""
    config = predictor.config.model_dump(mode="json")
    checkpoint.save(path, KIND, predictor.state_dict(), config, made_from)


def load_predictor(path: Path) -> tuple[Predictor, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, PredictorConfig, Predictor)


def _logit(share: Tensor) -> Tensor:
    return torch.logit(share, eps=1 / (1 + torch.exp(torch.tensor(_MAX_LOGIT)).item()))
