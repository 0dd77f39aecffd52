"""Real and made data sets become drives in one convention: cuboids hold their points, cameras look where they did."""

import json
import os
import pickle
import shutil
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pyarrow import feather
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from marketplace.drives import READERS
from marketplace.errors import InvalidInput
from marketplace.formats.datasets import pickles
from routing.geometry import cuboids
from routing.scene import Camera, Drive
from routing.task_types import lidarannotation
from routing.types import Window

ROOT = Path(__file__).resolve().parents[2]
SENSOR = ROOT.parent / "shared" / "data" / "sensor"
PICKLES = Path(__file__).parent / "pandas_pickles"
KITTI, AV2 = "kitti_tracking_0000", "av2_logs"
NUSCENES, PANDASET = "nuscenes_one_frame", "pandaset_scale_sample"


def real(name: str) -> Path:
    path = SENSOR / name
    if not path.exists():
        pytest.skip(f"the real data set {name} is not here")
    return path


def boxes_in(drive: Drive, frame: int) -> list[tuple[dict[str, Any], np.ndarray]]:
    assert drive.truth is not None
    return [
        (track, np.array(cuboids.row(cuboid)))
        for track in drive.truth["tracks"]
        for cuboid in track["cuboids"]
        if cuboid["frame"] == frame
    ]


def points_inside(drive: Drive, frame: int) -> np.ndarray:
    points = drive.read(frame).points
    return np.array([cuboids.contains(row, points).sum() for _, row in boxes_in(drive, frame)])


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    own = camera.pose.from_world(points)
    return own[:, :2] / own[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]


def corners(row: np.ndarray) -> np.ndarray:
    ground = cuboids.footprints(row[None])[0]
    return np.array([[x, y, row[2] + side * row[5] / 2] for x, y in ground for side in (-1, 1)])


# What the shared data hold


@pytest.mark.parametrize(
    ("format_name", "folder", "frames", "images", "points_min"),
    [
        ("kitti-tracking", KITTI, [154], 0, 20_000),
        ("kitti-tracking", "kitti_raw_lidar_camera", [5], 1, 100_000),
        ("nuscenes", NUSCENES, [1], 6, 30_000),
        ("pandaset", PANDASET, [5], 3, 160_000),
        ("argoverse2", AV2, [2, 1], 0, 90_000),
    ],
)
def test_every_set_is_read(format_name: str, folder: str, frames: list[int], images: int, points_min: int) -> None:
    drives = READERS[format_name](real(folder))
    assert [drive.frame_count for drive in drives] == frames
    for drive in drives:
        first = drive.read(0)
        assert len(first.points) > points_min and np.isfinite(first.points).all()
        assert np.allclose(first.device.position, 0, atol=1e-6), "the world begins at the first pose"
        assert first.intensity is not None and 0 <= first.intensity.min() < first.intensity.max() <= 1
        assert len(first.images) == images and all(image.camera.width > 600 for image in first.images)
        assert drive.labels


@pytest.mark.parametrize(
    ("format_name", "folder"), [("kitti-tracking", KITTI), ("nuscenes", NUSCENES), ("argoverse2", AV2)]
)
def test_truth_is_an_answer_that_a_labeler_could_give(format_name: str, folder: str) -> None:
    for drive in READERS[format_name](real(folder)):
        assert drive.truth is not None
        answer = lidarannotation.Answer().load(drive.truth)
        params = lidarannotation.Params().load({"attachments": ["x"], "labels": list(drive.labels)})
        assert lidarannotation.check_answer(answer, params, Window(0, drive.frame_count)) == []


@pytest.mark.parametrize("frame", [0, 60, 153])
def test_kittis_cuboids_hold_points(frame: int) -> None:
    [drive] = READERS["kitti-tracking"](real(KITTI))
    inside = points_inside(drive, frame)
    assert len(inside) >= 3 and (inside >= 5).all()


def test_kittis_parked_cars_stand_still_in_the_world() -> None:
    """Wrong poses, or cuboids in the car's frame, would let them drive along with us, 69 m."""
    [drive] = READERS["kitti-tracking"](real(KITTI))
    assert drive.truth is not None
    travelled = np.linalg.norm(drive.read(153).device.position)
    assert travelled > 60
    spreads = []
    for track in drive.truth["tracks"]:
        if track["label"] == "Car" and len(track["cuboids"]) > 15:
            places = np.array([cuboid["position"] for cuboid in track["cuboids"]])
            spreads.append(places[:, :2].std(axis=0).max())
    assert len(spreads) >= 3 and np.median(spreads) < 0.3


