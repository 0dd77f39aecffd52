"""OXTS: what KITTI's GPS and inertial unit recorded, thirty numbers a frame (the raw data's dataformat.txt)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from marketplace.errors import InvalidInput
from routing.scene import Array, Gps, Imu

EARTH_METRES = 6_378_137.0
COLUMNS = 30
# Columns of the accelerations and the angular rates about the unit's own axes, x ahead, y left, z up. The same rows
# have them levelled to the earth, too (af al au, wf wl wu); a body's own are what an inertial unit measures.
ACCELERATIONS, RATES = slice(11, 14), slice(17, 20)


@dataclass(frozen=True)
class Record:
    """One frame: the unit's pose in the world, and what it measured in its own axes, m/s^2 and rad/s."""

    pose: Array
    gps: Gps
    specific_force: Array
    angular_velocity: Array

    def imu(self, timestamp: float, turn: Array) -> Imu:
        """The one reading of this frame in other axes, to which `turn` (3, 3) takes the unit's."""
        return Imu(np.array([timestamp]), (turn @ self.angular_velocity)[None], (turn @ self.specific_force)[None])


def read(path: Path) -> dict[int, Record]:
    """By frame: of a file with a line per frame, or a folder with a numbered file per frame, as the raw data has it."""
    rows = dict(_of_folder(path)) if path.is_dir() else dict(number_rows(path))
    for number, row in rows.items():
        if len(row) != COLUMNS:
            raise InvalidInput(f"{path.name} frame {number}: {len(row)} numbers; an OXTS record has {COLUMNS}.", "path")
    scale = float(np.cos(np.radians(next(iter(rows.values()))[0]))) if rows else 1.0
    return {number: _record(row, scale) for number, row in rows.items()}


def _of_folder(folder: Path) -> Iterator[tuple[int, Array]]:
    for path in sorted(folder.glob("[0-9]*.txt")):
        for _, row in number_rows(path):
            yield int(path.stem), row


def number_rows(path: Path) -> Iterator[tuple[int, Array]]:
    """The lines of a text file of numbers, each with its place from 0; empty lines are passed over."""
    for k, line in enumerate(path.read_text().splitlines()):
        if not line.strip():
            continue
        try:
            row = np.array(line.split(), float)
        except ValueError as error:
            raise InvalidInput(f"{path.name} line {k + 1} is not a row of numbers: {error}", "path") from error
        if not np.isfinite(row).all():
            raise InvalidInput(f"{path.name} line {k + 1} has a number that is not finite.", "path")
        yield k, row


def _record(row: Array, scale: float) -> Record:
    """Mercator around the first latitude, as KITTI's own development kit does it."""
    latitude, longitude, altitude, roll, pitch, yaw = row[:6].tolist()
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_matrix()
    pose[0, 3] = scale * np.radians(longitude) * EARTH_METRES
    pose[1, 3] = scale * EARTH_METRES * np.log(np.tan(np.radians(90 + latitude) / 2))
    pose[2, 3] = altitude
    gps = Gps(latitude, longitude, float((90 - np.degrees(yaw)) % 360))  # their yaw is 0 to the east
    return Record(pose, gps, row[ACCELERATIONS], row[RATES])
