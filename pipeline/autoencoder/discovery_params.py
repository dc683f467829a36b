"""The thresholds of `propose`, by name: whatever decides what is found in a clip, followed, kept and judged.

They are no parameters of a run: they hold for clips of any size, and a run says how large its objects are
(`object_px`). Each says what it decides, its unit, where it comes from and with what it scales.

Units: a width is that of a typical object (`object_px`), so lengths in it grow with objects and with the resolution;
an area in widths^2 likewise. A grey level is the whole range of a channel, [0, 1], so levels do not change with the
number of pixels or channels. A sample is a step of an object's patch, its width times `box_margin` / `patch_dim`. What
is in frames or per frame does not know the frame rate: at twice the rate it spans half the time.

Origin: "by trial" is on the demonstration data, coloured sprites of 10 to 22 px on textured ground, 64 x 64 px, at 0.6
to 3 px per frame, and its grey digits. What only keeps a division finite (1e-6 and the like) decides nothing and stands
where it is needed.
"""

from dataclasses import dataclass

from pipeline.autoencoder.sprite_params import ComparisonParams, ScheduleParams, SearchParams, SpriteParams


@dataclass(frozen=True)
class EvidenceParams:
    """When a cell of the discovery grid shows something other than background, and how fine that grid is."""

    noise: float = 0.03
    """Largest difference of any channel that is noise, grey levels; the same as `SpriteParams.noise`. By trial; to be
    raised for footage whose noise is above a third of it."""
    slope: float = 9.0
    """Evidence per grey level above `noise`: full at 0.03 + 1/9 = 0.14. By trial; the inverse of a contrast."""
    grid_cells: float = 8.0
    """Cells across a typical object. By trial: fewer lose strokes, more cost time (the square of it)."""


@dataclass(frozen=True)
class TrackingParams:
    """How a path is found through the evidence, and how all tracks are refined jointly."""

    blur: float = 0.25
    """Standard deviation of the blur that turns evidence into a score for an object's centre, widths. A flat disc as
    wide as an object has that deviation."""
    path_cell: float = 0.25
    """Step of the grid on which paths are sought, widths. By trial; a mean shift makes up for its coarseness."""
    max_speed: float = 0.5
    """Furthest that an object goes along either axis from frame to frame, widths. Whatever is faster is lost, so it
    must grow where the frame rate falls. By trial: at 1.0 objects of 5 px are followed at 5 px per frame, and on
    demonstration clips tracks change over a little more often, which costs .003 to .005 of each figure."""
    speed_cost: float = 0.16
    """Score, cells of full evidence, that a move of a width costs; the cost grows with the square of the move. By
    trial."""
    search_sigma: float = 0.4375
    """Standard deviation of the window in which a path is drawn to the middle of an object, widths. By trial; under
    half an object, so that neighbours stay outside."""
    num_shifts: int = 3
    """Mean shifts from the path's grid to the object's middle. By trial."""
    explained: float = 0.375
    """How far around its track an object explains evidence away from the next slot, widths (the flat part of a bell).
    By trial; a little less than half an object."""
    hint_sigma: float = 0.225
    """Standard deviation of colour between rounds, grey levels: 1.5 `color_sigma`, as an earlier round may have been
    off."""
    unlike: float = 0.1
    """Share of its score that evidence keeps if its colour is nothing like the hint's. By trial."""
    color_radius: float = 0.25
    """Standard deviation of the window from which an object's first colour is taken, widths: its inner half."""
    position_sigma: float = 0.4375
    """Standard deviation of an object's pixels around its centre, widths. By trial; a flat disc has 0.25, long ones
    more."""
    grey_position_sigma: float = 0.3125
    """The same in a grey clip, where colours do not tell objects apart and two nearer than twice this merge. By
    trial."""
    grey: float = 0.05
    """Largest difference between the channels of a grey clip, grey levels. Above what compression leaves."""
    reach: float = 6.0
    """How far from an object's centre its pixels are sought, standard deviations: the share of a pixel farther off
    would be below 1e-5, however well its colour fits."""
    color_sigma: float = 0.15
    """Standard deviation of an object's pixels around its mean colour, grey levels. By trial on textured sprites."""
    background_sigma: float = 0.05
    """Standard deviation of pixels around the background, grey levels: noise and what the background lacks yet. By
    trial."""
    outlier: float = -3.0
    """Log-prior of a pixel that shows something else, of any colour alike. By trial."""
    num_rounds: int = 6
    """Rounds of expectation-maximisation. By trial: places move little after."""
    neighbour_share: float = 0.15
    """Weight of the frame before and of the one after in a frame's place, [0, 1/3]. By trial; a track lags a turn by
    part of a frame's move."""


