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
    """A sample is as likely object as background where its squared error as object is this share of that as background.
    By trial."""
    odds_power: float = 3.0
    """Power to which those odds are raised: how sharply they decide. By trial."""
    varies: float = 0.05
    """Standard deviation of the background under a sample, grey levels, from which on the frames outweigh the first
    guess of the mask; the variances of the channels are added up. By trial."""
    around: int = 5
    """Side of the neighbourhood, samples, odd, in which the strongest contrast is sought and specks are recognised. By
    trial at 24 samples; grows with `patch_dim`."""
    speck: float = 0.08
    """Mean of a mask over that neighbourhood at which a sample is a speck: 2 samples of 25."""
    solid: float = 0.28
    """The same from which on it is no speck: 7 of 25, as along a stroke."""
    damping: float = 1e-2
    """Squared slopes, summed over a patch, below which a picture does not tell where it is. By trial; does not grow
    with the patch."""
    relative_damping: float = 0.02
    """The same as a share of the patch's own squared slopes: keeps an edge of one direction from sliding. By trial."""
    max_step: float = 1.5
    """Furthest that one correction moves a track, samples: as far as slopes hold."""
    jolt_px: float = 0.25
    """Standard deviation of how far an object strays in the next frame from going straight on, px. By trial at objects
    of 16 px and 10 frames per second. Grows with size, falls with the square of the frame rate."""
    turning: float = 0.6
    """An object is said to turn or change its size only if that leaves less than this share of its squared error. By
    trial."""
    shape_rounds: int = 2
    """Iterations by which shapes are found: so many from pairs of frames, then as many together with the picture. By
    trial."""
    visible_memory: float = 0.7
    """Neighbouring frames count for an object's visibility by weights that decay over so many frames, so that a frame
    that says little follows the others. By trial."""
    visible_slope: float = 12.0
    """Log-odds of being visible when an object explains all that is at stake. By trial: nearly binary."""
    box_margin: float = 1.25
    """A patch's side as a multiple of its object's longer side: the object's edges must lie inside. By trial."""
    clear: float = 0.2
    """Mask up to which a sample counts as empty when an object's box is measured. By trial."""
    full: float = 0.6
    """Mask from which on a sample counts as full there. By trial; the mean of both is that of a soft edge."""
    min_share: float = 0.2
    """Least share of its patch's side that an object is taken to fill: a patch shrinks no further than that at once."""


@dataclass(frozen=True)
class SearchParams:
    """Where else a sprite may be."""

    cell: float = 0.125
    """Cell of the grid on which places are compared, widths, at least a pixel: what is left, the next correction of the
    track does."""
    reach: float = 0.75
    """Furthest that a sprite moves at once along each axis, widths. By trial: 1.2 finds no more of digits."""
    enough: float = 0.9
    """A sprite is sought elsewhere where it takes away less than this share of its stake: of the squared error that it
    would take away if the frame showed all of it over the background. By trial: nothing more is found beyond."""
    known: float = 0.5
    """A sprite's picture is known where it takes away this share of its stake."""
    known_share: float = 0.5
    """Share of the frames in which it must be, for the sprite to be sought in the others: else a double of another
    sprite, or a fault of the background, would find something to show, and stay. By trial: with .3 some do."""
    worth: float = 0.05
    """What another place must take away more than this one, as a share of the stake. By trial: rendered objects like
    .03 better, a disc and a block .1."""
    rounds: int = 2
    """Times that all sprites are sought, one after the other where they are near one another. By trial: a third finds
    little."""


