"""Makes goldens.safetensors: what albumentations 1.3.1 makes of one picture with fixed parameters.

Run once, by hand; nothing in the build needs it:

    python -m venv VENV
    VENV/bin/pip install albumentations==1.3.1 opencv-python-headless==4.6.0.66 numpy==1.26.4 safetensors
    VENV/bin/python tests/data/augment/generate.py tests/data/augment/goldens.safetensors

OpenCV is the version of the product's, without Intel's IPP, which Debian's does not have either. The functions below
`albumentations.augmentations` are those that its transforms call with the parameters that they have drawn. Pictures
are handed over in the order B, G, R, as the reference does, and are stored in the order R, G, B.
"""

import sys

import cv2
import numpy as np
from albumentations.augmentations import functional as tones
from albumentations.augmentations.blur import functional as blurs
from albumentations.augmentations.geometric import functional as geometry
from safetensors.numpy import save_file

WIDTH, HEIGHT = 37, 26


def picture() -> np.ndarray:
    """Smooth colours, an edge, saturated corners and a little noise: [HEIGHT, WIDTH, 3], B, G, R."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    noise = np.random.default_rng(7).integers(-12, 13, (HEIGHT, WIDTH, 3))
    blue = 255 * x / (WIDTH - 1)
    green = 255 * y / (HEIGHT - 1)
    red = 128 + 127 * np.sin(x / 3) * np.cos(y / 4)
    colours = np.stack([blue, green, red], axis=-1)
    colours[8:17, 20:31] = (40, 90, 230)
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def main() -> None:
    """Writes the file that the command line names."""
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    image = picture()
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:14, 9:22] = 255
    mask[20:26, 30:37] = 255
    jitters = [tones.adjust_brightness_torchvision, tones.adjust_contrast_torchvision]
    jitters += [tones.adjust_saturation_torchvision, tones.adjust_hue_torchvision]

    pictures = {"input": image}
    masks = {"input_mask": mask}
    for name, degrees in (("rotate_17", 17.3), ("rotate_-30", -30.0)):
        pictures[name] = geometry.rotate(image, degrees, cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101, None)
        masks[name + "_mask"] = geometry.rotate(mask, degrees, cv2.INTER_NEAREST, cv2.BORDER_REFLECT_101, None)
    for quarters in (1, 2, 3):
        pictures[f"quarters_{quarters}"] = np.ascontiguousarray(np.rot90(image, quarters))
        masks[f"quarters_{quarters}_mask"] = np.ascontiguousarray(np.rot90(mask, quarters))
    pictures["tone_brighter"] = tones.brightness_contrast_adjust(image, 1.17, 0.13, True)
    pictures["tone_darker"] = tones.brightness_contrast_adjust(image, 0.83, -0.19, True)
    for size in (3, 5, 7):
        pictures[f"box_{size}"] = blurs.blur(image, size)
        pictures[f"gaussian_{size}"] = blurs.gaussian_blur(image, size, sigma=0)
    for name, order in (("jitter_0123", (0, 1, 2, 3)), ("jitter_3120", (3, 1, 2, 0))):
        changed = image
        factors = (1.11, 0.87, 1.19, -0.137)
        for step in order:
            changed = jitters[step](changed, factors[step])
        pictures[name] = changed

    tensors = {name: np.ascontiguousarray(value[..., ::-1]) for name, value in pictures.items()}
    tensors.update(masks)
    save_file(tensors, sys.argv[1])


if __name__ == "__main__":
    main()
