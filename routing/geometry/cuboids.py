"""Cuboids as rows of seven: centre x, y, z; length, width, height; yaw. Metres and radians, z up, yaw 0 along +x."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.geometry.middle import middle

Array = NDArray[np.float64]
COLUMNS = 7
POSITION, SIZE, YAW = slice(0, 3), slice(3, 6), 6


def row(cuboid: dict[str, Any]) -> list[float]:
    """An answer's cuboid as a row."""
    return [*cuboid["position"], *cuboid["dimensions"], cuboid["yaw"]]


def as_dict(frame: int, values: Sequence[float], *, key: bool) -> dict[str, Any]:
    """A row as an answer's cuboid."""
    position, dimensions = list(values[POSITION]), list(values[SIZE])
    return {"frame": frame, "position": position, "dimensions": dimensions, "yaw": values[YAW], "key": key}


def wrap(angle: Any) -> Any:
    """The angle in (-pi, pi], of numbers or arrays."""
    return -((-np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)


def contains(cuboid: Array, points: Array) -> NDArray[np.bool_]:
    """Which of (n, 3) points lie in the cuboid, its surface included."""
    offset = points - cuboid[POSITION]
    cos, sin = np.cos(cuboid[YAW]), np.sin(cuboid[YAW])
    along = offset[:, 0] * cos + offset[:, 1] * sin
    across = offset[:, 1] * cos - offset[:, 0] * sin
    half = cuboid[SIZE] / 2 + 1e-9
    inside: NDArray[np.bool_] = (
        (np.abs(along) <= half[0]) & (np.abs(across) <= half[1]) & (np.abs(offset[:, 2]) <= half[2])
    )
    return inside


def footprints(cuboids: Array) -> Array:
    """(n, 4, 2) corners on the ground, counter-clockwise."""
    half_length, half_width = cuboids[:, 3] / 2, cuboids[:, 4] / 2
    along = np.stack([half_length, -half_length, -half_length, half_length], axis=1)
    across = np.stack([half_width, half_width, -half_width, -half_width], axis=1)
    cos, sin = np.cos(cuboids[:, YAW])[:, None], np.sin(cuboids[:, YAW])[:, None]
    return np.stack([cuboids[:, :1] + along * cos - across * sin, cuboids[:, 1:2] + along * sin + across * cos], axis=2)


def iou_3d(a: Array, b: Array) -> Array:
    """(n, m) intersection over union of rotated cuboids; pairs that cannot touch are never clipped."""
    result = np.zeros((len(a), len(b)))
    if not len(a) or not len(b):
        return result
    reach = np.hypot(a[:, 3], a[:, 4])[:, None] / 2 + np.hypot(b[:, 3], b[:, 4])[None] / 2
    near = np.linalg.norm(a[:, None, :2] - b[None, :, :2], axis=2) < reach
    top = np.minimum(a[:, None, 2] + a[:, None, 5] / 2, b[None, :, 2] + b[None, :, 5] / 2)
    bottom = np.maximum(a[:, None, 2] - a[:, None, 5] / 2, b[None, :, 2] - b[None, :, 5] / 2)
    shared_height = np.maximum(0, top - bottom)
    volume_a, volume_b = a[:, SIZE].prod(axis=1), b[:, SIZE].prod(axis=1)
    corners_a, corners_b = footprints(a), footprints(b)
    for i, j in zip(*np.nonzero(near & (shared_height > 0)), strict=True):
        shared = intersection_area(corners_a[i], corners_b[j]) * shared_height[i, j]
        result[i, j] = shared / (volume_a[i] + volume_b[j] - shared)
    return result


def intersection_area(subject: Array, clip: Array) -> float:
    """Area shared by two convex polygons with counter-clockwise corners (Sutherland and Hodgman 1974; the shoelace)."""
    polygon = [(float(x), float(y)) for x, y in subject]
    for k in range(len(clip)):
        if not polygon:
            return 0.0
        (x0, y0), (x1, y1) = clip[k], clip[(k + 1) % len(clip)]
        sides = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in polygon]
        polygon = _clip_by_line(polygon, sides)
    area = 0.0
    for k, (x, y) in enumerate(polygon):
        following = polygon[(k + 1) % len(polygon)]
        area += x * following[1] - following[0] * y
    return abs(area) / 2


def _clip_by_line(polygon: list[tuple[float, float]], sides: list[float]) -> list[tuple[float, float]]:
    """Keep the part with sides >= 0."""
    kept = []
    for k, (point, side) in enumerate(zip(polygon, sides, strict=True)):
        following, following_side = polygon[(k + 1) % len(polygon)], sides[(k + 1) % len(sides)]
        if side >= 0:
            kept.append(point)
        if side * following_side < 0:
            t = side / (side - following_side)
            kept.append((point[0] + t * (following[0] - point[0]), point[1] + t * (following[1] - point[1])))
    return kept


def average(cuboids: Array, weights: Array | None = None, centre: Callable[[Array], Array] | None = None) -> Array:
    """The middle of (..., k, 7) cuboids of one object, over k; `centre` takes it, if not the weighted median.

    It is taken of differences to the first, so that equal cuboids give exactly themselves. Yaw goes along the shorter
    way round; of boxes drawn back to front the heading with more weight counts, of equals the first one's.
    """
    first = cuboids[..., 0, :]
    difference = cuboids - first[..., None, :]
    turn = wrap(difference[..., YAW])
    backwards = np.abs(turn) > np.pi / 2
    difference[..., YAW] = np.where(backwards, turn - np.copysign(np.pi, turn), turn)
    mean = first + (middle(difference, weights) if centre is None else centre(difference))
    against = np.average(backwards, axis=-1, weights=weights) > 0.5
    mean[..., YAW] = wrap(mean[..., YAW] + np.pi * against)
    equal = (difference == 0).all(axis=(-2, -1)) & ~backwards.any(axis=-1)
    result: Array = np.where(equal[..., None], first, mean)
    return result
