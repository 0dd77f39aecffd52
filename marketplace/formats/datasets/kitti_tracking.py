"""KITTI tracking: a sequence of velodyne sweeps, camera 2, human tracks in the camera's frame, poses from OXTS.

Read as the benchmark lays it out (`velodyne/0000/*.bin`, `calib/0000.txt`, ...), and as single sequences in one folder
(`velodyne*/`, `calib*.txt`, `label_02*.txt`), whose sweeps may also be packed as `.npz` (`xyz` in 2 mm, `i` 0 to 255).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from marketplace.formats.datasets import oxts
from marketplace.formats.datasets.tracks import Tracks, image, need, one_of, shifted
from routing.scene import Array, Drive, Frame, Image, Pose
from routing.types import Answer

LABELS = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
# Where the lidar stands on KITTI's car, metres in the vehicle's frame on the ground: for poses of the vehicle.
LIDAR_IN_VEHICLE = (0.76, 0.0, 1.73)
SECONDS_PER_FRAME = 0.1
COLUMNS = 17


@dataclass(frozen=True)
class Calibration:
    """(4, 4) transforms, and the projection of camera 2."""

    lidar_to_camera: Array  # into the rectified frame of camera 0, which the labels use
    imu_to_lidar: Array
    projection: Array

    def camera_2(self) -> tuple[Array, dict[str, float]]:
        """Camera 2 in the rectified frame of camera 0, and its intrinsics."""
        intrinsics = self.projection[:, :3]
        place = np.eye(4)
        place[:3, 3] = -np.linalg.solve(intrinsics, self.projection[:, 3])
        names = {"fx": (0, 0), "fy": (1, 1), "cx": (0, 2), "cy": (1, 2)}
        return place, {name: float(intrinsics[at]) for name, at in names.items()}


@dataclass(frozen=True)
class Sequence:
    name: str
    sweeps: tuple[Path, ...]
    calibration: Path
    labels: Path | None
    poses: Callable[[Calibration], dict[int, Array]]  # lidar to world, by the number in the sweep's name
    images: dict[int, Path] = field(default_factory=dict)
    records: Path | None = None  # OXTS


def read(path: Path) -> list[Drive]:
    """The sequences under a path; raises InvalidInput where there is none."""
    sequences = _benchmark(path) or _single(path)
    return [_drive(sequence) for sequence in need(sequences, path, "velodyne sweeps (velodyne*/*.bin or *.npz)")]


def read_tracks(labels: Path, calibration: Path, poses: Path) -> Answer | None:
    """A sequence's human tracks in the world, where its sweeps are not at hand."""
    calibrated = _calibration(calibration)
    placed = _poses_from(poses)(calibrated)
    return _tracks(labels, sorted(placed), placed, calibrated).answer()


def _benchmark(path: Path) -> list[Sequence]:
    found = []
    for folder in sorted(p for p in (path / "velodyne").glob("[0-9]*") if p.is_dir()):
        name = folder.name
        calibration = path / "calib" / f"{name}.txt"
        labels, records, poses = (path / kind / f"{name}.txt" for kind in ("label_02", "oxts", "poses"))
        found.append(
            Sequence(
                name,
                need(tuple(sorted(folder.glob("*.bin"))), folder, "sweeps"),
                need(calibration if calibration.exists() else None, path, f"calib/{name}.txt"),
                labels if labels.exists() else None,
                _poses_from(records if records.exists() else poses if poses.exists() else None),
                _numbered(path / "image_02" / name),
                records if records.exists() else None,
            )
        )
    return found


def _single(path: Path) -> list[Sequence]:
    folders = [folder for folder in sorted(path.glob("velodyne*")) if folder.is_dir()]
    sweeps = [tuple(sorted((*folder.glob("*.bin"), *folder.glob("*.npz")))) for folder in folders]
    if not any(sweeps):
        return []
    calibration = need(one_of(path, "calib*.txt"), path, "calib*.txt")
    labels = one_of(path, "label_02*.txt")
    records = one_of(path, "oxts*.txt", "oxts/data", "oxts")
    poses = _poses_from(one_of(path, "openlabel*.json") or records or one_of(path, "poses*.txt"))
    # Of several folders the one with most sweeps: the others are samples of it.
    most = max(sweeps, key=len)
    return [Sequence(path.name, most, calibration, labels, poses, _numbered(path / "image_02"), records)]


