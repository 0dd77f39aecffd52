"""Argoverse 2 sensor logs: feather tables of sweeps, human cuboids and poses, ring cameras."""

from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import feather

from marketplace.errors import InvalidInput
from marketplace.formats.datasets.tracks import Tracks, front_first, image, matrix, need, shifted, yaw_of
from routing.scene import Array, Drive, Frame, Image, Pose
from routing.types import Answer

CAMERA_SECONDS_MAX = 0.06  # between a sweep and the picture that goes with it
POSE_SECONDS_MAX = 0.05  # between a sweep and the pose that goes with it; the data set has one at every sweep's moment
LASERS_PER_LIDAR = 32
NANOSECONDS = 1e9


def read(path: Path) -> list[Drive]:
    """One log, or a folder of logs; logs without sweeps are passed over where others have some."""
    logs = [path] if _is_log(path) else sorted(log for log in path.iterdir() if log.is_dir() and _is_log(log))
    need(logs, path, "log (a folder with city_SE3_egovehicle.feather and sensors/lidar)")
    with_sweeps = [log for log in logs if list(_sweeps(log))]
    return [_drive(log) for log in need(with_sweeps, path, "lidar sweeps (sensors/lidar/*.feather)")]


def read_tracks(log: Path) -> Answer | None:
    """A log's human tracks in the world, where its sweeps are not at hand."""
    annotations = log / "annotations.feather"
    times = sorted(set(_table(annotations)["timestamp_ns"].tolist()))
    return _tracks(annotations, times, _Ego(log, times[0])).answer()


def _is_log(path: Path) -> bool:
    return (path / "annotations.feather").exists() or (path / "city_SE3_egovehicle.feather").exists()


def _sweeps(log: Path) -> list[Path]:
    return sorted((log / "sensors" / "lidar").glob("*.feather"), key=lambda p: int(p.stem))


def _table(path: Path) -> dict[str, Array]:
    try:
        table = feather.read_table(path)
        return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InvalidInput(f"{path.name} is not a feather table: {error}", "path") from error


def _poses(table: dict[str, Array]) -> list[Array]:
    rows = np.column_stack([table[name] for name in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz")]).tolist()
    return [matrix(Pose((x, y, z), (w, qx, qy, qz))) for x, y, z, w, qx, qy, qz in rows]


class _Ego:
    """Where the car is, in the city's frame moved to the first sweep."""

    def __init__(self, log: Path, first: int) -> None:
        path = log / "city_SE3_egovehicle.feather"
        table = _table(need(path if path.exists() else None, log, "city_SE3_egovehicle.feather"))
        self.times = table["timestamp_ns"].astype(np.int64)
        order = np.argsort(self.times)
        poses = _poses(table)
        self.times = self.times[order]
        self.poses = [poses[k] for k in order.tolist()]
        origin = self.at(first)[:3, 3].copy()
        self.poses = [shifted(pose, origin) for pose in self.poses]

    def at(self, time: int) -> Array:
        nearest: Array = self.poses[int(np.abs(self.times - time).argmin())]
        return nearest

    def seconds_off(self, time: int) -> float:
        """How far from this moment the nearest pose is."""
        return float(np.abs(self.times - time).min()) / NANOSECONDS


def _drive(log: Path) -> Drive:
    sweeps = _sweeps(log)
    times = [int(sweep.stem) for sweep in sweeps]
    ego = _Ego(log, times[0])
    for time in times:
        if ego.seconds_off(time) > POSE_SECONDS_MAX:
            off = f"the nearest in city_SE3_egovehicle.feather is {ego.seconds_off(time):.2f} s off"
            raise InvalidInput(f"{log.name}: sweep {time} has no pose; {off}.", "path")
    tracks = _tracks(log / "annotations.feather", times, ego)
    cameras = _Cameras(log)

    def frame(k: int) -> Frame:
        world = ego.at(times[k])
        table = _table(sweeps[k])
        points = np.column_stack([table[axis].astype(float) for axis in "xyz"])
        return Frame(
            points=points @ world[:3, :3].T + world[:3, 3],
            intensity=table["intensity"].astype(float) / 255,
            sensor=(table["laser_number"] // LASERS_PER_LIDAR).astype(np.uint8),
            timestamp=times[k] / NANOSECONDS,
            device=Pose.from_matrix(world),
            images=cameras.images(times[k], ego),
        )

    return Drive(log.name, len(sweeps), frame, tracks.labels(), tracks.answer(), "Argoverse 2")


def _tracks(path: Path, times: list[int], ego: _Ego) -> Tracks:
    tracks = Tracks()
    if not path.exists():
        return tracks
    table = _table(path)
    index = {time: k for k, time in enumerate(times)}
    poses = _poses(table)
    for row, time in enumerate(table["timestamp_ns"].tolist()):
        if time not in index:
            continue
        in_world = ego.at(time) @ poses[row]
        dimensions = np.array([table[name][row] for name in ("length_m", "width_m", "height_m")])
        name, label = str(table["track_uuid"][row]), str(table["category"][row])
        tracks.add(name, label, index[time], in_world[:3, 3], dimensions, yaw_of(in_world))
    return tracks


class _Cameras:
    """The log's pictures; none where it comes without them or without calibration."""

    def __init__(self, log: Path) -> None:
        self.pictures: dict[str, list[tuple[int, Path]]] = {}
        folder, calibration = log / "sensors" / "cameras", log / "calibration"
        if not folder.is_dir() or not (calibration / "intrinsics.feather").exists():
            return
        intrinsics = _table(calibration / "intrinsics.feather")
        places = _table(calibration / "egovehicle_SE3_sensor.feather")
        self.places = dict(zip(places["sensor_name"].tolist(), _poses(places), strict=True))
        self.intrinsics: dict[str, dict[str, Any]] = {
            name: {key: float(column[k]) for key, column in intrinsics.items() if key != "sensor_name"}
            for k, name in enumerate(intrinsics["sensor_name"].tolist())
        }
        for name in sorted(self.intrinsics, key=front_first):
            self.pictures[name] = sorted((int(p.stem), p) for p in (folder / name).glob("*.jpg"))

    def images(self, time: int, ego: _Ego) -> tuple[Image, ...]:
        found = []
        for name, pictures in self.pictures.items():
            taken, path = min(pictures, key=lambda p: abs(p[0] - time), default=(0, None))
            if path is None or abs(taken - time) > CAMERA_SECONDS_MAX * NANOSECONDS:
                continue
            values = self.intrinsics[name]
            focal = {key: values[f"{key}_px"] for key in ("fx", "fy", "cx", "cy")}
            pose = Pose.from_matrix(ego.at(taken) @ self.places[name])
            distortion = {key: values[key] for key in ("k1", "k2", "k3")}
            found.append(image(name, path, pose, focal, distortion=distortion))
        return tuple(found)
