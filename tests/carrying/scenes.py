"""Made scenes with known motion, float32 in [0, 1]."""

import cv2
import numpy as np


def texture(height: int, width: int, channels: int = 3, seed: int = 0, grain: float = 1.5) -> np.ndarray:
    """Blobs of about `grain` px, [H, W, C]."""
    noise = np.random.default_rng(seed).standard_normal((height, width, channels)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain).reshape(noise.shape)
    return (0.5 + 0.18 * smooth / smooth.std()).clip(0, 1).astype(np.float32)


def moved(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Picture [H, W, C] with its places moved by a 3x3 matrix, in a frame of `size` (H, W)."""
    height, width = size or picture.shape[:2]
    shown = cv2.warpPerspective(picture, matrix.astype(float), (width, height), flags=cv2.INTER_CUBIC,
                                borderMode=cv2.BORDER_REPLICATE)
    return shown.reshape(height, width, -1).clip(0, 1)


def shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def turn(middle: tuple[float, float], angle: float, scale: float, velocity: tuple[float, float] = (0, 0)) -> np.ndarray:
    """The 3x3 matrix of one step: turned by angle (rad) and scaled about middle (x, y), then shifted."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return shift(*np.add(middle, velocity)) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ shift(*np.negative(middle))


def ground(channels: int = 3, height: int = 72, width: int = 96) -> np.ndarray:
    return 0.3 + 0.4 * texture(height, width, channels, seed=1, grain=2.5)


def square_at(x: float, y: float, channels: int = 3, light: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A square of another texture, its corner at (x, y), over ground(): the frame and where the square is [H, W, 1]."""
    behind, side = ground(channels), 18
    height, width = behind.shape[:2]
    picture = np.zeros_like(behind)
    picture[:side, :side] = 0.3 + 0.7 * texture(side, side, channels, seed=2, grain=2.5)
    alpha = np.zeros((height, width), np.float32)
    alpha[:side, :side] = 1
    alpha = cv2.warpPerspective(alpha, shift(x, y), (width, height))[..., None]
    front = cv2.warpPerspective(picture, shift(x, y), (width, height)).reshape(picture.shape)
    return light * (front + behind * (1 - alpha)), alpha


def drifting_square(num_frames: int, channels: int = 3, light: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """It goes 2 px to the right and 1 px down a frame: frames [T, H, W, C], where it is [T, H, W, 1]."""
    frames, places = zip(*(square_at(8 + 2 * t, 12 + t, channels, light) for t in range(num_frames)), strict=True)
    return np.stack(frames), np.stack(places)


def psnr(forecast: np.ndarray, truth: np.ndarray) -> float:
    """dB."""
    return float(-10 * np.log10(((forecast - truth) ** 2).mean()))
