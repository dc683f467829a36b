"""The random numbers of futures, spread evenly over the samples of a clip."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Draws for batches of B clips with S samples each (row b * S + s).

    Latin hypercube sampling (McKay, Beckman and Conover 1979): the unit interval is cut into S equal parts, and each of
    a clip's S samples gets a part of its own, dealt out anew for every number. One sample alone is distributed as if
    drawn freely; together they leave no likely future out and give none twice.
    """

    generator: torch.Generator
    """On the CPU."""
    num_samples: int = 1

    def uniform(self, shape: torch.Size | tuple[int, ...], device: torch.device) -> Tensor:
        """Uniform draws [B * S, ...] in (0, 1)."""
        random = torch.rand(shape[0] // self.num_samples, self.num_samples, *shape[1:], generator=self.generator)
        part = random.argsort(1).flatten(0, 1)
        within = torch.rand(shape, generator=self.generator)
        return ((part + within) / self.num_samples).to(device)

    def sech(self, like: Tensor) -> Tensor:
        """Draws from the density sech(pi x / 2) / 2, which losses.surprise assumes, shaped as `like`: its inverse
        distribution function is (2 / pi) ln tan(pi u / 2). The largest deviations, one draw in 5000, are cut off."""
        uniform = self.uniform(like.shape, like.device).clamp(1e-4, 1 - 1e-4)
        return 2 / math.pi * torch.log(torch.tan(math.pi / 2 * uniform))
