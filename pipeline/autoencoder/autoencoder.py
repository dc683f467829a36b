"""The hierarchical autoencoder: frames -> background and objects -> time-independent and time-varying codes, and back.

Legend: B batch, T frames, K slots, C channels, H W frame, P patch side in samples.

encode: proposals (no learning) give background picture, sprites, tracks; two small encoders turn the pictures into
codes. decode: two small decoders turn codes into pictures, once per clip; the pictures are drawn along the tracks and
composited. What this leaves over of each object's picture and of the frame goes into a deformation and a detail code,
where the architecture gives them a width.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from pipeline import checkpoint
from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.background import BackgroundDecoder, BackgroundEncoder, num_blocks
from pipeline.autoencoder.camera import shown
from pipeline.autoencoder.compositing import composite
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.known_scenes import drawn, recognise
from pipeline.autoencoder.last_frame import carried_remainder
from pipeline.autoencoder.mix import CarriedOn, Mix
from pipeline.autoencoder.objects import AppearanceDecoder, AppearanceEncoder
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.remainder import DeformationCode, DetailCode
from pipeline.autoencoder.windows import Windows, around_patches
from pipeline.checkpoint import Checkpoint
from pipeline.frames.frame_format import FrameFormat, Preparation
from pipeline.latents import pose
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.params import Params

KIND = "autoencoder"


class AutoencoderConfig(Params):
    """All that is needed to build the model; kept inside its weights."""

    architecture: ArchitectureParams
    num_channels: int = Field(ge=1, le=4)
    height: int = Field(ge=8)
    width: int = Field(ge=8)
    forecast_steps: int = Field(default=0, ge=0)
    """Steps for which it was learned how forecasts are mixed from layers and last frames; 0: layers alone."""
    num_scenes: int = Field(default=0, ge=0)
    """Backgrounds that are known from training clips."""
    prepared: Preparation = Preparation()
    """How the frames of the training clips were prepared."""

    @property
    def form(self) -> FrameFormat:
        """The form that frames must have for this model."""
        return self.prepared.form(self.height, self.width, self.num_channels)


@dataclass(frozen=True)
class Pictures:
    """What the layers of a clip look like: decoded from its codes, or as its frames showed them."""

    background: Tensor
    """[B, C, H', W'] about [0, 1]: the whole canvas"""
    objects: Tensor
    """[B, K, C + 1, P, P] premultiplied colour, then the mask"""
    detail: Tensor | None = None
    """[B, D_detail] the part of the detail code that these pictures already show; None: nothing"""
    deformation: Tensor | None = None
    """[B, K, D_deformation] the part of the deformation code that the objects' pictures already show; None: nothing"""

    def map(self, change: Callable[[Tensor], Tensor]) -> "Pictures":
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: change(x) for name, x in tensors.items() if x is not None})


@dataclass(frozen=True)
class Decoded:
    frames: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    background: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    layers: Tensor
    """[B, T, K, C + 2, h, w] each object in its window: colour times mask, mask, and alpha, which is what nearer
    objects leave of the mask"""
    windows: Windows

    @property
    def objects(self) -> Tensor:
        """[B, T, K, C, H, W] each object's colour, not multiplied by its mask; 0 where the mask is 0"""
        color, mask = self.layers[:, :, :, :-2], self.layers[:, :, :, -2:-1]
        return self.windows.lay((color / mask.clamp(min=1e-3)).clamp(0, 1))

    @property
    def alpha(self) -> Tensor:
        """[B, T, K, H, W] visibility after occlusion"""
        return self.windows.lay(self.layers[:, :, :, -1])

    @property
    def mask(self) -> Tensor:
        """[B, T, K, H, W] shape before occlusion"""
        return self.windows.lay(self.layers[:, :, :, -2])

    def segmentation(self) -> Tensor:
        """[B, T, H, W] integer ids: 0 background, k + 1 slot k, whichever shows most."""
        alpha = self.alpha
        return torch.cat([1 - alpha.sum(2, keepdim=True), alpha], 2).argmax(2)