def test_the_benchmarks_own_layout_gives_the_same_drive(tmp_path: Path) -> None:
    source, labels = real(KITTI), real("kitti_tracking_labels")
    for folder in ("velodyne/0000", "calib", "label_02", "poses"):
        (tmp_path / folder).mkdir(parents=True)
    for sweep in (source / "velodyne_full").glob("*.bin"):
        shutil.copy(sweep, tmp_path / "velodyne/0000")
    for kind in ("calib", "label_02", "poses"):
        shutil.copy(labels / kind / "0000.txt", tmp_path / kind)
    [drive] = READERS["kitti-tracking"](tmp_path)
    [whole] = READERS["kitti-tracking"](source)
    assert drive.frame_count == 3
    for frame, same in ((0, 0), (1, 75), (2, 150)):
        ours = {track["id"]: row for track, row in boxes_in(drive, frame)}
        theirs = {track["id"]: row for track, row in boxes_in(whole, same)}
        assert ours.keys() == theirs.keys() != set()
        assert all(np.allclose(ours[identity], theirs[identity], atol=0.02) for identity in ours)
        assert (points_inside(drive, frame) >= 5).all()


def test_argoverses_cuboids_hold_the_points_that_it_counted() -> None:
    for drive in READERS["argoverse2"](real(AV2)):
        log = SENSOR / AV2 / drive.name
        sweeps = sorted(int(p.stem) for p in (log / "sensors" / "lidar").glob("*.feather"))
        table = feather.read_table(log / "annotations.feather").to_pylist()
        for frame, time in enumerate(sweeps):
            counted = np.array([row["num_interior_pts"] for row in table if row["timestamp_ns"] == time])
            inside = points_inside(drive, frame)
            assert len(inside) == len(counted) > 30
            assert (np.abs(inside - counted) <= 3 + 0.05 * counted).mean() > 0.95


def test_argoverses_still_things_stand_still() -> None:
    drive = next(d for d in READERS["argoverse2"](real(AV2)) if d.frame_count == 2)
    assert drive.truth is not None
    steps = [
        np.linalg.norm(np.subtract(track["cuboids"][1]["position"], track["cuboids"][0]["position"]))
        for track in drive.truth["tracks"]
        if track["label"] in {"BOLLARD", "CONSTRUCTION_CONE"} and len(track["cuboids"]) == 2
    ]
    assert steps and max(steps) < 0.1


def test_nuscenes_cuboids_hold_the_points_that_it_counted_and_fit_its_images() -> None:
    folder = real(NUSCENES)
    [drive] = READERS["nuscenes"](folder)
    sample = pickles.load(next(folder.glob("*.pkl")))["data_list"][0]
    counted = np.array(
        [int(instance["num_lidar_pts"]) for instance in sample["instances"] if instance["bbox_label_3d"] >= 0]
    )
    inside = points_inside(drive, 0)
    assert (np.abs(inside - counted) <= 2 + 0.1 * counted).mean() > 0.95
    frame = drive.read(0)
    for image in frame.images:
        for instance in sample["cam_instances"][image.name]:
            if instance["bbox_label_3d"] < 0:
                continue
            # The devkit's own 2D boxes of the same cuboids: ours must project to the same place.
            distances = [
                np.abs(project(image.camera, row[None, :3])[0] - instance["center_2d"]).max()
                for _, row in boxes_in(drive, 0)
                if image.camera.pose.from_world(row[None, :3])[0, 2] > 0.5
            ]
            assert min(distances) < 12, f"{image.name}: {min(distances):.1f} pixels off"


def test_pandasets_frames_lie_on_each_other_in_the_world() -> None:
    [drive] = READERS["pandaset"](real(PANDASET))
    first, last = drive.read(0), drive.read(4)
    assert np.linalg.norm(last.device.position) > 3
    # Walls and poles: the ground's rings move along with the sensor.
    near = [f.points[(f.points[:, 2] > 1) & (np.linalg.norm(f.points[:, :2], axis=1) < 30)] for f in (first, last)]
    distance = cKDTree(near[0]).query(near[1][::7])[0]
    shift = np.subtract(last.device.position, first.device.position)
    astray = cKDTree(near[0]).query(near[1][::7] - shift)[0]
    assert np.median(distance) < 0.12 < np.median(astray) / 2


def test_pandasets_front_camera_looks_ahead() -> None:
    [drive] = READERS["pandaset"](real(PANDASET))
    frame = drive.read(0)
    ways = {image.name: image.camera.pose.rotation[:, 2] for image in frame.images}
    moved = np.subtract(drive.read(4).device.position, frame.device.position)
    assert ways["front_camera"] @ moved / np.linalg.norm(moved) > 0.95
    assert ways["back_camera"] @ ways["front_camera"] < -0.95
    assert all(image.camera.pose.rotation[2, 1] < -0.95 for image in frame.images), "y is down"
    assert frame.radar is None, "the same rows in every frame are a placeholder"


