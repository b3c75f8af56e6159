"""What night, camera and compression do to pixels. The only module that knows albumentations."""

import os

import numpy as np
from numpy.typing import NDArray

# albumentations asks the network for its newest version when it is imported.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations
import cv2

from catenary.training import overlays


class OccludingWire(albumentations.ImageOnlyTransform):  # type: ignore[misc] # it is untyped
    """Draws a wire from edge to edge; see `catenary.training.overlays.wire`."""

    def apply(self, img: NDArray[np.uint8], seed: int, **_: object) -> NDArray[np.uint8]:
        """Return (height, width, 1) uint8 with a wire."""
        return overlays.wire(img[..., 0], np.random.default_rng(seed))[..., None]

    def get_params(self) -> dict[str, int]:
        """Draw what the wire is drawn from."""
        return {"seed": self.py_random.getrandbits(32)}


class LampLight(albumentations.ImageOnlyTransform):  # type: ignore[misc] # it is untyped
    """Adds glare of a lamp, or darkens the corners; see `catenary.training.overlays`."""

    def apply(self, img: NDArray[np.uint8], seed: int, **_: object) -> NDArray[np.uint8]:
        """Return (height, width, 1) uint8 in another light."""
        generator = np.random.default_rng(seed)
        light = overlays.glare if generator.random() < 0.5 else overlays.vignette
        return light(img[..., 0], generator)[..., None]

    def get_params(self) -> dict[str, int]:
        """Draw what the light is drawn from."""
        return {"seed": self.py_random.getrandbits(32)}


class NightAugmentation:
    """Changes light, exposure, noise, sharpness and compression; wires cross; nothing moves.

    Geometry is left to the callers, who know the boxes. The image is never turned upside
    down: gravity tells a loose dropper from a tight one.
    """

    def __init__(self, strength: float, wires: float = 0.0, lamps: float = 0.0) -> None:
        """Put the steps together, in the order in which they happen to a picture.

        Args:
            strength: In [0, 1]: the share of the pictures' usual chance to be changed.
            wires: Usual chance in [0, 1] of a wire in front.
            lamps: Usual chance in [0, 1] of glare or a vignette.
        """
        noise = albumentations.GaussNoise(std_range=(0.01, 0.05), p=0.4 * strength)
        blur = albumentations.OneOf(
            [
                albumentations.GaussianBlur(blur_limit=0, sigma_limit=(0.4, 1.2), p=1),
                albumentations.MotionBlur(blur_limit=(3, 7), p=1),
                albumentations.Defocus(radius=(1, 3), alias_blur=(0.1, 0.3), p=1),
            ],
            p=0.2 * strength,
        )
        light = albumentations.RandomBrightnessContrast(
            brightness_limit=(-0.25, 0.25), contrast_limit=(-0.3, 0.3), p=0.6 * strength
        )
        self._steps = albumentations.Compose(
            [
                OccludingWire(p=wires * strength),
                LampLight(p=lamps * strength),
                albumentations.RandomGamma(gamma_limit=(60, 170), p=0.6 * strength),
                light,
                blur,
                noise,
                albumentations.ImageCompression(quality_range=(55, 95), p=0.3 * strength),
                # Some cameras' frames are stored as negatives, and wires are bright or dark.
                albumentations.InvertImg(p=0.05 * strength),
            ]
        )

    def __call__(
        self, picture: NDArray[np.uint8], generator: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return a changed copy of (height, width) uint8; the same for the same generator."""
        self._steps.set_random_seed(int(generator.integers(2**31)))
        changed = self._steps(image=picture[..., None])["image"]
        return np.asarray(changed, np.uint8).reshape(picture.shape)


def tilted(picture: NDArray[np.uint8], angle_deg: float) -> NDArray[np.uint8]:
    """Return a (height, width) picture turned about its middle; the edge is continued."""
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    size = (width, height)
    turned = cv2.warpAffine(
        picture, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return turned.astype(np.uint8)
