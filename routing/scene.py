"""The sensor data model: drives, frames, poses, cameras.

World frame: metres, z up, right-handed. Rotations are unit quaternions (w, x, y, z). A camera's pose is in the world,
with x to the right, y down and z forward. Frame numbers are indices in the whole drive, from 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from routing.types import Answer

Array = NDArray[np.float64]
Quaternion = tuple[float, float, float, float]
IDENTITY: Quaternion = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Pose:
    """Where something is in the world and how it is turned."""

    position: tuple[float, float, float]
    heading: Quaternion = IDENTITY

    @classmethod
    def from_matrix(cls, matrix: Array) -> "Pose":
        """From a (3, 4) or (4, 4) matrix that takes the thing's own coordinates to the world's."""
        x, y, z, w = Rotation.from_matrix(matrix[:3, :3]).as_quat().tolist()
        px, py, pz = matrix[:3, 3].tolist()
        return cls((px, py, pz), (w, x, y, z))

    @property
    def rotation(self) -> Array:
        """(3, 3): takes own directions to the world's."""
        w, x, y, z = self.heading
        return np.asarray(Rotation.from_quat([x, y, z, w]).as_matrix())

    def to_world(self, points: Array) -> Array:
        """(n, 3) own coordinates as world coordinates."""
        return points @ self.rotation.T + np.asarray(self.position)

    def from_world(self, points: Array) -> Array:
        return (points - np.asarray(self.position)) @ self.rotation


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with its pose in the world; `distortion` has the coefficients of `model` by name."""

    pose: Pose
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    skew: float = 0.0
    model: str = "brown_conrady"
    distortion: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """A camera's picture, encoded as JPEG or PNG."""

    name: str
    camera: Camera
    content: bytes
    timestamp: float | None = None


@dataclass(frozen=True)
class Radar:
    """Returns: positions (n, 3) in the world, velocities (n, 3) in m/s, sizes (n,) in metres."""

    positions: Array
    directions: Array
    sizes: Array


@dataclass(frozen=True)
class Gps:
    lat: float
    long: float
    bearing: float


@dataclass(frozen=True)
class Imu:
    """Readings of an inertial sensor since the frame before: times (n,) in the frames' clock, and in the device's axes
    angular velocity (n, 3) in rad/s and specific force (n, 3) in m/s^2, which at rest is gravity's 9.81 upwards."""

    timestamps: Array
    angular_velocity: Array
    specific_force: Array


@dataclass(frozen=True)
class Frame:
    """One moment of a drive: points (n, 3) in the world, intensity (n,) 0 to 1, sensor (n,) a number per lidar."""

    points: Array
    intensity: Array | None = None
    sensor: NDArray[np.uint8] | None = None
    timestamp: float | None = None
    device: Pose = Pose((0.0, 0.0, 0.0))
    gps: Gps | None = None
    imu: Imu | None = None
    radar: Radar | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Drive:
    """A recorded or simulated drive; frames are read one at a time, since a whole drive need not fit in memory."""

    name: str
    frame_count: int
    read: Callable[[int], Frame]
    labels: tuple[str, ...] = ()
    truth: Answer | None = None
    source: str = ""