@dataclass(frozen=True)
class ExtentParams:
    """How large is what a track follows."""

    reach: float = 2.0
    """How far around a track something is sought that goes along with it, widths: objects of up to four widths. By
    trial."""
    core: float = 0.125
    """How far around the track the object surely is, widths: a cell."""
    solid: float = 0.8
    """Share of the frames, weighted by how surely they show the object, that must show a place for it to be the
    object's. By trial on five real sets; what the object passes by shows in fewer."""
    min_frames: float = 3.0
    """Frames in which a place must have been inside the picture: fewer say nothing."""
    large: float = 1.75
    """Size, widths, from which on an object is larger than typical: up to there one size serves."""
    travel: float = 0.5
    """How far such an object must go along either axis, as a share of its own size, so that what rests beside it falls
    behind. By trial."""
    tail: float = 0.05
    """Share of the frames, at either end of the track's range along an axis, that do not count for `travel`:
    outliers."""


@dataclass(frozen=True)
class PruningParams:
    """Which tracks are objects, and what they cover."""

    busy: float = 0.6
    """Quantile over the frames by which an object's evidence is judged: it may hide or rest in most of them."""
    min_area: float = 1 / 32
    """Least evidence of an object, widths^2 of full evidence. By trial: 3 px x 3 px of strong contrast for objects of
    16 px."""
    min_boxed_area: float = 1 / 64
    """The same for a box around it. Half of `min_area`: a box too many costs background, a box too few an object."""
    min_travel: float = 0.09375
    """What roams over the background less than this, widths along either axis, rests. By trial: 1.5 px of 16, above
    what tracks of noise stray."""
    travel_tail: float = 0.05
    """Share of the frames, at either end of the track's range along an axis, that do not count for `min_travel`:
    outliers."""
    box_spread: float = 1.9
    """Half a box's side, in standard deviations of its evidence. Of a flat bar the edge lies at sqrt(3); by trial a
    little outside."""
    box_margin: float = 0.125
    """Added to half a box's side, widths: a cell, as evidence is blurred by one."""
    box_limits: tuple[float, float] = (0.3125, 1.0)
    """Least and greatest half of a box's side, widths; the greatest is multiplied by the size of an object that is
    larger than typical. By trial; it holds objects of twice the typical width."""
    box_edge: float = 24.0
    """Steepness of its edge, 1 / widths: it falls over about a cell."""
    double_distance: float = 0.25
    """Two tracks that are usually nearer than this, widths, show one object. By trial."""
    part_distance: float = 0.875
    """The same for two that move rigidly: parts of one object lie within its width."""
    rigid: float = 0.0625
    """Two tracks move rigidly where the standard deviation of the offset between them is below this, widths: half a
    cell, the tracks' own error."""


@dataclass(frozen=True)
class MeetingParams:
    """Who is who after two objects met."""

    picture_dim: int = 8
    """Side of the picture by which objects are told apart, samples. By trial."""
    picture_step: float = 0.1875
    """From one sample to the next, widths: soft enough for tracks that are off by a cell."""
    distance: float = 1.0
    """Two objects whose tracks come closer than this, widths, touch and can be confused."""
    parted: float = 0.9
    """Two slots that are nearer than `distance` in at least this share of the frames show one object between them. By
    trial."""
    memory: float = 3.0
    """A course before or after a meeting is taken from frames whose weights decay over so many frames. By trial at 10
    frames per second."""
    course_sigma: float = 0.375
    """How far objects stray from their course over a meeting, widths. By trial."""
    slope_ridge: float = 0.5
    """Ridge, frames^2, that draws the slope of a course to 0 where few frames say how it goes. By trial."""
    noise_share: float = 0.02
    """Share of the pictures' energy that a difference must exceed: tracks are off by part of a cell. By trial."""
    rare: float = 2.0
    """Log-odds (natural) against an exchange before frames are looked at: one in seven. By trial."""
    max_odds: float = 4.0
    """Most that one frame's picture says, log-odds (natural). By trial."""
    shown: float = 0.5
    """Share of its greatest evidence from which on an object shows fully."""
    min_area: float = 1 / 64
    """Least value, widths^2, that this greatest evidence is taken to have; as `PruningParams.min_boxed_area`."""


