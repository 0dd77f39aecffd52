"""Data sets with something wrong or missing in them: the error names the file, the sweep or the line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import feather

from marketplace.drives import READERS
from marketplace.errors import InvalidInput
from tests.marketplace.test_importers import boxes_in, nuscenes_of, pandaset_of


@pytest.mark.parametrize("format_name", READERS)
def test_a_folder_without_the_data_is_refused(format_name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=f"{tmp_path.name}.* has no "):
        READERS[format_name](tmp_path)


def kitti_of(folder: Path) -> Path:
    (folder / "velodyne").mkdir(parents=True)
    np.array([[5.0, 0.0, 0.0, 0.5]], dtype="<f4").tofile(folder / "velodyne" / "000000.bin")
    rows = {"P2": "700 0 600 0 0 700 180 0 0 0 1 0", "R0_rect": "1 0 0 0 1 0 0 0 1"}
    rows |= {"Tr_velo_to_cam": "0 -1 0 0 0 0 -1 0 1 0 0 0", "Tr_imu_to_velo": "1 0 0 0 0 1 0 0 0 0 1 0"}
    (folder / "calib.txt").write_text("\n".join(f"{name}: {row}" for name, row in rows.items()))
    (folder / "label_02.txt").write_text("0 7 Car 0 0 0 1 1 2 2 2.0 1.8 4.0 0.0 1.0 5.0 0.0\n")
    return folder


def test_kittis_label_is_a_bottom_centre_in_the_cameras_frame(tmp_path: Path) -> None:
    """rotation_y 0 looks along the camera's x, to the right: that is -y of the lidar."""
    [drive] = READERS["kitti-tracking"](kitti_of(tmp_path))
    [(track, row)] = boxes_in(drive, 0)
    assert track["id"] == "7"
    assert np.allclose(row, [5.0, 0.0, 0.0, 4.0, 1.8, 2.0, -np.pi / 2])


# Records: latitude, longitude, altitude; roll, pitch, yaw; velocities; accelerations in the unit's axes, then levelled;
# angular rates likewise; accuracies and states.
OXTS = "49.0 8.4 110.0 0 0 {yaw} 0 0 0 0 0 0.5 -0.25 9.75 7 7 7 0.01 0.02 0.03 8 8 8 0.1 0.1 4 10 5 5 0"


def test_oxts_records_are_passed_through_in_the_devices_axes(tmp_path: Path) -> None:
    """The lidar of this car is turned by a quarter about z: the unit's x ahead is its -y, its y left is its x."""
    kitti_of(tmp_path)
    calibration = (tmp_path / "calib.txt").read_text()
    turned = calibration.replace("Tr_imu_to_velo: 1 0 0 0 0 1 0 0", "Tr_imu_to_velo: 0 1 0 0 -1 0 0 0")
    (tmp_path / "calib.txt").write_text(turned)
    (tmp_path / "oxts" / "data").mkdir(parents=True)
    (tmp_path / "oxts" / "data" / "0000000000.txt").write_text(OXTS.format(yaw=np.pi / 2))
    frame = READERS["kitti-tracking"](tmp_path)[0].read(0)
    assert frame.imu is not None and frame.gps is not None
    assert frame.imu.timestamps.tolist() == [frame.timestamp]
    assert np.allclose(frame.imu.specific_force, [[-0.25, -0.5, 9.75]])
    assert np.allclose(frame.imu.angular_velocity, [[0.02, -0.01, 0.03]])
    assert (frame.gps.lat, frame.gps.long) == (49.0, 8.4) and frame.gps.bearing == pytest.approx(0)
    assert np.allclose(frame.device.rotation @ frame.imu.specific_force[0], [0.25, 0.5, 9.75]), "ahead is north"


def kitti_with(folder: Path, sweeps: int, records: int, pictures: tuple[int, ...] = ()) -> Path:
    kitti_of(folder)
    for k in range(1, sweeps):
        shutil.copy(folder / "velodyne" / "000000.bin", folder / "velodyne" / f"{k:06d}.bin")
    (folder / "oxts.txt").write_text("\n".join([OXTS.format(yaw=0)] * records))
    (folder / "image_02").mkdir()
    for k in pictures:
        Image.new("RGB", (64, 48)).save(folder / "image_02" / f"{k:06d}.png")
    return folder


