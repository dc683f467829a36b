"""Where a picture shows what another one holds nearby: smooth fields of displacement, in few numbers.

A field is a sum of cosines over the picture. A code's numbers stand for those sums that vary most among the training
clips, as in the learned basis of Wulff and Black 2015 ("Efficient sparse-to-dense optical flow estimation using a
learned basis and layers"). They are found by Gauss-Newton steps on brightness (Lucas and Kanade 1981).

Legend: N pictures, D code width, J cosines, C channels, h w picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_fit import gradient
from pipeline.autoencoder.sums import weighted

NUM_STEPS = 3
"""Gauss-Newton steps; more gain little on real clips."""
NOISE, DEVIATION_PX = 0.03, 0.2
"""Grey levels by which a picture is off without being displaced, and px by which the flattest field strays before any
is seen: together they say how far slopes are believed. DISCOVERY.evidence.noise; by trial on five real sets."""
VALUES_AT_ONCE = 2**23
"""Cosines times px that one batch holds: 32 MiB."""


@dataclass(frozen=True)
class Seen:
    """What is seen in the place of pictures."""

    shown: Tensor
    """[N, C, h, w]"""
    picture: Tensor
    """[N, C, h, w]; or, before something else, [N, C + 1, h, w]: premultiplied colour, then a mask"""
    behind: Tensor | None = None
    """[N, C, h, w] what lies behind the picture; None: it covers all"""
    free: Tensor | None = None
    """[N, 1, h, w] in [0, 1]: how far a place shows these two and nothing else; None: everywhere"""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Seen":
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: function(x) for name, x in tensors.items() if x is not None})

    def explained(self) -> Tensor:
        """What the pictures make of it: [N, C, h, w]."""
        return self.picture if self.behind is None else self.behind + self.change(self.picture)

    def change(self, picture: Tensor) -> Tensor:
        """What a picture, or the slope of one, adds to what lies behind."""
        return picture if self.behind is None else picture[:, :-1] - picture[:, -1:] * self.behind

    def left_over(self) -> Tensor:
        return self.shown - self.explained()

    def error(self) -> Tensor:
        """[N] squared, of all places and channels."""
        squared = self.left_over().square()
        return (squared if self.free is None else squared * self.free).sum((1, 2, 3))


def num_cosines(height: int, width: int, most: int) -> tuple[int, int]:
    """How many cosines along y and x: `most` along the longer side, as dense along the other."""
    longer = max(height, width)
    return math.ceil(most * height / longer), math.ceil(most * width / longer)


class DisplacementCode(nn.Module):
    """Pictures [N, C, h, w] and what shows in their place <-> [N, D]."""

    components: Tensor
    """[D, 2 J] orthonormal rows, or zero: of the field along x, then along y"""
    scale: Tensor
    """[D] standard deviations"""
    cosines: Tensor
    """[J, h w]"""
    stiffness: Tensor
    """[2 J] how much less the cosines of higher frequency are expected, over that of the flattest"""

    def __init__(self, height: int, width: int, dim: int, most_cosines: int):
        super().__init__()
        self.size, self.count = (height, width), num_cosines(height, width, most_cosines)
        y, x = (_cosines(count, side) for count, side in zip(self.count, self.size, strict=True))
        frequency = torch.arange(self.count[0])[:, None] ** 2 + torch.arange(self.count[1]) ** 2
        self.at_once = max(1, VALUES_AT_ONCE // (math.prod(self.count) * height * width))
        self.register_buffer("cosines", torch.einsum("iy,jx->ijyx", y, x).reshape(-1, height * width), persistent=False)
        self.register_buffer("stiffness", (1.0 + frequency.flatten()).repeat(2), persistent=False)
        self.register_buffer("components", torch.eye(len(self.stiffness))[:dim].clone())
        self.register_buffer("scale", torch.ones(len(self.components)))

    def field(self, code: Tensor) -> Tensor:
        """[N, 2, h, w] px to the right and down, from where a picture shows something to where it holds it."""
        return self._field(code * self.scale, self.components)

    def drawn(self, code: Tensor, picture: Tensor) -> Tensor:
        """Pictures [N, C, h, w] as codes [N, D] displace them."""
        return displaced(picture, self.field(code))

    def encode(self, seen: Seen) -> Tensor:
        """Codes [N, D] under which pictures explain best what is seen in their place, and never worse than where they
        are."""
        return self._found(seen, self.components) / self.scale

    def numbers(self, seen: Seen) -> Tensor:
        """[N, 2 J]: the same in all cosines, px."""
        return self._found(seen, torch.eye(len(self.stiffness), device=seen.shown.device))

    def fit(self, components: Tensor, energy: Tensor) -> None:
        """Sets the code, in place, from components [2 J, 2 J], the most varying first, and energy [2 J], px^2: the mean
        square of each one's number."""
        num_codes = len(self.components)
        self.components.copy_(components[:num_codes] * (energy[:num_codes, None] > 0))
        self.scale.copy_(energy[:num_codes].sqrt().clamp(min=1e-4))

    def _field(self, numbers: Tensor, components: Tensor) -> Tensor:
        return ((numbers @ components).unflatten(1, (2, -1)) @ self.cosines).unflatten(2, self.size).float()

    def _found(self, seen: Seen, components: Tensor) -> Tensor:
        parts = (slice(at, at + self.at_once) for at in range(0, len(seen.shown), self.at_once))
        found = [self._steps(seen.map(lambda x: x[part]), components) for part in parts]  # noqa: B023, called at once
        return torch.cat(found) if found else seen.shown.new_zeros(0, len(components))

    def _steps(self, seen: Seen, components: Tensor) -> Tensor:
        """Gauss-Newton on sum of |left over|^2 / NOISE^2 + stiffness |numbers|^2 / DEVIATION_PX^2."""
        ridge = components * self.stiffness * (NOISE / DEVIATION_PX) ** 2 @ components.T
        ridge = ridge + (components == 0).all(1).float().diag()  # numbers that stand for nothing stay 0
        numbers = best = seen.shown.new_zeros(len(seen.shown), len(components))
        least = seen.error()
        moved = seen
        for _ in range(NUM_STEPS):
            matrix, right = self._normal_equations(moved)
            matrix, right = components @ matrix @ components.T + ridge, right @ components.T - numbers @ ridge
            numbers = numbers + torch.linalg.solve(matrix, right)
            moved = replace(seen, picture=displaced(seen.picture, self._field(numbers, components)))
            error = moved.error()
            best = torch.where((error < least)[:, None], numbers, best)
            least = torch.minimum(error, least)
        return best

    def _normal_equations(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """[N, 2 J, 2 J] and [N, 2 J]; what shows something else counts little."""
        left = seen.left_over()
        trusted = 1 / (1 + left.square().mean(1, keepdim=True) / DISCOVERY.sprites.outlier**2)
        trusted = trusted if seen.free is None else trusted * seen.free
        along_y, along_x = gradient(seen.picture)
        slopes = seen.change(along_x), seen.change(along_y)
        by_x, by_y = (slope * trusted for slope in slopes)
        xx, xy, yy = (
            self._products(weighted(one, other, 1)) for one, other in
            ((by_x, slopes[0]), (by_x, slopes[1]), (by_y, slopes[1])))
        matrix = torch.cat([torch.cat([xx, xy], 2), torch.cat([xy, yy], 2)], 1)
        right = torch.stack([weighted(slope, left, 1) for slope in (by_x, by_y)], 1).flatten(2) @ self.cosines.T
        return matrix, right.flatten(1)

    def _products(self, weight: Tensor) -> Tensor:
        """Sums over all places of weight [N, h, w] times two cosines, for every pair of them: [N, J, J].

        cos a cos b = (cos(a + b) + cos(a - b)) / 2 along each axis, so all of them are sums of cosines of up to twice
        the frequency, of which there are few.
        """
        y, x = (_cosines(2 * count - 1, side, weight.device) for count, side in zip(self.count, self.size, strict=True))
        sums = y @ weight @ x.T
        for axis, count in ((1, self.count[0]), (3, self.count[1])):
            number = torch.arange(count, device=weight.device)
            added, apart = (number[:, None] + number).flatten(), (number[:, None] - number).abs().flatten()
            sums = (sums.index_select(axis, added) + sums.index_select(axis, apart)) / 2
            sums = sums.unflatten(axis, (count, count))
        return sums.transpose(2, 3).flatten(3).flatten(1, 2)


def _cosines(count: int, side: int, device: torch.device | None = None) -> Tensor:
    """The first cosines over so many places, [count, side]."""
    frequency, place = (torch.arange(n, device=device) for n in (count, side))
    return torch.cos(frequency[:, None] * (place + 0.5) * (math.pi / side))


def displaced(picture: Tensor, field: Tensor) -> Tensor:
    """Pictures [N, C, h, w] read where fields [N, 2, h, w] lead, px; past its edges a picture goes on."""
    along = []
    for axis, side in ((0, picture.shape[-1]), (1, picture.shape[-2])):
        place = torch.arange(side, device=field.device, dtype=field.dtype)
        place = (place + 0.5) * (2 / side) - 1  # as grid_sample counts
        along.append(torch.add(place if axis == 0 else place[:, None], field[:, axis], alpha=2 / side))
    return F.grid_sample(picture, torch.stack(along, -1), padding_mode="border", align_corners=False)