@dataclass(frozen=True)
class CameraParams:
    """How the camera is registered, and the light."""

    still_px: float = 0.3
    """A camera holds still if it shifts the frame's middle by no more than this, px, nor the frame's edges by zoom or
    roll. By trial: the error of a registration, which does not grow with the frame."""
    levels: tuple[int, ...] = (4, 2, 1)
    """Frames are compared at their size divided by each of these, the coarsest first: each level reaches `max_shift` px
    of its own per correction. Larger frames want coarser levels, since the same motion is more px in them."""
    level_corrections: int = 4
    """Corrections per level. By trial."""
    round_corrections: int = 3
    """Corrections per round, in which frames are compared with the background. By trial."""
    min_side: int = 12
    """Shortest side, px, at which frames are compared. By trial."""
    noise: float = 0.01
    """A misfit below this, grey levels, is always taken for noise. 2.5 steps of 8 bits."""
    robust: float = 4.0
    """Squared misfit, as a multiple of its median over the frame, at which a pixel's weight is a quarter. By trial."""
    ridge: float = 1e-6
    """Squared slope, grey levels^2 / px^2, below which a picture does not tell how it moved."""
    max_shift: float = 2.0
    """Furthest that one correction goes, px of its level: as far as slopes hold."""
    max_zoom: float = 0.1
    """The same of the logarithm of zoom."""
    max_roll: float = 0.1
    """The same of roll, rad."""
    min_gain: float = 0.02
    """Share of the squared error between frames half a clip apart that motion has to take away: else the camera holds
    still. By trial on real clips: still cameras have less than 0.01, one in the hand that goes 1 px has more."""
    min_roll_gain: float = 0.02
    """The same that roll must take away beside the other motion: else the camera stays upright. By trial likewise."""
    overlap: float = 0.5
    """Share of the frame that both of these frames must show: else frames nearer in time are compared. Half."""
    light_scales: tuple[float, ...] = (0.2, 0.05, 0.05)
    """Misfits, grey levels, at which a pixel's weight is a half, from one estimate of the light to the next: the last
    is `TrackingParams.background_sigma`."""
    light_ridge: float = 1e-3
    """Variance of the background, grey levels^2, below which it does not tell gain from brightness."""
    light_limits: tuple[float, float] = (0.2, 5.0)
    """Least and greatest gain."""


@dataclass(frozen=True)
class BackgroundParams:
    """What counts as background where nothing moves."""

    scales: tuple[float, ...] = (0.2, 0.08, 0.04)
    """Misfits, grey levels, at which a frame's weight is a half, from one robust mean to the next. By trial, from a
    coarse guess down to the noise."""
    shown: float = 0.5
    """Share of a canvas pixel that a frame must show to count for its median."""
    trusted: float = 0.25
    """Share of an area that must be seen for its own mean to fill it; where less is seen, the surroundings help. By
    trial."""


@dataclass(frozen=True)
class SceneParams:
    """When a clip shows a scene that training clips have in common, and what is known of it then."""

    recognised: float = 0.5
    """Share of the pixels that must be alike: half of the frame may be covered all the time."""
    min_clips: int = 16
    """Training clips that must show a scene. What rests before a known background is an object, and codes learned from
    the objects of fewer clips cannot draw those of other clips. Frames drawn from codes lose 1.4 dB (shell game) and
    3.4 dB (signing) by scenes of 4 and 8 training clips, and gain 0.8 dB (fish) and 2.8 dB (street) by those of 17 and
    27. Twelve clips of six people are too few as well."""
    certain: float = 0.4
    """Share of the clips' frames that must show a pixel alike; where fewer do, as where people always stand, their
    median is nobody's background."""
    agree: float = 0.04
    """Difference of any channel up to which two pictures are alike, grey levels: a little above noise. By trial on real
    clips."""
    differ: float = 0.09
    """Difference from which on something stands there. By trial; between the two a clip's own background fades out."""
    covered: float = 0.03
    """Difference at which a pixel counts half for the light, grey levels: something may stand there."""
    flat: float = 1e-2
    """Variance of the background, grey levels^2, below which it does not tell gain from brightness."""
    light_rounds: int = 4
    """Rounds of least squares for the light, each with new weights. By trial."""


@dataclass(frozen=True)
class DiscoveryParams:
    """All thresholds.

    This is found for sure in clips of 10 frames with noise of 0.01 (tests/autoencoder/test_discovery_grid.py): an
    object of the size that is asked for, 4 px and more, grey or coloured, that goes at least half its width in the clip
    and at most `max_speed` from frame to frame. It must differ by 0.2 from its ground, which may vary by 0.1 to either
    side; on plain ground 0.1 is enough if it goes its whole width. Objects of half to one and a half of that size are
    found from a contrast of 0.3 on. Past that frontier things are lost one by one: what rests, what is fainter than
    `EvidenceParams.noise`, what is faster.
    """

    evidence: EvidenceParams = EvidenceParams()
    tracking: TrackingParams = TrackingParams()
    extent: ExtentParams = ExtentParams()
    pruning: PruningParams = PruningParams()
    meetings: MeetingParams = MeetingParams()
    camera: CameraParams = CameraParams()
    background: BackgroundParams = BackgroundParams()
    sprites: SpriteParams = SpriteParams()
    search: SearchParams = SearchParams()
    comparison: ComparisonParams = ComparisonParams()
    schedule: ScheduleParams = ScheduleParams()
    scenes: SceneParams = SceneParams()


DISCOVERY = DiscoveryParams()
"""The thresholds of every run."""
