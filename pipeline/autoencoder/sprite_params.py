"""The thresholds of the module `discovery_params` that are about sprites; units and origins as there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpriteParams:
    """How an object's picture, track and visibility follow from the frames."""

    noise: float = 0.03
    """Standard deviation below which a difference says nothing, grey levels. By trial; see `EvidenceParams.noise`."""
    outlier: float = 0.15
    """Difference from which on a sample counts as showing something else, grey levels: 5 `noise`."""
    object_odds: float = 0.5
    """Share of the background's squared error that an object's own may have at even odds. By trial."""
    odds_power: float = 3.0
    """How sharply those odds decide. By trial."""
    varies: float = 0.05
    """Standard deviation of the background under a sample, grey levels, at which frames outweigh the first guess of its
    mask. By trial."""
    around: int = 5
    """Side of the neighbourhood that says how strong contrast is, and what is a speck, samples, odd. By trial at 24
    samples; grows with `patch_dim`."""
    speck: float = 0.08
    """Mean of a mask over that neighbourhood at which a sample is a speck: 2 samples of 25."""
    solid: float = 0.28
    """The same at which it is none: 7 of 25, as along a stroke."""
    damping: float = 1e-2
    """Squared slopes, summed over a patch, below which a picture does not tell where it is. By trial; does not grow
    with the patch."""
    relative_damping: float = 0.02
    """The same as a share of the slopes themselves: keeps an edge of one direction from sliding. By trial."""
    max_step: float = 1.5
    """Furthest that one correction moves a track, samples: as far as slopes hold."""
    jolt_px: float = 0.25
    """How far from straight on an object is expected in the next frame, px; by trial at objects of 16 px and 10 frames
    per second. Grows with size, falls with the square of the frame rate."""
    turning: float = 0.6
    """Share of an object's squared error that must be left, at most, once it may turn and change its size: else it does
    not. By trial."""
    shape_rounds: int = 2
    """Iterations by which shapes are found, first of pairs of frames, then with the picture. By trial."""
    visible_memory: float = 0.7
    """Frames (a decay) from which frames that say little take an object's visibility. By trial."""
    visible_slope: float = 12.0
    """Log-odds of being visible when an object explains all that is at stake. By trial: nearly binary."""
    box_margin: float = 1.25
    """A patch's side as a multiple of its object's longer side, so that its edges lie inside. By trial."""
    clear: float = 0.2
    """A mask up to this is none when its box is measured. By trial."""
    full: float = 0.6
    """A mask from this on is solid when its box is measured. By trial; their mean is that of a soft edge."""
    min_share: float = 0.2
    """Least share of its patch's side that an object takes up: what is smaller is not enlarged further at once."""


@dataclass(frozen=True)
class ComparisonParams:
    """Sprites judged against one another."""

    min_contrast: float = 0.02
    """An object must take away, per frame and where no other is, the squared error that this contrast makes over a
    width^2, grey levels, root mean square over the channels; or the noise of the clip, where that is greater. By trial.
    Of objects smaller than typical it asks for more, in inverse proportion to their size."""
    rigid_px: float = 0.5
    """Sprites that stray no further from one another than this, px, move as one: the error of two tracks, which does
    not grow with the frame."""
    travel_px: float = 1.5
    """Way along either axis from which on a sprite moves, px: three times that error."""
    rigid_share: float = 0.75
    """Quantile over the frames at which that holds: they may part in the others, where one is hidden. By trial."""
    one_hue_distance: float = 0.5
    """Sprites of one hue whose middles are usually nearer than this, widths, are parts of one object. By trial."""
    one_hue_stray: float = 0.125
    """How far such parts may stray from one another, widths: as one does that grows while it comes nearer."""
    one_hue_direction: float = 0.1
    """Difference in direction between two mean colours, radians, below which they are of one hue. By trial: parts of
    one shaded object differ by up to .06, objects of other colours by .2."""
    overlap_error: float = 0.05
    """Squared error per overlapping pixel, summed over the channels, that makes one of two sprites surely nearer. By
    trial; per channel it would ask a third in grey clips, which mistakes the order of digits more often."""
    overlap_ridge: float = 0.2
    """The same, summed over few pixels: a small overlap says little. By trial."""
    max_depth: float = 3.0
    """Greatest difference in depth that a pair adds, logits."""


@dataclass(frozen=True)
class FitRound:
    """What happens in one round of the fit of sprites, besides their pictures and their tracks."""

    blurred: bool = False
    """Frames are blurred: tracks are not exact yet, and thin strokes that lie beside themselves from frame to frame
    make no picture."""
    visibility: bool = True
    """Visibility is fitted; not before pictures are sharp."""
    turns: bool = False
    """Which objects turn or change their size is found out."""
    steadily: bool = False
    """Tracks go straight on where frames say little; not at first: a blurred picture says little of any frame, and
    straight lines cut corners."""
    normalise: bool = False
    """Patches are laid around their objects anew."""
    compare: bool = False
    """Sprites are judged against one another, and the background is estimated again behind them."""
    fine: bool = False
    """Patches have all their samples, not `coarse_dim` of them."""
    complete: bool = False
    """Pictures lack nothing of their objects, so the background may be seen wherever they are not."""


BLURRED = FitRound(blurred=True, visibility=False)


@dataclass(frozen=True)
class ScheduleParams:
    """In which order, and how often. All by trial: more rounds gain little."""

    num_rounds: int = 3
    """Rounds of tracking, camera and background, which need one another."""
    fit: tuple[FitRound, ...] = (
        BLURRED, BLURRED, BLURRED,
        FitRound(visibility=False),
        FitRound(compare=True), FitRound(normalise=True), FitRound(compare=True), FitRound(turns=True),
        FitRound(steadily=True, normalise=True, fine=True), FitRound(compare=True, complete=True, fine=True),
        FitRound(compare=True, complete=True, fine=True),
    )
    """The rounds of the fit of sprites."""
    coarse_dim: int = 24
    """Side of the patches until then, samples: enough to find an object's place and shape, at which time goes with the
    square."""
    search_margin: float = 1.75
    """Side of the first patch around a track, widths: generous, the track is not centred yet."""
    blur: float = 0.125
    """Reach to either side of the means that blurred rounds see, widths."""
    claim_slope: float = 4.0
    """How much less a pixel is free for one slot than for another per difference in the probabilities that it is
    theirs: none is left from a quarter on. By trial: at 1, 2, 4 and without end fg_miou is .57, .63, .65 and .66 on
    rendered objects."""
    cover_px: int = 1
    """How far around its mask an object covers the background, px: antialiasing, which does not grow with the frame."""
