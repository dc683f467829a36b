"""Parameters of stage evaluate."""

from pydantic import Field

from pipeline.params import Params


class EvaluateParams(Params):
    """How to judge."""

    batch_size: int = Field(ge=1)
    """Sequences or clips decoded at once."""
    num_sheets: int = Field(ge=0)
    """Clips drawn as still sheets."""
