"""The best path through states that follow one another in time, by dynamic programming (Viterbi 1967).

Legend: B clips, T frames, S states.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def best_path(score: Tensor, arrive: Callable[[Tensor, int], tuple[Tensor, Tensor]]) -> Tensor:
    """The states [B, T] of the path with the greatest sum of scores [B, T, S], less what its steps cost.

    arrive(total, t) is the step into frame t. It is given the totals [B, S] of the best paths that end in each state of
    the frame before, and returns the best total with which each state of frame t is reached, before its own score, and
    the state that this path comes from, both [B, S].
    """
    total, origins = score[:, 0], []
    for t in range(1, score.shape[1]):
        arrived, origin = arrive(total, t)
        total = arrived + score[:, t]
        origins.append(origin)
    state = total.argmax(1, keepdim=True)
    states = [state]
    for origin in reversed(origins):
        state = origin.gather(1, state)
        states.append(state)
    return torch.cat(states[::-1], 1)
