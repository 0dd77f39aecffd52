"""A right answer in the contract's shape, as a customer gives it, read into ours: the inverse of `scale_response`."""

import math
from collections.abc import Callable
from typing import Any

from routing.geometry import cuboids
from routing.task_types import categorization, imageannotation, lidarannotation
from routing.types import Answer, Params


def read(task_type: str, response: dict[str, Any], params: Params) -> Answer:
    """Our own shape passes as it is. Raises ValueError, its text "path: what is wrong", where it is neither."""
    readers: dict[str, Callable[[dict[str, Any], Params], Answer]] = {
        categorization.NAME: _category,
        imageannotation.NAME: _boxes,
        lidarannotation.NAME: _cuboids,
    }
    try:
        return readers[task_type](response, params)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"this is not a response of {task_type}: {error}") from error


def _category(response: dict[str, Any], params: Params) -> Answer:
    return {"category": response["category"]}


def _boxes(response: dict[str, Any], params: Params) -> Answer:
    return {"annotations": [_box(box, k) for k, box in enumerate(response["annotations"])]}


def _box(box: dict[str, Any], number: int) -> dict[str, Any]:
    kept = {key: value for key, value in box.items() if key != "uuid"}
    return {"id": str(box.get("id", box.get("uuid", number))), "attributes": {}} | kept


def _cuboids(response: dict[str, Any], params: Params) -> Answer:
    """Cuboids of one uuid are one track; the contract's yaw is 0 along +y and its x is the width."""
    if "tracks" in response:
        return response
    scale = float(params.get("meters_per_unit") or 1.0)
    listed, wanted = len(response["annotations"]), len(params["attachments"])
    if listed != wanted:
        raise ValueError(f"annotations: one entry per frame is needed; there are {listed} for {wanted} frames")
    tracks: dict[str, dict[str, Any]] = {}
    for frame, drawn in enumerate(response["annotations"]):
        for cuboid in drawn["cuboids"]:
            name = str(cuboid["uuid"])
            new = {"id": name, "label": cuboid["label"], "attributes": cuboid.get("attributes") or {}, "cuboids": []}
            tracks.setdefault(name, new)["cuboids"].append(_cuboid(cuboid, frame, scale))
    return {"tracks": list(tracks.values())}


def _cuboid(cuboid: dict[str, Any], frame: int, scale: float) -> dict[str, Any]:
    at, size = cuboid["position"], cuboid["dimensions"]
    return {
        "frame": frame,
        "position": [at[axis] * scale for axis in "xyz"],
        "dimensions": [size[axis] * scale for axis in "yxz"],
        "yaw": float(cuboids.wrap(cuboid["yaw"] + math.pi / 2)),
        "key": True,
    }
