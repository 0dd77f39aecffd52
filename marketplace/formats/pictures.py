"""What a picture is, read from its own bytes: type and size are never believed from outside."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from marketplace.errors import InvalidInput

# Types that every browser shows and that hold no script.
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
PIXELS_MAX = 100_000_000
_ORIENTATION, _TURNED = 0x0112, {5, 6, 7, 8}
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TAIL_BYTES = 64 * 1024  # some cameras write a little after the picture's end


@dataclass(frozen=True)
class Picture:
    suffix: str
    width: int
    height: int


def measure(content: bytes, *, as_displayed: bool = False) -> Picture:
    """Type and size; `as_displayed` after the turn that a photo's orientation tag asks browsers for.

    A camera's calibration is of the pixels as they are stored; a person draws on what the browser displays. Raises
    InvalidInput.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is ours
            with Image.open(io.BytesIO(content)) as image:
                kind, (width, height) = image.format or "", image.size
                # Of a PNG the tag would only be found by unpacking all of it; cameras write JPEG.
                turned = as_displayed and kind != "PNG" and image.getexif().get(_ORIENTATION) in _TURNED
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InvalidInput("It is not a picture that can be read: JPEG, PNG and WebP can.") from error
    if kind not in SUFFIXES:
        raise InvalidInput(f"It is a picture of type {kind}; JPEG, PNG and WebP can be shown.")
    if width * height > PIXELS_MAX:
        raise InvalidInput(f"It has {width:,} x {height:,} pixels; at most {PIXELS_MAX:,} in all.")
    if kind in _ENDS and _ENDS[kind] not in content[-_TAIL_BYTES:]:
        raise InvalidInput("The picture is cut short.")
    return Picture(SUFFIXES[kind], *((height, width) if turned else (width, height)))