def _numbered(folder: Path) -> dict[int, Path]:
    return {int(p.stem): p for p in (*folder.glob("*.png"), *folder.glob("*.jpg"))}


def _drive(sequence: Sequence) -> Drive:
    calibration = _calibration(sequence.calibration)
    numbers = [int(sweep.stem) for sweep in sequence.sweeps]
    poses = sequence.poses(calibration)
    if poses:
        _need_every("pose", poses, sequence)
        origin = poses[numbers[0]][:3, 3].copy()
        poses = {number: shifted(pose, origin) for number, pose in poses.items()}
    if sequence.images and not any(number in sequence.images for number in numbers):
        raise InvalidInput(f"{sequence.name}: none of the pictures of image_02 has the number of a sweep.", "path")
    records = oxts.read(sequence.records) if sequence.records else {}
    if records:
        _need_every("OXTS record", records, sequence)
    tracks = _tracks(sequence.labels, numbers, poses, calibration) if sequence.labels else Tracks()

    def frame(k: int) -> Frame:
        world = poses.get(numbers[k], np.eye(4))
        points, intensity = _sweep(sequence.sweeps[k])
        time, record = round(numbers[k] * SECONDS_PER_FRAME, 3), records.get(numbers[k])
        return Frame(
            points=points @ world[:3, :3].T + world[:3, 3],
            intensity=intensity,
            timestamp=time,
            device=Pose.from_matrix(world),
            gps=record.gps if record else None,
            imu=record.imu(time, calibration.imu_to_lidar[:3, :3]) if record else None,
            images=_images(sequence.images.get(numbers[k]), world, calibration),
        )

    return Drive(sequence.name, len(numbers), frame, LABELS, tracks.answer(), "KITTI tracking")


def _need_every(what: str, found: dict[int, Any], sequence: Sequence) -> None:
    """Refuse a sequence in which a sweep lacks what the others have: which one was meant cannot be guessed."""
    for sweep in sequence.sweeps:
        if int(sweep.stem) not in found:
            count = f"there are {len(found)} for {len(sequence.sweeps)} sweeps"
            raise InvalidInput(f"{sequence.name}: sweep {sweep.stem} has no {what}; {count}.", "path")


def _sweep(path: Path) -> tuple[Array, Array]:
    """Points in the lidar's frame and intensity 0 to 1."""
    if path.suffix == ".npz":
        packed = np.load(path, allow_pickle=False)
        return packed["xyz"].astype(float) / 500, packed["i"].astype(float) / 255
    content = path.read_bytes()
    if len(content) % 16:
        raise InvalidInput(f"{path.name} is cut short: its size is not a multiple of 16 bytes.", "path")
    points = np.frombuffer(content, dtype="<f4").reshape(-1, 4).astype(float)
    return points[:, :3], np.clip(points[:, 3], 0, 1)


def _images(path: Path | None, world: Array, calibration: Calibration) -> tuple[Image, ...]:
    if path is None:
        return ()
    place, intrinsics = calibration.camera_2()
    pose = Pose.from_matrix(_orthonormal(world @ np.linalg.inv(calibration.lidar_to_camera) @ place))
    return (image("image_02", path, pose, intrinsics),)


def _orthonormal(transform: Array) -> Array:
    """The nearest rigid transform: the calibration's printed digits are not quite a rotation."""
    u, _, vt = np.linalg.svd(transform[:3, :3])
    rigid = transform.copy()
    rigid[:3, :3] = u @ vt
    return rigid


# The text files


