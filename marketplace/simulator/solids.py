"""Convex solids: what the lidar hits and the cameras paint, so that both see the same thing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Colour = tuple[int, int, int]
BOTTOM, TOP, FRONT, BACK, LEFT, RIGHT = range(6)  # the faces of a frustum; front is +x, left is +y


@dataclass(frozen=True)
class Decal:
    """A flat polygon painted on a face: a window, a lamp. The lidar sees the face below it."""

    face: int
    corners: Array
    colour: Colour
    glows: bool = False


@dataclass(frozen=True)
class Solid:
    """A convex polyhedron; faces list its vertices counter-clockwise seen from outside."""

    vertices: Array
    faces: tuple[tuple[int, ...], ...]
    colour: Colour
    reflectivity: float = 0.4
    decals: tuple[Decal, ...] = field(default=())

    def planes(self) -> tuple[Array, Array]:
        """Normals (p, 3) and offsets (p,): a point is inside where normal·point <= offset for every plane."""
        corners = np.array([self.vertices[list(face[:3])] for face in self.faces])
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return normals, np.einsum("pc,pc->p", normals, corners[:, 0])

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Solid":
        shift = np.array([x, y, z])
        decals = tuple(replace(d, corners=d.corners + shift) for d in self.decals)
        return replace(self, vertices=self.vertices + shift, decals=decals)

    def turned(self, yaw: float) -> "Solid":
        return self._rotated(turn(yaw))

    def leaned(self, pitch: float) -> "Solid":
        """Turned about y through the origin: a positive pitch moves the top forward."""
        c, s = np.cos(pitch), np.sin(pitch)
        return self._rotated(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))

    def _rotated(self, rotation: Array) -> "Solid":
        decals = tuple(replace(d, corners=d.corners @ rotation.T) for d in self.decals)
        return replace(self, vertices=self.vertices @ rotation.T, decals=decals)

    def painted(self, face: int, colour: Colour, *quads: Sequence[float], glows: bool = False) -> "Solid":
        """With quads (left, bottom, right, top, each 0 to 1 of the face as seen from outside) on one side face."""
        a, b, c, d = self.vertices[list(self.faces[face])]
        decals = []
        for left, bottom, right, top in quads:
            uv = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
            u, v = uv[:, :1], uv[:, 1:]
            corners = (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d
            decals.append(Decal(face, corners, colour, glows))
        return replace(self, decals=(*self.decals, *decals))


def turn(yaw: float) -> Array:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def frustum(
    size: Sequence[float],
    colour: Colour,
    *,
    top: Sequence[float] = (1.0, 1.0),
    shift: float = 0.0,
    reflectivity: float = 0.4,
) -> Solid:
    """A box standing on z = 0, whose top may be smaller by two factors and moved along x."""
    length, width, height = size
    x, y = length / 2, width / 2
    tx, ty = x * top[0], y * top[1]
    bottom_corners = [(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)]
    top_corners = [(shift - tx, -ty, height), (shift + tx, -ty, height), (shift + tx, ty, height)]
    vertices = np.array([*bottom_corners, *top_corners, (shift - tx, ty, height)], dtype=float)
    faces = ((3, 2, 1, 0), (4, 5, 6, 7), (1, 2, 6, 5), (3, 0, 4, 7), (2, 3, 7, 6), (0, 1, 5, 4))
    return Solid(vertices, faces, colour, reflectivity)


def prism(
    radius: float,
    height: float,
    colour: Colour,
    *,
    sides: int = 8,
    top: float = 1.0,
    reflectivity: float = 0.4,
) -> Solid:
    """A column standing on z = 0, narrower at the top by a factor. Faces: bottom, top, then the sides."""
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) * radius
    low, high = np.column_stack([ring, np.zeros(sides)]), np.column_stack([ring * top, np.full(sides, height)])
    vertices = np.vstack([low, high])
    around = [(i, (i + 1) % sides, sides + (i + 1) % sides, sides + i) for i in range(sides)]
    faces = (tuple(range(sides))[::-1], tuple(range(sides, 2 * sides)), *around)
    return Solid(vertices, faces, colour, reflectivity)


def wheel(radius: float, thickness: float, colour: Colour, *, sides: int = 14) -> Solid:
    """A disc that stands upright on z = 0 and rolls along x."""
    lying = prism(radius, thickness, colour, sides=sides, reflectivity=0.08)
    x, y, z = lying.vertices.T
    # The ring is stretched so that its lowest vertex and its highest touch 0 and 2 radius for any number of sides.
    upright = np.column_stack([x, -(z - thickness / 2), y / np.abs(y).max() * radius + radius])
    return replace(lying, vertices=upright)


def ball(radius: float, colour: Colour, *, stretch: float = 1.0, rings: int = 3, reflectivity: float = 0.4) -> Solid:
    """A low-polygon ball around the origin; `stretch` is its height by its width."""
    sides = 8
    faces: list[tuple[int, ...]] = []
    latitudes = np.linspace(-np.pi / 2, np.pi / 2, rings + 2)[1:-1]
    angles = np.arange(sides) * 2 * np.pi / sides
    vertices = [(0.0, 0.0, -1.0)]
    for latitude in latitudes:
        vertices += [(np.cos(latitude) * np.cos(a), np.cos(latitude) * np.sin(a), np.sin(latitude)) for a in angles]
    vertices.append((0.0, 0.0, 1.0))
    last = len(vertices) - 1
    for i in range(sides):
        j = (i + 1) % sides
        faces.append((0, 1 + j, 1 + i))
        for ring in range(rings - 1):
            low, high = 1 + ring * sides, 1 + (ring + 1) * sides
            faces.append((low + i, low + j, high + j, high + i))
        faces.append((last - sides + i, last - sides + j, last))
    return Solid(np.array(vertices) * radius * np.array([1, 1, stretch]), tuple(faces), colour, reflectivity)


@dataclass(frozen=True)
class Body:
    """Solids that move together, stacked for arithmetic: planes and vertices with the solid that each belongs to."""

    solids: tuple[Solid, ...]
    normals: Array
    offsets: Array
    plane_starts: Array
    vertices: Array
    vertex_starts: Array
    reflectivity: Array

    @classmethod
    def of(cls, solids: Sequence[Solid]) -> "Body":
        planes = [solid.planes() for solid in solids]
        return cls(
            tuple(solids),
            np.vstack([normals for normals, _ in planes]),
            np.concatenate([offsets for _, offsets in planes]),
            starts_of([len(offsets) for _, offsets in planes]),
            np.vstack([solid.vertices for solid in solids]),
            starts_of([len(solid.vertices) for solid in solids]),
            np.array([solid.reflectivity for solid in solids]),
        )

    @cached_property
    def middles(self) -> Array:
        return np.array([solid.vertices.mean(axis=0) for solid in self.solids])

    @cached_property
    def _bounds(self) -> tuple[Array, Array]:
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    def bounds(self) -> tuple[Array, Array]:
        return self._bounds


def starts_of(lengths: Sequence[int]) -> Array:
    return np.cumsum([0, *lengths[:-1]])


def back_to_front(
    planes: tuple[Array, Array, Array], vertices: Array, vertex_starts: Array, eye: Array, distance: Array
) -> list[int]:
    """Convex things in the order of painting: what a face of another parts from the eye comes before that other.

    Where faces say nothing, or contradict each other in a circle, the farther one comes first.
    """
    normals, offsets, plane_starts = planes
    outside = np.minimum.reduceat(normals @ vertices.T - offsets[:, None], vertex_starts, axis=1) >= -1e-3
    facing = (normals @ eye > offsets)[:, None]
    in_front = np.logical_or.reduceat(outside & facing, plane_starts, axis=0)  # [b, a]: a is in front of b
    hides = in_front & ~in_front.T
    waiting = list(np.argsort(-distance))
    order: list[int] = []
    behind_count = hides.sum(axis=0)  # how many still have to be painted before a
    while waiting:
        chosen = next((i for i in waiting if behind_count[i] <= 0), waiting[0])
        waiting.remove(chosen)
        order.append(int(chosen))
        behind_count = behind_count - hides[chosen]
    return order