class Autoencoder(nn.Module):
    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.config = config
        arch, C = config.architecture, config.num_channels
        canvas = config.height + 2 * arch.canvas_margin, config.width + 2 * arch.canvas_margin
        h, w = num_blocks(*canvas)
        self.spec = LatentSpec(
            num_slots=arch.num_slots, background_dim=arch.background_channels * h * w + config.num_scenes,
            appearance_dim=arch.appearance_dim, height=config.height, width=config.width,
            detail_dim=arch.detail_dim, deformation_dim=arch.deformation_dim,
        )
        self.background_encoder = BackgroundEncoder(C, arch.background_channels)
        self.background_decoder = BackgroundDecoder(C, arch.background_channels, *canvas, arch.hidden_dim)
        self.appearance_encoder = AppearanceEncoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)
        self.appearance_decoder = AppearanceDecoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)
        self.detail = DetailCode(C, config.height, config.width, arch.detail_dim) if arch.detail_dim else None
        self.deformation = DeformationCode(C, arch.patch_dim, arch.deformation_dim) if arch.deformation_dim else None
        self.scenes: Tensor
        self.register_buffer("scenes", torch.zeros(config.num_scenes, C + 1, config.height, config.width))
        """Backgrounds that training clips share, in [0, 1]; the last channel is 1 where they are known, else 0."""
        self.mix = Mix(C, config.height, config.width, config.forecast_steps) if config.forecast_steps else None

    def encode(self, frames: Tensor, proposals: Proposals | None = None) -> Latents:
        """Codes of clips [B, T, C, H, W] in [0, 1]; proposals: the clips taken apart, if they are already. Even the
        time-independent codes come from these frames alone."""
        layers = self.encode_proposals(proposals or self._propose(frames))
        return self.add_detail(self.add_deformation(layers, frames), frames)

    def encode_with_pictures(self, frames: Tensor) -> tuple[Latents, Pictures]:
        """Codes of clips, and pictures of their layers as these frames show them; what no frame shows is decoded from
        codes.

        To `decode` such pictures along a predicted track carries into the future what the codes are too small for, as
        the skip connections from the last given frame do in SVG (Denton and Fergus 2018, arXiv 1802.07687).
        """
        layers, pictures = self.pictures_of(self._propose(frames))
        if not (self.detail or self.deformation):
            return layers, pictures
        decoded = self.decode_pictures(layers)
        latents, left = (
            self.add_detail(self.add_deformation(layers, frames, drawn), frames, drawn) for drawn in (decoded, pictures)
        )
        held = {name: (latents.codes[name] - left.codes[name]).mean(1) for name in ("detail", "deformation")}
        return latents, replace(pictures, **held)

    def pictures_of(self, proposals: Proposals) -> tuple[Latents, Pictures]:
        """As `encode_with_pictures`, of clips that are already taken apart, and without detail and deformation."""
        layers, sprites = self.encode_proposals(proposals), proposals.sprites
        decoded = self.decode_pictures(layers)
        return layers, Pictures(
            torch.lerp(decoded.background, proposals.background, proposals.background_seen),
            torch.lerp(decoded.objects, sprites.picture, sprites.seen[:, :, None].expand_as(sprites.picture)),
        )

    def _propose(self, frames: Tensor) -> Proposals:
        wanted = (self.config.num_channels, self.config.height, self.config.width)
        fits = frames.ndim == 5 and tuple(frames.shape[2:]) == wanted
        assert fits, f"wanted [B, T, {wanted}], got {tuple(frames.shape)}"
        return propose(frames, self.config.architecture, self.scenes)

    def carry_on(self, context: np.ndarray, num_steps: int) -> CarriedOn:
        """The last frames of a clip carried on without layers; context uint8 [T, H, W, C]. Raises AssertionError where
        the model has no mix."""
        assert self.mix is not None
        median = torch.from_numpy(np.median(context, 0)).float().movedim(-1, 0)[None] / 255
        ground = recognise(self.scenes.cpu(), median).complete(median)
        return self.mix.carry_on(context, ground[0].movedim(0, -1).numpy(), num_steps)

    def remainder(self, frame: Tensor, last: Latents, shown: Decoded, future: Latents, drawn: Decoded) -> Tensor:
        """What the layers leave over of the last given frame, carried on along with them: [B, T, C, H, W]. That frame
        is [C, H, W], its latents are `last`, decoded to `shown`; the latents `future` are decoded to `drawn`."""
        last, future = (latents.to(frame.device) for latents in (last, future))
        return carried_remainder(frame, last, shown, future, drawn, self.patch_px)

    def encode_proposals(self, proposals: Proposals) -> Latents:
        """Codes of clips that are already taken apart."""
        sprites = proposals.sprites
        B, T, K = sprites.visibility.shape
        appearance = self.appearance_encoder(sprites.picture.flatten(0, 1)).unflatten(0, (B, K))
        step = sprites.step[:, None].expand(B, T, K)
        shape = pose.shape_of_step(step, sprites.patch_dim, self.patch_px, sprites.shape)
        found = pose.assemble(sprites.centre, shape, sprites.visibility)
        arch = self.config.architecture
        poses = pose.hidden_outside(found, arch.object_px, self.config.height, self.config.width)
        scene = recognise(self.scenes, proposals.background)
        different = self.background_encoder(proposals.background - scene.picture)
        return Latents(
            background=torch.cat([different, scene.chosen], 1),
            appearance=appearance * sprites.presence[..., None], presence=sprites.presence, depth=sprites.depth,
            camera=proposals.camera, pose=poses, detail=poses.new_zeros(B, T, self.spec.detail_dim),
            deformation=poses.new_zeros(B, T, K, self.spec.deformation_dim),
        ).check(self.spec)

    def add_deformation(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with a deformation code: how each object in `frames` differs from the layers (of `pictures`, if
        given)."""
        if not self.deformation:
            return latents
        remainder = self.object_remainder(latents, frames, pictures)
        code = self.deformation.encode(remainder.flatten(0, 2))
        return latents.replace(deformation=code.unflatten(0, remainder.shape[:3]))

    def add_detail(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with a detail code: what layers and deformation leave over of `frames`."""
        if not self.detail:
            return latents
        remainder = frames - self.decode(latents, pictures).frames
        return latents.replace(detail=self.detail.encode(remainder.flatten(0, 1)).unflatten(0, remainder.shape[:2]))

    def object_remainder(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Tensor:
        """What is left over of `frames` where each object shows, in its own coordinates: [B, T, K, C, P, P]."""
        decoded, patch_dim = self.decode(latents, pictures), self.config.architecture.patch_dim
        windows = decoded.windows
        left = torch.cat([windows.crop(frames - decoded.frames), decoded.layers[:, :, :, -1:]], 3)
        matrices = windows.within(self._matrices(latents, patch_dim))
        cut = spatial_transform.cut(left.flatten(0, 2), matrices.flatten(0, 2)[:, None], patch_dim)[:, 0]
        return (cut[:, :-1] * cut[:, -1:]).unflatten(0, left.shape[:3])

    def decode(self, latents: Latents, pictures: Pictures | None = None) -> Decoded:
        """Frames and layers of latents. Pictures, if none are given, are decoded once per clip, whatever its length."""
        latents.check(self.spec)
        pictures = pictures or self.decode_pictures(latents)
        lit = shown(pictures.background, latents.camera, self.config.height, self.config.width)
        drawn, windows = self._draw(self._deformed(pictures, latents), latents)
        frames, alpha = composite(lit, drawn[:, :, :, :-1], drawn[:, :, :, -1], latents.depth, windows)
        if self.detail:
            code = _not_yet_shown("detail", latents, pictures)
            frames = frames.clamp(0, 1) + self.detail.decode(code.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return Decoded(frames.clamp(0, 1), lit.clamp(0, 1), torch.cat([drawn, alpha[:, :, :, None]], 3), windows)

    def decode_pictures(self, latents: Latents) -> Pictures:
        """The layers as the time-independent codes describe them."""
        objects = self.appearance_decoder(latents.appearance.flatten(0, 1))
        num_blocks = self.spec.background_dim - self.config.num_scenes
        different, chosen = latents.background[:, :num_blocks], latents.background[:, num_blocks:]
        background = self.background_decoder(different)
        if self.config.num_scenes:
            background = background + drawn(self.scenes, chosen)[:, :-1]
        return Pictures(background, objects.unflatten(0, latents.presence.shape))

    @property
    def patch_px(self) -> float:
        """Side of a patch at log_scale 0, px: a typical object with its margin."""
        return self.config.architecture.object_px * DISCOVERY.sprites.box_margin

    def _deformed(self, pictures: Pictures, latents: Latents) -> Tensor:
        """The objects' pictures in every frame: [B, T, K, C + 1, P, P]."""
        repeated = pictures.objects[:, None].expand(-1, latents.num_frames, *pictures.objects.shape[1:])
        if not self.deformation:
            return repeated
        code = _not_yet_shown("deformation", latents, pictures)
        change = self.deformation.decode(code.flatten(0, 2)).unflatten(0, code.shape[:3])
        return repeated + F.pad(change, (0, 0, 0, 0, 0, 1))

    def _matrices(self, latents: Latents, patch_dim: int) -> Tensor:
        """[B, T, K, 2, 3] from samples of the objects' pictures to px of the frames."""
        return pose.matrix_of(latents.pose, patch_dim, self.patch_px)

    def _draw(self, picture: Tensor, latents: Latents) -> tuple[Tensor, Windows]:
        """Pictures [B, T, K, C + 1, P, P] drawn along the tracks, [B, T, K, C + 1, h, w] in windows of the frame,
        fading with visibility."""
        matrices = self._matrices(latents, picture.shape[-1])
        windows = around_patches(matrices, picture.shape[-1], self.config.height, self.config.width)
        drawn = spatial_transform.paste(picture.flatten(0, 1), windows.within(matrices).flatten(0, 1), *windows.size)
        faded = pose.visibility(latents.pose).clamp(0, 1) * latents.presence[:, None]
        return drawn.unflatten(0, picture.shape[:2]) * faded[..., None, None, None], windows


def _not_yet_shown(name: str, latents: Latents, pictures: Pictures) -> Tensor:
    """The code `name` of latents, less what the pictures show of it."""
    code, shows = latents.codes[name], getattr(pictures, name)
    return code if shows is None else code - shows[:, None]


def save_autoencoder(path: Path, model: Autoencoder, made_from: dict[str, str]) -> str:
    """Writes the weights; returns the file's identity, as `checkpoint.save`."""
    return checkpoint.save(path, KIND, model.state_dict(), model.config.model_dump(mode="json"), made_from)


def load_autoencoder(path: Path) -> tuple[Autoencoder, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, AutoencoderConfig, Autoencoder)
