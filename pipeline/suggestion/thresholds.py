"""Every number that decides what is suggested, by its name, with its unit and where it comes from."""

from pipeline.few_sequences import ENOUGH
from pipeline.params import Params


class Thresholds(Params):
    """Lengths are px of the resized frame, colours lie in [0, 1], unless said otherwise."""

    max_side: int = 128
    """px. Longest side of a frame that two CPU cores train on within minutes; smaller sources are not enlarged."""
    side_step: int = 8
    """px. Backgrounds are coded in blocks of so many."""
    aspect_error: float = 0.01
    """Share by which proportions may change before a frame is cut at its sides instead; nobody sees 1 %."""

    clip_frames: int = 20
    """Frames. What sequences hold by default, ten given and ten forecast, and the length of the clips looked at."""
    shortest_sequence: int = 4
    """Frames. Two given and two forecast: below that there is no motion to learn."""
    num_clips: int = 16
    """Clips looked at, evenly spread over the source: about what half a minute allows."""
    slowest_fps: float = 10.0
    """Frames per second. Below that, people and cars jump from frame to frame."""
    fast_source: float = 20.0
    """Frames per second from which on a source may hold more frames than its motion needs."""
    slow_motion: float = 1.0
    """px per frame. Motion below that is hardly seen between two frames; frames may be dropped until it is reached."""
    enough_sequences: int = 24
    """Sequences that have to be left after frames were dropped: fewer train nothing."""

    grey_chroma: float = 0.05
    """Largest difference between channels of a grey picture: compression tints grey by up to that (as in tracking)."""
    grey_share: float = 0.995
    """Share of the pixels that have to be grey: single pixels at edges may be tinted more."""

    texture: float = 0.02
    """Slope, per px, from which on a pixel tells whether it moves: some times the noise of compressed video."""
    texture_share: float = 0.1
    """Share of a block's pixels that have to tell before the block does: an edge through it."""
    textured_blocks: float = 0.25
    """Share of the blocks that have to tell before a camera can be said to move."""
    moving_blocks: float = 0.75
    """Share of these that have to move with a camera; of a still one's at most half do, however large objects are."""
    apparent_shift: float = 0.2
    """px. Mean change over slope that counts as motion. Measured: mostly 0.12 and less where cameras hold still (more
    under light that flickers, where the registration finds no way), mostly 0.25 and more where they do not."""
    moving_share: float = 0.3
    """Share of the clips in which the camera has to move: one that shakes now and then is not worth a canvas."""
    misregistered_px: float = 1.0
    """px by which registered frames may lie beside one another: differences that this explains at edges are no
    objects."""
    canvas_quantile: float = 0.9
    """Quantile of how far the clips' cameras go: the canvas is as large as all but a few need."""
    canvas_share: float = 0.25
    """Share of the longer side that a canvas reaches beyond the frame at most: further out it is seen in few frames."""

    contrast: float = 0.06
    """Difference to the background from which on a pixel is foreground: evidence of tracking is at a quarter there."""
    contrast_noise: float = 5.0
    """The same difference in standard deviations of the clip's noise: one pixel in a million by chance."""
    peak: float = 1.5
    """Multiple of that which a region has to reach somewhere: what is weak all over is a shadow or noise."""
    smallest_area: int = 6
    """px. Of 3 by 2 pixels: anything smaller is noise of the compression."""
    neck: float = 0.7
    """Share of a region's greatest depth: where it is narrower than that, two objects touch, or their shadows do. From
    0.5 to 0.8 sprites and walkers are counted alike; rendered objects that collide come apart most often at 0.7, half
    of them do not."""
    same_scene: float = 0.2
    """Share of the pixels in which medians of clips of several videos may differ and still show one scene; objects that
    rest cover less, another room or person more."""
    frames_of_a_scene: int = 8
    """Frames of each clip that go into the background of all: an object rests in fewer than half of them."""
    clips_of_a_scene: int = 3
    """Clips that have to show a scene before their median is its background."""
    fragment: float = 0.1
    """Share of a typical object's area below which a region is a fragment and not counted."""
    track_frames: int = 3
    """Frames through which a region has to be followed to count as an object."""

    count_quantile: float = 0.9
    """Quantile, over clips, of the number of objects at once: what nearly all clips need."""
    spare_slots: int = 1
    """Slots for objects that enter while others leave."""
    fewest_slots: int = 2
    """Slots, at least, so that two halves of what was merged can be told apart."""
    most_slots: int = 10
    """Slots, at most: as many as two cores take apart in reasonable time; more than ten walkers were not tried."""
    apart_size: float = 0.25
    """Quantile of an object's widths over the frames: it is seen larger for as long as it touches another."""
    size_typical: float = 0.25
    """Quantile of the objects' widths, by area, that is searched for: what touches is measured as one, and what is too
    wide merges neighbours, while two slots can share what is too narrow. Of rendered objects with known masks 12 and 13
    px of 64 are found best, where the median says 16."""
    size_low: float = 0.1
    """Quantile of the widths, lower end of the range that is named."""
    size_high: float = 0.9
    """Quantile of the widths, upper end: pictures of objects have as many samples as the large ones have px."""
    smallest_object: float = 4.0
    """px. Discovery cells are no finer than pixels, so that narrower objects gain nothing."""
    largest_share: float = 0.5
    """Share of the frame's shorter side: what is wider is a scene rather than an object."""
    patch_margin: float = 1.1
    """Side of an object's picture in widths of the object."""
    patch_range: tuple[int, int] = (16, 48)
    """Samples. Below 16 shapes cannot be told; above 48 the pictures cost more than the frame."""

    background_widths: tuple[int, ...] = (16, 24, 32, 48, 64, 96)
    """Numbers per block of background that are tried; a block of 8x8 px has 192 values in colour."""
    background_ssim: float = 0.99
    """ssim from which on a coded background is good enough for the median of its clip: frames of eight sets lose up to
    0.007 of ssim by it, at 0.98 up to 0.018."""
    background_ssim_of_few: float = 0.995
    """The same where few sequences teach components: codes of their objects lose more, so that backgrounds have less to
    lose before a clip's plain median is better."""
    appearance_share: float = 48 / 16**2
    """Numbers of an appearance per sample of an object's picture, as by default."""
    appearance_of_few: float = 2.0
    """Times as many where few sequences teach components: of other clips' objects half of them is of no use."""
    still_left: float = 38.0
    """dB. Where layers leave over less, codes for it have nothing to say. Where they leave over more, eight numbers per
    object and frame added .4 to 1.1 dB to codes of other clips, of rigid things in perspective too (six real sets)."""
    detail_widths: tuple[int, ...] = (32, 64, 128, 192, 256)
    """Numbers per frame that are tried."""
    detail_gain: float = 0.5
    """dB on clips that were not fitted, below which a detail code is not worth its numbers."""
    detail_share: float = 0.75
    """Share of the widest code's gain that is enough."""
    motion_share: float = 0.25
    """Share of these numbers that displace, by trial on six real sets at 64 to 192 numbers: beside colours alone they
    add .2 to .7 dB to codes of other clips where people, cups or the camera move; half as many or twice as many do not
    add more."""
    rigid: float = 0.25
    """Share of an object's contrast that its mean picture may leave over; sprites, cars and rendered solids leave up to
    0.08, gesturing people 0.3."""
    deformation_dims: tuple[int, int] = (8, 16)
    """Numbers per object and frame: where up to half of the contrast changes, and beyond."""

    passes: float = 12.5
    """Times that stage 1 sees each sequence: the default's 1000 steps of 8 clips, of 640 sequences."""
    predictor_passes: float = 200.0
    """Times that stage 2 sees each sequence: the default's 2000 steps of 64."""
    fewest_steps: int = 150
    """Steps of stage 1, at least: it starts from a closed form; eleven real sets were given so many by hand."""
    num_validations: int = 4
    """Validations in a whole training of stage 1, as by default: few clips are learned by heart from some step on."""
    fewest_predictor_steps: int = 300
    """Steps of stage 2, at least."""
    num_predictor_validations: int = 8
    """Validations in a whole training of stage 2, as by default."""
    most_minutes: float = 10.0
    """Minutes of two cores for stage 1."""
    apart_share: float = 0.75
    """Share of these minutes that taking clips apart may use: the rest is for steps."""
    clips_per_second: float = 6.0
    """Clips of 20 frames, 64x64 px and 4 slots that two cores take apart."""
    frames_per_second: float = 530.0
    """Frames of 64x64 px and 4 slots in gradient steps on two cores."""

    held_out: tuple[int, int] = (ENOUGH["val"], 12)
    """Sequences that validate and that test, at least: fewer judge by chance, and stages would warn of them."""
    held_out_shares: tuple[tuple[float, float], tuple[float, float]] = ((0.08, 0.15), (0.12, 0.3))
    """Smallest and largest share of the sequences that validate, and that test."""

    one_way: float = 0.5
    """Length of the mean motion in mean speeds, from which on things go one way: reversed clips would show what never
    is."""
    isotropic: float = 0.5
    """Least ratio of vertical and horizontal speed, or its inverse, at which a turned clip could be another one."""

    def widest(self, height: int, width: int) -> float:
        """px. Width of the widest object in frames of that size."""
        return self.largest_share * min(height, width)
