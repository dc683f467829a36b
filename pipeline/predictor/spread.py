"""How the samples of one clip differ."""

from typing import Literal

Spread = Literal["branches", "full"]
"""branches: samples differ only where futures part; full: also by how unsure the predictor is of each trajectory."""
