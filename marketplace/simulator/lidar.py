"""A spinning lidar: every beam is cast against the ground and the solids it can meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketplace.simulator.solids import Array, turn
from marketplace.simulator.street import FRONTS, KERB, Placed, Road

AZIMUTHS = 900
ELEVATIONS = np.radians(np.concatenate([np.linspace(-25, -8, 22), np.linspace(-7.4, 3, 32), np.linspace(4, 15, 10)]))
RANGE_METRES_MAX = 85.0
NOISE_METRES = 0.012
ROUGH_METRES = 0.008
STEP = 2 * np.pi / AZIMUTHS
_azimuths = -np.pi + STEP * np.arange(AZIMUTHS)
# Rows are beams from the lowest up, columns go counter-clockwise from straight behind.
DIRECTIONS = np.stack(
    [
        np.cos(ELEVATIONS)[:, None] * np.cos(_azimuths),
        np.cos(ELEVATIONS)[:, None] * np.sin(_azimuths),
        np.broadcast_to(np.sin(ELEVATIONS)[:, None], (len(ELEVATIONS), AZIMUTHS)),
    ],
    axis=2,
)


@dataclass(frozen=True)
class Sweep:
    """Points (n, 3) in the world, intensity (n,) 0 to 1, and the number of the actor that each met, or -1."""

    points: Array
    intensity: Array
    owner: Array


@dataclass
class _Hits:
    distance: Array
    brightness: Array
    owner: Array


def sweep(things: Sequence[Placed], road: Road, eye: Array, yaw: float, dice: np.random.Generator) -> Sweep:
    """One turn of the sensor at `eye`, whose forward is `yaw`."""
    shape = DIRECTIONS.shape[:2]
    hits = _Hits(np.full(shape, np.inf), np.zeros(shape), np.full(shape, -1))
    to_world = turn(yaw)
    _meet_ground(hits, road, eye, to_world)
    for thing in things:
        if np.hypot(*(thing.position - eye)[:2]) < RANGE_METRES_MAX + 12:
            _meet_body(hits, thing, eye, yaw)
    return _returns(hits, eye, to_world, dice)


def _meet_ground(hits: _Hits, road: Road, eye: Array, to_world: Array) -> None:
    down = DIRECTIONS[..., 2] < -1e-3
    distance = -eye[2] / DIRECTIONS[down][:, 2]
    places = eye + distance[:, None] * (DIRECTIONS[down] @ to_world.T)
    aside = np.abs(road.aside(places))
    reflectivity = np.select([aside < 0.09, aside < KERB, aside < FRONTS], [0.8, 0.16, 0.32], 0.24)
    hits.distance[down] = distance
    hits.brightness[down] = reflectivity * (0.35 + 0.65 * -DIRECTIONS[down][:, 2])


def _meet_body(hits: _Hits, thing: Placed, eye: Array, yaw: float) -> None:
    """Convex solids: a ray is inside between the last plane it enters by and the first that it leaves by."""
    body = thing.body
    own = turn(thing.yaw - yaw)  # from the body's axes to the sensor's
    shift = turn(-yaw) @ (thing.position - eye)
    vertices = body.vertices @ own.T + shift
    normals = body.normals @ own.T
    offsets = body.offsets + normals @ shift
    vertex_ends = [*body.vertex_starts[1:], len(vertices)]
    plane_ends = [*body.plane_starts[1:], len(offsets)]
    for k in range(len(body.solids)):
        rows, columns = _aimed_at(vertices[body.vertex_starts[k] : vertex_ends[k]])
        if len(rows) and len(columns):
            planes = slice(body.plane_starts[k], plane_ends[k])
            reflectivity = float(body.reflectivity[k])
            _meet_solid(hits, rows, columns, normals[planes], offsets[planes], reflectivity, thing.owner)


def _aimed_at(vertices: Array) -> tuple[Array, Array]:
    """The beams and the columns that may meet a convex solid with these vertices."""
    middle = vertices[:, :2].mean(axis=0)
    away = np.hypot(*middle)
    reach = np.hypot(*(vertices[:, :2] - middle).T).max()
    near, far = max(away - reach, 0.05), away + reach
    top, bottom = vertices[:, 2].max(), vertices[:, 2].min()
    highest = np.arctan2(top, near if top > 0 else far)
    lowest = np.arctan2(bottom, near if bottom < 0 else far)
    rows = np.arange(np.searchsorted(ELEVATIONS, lowest), np.searchsorted(ELEVATIONS, highest, side="right"))
    centre = np.arctan2(middle[1], middle[0])
    angles = np.arctan2(vertices[:, 1], vertices[:, 0]) - centre
    angles = (angles + np.pi) % (2 * np.pi) - np.pi
    if angles.max() - angles.min() > np.pi:  # we stand in its shadow
        return rows, np.arange(AZIMUTHS)
    first, last = ((centre + angle + np.pi) / STEP for angle in (angles.min(), angles.max()))
    return rows, np.arange(int(np.ceil(first)), int(np.floor(last)) + 1) % AZIMUTHS


def _meet_solid(
    hits: _Hits, rows: Array, columns: Array, normals: Array, offsets: Array, reflectivity: float, owner: int
) -> None:
    block = np.ix_(rows, columns)
    along = DIRECTIONS[block] @ normals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = offsets / along
    enter = np.where(along < 0, crossing, -np.inf)
    leave = np.where(along > 0, crossing, np.inf).min(axis=-1)
    distance = enter.max(axis=-1)
    met = (distance < leave) & (distance > 0.3) & (distance < hits.distance[block])
    if not met.any():
        return
    face = enter.argmax(axis=-1)
    cosine = -np.take_along_axis(along, face[..., None], axis=-1)[..., 0]
    hits.distance[block] = np.where(met, distance, hits.distance[block])
    hits.brightness[block] = np.where(met, reflectivity * (0.35 + 0.65 * cosine), hits.brightness[block])
    hits.owner[block] = np.where(met, owner, hits.owner[block])


def _returns(hits: _Hits, eye: Array, to_world: Array, dice: np.random.Generator) -> Sweep:
    """What comes back: not all of what is dark and far, and none of it without noise."""
    lost = dice.random(hits.distance.shape) < 0.02 + 0.4 * (hits.distance / RANGE_METRES_MAX) ** 2 * (
        1 - np.minimum(1, hits.brightness * 2.5)
    )
    seen = (hits.distance < RANGE_METRES_MAX) & ~lost
    distance = hits.distance[seen]
    distance = distance + NOISE_METRES * dice.standard_normal(len(distance))
    points = eye + distance[:, None] * (DIRECTIONS[seen] @ to_world.T)
    ground = hits.owner[seen] == -1
    points[:, 2] += np.where(ground, ROUGH_METRES * dice.standard_normal(len(points)), 0.0)
    return Sweep(points, np.clip(hits.brightness[seen], 0.0, 1.0), hits.owner[seen])
