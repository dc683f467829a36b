"""What a forecast's frames are mixed from: the layers drawn along their tracks, and the last given frames carried on.

Layers keep what moves apart and know where it goes; pictures of the last frame, carried on by flow, by the camera or as
cut-outs (`pipeline.carrying`), know what codes are too small for. Which of them is right for how many steps is learned
from the training clips in closed form: least squares finds a share for each of them at each step. All are taken as
differences to the context's median image, and some count only where objects lie (a linear pool of forecasts; Bates and
Granger 1969).

Two sets of shares are kept: one for layers whose tracks go straight on, one for layers whose tracks are known. A
predictor lies between the two; `trust` says where.

Legend: B futures of a clip, H steps, C channels, height and width px, N columns of the mix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.carrying.forecasts import NAMES, carry
from pipeline.carrying.swing import Swing, nothing_swings

LAYERS, REMAINDER = "layers", "remainder"
COLUMNS = (
    *((name, "everywhere") for name in (LAYERS, *NAMES)),
    *((name, "cut-outs") for name in (LAYERS, *NAMES)),
    *((name, "objects") for name in (LAYERS, "last")),
    (REMAINDER, "everywhere"),
)
"""Forecast, and where it counts: everywhere, where cut-outs of the last frame lie, where objects of the layers do.
The remainder is no forecast of its own but what is added to the layers."""
PLAIN = tuple(COLUMNS.index((name, "everywhere")) for name in (LAYERS, "last", "flow", "mean_flow"))
"""Places in COLUMNS of the few whose shares can be fitted to few clips."""
PLAIN_RIDGE, RIDGE = 3.0, 5.0
"""How strongly shares are pulled where clips do not settle them. PLAIN_RIDGE pulls those of the plain columns towards 0
(the median image), RIDGE those of all columns towards the plain ones. Both are shares of the layers' own energy, to be
divided by the square of the number of clips. By trial on real sets of 3 to 30 clips: sets of up to 8 gain 0.1 to 0.2
dB, the others are as good as with a pull of 0.01."""
NUM_REWEIGHTINGS = 8
LEAST_ERROR = 1e-5
"""Mean squared error, [0, 1]^2, below which a clip gains no further weight: 50 dB, a level of eight bits or so."""


@dataclass(frozen=True)
class CarriedOn:
    """The last frames of one clip carried on; on the [0, 1] scale, channels first."""

    forecasts: Tensor
    """[len(NAMES), H, C, height, width]"""
    cut_outs: Tensor
    """[H, 1, height, width] share of a pixel that shows a cut-out of the last frame"""
    median: Tensor
    """[C, height, width] of the context"""

    def beside(self, frames: Tensor, alpha: Tensor, remainder: Tensor) -> "Ingredients":
        """All that is mixed: these forecasts; frames [B, H, C, height, width] drawn from layers, whose objects show as
        alpha [B, H, K, height, width] says; and remainder [B, H, C, height, width], what the layers leave over of the
        last frame."""
        carried, cut_outs, median = (x.to(frames)[None] for x in (self.forecasts, self.cut_outs, self.median))
        return Ingredients(frames, alpha.sum(2, keepdim=True), remainder, carried, cut_outs, median)


@dataclass(frozen=True)
class Ingredients:
    """What B futures of one clip are mixed from; all on the [0, 1] scale, channels first."""

    layers: Tensor
    """[B, H, C, height, width] frames drawn from layers"""
    objects: Tensor
    """[B, H, 1, height, width] share of a pixel that shows an object of these layers"""
    remainder: Tensor
    """[B, H, C, height, width] what the layers leave over of the last given frame, carried along with them"""
    carried: Tensor
    """[1, len(NAMES), H, C, height, width] forecasts that carry the last frames on"""
    cut_outs: Tensor
    """[1, H, 1, height, width] share of a pixel that shows a cut-out of the last frame"""
    median: Tensor
    """[1, C, height, width] of the context"""

    def columns(self) -> Iterator[Tensor]:
        """The N columns, each [B or 1, H, C, height, width]: a forecast's difference to the median, where it counts."""
        median = self.median[:, None]
        forecasts = {LAYERS: self.layers, **dict(zip(NAMES, self.carried.unbind(1), strict=True))}
        differences = {name: forecast - median for name, forecast in forecasts.items()} | {REMAINDER: self.remainder}
        gates = {"everywhere": torch.ones_like(self.cut_outs), "cut-outs": self.cut_outs, "objects": self.objects}
        for name, where in COLUMNS:
            yield differences[name] * gates[where]


