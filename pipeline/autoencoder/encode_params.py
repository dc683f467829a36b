"""Parameters of stage encode."""

from pydantic import Field

from pipeline.params import Params


class EncodeParams(Params):
    """How the frames are encoded."""

    batch_size: int = Field(ge=1)
    """Sequences encoded at once."""
