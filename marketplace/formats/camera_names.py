"""Which camera each image of a frame is of: by its name, its number, or its place in the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.errors import InvalidInput

CAMERAS_MAX, NAME_CHARACTERS_MAX = 1_000, 100


@dataclass(frozen=True)
class CameraNames:
    """A name per image; `by_place` where one has none but its place, which means a camera only if all frames agree."""

    names: tuple[str, ...]
    by_place: bool


def read(images: Sequence[Any], path: str) -> CameraNames:
    """By `metadata.camera` (ours), else the contract's `camera_index`, else the place in the list.

    Raises InvalidInput, naming the field, where two images of a frame are of one camera.
    """
    found: dict[str, int] = {}
    by_place = False
    for k, image in enumerate(images):
        if not isinstance(image, dict):
            raise InvalidInput(f"{path}[{k}] must be an object.", f"{path}[{k}]")
        name, field = _name(image), "metadata.camera"
        if name is None:
            index, field = _index(images, k), "camera_index"
            by_place = by_place or index is None
            name = f"camera {k if index is None else index}"
        if name in found:
            where = f"{path}[{k}].{field}"
            raise InvalidInput(f'{where} is of "{name}", as images[{found[name]}] is; a camera has one image.', where)
        found[name] = k
    return CameraNames(tuple(found), by_place)


def _name(image: dict[str, Any]) -> str | None:
    metadata = image.get("metadata")
    name = metadata.get("camera") if isinstance(metadata, dict) else None
    known = isinstance(name, str) and 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()
    return name if known else None


def _index(images: Sequence[Any], k: int) -> int | None:
    """A 0 in all of several images is what a protobuf writes that was told nothing."""
    numbers = [image.get("camera_index") for image in images if isinstance(image, dict)]
    if len(numbers) > 1 and all(number == 0 for number in numbers):
        return None
    index = images[k].get("camera_index")
    known = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < CAMERAS_MAX
    return index if known else None
