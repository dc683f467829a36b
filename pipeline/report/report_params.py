"""Parameters of stage report."""

from pydantic import Field

from pipeline.params import Params


class ReportParams(Params):
    """What the page shows."""

    num_clips: int = Field(ge=0)
    """Clips shown as films: that many forecast, taken apart, and changed by hand."""
    published: str | None = Field(default=None, min_length=1)
    """Name, without .yaml, of a file in the folder of published figures; those of the same protocol stand beside the
    run's own. null: none."""