# PandaSet's own layout, with pickles that real versions of pandas wrote


def pandaset_of(folder: Path, version: str) -> Path:
    (folder / "lidar").mkdir(parents=True)
    (folder / "annotations" / "cuboids").mkdir(parents=True)
    shutil.copy(PICKLES / f"{version}.sweep.pkl.gz", folder / "lidar" / "00.pkl.gz")
    shutil.copy(PICKLES / f"{version}.cuboids.pkl.gz", folder / "annotations" / "cuboids" / "00.pkl.gz")
    heading = {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0}
    poses = [{"position": {"x": 10.0, "y": 20.0, "z": 1.0}, "heading": heading}]
    (folder / "lidar" / "poses.json").write_text(json.dumps(poses))
    (folder / "lidar" / "timestamps.json").write_text("[1557539924.5]")
    return folder


@pytest.mark.parametrize("version", ["pandas-1.5", "pandas-3.1"])
def test_pandaset_is_read_without_pandas(tmp_path: Path, version: str) -> None:
    [drive] = READERS["pandaset"](pandaset_of(tmp_path / "001", version))
    frame = drive.read(0)
    assert frame.points == pytest.approx(np.array([[0.9, -1.5, 0], [1, 0.5, 0.2], [1.1, 2.5, 0.4], [30, 20, 2]]))
    assert frame.sensor is not None and frame.sensor.tolist() == [0, 1, 0, 1]
    (car, row), (person, _) = boxes_in(drive, 0)
    assert (car["label"], person["label"]) == ("Car", "Pedestrian"), "the second lidar's copy of the car is left out"
    assert row[3:6].tolist() == [4.4, 1.9, 1.6]
    assert row[6] == pytest.approx(np.pi / 2 + 0.1), "their zero is along +y, ours along +x"
    assert points_inside(drive, 0).tolist() == [3, 1]