class Mix(nn.Module):
    """Shares for each of the first `num_steps` steps; later ones are mixed as the last of these."""

    def __init__(self, num_channels: int, height: int, width: int, num_steps: int):
        super().__init__()
        self.swing_mean: Tensor
        self.swing_components: Tensor
        self.swing_weights: Tensor
        for name, values in vars(nothing_swings(height * width * num_channels)).items():
            self.register_buffer(f"swing_{name}", torch.from_numpy(values))
        self.straight: Tensor
        self.register_buffer("straight", torch.zeros(num_steps, len(COLUMNS)))
        self.informed: Tensor
        self.register_buffer("informed", torch.zeros(num_steps, len(COLUMNS)))
        with torch.no_grad():
            for shares in (self.straight, self.informed):
                shares[:, 0] = 1  # the layers alone

    def know(self, swing: Swing) -> None:
        """Sets what swings, as training clips show it."""
        for name, values in vars(swing).items():
            getattr(self, f"swing_{name}").copy_(torch.from_numpy(values))

    def carry_on(self, context: np.ndarray, ground: np.ndarray, num_steps: int) -> CarriedOn:
        """The last frames of a clip carried on, on the CPU: context uint8 [T, height, width, C], before the background
        `ground`, float32 [height, width, C]."""
        swing = Swing(*(x.cpu().numpy() for x in (self.swing_mean, self.swing_components, self.swing_weights)))
        carried = carry(context.astype(np.float32) / 255, ground, swing, num_steps)
        forecasts, covered, median = (
            torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, -3)))
            for x in (carried.forecasts, carried.covered, carried.median)
        )
        return CarriedOn(forecasts, covered, median)

    def forward(self, ingredients: Ingredients, trust: Tensor) -> Tensor:
        """Frames [B, H, C, height, width] in [0, 1]. trust [H] in [0, 1]: how good the tracks are; 0 as straight lines,
        1 as known ones."""
        steps = torch.arange(ingredients.layers.shape[1], device=trust.device).clamp(max=len(self.straight) - 1)
        shares = torch.lerp(self.straight[steps], self.informed[steps], trust[:, None])
        mixed = ingredients.median[:, None].expand_as(ingredients.layers)
        for column, share in zip(ingredients.columns(), shares.unbind(1), strict=True):
            mixed = mixed + share[:, None, None, None] * column
        return mixed.clamp(0, 1)


class Moments(NamedTuple):
    """What a least-squares fit of the columns to the truth has to know of one clip, for every step."""

    normal: Tensor
    """[H, N, N] mean products of columns"""
    right: Tensor
    """[H, N] mean products of columns and truth"""
    energy: Tensor
    """[H] mean square of the truth; like the columns, it is taken as a difference to the median"""

    def of_columns(self, places: Sequence[int]) -> "Moments":
        """The moments of some columns alone."""
        chosen = torch.tensor(places)
        return Moments(self.normal[:, chosen][:, :, chosen], self.right[:, chosen], self.energy)

    def error(self, shares: Tensor) -> Tensor:
        """Mean squared error [H] of the frames that shares [H, N] mix."""
        fitted = torch.einsum("hn,hnm,hm->h", shares, self.normal, shares) - 2 * (shares * self.right).sum(-1)
        return (fitted + self.energy).clamp(min=LEAST_ERROR)


def moments(ingredients: Ingredients, target: Tensor) -> Moments:
    """The moments of one clip, from what it is mixed from (B = 1) and the truth, target [1, H, C, height, width]."""
    columns = torch.stack(list(ingredients.columns()), 2)[0].flatten(2).double()  # [H, N, values]
    wanted = (target - ingredients.median[:, None])[0].flatten(1).double()
    normal, right = columns @ columns.transpose(1, 2), (columns @ wanted[..., None])[..., 0]
    num_values = wanted.shape[1]
    return Moments(normal / num_values, right / num_values, wanted.square().mean(1))


def shares_of(clips: list[Moments]) -> Tensor:
    """The shares [H, N] of the highest mean psnr over the clips. The plain columns are fitted alone first. Then all
    columns are, pulled towards those first shares, the more so the fewer the clips.

    Least squares, repeated with each clip weighted by one over its error: else the few clips that nobody can foresee
    would decide how those are mixed that are foreseen exactly.
    """
    start = torch.zeros_like(clips[0].right)
    start[:, 0] = 1
    plain = torch.zeros_like(start)
    plain[:, PLAIN] = _least_squares(
        [clip.of_columns(PLAIN) for clip in clips], start[:, PLAIN], torch.zeros_like(start[:, PLAIN]), PLAIN_RIDGE
    )
    return _least_squares(clips, plain, plain, RIDGE).float()


def _least_squares(clips: list[Moments], shares: Tensor, wanted: Tensor, pull: float) -> Tensor:
    """The best shares [H, N] for the clips, searched from `shares` on, and pulled towards `wanted` as strongly as
    `pull`."""
    for _ in range(NUM_REWEIGHTINGS):
        weights = [1 / clip.error(shares) for clip in clips]
        normal = sum(weight[:, None, None] * clip.normal for weight, clip in zip(weights, clips, strict=True))
        right = sum(weight[:, None] * clip.right for weight, clip in zip(weights, clips, strict=True))
        assert isinstance(normal, Tensor) and isinstance(right, Tensor)
        ridge = pull / len(clips)**2 * normal[:, 0, 0].clamp(min=1e-9)
        damped = normal + torch.eye(normal.shape[-1], dtype=normal.dtype) * ridge[:, None, None]
        shares = wanted + torch.linalg.solve(damped, right - (normal @ wanted[..., None])[..., 0])
    return shares