@pytest.mark.parametrize(
    ("sweeps", "records", "pictures", "words"),
    [
        (4, 3, (), r"sweep 000003 has no pose; there are 3 for 4 sweeps"),
        (2, 2, (7, 8), r"none of the pictures of image_02"),
    ],
)
def test_kittis_folders_that_do_not_go_together(
    tmp_path: Path, sweeps: int, records: int, pictures: tuple[int, ...], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        READERS["kitti-tracking"](kitti_with(tmp_path, sweeps, records, pictures))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("oxts.txt", b"49 8 110", r"oxts\.txt frame 0: 3 numbers"),
        ("oxts.txt", OXTS.format(yaw="north").encode(), r"oxts\.txt line 1 is not a row of numbers"),
        ("oxts.txt", OXTS.format(yaw="nan").encode(), r"oxts\.txt line 1 has a number that is not finite"),
        ("label_02.txt", b"0 7 Car 0 0\n", r"label_02\.txt line 1"),
        ("calib.txt", b"P2: 1 2 3\n", r"calib\.txt.*R0_rect"),
        ("velodyne/000000.bin", b"123", r"000000\.bin is cut short"),
    ],
)
def test_kittis_mistakes_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (kitti_of(tmp_path) / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        READERS["kitti-tracking"](tmp_path)[0].read(0)


@pytest.mark.parametrize(
    ("name", "listed", "words"),
    [
        ("lidar/poses.json", "[]", r"lidar/poses\.json has 0 entries: there is none for number 00"),
        ("lidar/timestamps.json", "[]", r"lidar/timestamps\.json has 0 entries"),
        ("camera/front_camera/poses.json", "[]", r"front_camera/poses\.json has 0 entries"),
    ],
)
def test_pandasets_lists_must_reach_as_far_as_its_sweeps(tmp_path: Path, name: str, listed: str, words: str) -> None:
    folder = pandaset_of(tmp_path / "001", "pandas-3.1")
    (folder / "camera" / "front_camera").mkdir(parents=True)
    Image.new("RGB", (64, 48)).save(folder / "camera" / "front_camera" / "00.jpg")
    (folder / "camera" / "front_camera" / "intrinsics.json").write_text('{"fx": 60, "fy": 60, "cx": 32, "cy": 24}')
    (folder / name).write_text(listed)
    with pytest.raises(InvalidInput, match=words):
        READERS["pandaset"](folder)[0].read(0)


def test_a_nuscenes_sample_without_a_sweep_is_named(tmp_path: Path) -> None:
    tables = nuscenes_of(tmp_path) / "v1.0-mini"
    rows = json.loads((tables / "sample_data.json").read_text())
    (tables / "sample_data.json").write_text(json.dumps([row for row in rows if row["token"] != "l1"]))
    with pytest.raises(InvalidInput, match=r"scene-0001: frame 1 \(sample k1\) has no sweep of LIDAR_TOP"):
        READERS["nuscenes"](tmp_path)


def test_an_argoverse_sweep_that_no_pose_goes_with_is_named(tmp_path: Path) -> None:
    (tmp_path / "sensors" / "lidar").mkdir(parents=True)
    for time in (10**9, 2 * 10**9):
        (tmp_path / "sensors" / "lidar" / f"{time}.feather").touch()
    columns = {name: [0.0] for name in ("tx_m", "ty_m", "tz_m", "qx", "qy", "qz")} | {"qw": [1.0]}
    feather.write_feather(pyarrow.table({"timestamp_ns": [10**9], **columns}), tmp_path / "city_SE3_egovehicle.feather")
    with pytest.raises(InvalidInput, match=r"sweep 2000000000 has no pose; .* 1\.00 s off"):
        READERS["argoverse2"](tmp_path)
