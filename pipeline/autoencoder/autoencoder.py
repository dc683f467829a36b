"""The hierarchical autoencoder: frames -> background and objects -> time-independent and time-varying codes, and back.

Legend: B batch, T frames, K slots, C channels, H W frame, P patch side in samples.

encode: proposals (no learning) give background picture, sprites, tracks; two small encoders turn the pictures into
codes. decode: two small decoders turn codes into pictures, once per clip; the pictures are drawn along the tracks and
composited. What this leaves over of each object's picture and of the frame goes into a deformation, a motion and a
detail code, where the architecture gives them a width.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline import checkpoint
from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.background import BackgroundDecoder, BackgroundEncoder, num_blocks
from pipeline.autoencoder.camera import shown
from pipeline.autoencoder.compositing import composite
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.displacement import Seen, displaced
from pipeline.autoencoder.known_scenes import drawn, recognise
from pipeline.autoencoder.last_frame import carried_remainder
from pipeline.autoencoder.layer_pictures import REMAINDER, Decoded, Pictures
from pipeline.autoencoder.mix import CarriedOn, Mix
from pipeline.autoencoder.objects import AppearanceDecoder, AppearanceEncoder
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.remainder import DeformationCode, DetailCode, frame_motion
from pipeline.autoencoder.windows import Windows, around_patches
from pipeline.checkpoint import Checkpoint
from pipeline.frames.frame_format import FrameFormat, Preparation
from pipeline.latents import pose
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.latents.parts import parts
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
            motion_dim=arch.motion_dim, detail_dim=arch.detail_dim, deformation_dim=arch.deformation_dim,
        )
        self.background_encoder = BackgroundEncoder(C, arch.background_channels)
        self.background_decoder = BackgroundDecoder(C, arch.background_channels, *canvas, arch.hidden_dim)
        self.appearance_encoder = AppearanceEncoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)
        self.appearance_decoder = AppearanceDecoder(C, arch.patch_dim, arch.appearance_dim, arch.hidden_dim)
        self.motion = frame_motion(config.height, config.width, arch.motion_dim) if arch.motion_dim else None
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
        return self._add_remainder(layers, frames)

    def encode_with_pictures(self, frames: Tensor, proposals: Proposals | None = None) -> tuple[Latents, Pictures]:
        """As `encode`, and pictures of the layers as these frames show them; what no frame shows is decoded from codes.

        To `decode` such pictures along a predicted track carries into the future what the codes are too small for, as
        the skip connections from the last given frame do in SVG (Denton and Fergus 2018, arXiv 1802.07687).
        """
        layers, pictures = self.pictures_of(proposals or self._propose(frames))
        if not (self.motion or self.detail or self.deformation):
            return layers, pictures
        decoded = self.decode_pictures(layers)
        latents, left = (self._add_remainder(layers, frames, drawn) for drawn in (decoded, pictures))
        held = {name: (latents.codes[name] - left.codes[name]).mean(1) for name in REMAINDER}
        return latents, replace(pictures, **held)

    def pictures_of(self, proposals: Proposals) -> tuple[Latents, Pictures]:
        """As `encode_with_pictures`, of clips that are already taken apart, without the codes for what these pictures
        leave over."""
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
            camera=proposals.camera, pose=poses,
            **{name: poses.new_zeros(B, *self.spec.shape(name, T)) for name in REMAINDER},
        ).check(self.spec)

    def _add_remainder(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with all codes for what the layers (of `pictures`, if given) leave over of `frames`."""
        if not (self.motion or self.detail or self.deformation):
            return latents
        pictures = pictures or self.decode_pictures(latents)
        codes = {name: latents.codes[name].clone() for name in REMAINDER}
        for clips, times, part in parts(latents, self.config.height, self.config.width):
            own = pictures.map(lambda x: x[clips])  # noqa: B023, called at once
            for add in (self.add_deformation, self.add_motion, self.add_detail):
                part = add(part, frames[clips, times], own)
            for name in REMAINDER:
                codes[name][clips, times] = part.codes[name]
        return latents.replace(**codes)

    def add_deformation(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with a deformation code: how each object in `frames` differs from the layers (of `pictures`, if
        given)."""
        if not self.deformation:
            return latents
        seen = self.see_objects(latents, frames, pictures).map(lambda patches: patches.flatten(0, 2))
        return latents.replace(deformation=self.deformation.encode(seen).view_as(latents.deformation))

    def add_motion(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with a motion code: what `frames` show beside where layers and deformation draw it."""
        if not self.motion:
            return latents
        seen = Seen(frames, self.decode(latents, pictures, ("motion", "detail")).frames).map(lambda x: x.flatten(0, 1))
        return latents.replace(motion=self.motion.encode(seen).view_as(latents.motion))

    def add_detail(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Latents:
        """The latents with a detail code: what layers, deformation and motion leave over of `frames`."""
        if not self.detail:
            return latents
        remainder = frames - self.decode(latents, pictures, ("detail",)).frames
        return latents.replace(detail=self.detail.encode(remainder.flatten(0, 1)).view_as(latents.detail))

    def see_objects(self, latents: Latents, frames: Tensor, pictures: Pictures | None = None) -> Seen:
        """What `frames` show in the place of each object, in its own coordinates: tensors [B, T, K, ..., P, P]."""
        pictures = pictures or self.decode_pictures(latents)
        decoded, patch_dim = self.decode(latents, pictures, ("motion", "detail")), self.config.architecture.patch_dim
        windows, C, alpha = decoded.windows, frames.shape[2], decoded.layers[:, :, :, -1:]
        others = windows.crop(windows.total(alpha)) - alpha
        found = torch.cat([windows.crop(frames - decoded.frames), windows.crop(decoded.background), others], 3)
        matrices = windows.within(self._matrices(latents, patch_dim))
        cut = spatial_transform.cut(found.flatten(0, 2), matrices.flatten(0, 2)[:, None], patch_dim)
        left, behind, others = cut[:, 0].unflatten(0, latents.pose.shape[:3]).split([C, C, 1], 3)
        free = (1 - others).clamp(0, 1) * _faded(latents)
        seen = Seen(left, self._deformed(pictures, latents), behind, free).map(lambda x: x.flatten(0, 2))
        return replace(seen, shown=seen.shown + seen.explained()).map(lambda x: x.unflatten(0, left.shape[:3]))

    def decode(self, latents: Latents, pictures: Pictures | None = None, without: tuple[str, ...] = ()) -> Decoded:
        """Frames and layers of latents. Pictures, if none are given, are decoded once per clip, whatever its length.
        without: "motion", "detail" or both, codes that are not drawn, as if their numbers were 0."""
        pictures = pictures or self.decode_pictures(latents)
        decoded = self._composited(self._deformed(pictures, latents), pictures, latents)
        frames, displacement = decoded.frames, None
        if self.motion and "motion" not in without:
            field = self.motion.field(pictures.not_yet_shown("motion", latents).flatten(0, 1))
            frames = displaced(frames.flatten(0, 1), field).view_as(frames)
            displacement = field.unflatten(0, frames.shape[:2])
        if self.detail and "detail" not in without:
            code = pictures.not_yet_shown("detail", latents)
            frames = (frames + self.detail.decode(code.flatten(0, 1)).view_as(frames)).clamp(0, 1)
        return replace(decoded, frames=frames, displacement=displacement)

    def decode_layers(self, latents: Latents, pictures: Pictures) -> Decoded:
        """The same of pictures alone, without the codes for what they leave over: training lowers the error of this."""
        return self._composited(_in_every_frame(pictures, latents), pictures, latents)

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
        repeated = _in_every_frame(pictures, latents)
        if not self.deformation:
            return repeated
        code = pictures.not_yet_shown("deformation", latents)
        return self.deformation.drawn(code.flatten(0, 2), repeated.flatten(0, 2)).view_as(repeated)

    def _matrices(self, latents: Latents, patch_dim: int) -> Tensor:
        """[B, T, K, 2, 3] from samples of the objects' pictures to px of the frames."""
        return pose.matrix_of(latents.pose, patch_dim, self.patch_px)

    def _composited(self, objects: Tensor, pictures: Pictures, latents: Latents) -> Decoded:
        """The layers before one another; objects [B, T, K, C + 1, P, P]: their pictures in every frame."""
        latents.check(self.spec)
        lit = shown(pictures.background, latents.camera, self.config.height, self.config.width)
        drawn, windows = self._draw(objects, latents)
        color, mask = drawn.split([drawn.shape[3] - 1, 1], 3)
        frames, alpha = composite(lit, color, mask.squeeze(3), latents.depth, windows)
        return Decoded(frames.clamp(0, 1), lit.clamp(0, 1), torch.cat([drawn, alpha[:, :, :, None]], 3), windows)

    def _draw(self, picture: Tensor, latents: Latents) -> tuple[Tensor, Windows]:
        """Pictures [B, T, K, C + 1, P, P] drawn along the tracks, [B, T, K, C + 1, h, w] in windows of the frame,
        fading with visibility."""
        matrices = self._matrices(latents, picture.shape[-1])
        windows = around_patches(matrices, picture.shape[-1], self.config.height, self.config.width)
        drawn = spatial_transform.paste(picture.flatten(0, 1), windows.within(matrices).flatten(0, 1), *windows.size)
        return drawn.unflatten(0, picture.shape[:2]) * _faded(latents), windows


def _in_every_frame(pictures: Pictures, latents: Latents) -> Tensor:
    """The objects' pictures, the same in all frames: [B, T, K, C + 1, P, P]."""
    return pictures.objects[:, None].expand(-1, latents.num_frames, *pictures.objects.shape[1:])


def _faded(latents: Latents) -> Tensor:
    """How far each object shows, whatever covers it: [B, T, K, 1, 1, 1]."""
    return (pose.visibility(latents.pose).clamp(0, 1) * latents.presence[:, None])[..., None, None, None]


def save_autoencoder(path: Path, model: Autoencoder, made_from: dict[str, str]) -> str:
    """Writes the weights; returns the file's identity, as `checkpoint.save`."""
    return checkpoint.save(path, KIND, model.state_dict(), model.config.model_dump(mode="json"), made_from)


def load_autoencoder(path: Path) -> tuple[Autoencoder, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, AutoencoderConfig, Autoencoder)
