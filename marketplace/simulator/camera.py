"""Cameras: the same solids that the lidar meets, painted from the farthest to the nearest."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from marketplace.simulator.solids import Array, Colour, back_to_front, starts_of, turn
from marketplace.simulator.street import CROSSING, FRONTS, KERB, PARKING, Placed, Road
from routing.scene import Camera, Pose

WIDTH, HEIGHT, FOCAL = 640, 400, 420.0
SMOOTH = 2  # painted so much larger, then averaged: smooth edges
NEAR_METRES = 0.2
FAR_METRES = 130.0
HAZE: Colour = (214, 222, 230)
SKY_TOP: Colour = (138, 176, 218)
SUN = np.array([0.36, -0.48, 0.8])
AMBIENT, SUNLIGHT = 0.56, 0.5
ASPHALT, PAVEMENT, KERBSTONE, PAINT, GRASS = (
    (92, 94, 98), (168, 162, 154), (134, 132, 128), (226, 226, 218), (126, 142, 104),
)  # fmt: skip
# Name and turn to the left of each camera, radians.
CAMERAS = (("front", 0.0), ("front_left", np.radians(58)), ("front_right", np.radians(-58)))
ABOVE_GROUND, AHEAD = 1.65, 0.35  # metres, from the middle of the ego car


@dataclass(frozen=True)
class _Polygon:
    corners: Array
    colour: Colour


def cameras(x: float, y: float, yaw: float) -> list[tuple[str, Camera]]:
    """The cameras of an ego car that is there, with their poses in the world."""
    found = []
    position = np.array([x, y, ABOVE_GROUND]) + turn(yaw) @ np.array([AHEAD, 0.0, 0.0])
    for name, left in CAMERAS:
        right, down = turn(yaw + left) @ np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0])
        forward = turn(yaw + left) @ np.array([1.0, 0.0, 0.0])
        pose = Pose.from_matrix(np.column_stack([right, down, forward, position]))
        found.append((name, Camera(pose, WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)))
    return found


def paint(things: Sequence[Placed], road: Road, camera: Camera) -> bytes:
    """What the camera sees, as JPEG."""
    picture = _sky(camera.width * SMOOTH, camera.height * SMOOTH)
    draw = ImageDraw.Draw(picture)
    eye = np.asarray(camera.pose.position)
    _draw(draw, camera, _ground(road, eye))
    seen = [thing for thing in things if _may_be_seen(thing, camera)]
    polygons: list[_Polygon] = []
    for k in _order(seen, eye):
        polygons += _faces(seen[k], eye)
    _draw(draw, camera, polygons)
    content = io.BytesIO()
    picture.reduce(SMOOTH).save(content, "JPEG", quality=85)
    return content.getvalue()


def project(camera: Camera, points: Array) -> tuple[Array, Array]:
    """(n, 2) pixels and (n,) depths of points in the world."""
    own = camera.pose.from_world(points)
    depth = own[:, 2]
    pixels = own[:, :2] / np.maximum(depth, 1e-6)[:, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    return pixels, depth


def _sky(width: int, height: int) -> Picture.Image:
    """Sky above the horizon, grass below."""
    down = np.minimum(1, np.arange(height) / (height / 2))[:, None]
    rows = np.array(SKY_TOP) * (1 - down) + np.array(HAZE) * down
    rows[height // 2 :] = _colour(GRASS, 1.0, 80.0)
    return Picture.fromarray(rows[:, None, :].astype(np.uint8)).resize((width, height))


def _colour(colour: Colour, light: float, distance: float) -> Colour:
    share = 1 - math.exp(-distance / 160)
    red, green, blue = (
        min(255, int(c * light * (1 - share) + haze * share)) for c, haze in zip(colour, HAZE, strict=True)
    )
    return red, green, blue


def _draw(draw: ImageDraw.ImageDraw, camera: Camera, polygons: Sequence[_Polygon]) -> None:
    if not polygons:
        return
    own = camera.pose.from_world(np.concatenate([p.corners for p in polygons]))
    near = own[:, 2] < NEAR_METRES
    pixels = _pixels(camera, np.where(near[:, None], 1.0, own)).tolist()
    near_any = bool(near.any())
    start = 0
    for polygon in polygons:
        stop = start + len(polygon.corners)
        corners = pixels[start:stop]
        if near_any and near[start:stop].any():
            corners = _pixels(camera, _in_front(own[start:stop])).tolist()
        start = stop
        if len(corners) >= 3:
            draw.polygon([tuple(corner) for corner in corners], fill=polygon.colour)


def _pixels(camera: Camera, own: Array) -> Array:
    scale = np.array([camera.fx, camera.fy]) * SMOOTH
    pixels = own[:, :2] / own[:, 2:] * scale + np.array([camera.cx, camera.cy]) * SMOOTH
    return np.asarray(np.clip(pixels, -20_000, 20_000))


def _in_front(corners: Array) -> Array:
    """The part of a polygon that lies before the camera."""
    kept = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if a[2] >= NEAR_METRES:
            kept.append(a)
        if (a[2] - NEAR_METRES) * (b[2] - NEAR_METRES) < 0:
            kept.append(a + (b - a) * (NEAR_METRES - a[2]) / (b[2] - a[2]))
    return np.array(kept).reshape(-1, 3)


# The ground


def _ground(road: Road, eye: Array) -> list[_Polygon]:
    """Layer on layer, so that no seam of a lower one shows."""
    starts = np.arange(np.floor(eye[0] / 4) * 4 - 40, eye[0] + FAR_METRES, 4.0).tolist()
    stripes: list[tuple[float, float, float, float, Colour]] = []  # from, to, right, left
    for half, colour in ((FRONTS, PAVEMENT), (KERB + 0.12, KERBSTONE), (KERB, ASPHALT)):
        stripes += [(s - 0.2, s + 4.2, -half, half, colour) for s in starts]
    for s in starts:
        if not CROSSING[0] - 8 < s < CROSSING[1] + 4:
            stripes.append((s, s + 2, -0.07, 0.07, PAINT))
            stripes += [(s, s + 4, side - 0.05, side + 0.05, PAINT) for side in (-3.5, 3.5)]
        if int(s // 4) % 2 == 0:
            bay = PARKING + 1.1
            stripes += [(s, s + 0.12, 3.5, bay, PAINT), (s, s + 0.12, -bay, -3.5, PAINT)]
    for aside in np.arange(-KERB + 0.4, KERB - 0.4, 1.0).tolist():
        stripes.append((*CROSSING, aside, aside + 0.5, PAINT))
    return _flat(road, eye, stripes)


def _flat(road: Road, eye: Array, stripes: Sequence[tuple[float, float, float, float, Colour]]) -> list[_Polygon]:
    start, stop, right, left = np.array([stripe[:4] for stripe in stripes]).T
    along = np.stack([start, stop, stop, start], axis=1)
    aside = np.stack([right, right, left, left], axis=1)
    x, y = road.places(along, aside)
    corners = np.stack([x, y, np.zeros_like(x)], axis=2)
    away = np.abs((start + stop) / 2 - eye[0]).tolist()
    return [_Polygon(corners[k], _colour(stripe[4], 1.0, away[k])) for k, stripe in enumerate(stripes)]


# The solids


def _box(thing: Placed) -> Array:
    """(8, 3) corners of what holds the body, in the world."""
    low, high = thing.body.bounds()
    box = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    return np.asarray(box @ turn(thing.yaw).T + thing.position)


def _may_be_seen(thing: Placed, camera: Camera) -> bool:
    if np.hypot(*(thing.position - np.asarray(camera.pose.position))[:2]) > FAR_METRES:
        return False
    own = camera.pose.from_world(_box(thing))
    sideways, depth = own[:, 0] * camera.fx, own[:, 2]
    beside = (sideways > depth * camera.cx).all() or (sideways < -depth * camera.cx).all()
    return bool((depth > NEAR_METRES).any() and not beside)


def _order(things: Sequence[Placed], eye: Array) -> list[int]:
    """From behind to the front, by the boxes that hold the bodies."""
    if not things:
        return []
    normals, offsets, corners, distance = [], [], [], []
    for thing in things:
        low, high = thing.body.bounds()
        box, rotation = _box(thing), turn(thing.yaw)
        outward = np.vstack([rotation.T, -rotation.T])
        normals.append(outward)
        offsets.append(np.concatenate([high, -low]) + outward @ thing.position)
        corners.append(box)
        distance.append(np.linalg.norm(box.mean(axis=0) - eye))
    planes = (np.vstack(normals), np.concatenate(offsets), 6 * np.arange(len(things)))
    return back_to_front(planes, np.vstack(corners), 8 * np.arange(len(things)), eye, np.array(distance))


def _faces(thing: Placed, eye: Array) -> list[_Polygon]:
    """The faces of one body that look at us, in the order of painting."""
    body, rotation = thing.body, turn(thing.yaw)
    own_eye = (eye - thing.position) @ rotation
    solids = body.solids
    distance = np.linalg.norm(body.middles - own_eye, axis=1)
    planes = (body.normals, body.offsets, body.plane_starts)
    order = back_to_front(planes, body.vertices, body.vertex_starts, own_eye, distance)
    facing = body.normals @ own_eye > body.offsets
    light = AMBIENT + SUNLIGHT * np.maximum(0, body.normals @ (rotation.T @ SUN))
    away = float(np.linalg.norm(thing.position - eye))
    polygons = []
    for k in order:
        first = body.plane_starts[k]
        for number, face in enumerate(solids[k].faces):
            if not facing[first + number]:
                continue
            shine = float(light[first + number])
            polygons.append(_Polygon(solids[k].vertices[list(face)], _colour(solids[k].colour, shine, away)))
            polygons += [
                _Polygon(decal.corners, _colour(decal.colour, 1.0 if decal.glows else shine, away))
                for decal in solids[k].decals
                if decal.face == number
            ]
    if not polygons:
        return []
    world = np.concatenate([p.corners for p in polygons]) @ rotation.T + thing.position
    starts = starts_of([len(p.corners) for p in polygons])
    return [_Polygon(world[a : a + len(p.corners)], p.colour) for a, p in zip(starts.tolist(), polygons, strict=True)]