def test_tables_of_older_pandas_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PandaSet was published with: the state of version 0.14.1 that pandas wrote until 1.2."""

    class BlockManager:
        def __getstate__(self) -> Any:
            numbers = {"values": np.array([[1.0, 2.0], [3.0, 4.0]]), "mgr_locs": slice(0, 3, 2)}
            words = {"values": np.array([["a", "b"]], dtype=object), "mgr_locs": np.array([1])}
            axes = [np.array(["x", "name", "y"], dtype=object), np.arange(2)]
            return axes, [], [], {"0.14.1": {"axes": axes, "blocks": [numbers, words]}}

    class DataFrame:
        def __init__(self) -> None:
            self._data = BlockManager()

    for parent in ("pandas", "pandas.core", "pandas.core.internals"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    for kind, name in ((BlockManager, "pandas.core.internals.managers"), (DataFrame, "pandas.core.frame")):
        module = ModuleType(name)
        kind.__module__, kind.__qualname__ = name, kind.__name__
        setattr(module, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, name, module)
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(DataFrame(), protocol=4))
    table = pickles.load(path)
    assert {name: column.tolist() for name, column in table.items()} == {
        "x": [1.0, 2.0], "name": ["a", "b"], "y": [3.0, 4.0],
    }  # fmt: skip


class Burglar:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for content in (pickle.dumps(Burglar(f"touch {trace}")), b"cbuiltins\neval\n(S'1'\ntR.", b"\x80\x04nonsense", b""):
        (tmp_path / "bad.pkl").write_bytes(content)
        with pytest.raises(InvalidInput, match=r"bad\.pkl"):
            pickles.load(tmp_path / "bad.pkl")
    assert not trace.exists()


def test_pandasets_files_belong_together_by_number(tmp_path: Path) -> None:
    """Of a sequence with its first sweep left out, the second pose and time are those of the sweep that is there."""
    folder = pandaset_of(tmp_path / "001", "pandas-3.1")
    (folder / "lidar" / "00.pkl.gz").rename(folder / "lidar" / "01.pkl.gz")
    poses = json.loads((folder / "lidar" / "poses.json").read_text())
    (folder / "lidar" / "poses.json").write_text(json.dumps([{**poses[0], "position": [0, 0, 0]}, *poses]))
    (folder / "lidar" / "timestamps.json").write_text("[1.0, 1.1]")
    frame = READERS["pandaset"](folder)[0].read(0)
    assert frame.timestamp == 1.1 and frame.points[0] == pytest.approx([0.9, -1.5, 0])


# nuScenes' tables: a scene of our own with one car whose points are known


def nuscenes_of(folder: Path) -> Path:
    """Two keyframes; the car is 4 m long, stands at global (110, 205) and looks 30 degrees left of global x."""
    yaw = Rotation.from_euler("z", 30, degrees=True)
    box = {"rotation": wxyz(yaw), "translation": [110.0, 205.0, 1.0], "size": [2.0, 4.0, 1.5]}
    ego = Rotation.from_euler("z", 90, degrees=True)
    mounted = Rotation.from_euler("z", -90, degrees=True)
    tables: dict[str, list[dict[str, Any]]] = {
        "scene": [{"token": "s", "name": "scene-0001", "first_sample_token": "k0"}],
        "sample": [
            {"token": "k0", "next": "k1", "timestamp": 1_000_000},
            {"token": "k1", "next": "", "timestamp": 1_500_000},
        ],
        "sensor": [{"token": "l", "channel": "LIDAR_TOP"}, {"token": "r", "channel": "RADAR_FRONT"}],
        "calibrated_sensor": [
            {"token": "cl", "sensor_token": "l", "translation": [1.0, 0.0, 1.8], "rotation": wxyz(mounted)},
            {"token": "cr", "sensor_token": "r", "translation": [3.0, 0.0, 0.5], "rotation": [1.0, 0.0, 0.0, 0.0]},
        ],
        "ego_pose": [],
        "sample_data": [],
        "category": [{"token": "c", "name": "vehicle.car"}],
        "instance": [{"token": "i", "category_token": "c"}],
        "sample_annotation": [{**box, "sample_token": f"k{k}", "instance_token": "i"} for k in range(2)],
    }
    (folder / "v1.0-mini").mkdir(parents=True)
    local = np.array([[x, y, z] for x in (-1.9, 0, 1.9) for y in (-0.9, 0.9) for z in (-0.7, 0.7)])
    in_world = yaw.apply(local) + np.array(box["translation"])
    for k in range(2):
        place = np.array([100.0, 200.0 + k, 0.0])
        tables["ego_pose"].append({"token": f"e{k}", "translation": place.tolist(), "rotation": wxyz(ego)})
        in_ego = ego.inv().apply(in_world - place)
        in_lidar = mounted.inv().apply(in_ego - [1.0, 0.0, 1.8])
        rows = np.column_stack([in_lidar, np.full(len(local), 51.0), np.zeros(len(local))])
        (folder / f"{k}.bin").write_bytes(rows.astype("<f4").tobytes())
        (folder / f"{k}.pcd").write_bytes(radar_pcd(in_ego[0] - [3.0, 0.0, 0.5], 4.0))
        for name, sensor, end in (("l", "cl", "bin"), ("r", "cr", "pcd")):
            of = {"sample_token": f"k{k}", "ego_pose_token": f"e{k}", "calibrated_sensor_token": sensor}
            row = {"token": f"{name}{k}", "is_key_frame": True, "filename": f"{k}.{end}", **of}
            tables["sample_data"].append(row)
    for name, rows_of_table in tables.items():
        (folder / "v1.0-mini" / f"{name}.json").write_text(json.dumps(rows_of_table))
    return folder


def wxyz(rotation: Rotation) -> list[float]:
    x, y, z, w = rotation.as_quat().tolist()
    return [w, x, y, z]


def radar_pcd(place: np.ndarray, speed: float) -> bytes:
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z dyn_prop rcs vx_comp vy_comp\nSIZE 4 4 4 1 4 4 4\n"
        "TYPE F F F I F F F\nCOUNT 1 1 1 1 1 1 1\nWIDTH 1\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 1\nDATA binary\n"
    )
    return head.encode() + struct.pack("<fffbfff", *place.tolist(), 1, 5.0, speed, 0.0)


def test_nuscenes_tables_give_cuboids_that_hold_their_points(tmp_path: Path) -> None:
    [drive] = READERS["nuscenes"](nuscenes_of(tmp_path))
    assert (drive.name, drive.frame_count, drive.labels) == ("scene-0001", 2, ("vehicle.car",))
    for k in range(2):
        [(track, row)] = boxes_in(drive, k)
        assert track["id"] == "i" and row[3:6].tolist() == [4.0, 2.0, 1.5]
        assert row[6] == pytest.approx(np.radians(30))
        assert points_inside(drive, k).tolist() == [12], "every point of the car, and the car is not turned or swapped"
        radar = drive.read(k).radar
        assert radar is not None and np.allclose(radar.directions, [[0.0, 4.0, 0.0]]), "ahead is global +y"
        assert cuboids.contains(row, radar.positions).all()
