"""What was found out about a source, in numbers."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.autoencoder import camera
from pipeline.latents import camera_code


@dataclass(frozen=True)
class SourceFacts:
    """What files say."""

    num_videos: int
    num_unreadable: int
    num_frames: tuple[int, ...]
    """Frames of every video that was looked at, at its own rate."""
    fps: tuple[float, ...]
    """Rates of the same videos, frames per second."""
    height: int
    """px, of a typical video as shown."""
    width: int
    split_is_published: bool
    """The names say which videos train and which test."""


@dataclass(frozen=True)
class Region:
    """Something in a frame that differs from the background."""

    x: float
    y: float
    """x, y: the middle, px from the left and top edges."""
    box: tuple[int, int, int, int]
    """left, top, right, bottom, px; the last two are one past it."""
    area: int
    """px"""
    at_edge: bool
    """Cut off by the frame, so that its size is not known."""

    @property
    def side(self) -> float:
        """Geometric mean of the box's sides, px."""
        left, top, right, bottom = self.box
        return float(np.sqrt((right - left) * (bottom - top)))


@dataclass(frozen=True)
class ClipFacts:
    """What one clip shows."""

    video_id: str
    first_frame: int
    frames: np.ndarray
    """uint8 [T, H, W, C]"""
    difference: np.ndarray
    """[T, H, W] in [0, 1]: to the background, as the camera sees it"""
    camera_path: np.ndarray
    """[T, NUM_MOVING] motion of the camera, as in the module camera; 0 where it holds still"""
    tracks: tuple[dict[int, Region], ...]
    """Regions by frame, of every object followed."""
    leftover: np.ndarray
    """[T, C, H, W]: what is left of the frames without background and boxes of objects"""
    changing: tuple[float, ...]
    """Share of its contrast that an object's mean picture leaves over, of each object followed."""

    def regions(self) -> list[Region]:
        return [region for track in self.tracks for region in track.values()]

    def counts(self) -> list[int]:
        """Objects at once, frame by frame."""
        return [sum(t in track for track in self.tracks) for t in range(len(self.frames))]

    def velocities(self) -> np.ndarray:
        """[n, 2] px per frame, of every object and pair of frames that follow one another."""
        found = [
            (track[t + 1].x - region.x, track[t + 1].y - region.y)
            for track in self.tracks for t, region in track.items() if t + 1 in track
        ]
        return np.array(found, float).reshape(-1, 2)

    def camera_extent(self) -> float:
        """How far the background seen reaches beyond the frame, px: half the way of the camera, what it zooms out and
        what it turns in."""
        return float(camera.reach(torch.from_numpy(self.camera_path), *self.frames.shape[1:3]))

    def camera_roll(self) -> float:
        """How far the camera rolls to either side, degrees."""
        return math.degrees(camera_code.roll(torch.from_numpy(self.camera_path)).abs().max())


@dataclass(frozen=True)
class MotionFacts:
    """What the clips show together."""

    clips: tuple[ClipFacts, ...]
    shares_scene: bool
    """Most clips show one scene."""
    leftover_psnr: float
    """dB: what background and boxes leave over of the frames."""
    detail_psnr: dict[int, float]
    """dB on clips that were not fitted, by the width of a detail code; 0: without one."""
    background_ssim: dict[int, float]
    """ssim on clips that were not fitted, by the numbers for a block of background."""
