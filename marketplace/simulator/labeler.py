"""What a simulated labeler answers: the truth, as well as a hand of the given steadiness would draw it."""

from typing import Any

import numpy as np

from routing.task_types import TASK_TYPES
from routing.types import Answer, Window

Dice = np.random.Generator
SIZE_SHARE = 0.5  # sizes and yaw are drawn more steadily than places
PIXELS_PER_METRE = 20.0


def answer(
    task_type: str, truth: Answer, window: Window | None, params: dict[str, Any], noise_metres: float, dice: Dice
) -> Answer:
    """An answer to one subtask; `noise_metres` is the standard deviation of a cuboid's centre, 0 the truth itself."""
    own = TASK_TYPES[task_type].within(truth, window)
    if task_type == "lidarannotation":
        return {"tracks": [_track(track, noise_metres, dice) for track in own["tracks"]]}
    if task_type == "imageannotation":
        limits = params["geometries"]["box"]
        smallest = max(1.0, limits.get("min_width", 0)), max(1.0, limits.get("min_height", 0))
        pixels = noise_metres * PIXELS_PER_METRE
        return {"annotations": [_box(box, pixels, smallest, dice) for box in own["annotations"]]}
    if task_type == "categorization":
        return _category(own, params, noise_metres, dice)
    raise AssertionError(f"no hand for {task_type}")


def _track(track: dict[str, Any], noise: float, dice: Dice) -> dict[str, Any]:
    """One size and one slant for the whole track, as a person keeps them, and a new place in every frame."""
    size = noise * SIZE_SHARE * dice.standard_normal(3)
    slant = 0.4 * noise * dice.standard_normal()
    cuboids = []
    for cuboid in track["cuboids"]:
        # Along the ground mostly: the ground itself says where the bottom is.
        place = np.array(cuboid["position"]) + noise * dice.standard_normal(3) * [1, 1, 0.4]
        dimensions = np.maximum(np.array(cuboid["dimensions"]) + size, 0.1)
        moved = {"position": place.tolist(), "dimensions": dimensions.tolist(), "yaw": _wrapped(cuboid["yaw"] + slant)}
        cuboids.append(cuboid | moved)
    return track | {"id": _local_id(dice), "cuboids": cuboids}


def _wrapped(angle: float) -> float:
    return float(np.arctan2(np.sin(angle), np.cos(angle)))


def _box(box: dict[str, Any], pixels: float, smallest: tuple[float, float], dice: Dice) -> dict[str, Any]:
    left, top, right, bottom = (pixels * dice.standard_normal(4)).tolist()
    sides = {
        "left": box["left"] + left,
        "top": box["top"] + top,
        "width": max(smallest[0], box["width"] - left + right),
        "height": max(smallest[1], box["height"] - top + bottom),
    }
    return box | sides | {"id": _local_id(dice)}


def _category(truth: Answer, params: dict[str, Any], noise: float, dice: Dice) -> Answer:
    """Now and then another choice: as often as the noise is large."""
    choices = [c if isinstance(c, str) else c["choice"] for c in params["categories"]]
    if dice.random() < noise:
        return {"category": choices[int(dice.integers(len(choices)))]}
    return truth


def _local_id(dice: Dice) -> str:
    """Ids are each answer's own: that two labelers mean one object is for the joining to find out."""
    return dice.bytes(6).hex()