@dataclass(frozen=True)
class ComparisonParams:
    """Sprites judged against one another."""

    min_contrast: float = 0.02
    """Contrast, grey levels, root mean square over the channels. An object must take away, per frame and where no other
    is, the squared error that this contrast makes over a width^2; where the clip's noise is greater, that takes its
    place. By trial. Smaller objects need more contrast, in inverse proportion to their width."""
    rigid_px: float = 0.5
    """Sprites that stray no further from one another than this, px, move as one: the error of two tracks, which does
    not grow with the frame."""
    travel_px: float = 1.5
    """Way along either axis from which on a sprite moves, px: three times `rigid_px`."""
    rigid_share: float = 0.75
    """Quantile over the frames that says how far two sprites stray: in the frames above it one may be hidden. By
    trial."""
    one_hue_distance: float = 0.5
    """Sprites of one hue whose middles are usually nearer than this, widths, are parts of one object. By trial."""
    one_hue_stray: float = 0.125
    """How far such parts may stray from one another, widths: as far as parts of an object that grows while it comes
    nearer."""
    one_hue_direction: float = 0.1
    """Difference in direction between two mean colours, radians, below which they are of one hue. By trial: parts of
    one shaded object differ by up to .06, objects of other colours by .2."""
    overlap_error: float = 0.05
    """Squared error per overlapping pixel, summed over the channels, that makes one of two sprites surely nearer. By
    trial. As a mean over the channels it would ask grey clips for a third of this, and the order of digits is then
    mistaken more often."""
    overlap_ridge: float = 0.2
    """Squared error, summed over pixels and channels, that is asked for in addition: a small overlap says little. By
    trial."""
    max_depth: float = 3.0
    """Greatest difference in depth that a pair adds, logits."""


@dataclass(frozen=True)
class FitRound:
    """What a round of the fit of sprites does besides fitting pictures and tracks."""

    blurred: bool = False
    """Frames are blurred. Tracks are not exact yet, and without a blur thin strokes would lie beside themselves from
    frame to frame and make no picture."""
    visibility: bool = True
    """Visibility is fitted; not before pictures are sharp."""
    turns: bool = False
    """Which objects turn or change their size is found out."""
    steadily: bool = False
    """Tracks go straight on where frames say little; not at first, since by a blurred picture every frame says little,
    and straight lines cut corners."""
    search: bool = False
    """Sprites are sought where no small step leads, see `SearchParams`."""
    normalise: bool = False
    """Patches are laid around their objects anew."""
    compare: bool = False
    """Sprites are judged against one another, and the background is estimated again behind them."""
    fine: bool = False
    """Patches have all their samples, not `coarse_dim` of them."""
    complete: bool = False
    """Pictures are taken to lack nothing of their objects, so what they do not cover is background."""


BLURRED = FitRound(blurred=True, visibility=False)


@dataclass(frozen=True)
class ScheduleParams:
    """In which order, and how often. All by trial: more rounds gain little."""

    num_rounds: int = 3
    """Rounds of tracking, camera and background, which need one another."""
    fit: tuple[FitRound, ...] = (
        BLURRED, BLURRED, BLURRED,
        FitRound(visibility=False),
        FitRound(search=True, compare=True), FitRound(normalise=True), FitRound(search=True, compare=True),
        FitRound(turns=True),
        FitRound(steadily=True, search=True, normalise=True, fine=True),
        FitRound(compare=True, complete=True, fine=True),
        FitRound(compare=True, complete=True, fine=True),
    )
    """The rounds of the fit of sprites."""
    coarse_dim: int = 24
    """Greatest side of the patches in rounds that are not `fine`, samples: enough to find an object's place and shape.
    Time goes with its square."""
    search_margin: float = 1.75
    """Side of the first patch around a track, widths: generous, the track is not centred yet."""
    blur: float = 0.125
    """Blurred rounds see means over squares that reach so far to either side, widths."""
    claim_slope: float = 4.0
    """How fast a pixel stops being free for a slot as it becomes likelier another's: by this times the difference of
    the two probabilities, so nothing is left from a difference of a quarter on. By trial on rendered objects: fg_miou
    is .63, .65 and .66 at 2, 4 and without end, and .57 where a pixel is free by 1 less the others' probability."""
    cover_px: int = 1
    """How far around its mask an object covers the background, px: antialiasing, which does not grow with the frame."""
