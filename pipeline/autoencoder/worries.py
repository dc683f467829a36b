"""What should worry about the training of an autoencoder, as far as its curves tell."""

from pathlib import Path

from pipeline.training.overfitting import losses, overfitted

RISES = 1.05
"""Factor by which the loss of validation may end above its least. Measured: 1.00 on seven real sets and on the
demonstration, 1.02 on eight training clips, 1.07 and 1.7 on two sets of which it learned nothing that holds."""
APART = 5.0
"""Factor by which the loss of validation may end above that of training (on the frames that a step draws). Measured on
the same sets: 0.9 to 3; 9 and 10 on sets of four and eight training clips."""


def worries(curves: Path) -> list[str]:
    """A line if clips were learned by heart. curves: the folder that the training wrote; without one there is none."""
    found = losses(curves)
    if found is None or (found.ends <= RISES * found.least and found.ends <= APART * found.trained):
        return []
    return [overfitted("train_autoencoder", found, digits=4)]
