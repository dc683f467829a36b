"""The best path through states that follow one another in time, by dynamic programming (Viterbi 1967).

Legend: B clips, T frames, S states.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def best_path(
    score: Tensor, arrive: Callable[[Tensor, int], Tensor], origin: Callable[[Tensor, Tensor, int], Tensor],
) -> Tensor:
    """The states [B, T] of the path with the greatest sum of scores [B, T, S], less what its steps cost.

    Both functions are of the step into frame t, and are given the totals [B, S] of the best paths that end in each
    state of the frame before. arrive(total, t): the best total [B, S] with which each state of frame t is reached,
    before its own score. origin(total, state, t): the state [B, 1] that this path comes from, if it goes to `state`
    [B, 1]; asked only of the states that the best path takes.
    """
    totals = [score[:, 0]]
    for t in range(1, score.shape[1]):
        totals.append(arrive(totals[-1], t) + score[:, t])
    states = [totals.pop().argmax(1, keepdim=True)]
    while totals:
        t = len(totals)
        states.append(origin(totals.pop(), states[-1], t))
    return torch.cat(states[::-1], 1)
