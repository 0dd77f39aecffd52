"""LYPF: the points of one frame in 8 bytes each, as the browser's graphics card takes them.

A header of 64 bytes, little-endian: "LYPF", version u16, offset of the points u16, count u32, flags u32 (1 intensity,
2 sensor), origin 3 x f64 in metres, step 3 x f32 in metres per unit, 12 bytes of nothing. Then four u16 a point: x, y
and z in steps from the origin, and intensity (low byte, 0 to 255) with the sensor's number (high byte).
"""

import struct

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAGIC, VERSION = b"LYPF", 1
HEADER_BYTES, POINT_BYTES = 64, 8
HEADER = struct.Struct("<4sHHII3d3f12x")
HAS_INTENSITY, HAS_SENSOR = 1, 2
UNITS = 65_535
STEP_METRES_MIN = 0.001  # finer than any lidar measures
# 65,535 steps of 10 cm: beyond this a stray point far away would take the shape from all others.
EXTENT_METRES_MAX = 6_553.5


def encode(points: Array, intensity: Array | None = None, sensor: NDArray[np.uint8] | None = None) -> bytes:
    """(n, 3) metres, intensity 0 to 1, sensor 0 to 255; a coordinate moves by half a step at most.

    Raises ValueError where there are no points, or where they lie too far apart for their shape to survive.
    """
    points = np.asarray(points, dtype=np.float64)
    if not len(points):
        raise ValueError("there are no points")
    origin = points.min(axis=0)
    extent = points.max(axis=0) - origin
    if not (extent <= EXTENT_METRES_MAX).all():
        raise ValueError(f"the points lie {extent.max():,.0f} m apart; at most {EXTENT_METRES_MAX:,.0f} m")
    step = steps(extent)
    words = np.empty((len(points), 4), dtype="<u2")
    words[:, :3] = np.minimum(np.rint((points - origin) / step), UNITS)
    words[:, 3] = 0 if intensity is None else np.rint(np.clip(intensity, 0, 1) * 255)
    if sensor is not None:
        words[:, 3] |= np.asarray(sensor, dtype=np.uint16) << 8
    flags = HAS_INTENSITY * (intensity is not None) | HAS_SENSOR * (sensor is not None)
    header = HEADER.pack(MAGIC, VERSION, HEADER_BYTES, len(points), flags, *origin.tolist(), *step.tolist())
    return header + words.tobytes()


def steps(extent: Array) -> Array:
    """The step of each axis as the header can hold it: the next 32-bit number that reaches over the whole extent."""
    wanted = np.maximum(extent / UNITS, STEP_METRES_MIN)
    step = wanted.astype(np.float32)
    short = step.astype(np.float64) < wanted
    step[short] = np.nextafter(step[short], np.float32(np.inf))
    return step.astype(np.float64)


def decode(content: bytes) -> tuple[Array, Array | None, NDArray[np.uint8] | None]:
    """Points, intensity, sensor; raises ValueError where `content` is something else, or cut short."""
    if len(content) < HEADER_BYTES:
        raise ValueError(f"the points are cut short: {len(content)} bytes, not even a header")
    magic, version, start, count, flags, *numbers = HEADER.unpack_from(content)
    if magic != MAGIC:
        raise ValueError("this is not a file of points: it does not begin with LYPF")
    if version != VERSION:
        raise ValueError(f"points of version {version}; this program reads version {VERSION}")
    if len(content) < start + count * POINT_BYTES:
        raise ValueError(f"the points are cut short: {len(content)} of {start + count * POINT_BYTES} bytes")
    words = np.frombuffer(content, dtype="<u2", count=count * 4, offset=start).reshape(count, 4)
    origin, step = np.array(numbers[:3]), np.array(numbers[3:6])
    intensity = (words[:, 3] & 0xFF) / 255 if flags & HAS_INTENSITY else None
    sensor = (words[:, 3] >> 8).astype(np.uint8) if flags & HAS_SENSOR else None
    return origin + words[:, :3] * step, intensity, sensor