def _calibration(path: Path) -> Calibration:
    rows: dict[str, Array] = {}
    for line in path.read_text().splitlines():
        name, *values = line.split()
        rows[name.rstrip(":")] = np.array(values, float)
    rectify, lidar, imu = np.eye(4), np.eye(4), np.eye(4)
    try:
        rectify[:3, :3] = _row(rows, "R0_rect", "R_rect").reshape(3, 3)
        lidar[:3] = _row(rows, "Tr_velo_to_cam", "Tr_velo_cam").reshape(3, 4)
        imu[:3] = _row(rows, "Tr_imu_to_velo", "Tr_imu_velo").reshape(3, 4)
        return Calibration(rectify @ lidar, imu, _row(rows, "P2").reshape(3, 4))
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"{path.name}: the calibration lacks or mangles {error}.", "path") from error


def _row(rows: dict[str, Array], *names: str) -> Array:
    for name in names:
        if name in rows:
            return rows[name]
    raise KeyError(names[0])


def _tracks(path: Path, numbers: list[int], poses: dict[int, Array], calibration: Calibration) -> Tracks:
    tracks = Tracks()
    index = {number: k for k, number in enumerate(numbers)}
    to_lidar = np.linalg.inv(calibration.lidar_to_camera)
    for line_number, line in enumerate(path.read_text().splitlines(), 1):
        row = line.split()
        if not row:
            continue
        if len(row) < COLUMNS:
            raise InvalidInput(f"{path.name} line {line_number}: {len(row)} columns; a label has {COLUMNS}.", "path")
        number, identity, label = int(row[0]), row[1], row[2]
        if label == "DontCare" or number not in index:
            continue
        to_world = poses.get(number, np.eye(4)) @ to_lidar
        height, width, length, x, y, z, turned = map(float, row[10:17])
        centre = to_world @ np.array([x, y - height / 2, z, 1.0])  # y is down, and the label has the bottom
        forward = to_world[:3, :3] @ np.array([np.cos(turned), 0.0, -np.sin(turned)])
        yaw = float(np.arctan2(forward[1], forward[0]))
        tracks.add(identity, label, index[number], centre[:3], np.array([length, width, height]), yaw)
    return tracks


# Poses


def _poses_from(path: Path | None) -> Callable[[Calibration], dict[int, Array]]:
    """Lidar to world by frame; none where the data set has none: then every frame has its own world."""

    def poses(calibration: Calibration) -> dict[int, Array]:
        if path is None:
            return {}
        if path.is_dir():
            return _oxts_poses(path, calibration)
        if path.suffix == ".json":
            return {number: pose @ _lidar_in_vehicle() for number, pose in _openlabel_poses(path).items()}
        rows = dict(oxts.number_rows(path))
        if {len(row) for row in rows.values()} == {13}:  # the frame's number and a (3, 4) matrix of the vehicle
            return {int(row[0]): _square(row[1:]) @ _lidar_in_vehicle() for row in rows.values()}
        return _oxts_poses(path, calibration)

    return poses


def _square(values: Array) -> Array:
    made = np.eye(4)
    made[:3] = values.reshape(3, 4)
    return made


def _lidar_in_vehicle() -> Array:
    made = np.eye(4)
    made[:3, 3] = LIDAR_IN_VEHICLE
    return made


def _openlabel_poses(path: Path) -> dict[int, Array]:
    frames = json.loads(path.read_text())["openlabel"]["frames"]
    found = {}
    for number, frame in frames.items():
        for name, transform in frame.get("frame_properties", {}).get("transforms", {}).items():
            if "odom" in name:
                values = np.array(transform["transform_src_to_dst"]["matrix4x4"], float)
                found[int(number)] = values.reshape(4, 4)
    return found


def _oxts_poses(path: Path, calibration: Calibration) -> dict[int, Array]:
    lidar_in_imu = np.asarray(np.linalg.inv(calibration.imu_to_lidar))
    return {number: record.pose @ lidar_in_imu for number, record in oxts.read(path).items()}
