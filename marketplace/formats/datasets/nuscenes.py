"""nuScenes: its relational tables (`v1.0-*/*.json`), and frames as MMDetection3D's info pickles describe them."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from marketplace.formats.datasets import pickles
from marketplace.formats.datasets.radar_pcd import read_radar
from marketplace.formats.datasets.tracks import Tracks, front_first, image, matrix, need, one_of, shifted, yaw_of
from routing.scene import Array, Drive, Frame, Image, Pose, Radar

VALUES_PER_POINT = 5  # x, y, z, intensity 0 to 255, ring


def read(path: Path) -> list[Drive]:
    """Every scene under a path; raises InvalidInput where there is none."""
    tables = next((p for p in sorted((path, *path.glob("v1.0-*"))) if (p / "sample.json").exists()), None)
    if tables is not None:
        return _Tables(tables).drives()
    info = one_of(path, "*.pkl")
    return [_from_info(need(info, path, "tables (v1.0-*/sample.json) and no info pickle (*.pkl)"))]


def _sweep(path: Path) -> tuple[Array, Array]:
    content = path.read_bytes()
    if len(content) % (4 * VALUES_PER_POINT):
        raise InvalidInput(f"{path.name} is cut short: its size is not a multiple of 20 bytes.", "path")
    rows = np.frombuffer(content, dtype="<f4").reshape(-1, VALUES_PER_POINT).astype(float)
    return rows[:, :3], np.clip(rows[:, 3] / 255, 0, 1)


def _focal(intrinsics: Any) -> dict[str, float]:
    k = np.array(intrinsics, float)
    return {"fx": k[0, 0], "fy": k[1, 1], "cx": k[0, 2], "cy": k[1, 2]}


# MMDetection3D's info pickles: matrices instead of tables


def _from_info(path: Path) -> Drive:
    info = pickles.load(path)
    if not isinstance(info, dict) or not isinstance(info.get("data_list"), list):
        raise InvalidInput(f"{path.name} is not an info pickle: it has no data_list.", "path")
    names = {number: name for name, number in info.get("metainfo", {}).get("categories", {}).items()}
    samples = info["data_list"]
    lidars = [np.array(s["ego2global"], float) @ np.array(s["lidar_points"]["lidar2ego"], float) for s in samples]
    origin = lidars[0][:3, 3].copy()
    lidars = [shifted(lidar, origin) for lidar in lidars]
    tracks = Tracks()
    for k, sample in enumerate(samples):
        for number, instance in enumerate(sample.get("instances", [])):
            x, y, z, length, width, height, yaw = map(float, instance["bbox_3d"])
            centre = lidars[k][:3, :3] @ [x, y, z] + lidars[k][:3, 3]
            forward = lidars[k][:3, :3] @ [np.cos(yaw), np.sin(yaw), 0.0]
            label = names.get(int(instance["bbox_label_3d"]))
            if label is None:  # of none of the ten classes
                continue
            heading = float(np.arctan2(forward[1], forward[0]))
            # The pickles name no object: each frame's are its own.
            tracks.add(f"{k}-{number}", label, k, centre, np.array([length, width, height]), heading)

    def frame(k: int) -> Frame:
        sample, lidar = samples[k], lidars[k]
        points, intensity = _sweep(path.parent / Path(sample["lidar_points"]["lidar_path"]).name)
        return Frame(
            points=points @ lidar[:3, :3].T + lidar[:3, 3],
            intensity=intensity,
            timestamp=float(sample["timestamp"]),
            device=Pose.from_matrix(lidar),
            images=_info_images(sample["images"], lidar, path.parent),
        )

    labels = tuple(names[number] for number in sorted(names))
    return Drive(path.stem, len(samples), frame, labels, tracks.answer(), "nuScenes")


def _info_images(cameras: dict[str, Any], lidar: Array, folder: Path) -> tuple[Image, ...]:
    found = []
    for name, camera in cameras.items():
        path = folder / Path(camera["img_path"]).name
        if path.exists():
            # Through the lidar: it accounts for how far the car went between the sweep and the picture.
            pose = Pose.from_matrix(lidar @ np.linalg.inv(np.array(camera["lidar2cam"], float)))
            found.append(image(name, path, pose, _focal(camera["cam2img"])))
    return tuple(found)


# The relational tables


class _Tables:
    def __init__(self, folder: Path) -> None:
        self.root = folder.parent
        self.folder = folder
        self.samples = self._by_token("sample")
        self.poses = self._by_token("ego_pose")
        self.sensors = self._by_token("calibrated_sensor")
        self.channels = {row["token"]: row["channel"] for row in self._rows("sensor")}
        self.of_sample: dict[str, dict[str, Any]] = defaultdict(dict)
        for row in self._rows("sample_data"):
            if row["is_key_frame"]:
                channel = self.channels[self.sensors[row["calibrated_sensor_token"]]["sensor_token"]]
                self.of_sample[row["sample_token"]][channel] = row
        categories = {row["token"]: row["name"] for row in self._rows("category")}
        self.labels = {row["token"]: categories[row["category_token"]] for row in self._rows("instance")}
        self.boxes: dict[str, list[Any]] = defaultdict(list)
        for row in self._rows("sample_annotation"):
            self.boxes[row["sample_token"]].append(row)

    def _rows(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / f"{name}.json"
        try:
            return list(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{path.name} cannot be read: {error}", "path") from error

    def _by_token(self, name: str) -> dict[str, dict[str, Any]]:
        return {row["token"]: row for row in self._rows(name)}

    def drives(self) -> list[Drive]:
        return [self._drive(scene) for scene in self._rows("scene")]

    def _drive(self, scene: dict[str, Any]) -> Drive:
        tokens: list[str] = []
        token = scene["first_sample_token"]
        while token and len(tokens) < len(self.samples):
            tokens.append(token)
            token = self.samples[token]["next"]
        for k, token in enumerate(tokens):
            if "LIDAR_TOP" not in self.of_sample[token]:
                raise InvalidInput(f"{scene['name']}: frame {k} (sample {token}) has no sweep of LIDAR_TOP.", "path")
        lidars = [self._place(self.of_sample[token]["LIDAR_TOP"], np.zeros(3)) for token in tokens]
        origin = lidars[0][:3, 3].copy()
        tracks = Tracks()
        for k, sample in enumerate(tokens):
            for box in self.boxes[sample]:
                rotation = Pose((0.0, 0.0, 0.0), tuple(box["rotation"])).rotation
                width, length, height = box["size"]
                identity = box["instance_token"]
                centre = np.array(box["translation"]) - origin
                size = np.array([length, width, height])
                tracks.add(identity, self.labels[identity], k, centre, size, yaw_of(rotation))

        def frame(k: int) -> Frame:
            return self._frame(tokens[k], shifted(lidars[k], origin), origin)

        return Drive(scene["name"], len(tokens), frame, tracks.labels(), tracks.answer(), "nuScenes")

    def _place(self, data: dict[str, Any], origin: Array) -> Array:
        """A sensor in the world, at its own moment."""
        ego, sensor = self.poses[data["ego_pose_token"]], self.sensors[data["calibrated_sensor_token"]]
        poses = (Pose(tuple(row["translation"]), tuple(row["rotation"])) for row in (ego, sensor))
        vehicle, mounted = (matrix(pose) for pose in poses)
        return shifted(vehicle @ mounted, origin)

    def _frame(self, sample: str, lidar: Array, origin: Array) -> Frame:
        points, intensity = _sweep(self.root / self.of_sample[sample]["LIDAR_TOP"]["filename"])
        images, radars = [], []
        for channel in sorted(self.of_sample[sample], key=front_first):
            data = self.of_sample[sample][channel]
            path = self.root / data["filename"]
            if channel.startswith("CAM") and path.exists():
                sensor = self.sensors[data["calibrated_sensor_token"]]
                pose = Pose.from_matrix(self._place(data, origin))
                images.append(image(channel, path, pose, _focal(sensor["camera_intrinsic"])))
            elif channel.startswith("RADAR") and path.exists():
                radars.append(read_radar(path, self._place(data, origin)))
        return Frame(
            points=points @ lidar[:3, :3].T + lidar[:3, 3],
            intensity=intensity,
            timestamp=self.samples[sample]["timestamp"] / 1e6,
            device=Pose.from_matrix(lidar),
            radar=_joined(radars),
            images=tuple(images),
        )


def _joined(radars: list[Radar]) -> Radar | None:
    if not radars:
        return None
    return Radar(*(np.concatenate([getattr(r, name) for r in radars]) for name in ("positions", "directions", "sizes")))
