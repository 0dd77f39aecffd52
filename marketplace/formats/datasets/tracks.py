"""Collecting a data set's cuboids into tracks, and the small steps that all data sets share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from marketplace.formats import pictures
from routing.scene import Array, Camera, Image, Pose
from routing.types import Answer


@dataclass
class Tracks:
    """Cuboids by object, in the answers' convention: centre, length width height, yaw 0 along +x."""

    by_object: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, identity: str, label: str, frame: int, centre: Array, dimensions: Array, yaw: float) -> None:
        track = self.by_object.setdefault(
            identity, {"id": identity[:64], "label": label, "attributes": {}, "cuboids": []}
        )
        row = {"position": np.asarray(centre, float).tolist(), "dimensions": np.asarray(dimensions, float).tolist()}
        track["cuboids"].append({"frame": frame, **row, "yaw": float(yaw), "key": True})

    def answer(self) -> Answer | None:
        return {"tracks": list(self.by_object.values())} if self.by_object else None

    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({track["label"] for track in self.by_object.values()}))


def yaw_of(rotation: Array) -> float:
    """The heading of a rotation's own x axis on the ground."""
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def matrix(pose: Pose) -> Array:
    """(4, 4): takes own coordinates to the world's."""
    made = np.eye(4)
    made[:3, :3] = pose.rotation
    made[:3, 3] = pose.position
    return made


def shifted(transform: Array, origin: Array) -> Array:
    """The transform into a world that begins at `origin`: near zero, numbers of 32 bits keep their millimetres."""
    moved = transform.copy()
    moved[:3, 3] -= origin
    return moved


def image(name: str, path: Path, pose: Pose, intrinsics: Mapping[str, float], **more: Any) -> Image:
    """A camera's picture; `intrinsics` has fx, fy, cx, cy, `more` what else a camera has."""
    content = path.read_bytes()
    size = pictures.measure(content)
    fx, fy, cx, cy = (float(intrinsics[key]) for key in ("fx", "fy", "cx", "cy"))
    return Image(name, Camera(pose, size.width, size.height, fx, fy, cx, cy, **more), content)


def front_first(name: str) -> tuple[bool, int, str]:
    """The order of cameras by name: the one that looks ahead, then those beside it, then the rest."""
    return "front" not in name.lower(), len(name.lower().replace("center", "")), name


def one_of(path: Path, *patterns: str) -> Path | None:
    """The first file in `path` that fits the first pattern that any fits."""
    return next((found for pattern in patterns for found in sorted(path.glob(pattern))), None)


def need(found: Any, path: Path, what: str) -> Any:
    if not found:
        raise InvalidInput(f"{path} has no {what}.", "path")
    return found
