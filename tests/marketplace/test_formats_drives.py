"""OpenLABEL, KITTI tracking and the contract's response: what is written says what was drawn."""

import json
import math
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kognic.openlabel.models import OpenLabelAnnotation

from marketplace.formats import kitti_tracking, openlabel, scale_response
from routing.geometry import cuboids
from routing.scene import Camera, Pose
from tests.marketplace.drives import answers, camera, moving_frames

SENSOR = Path(__file__).resolve().parents[3] / "shared" / "data" / "sensor"
SCHEMA = SENSOR / "format_fixtures" / "openlabel" / "openlabel_json_schema-v1.0.0.json"
KITTI = SENSOR / "kitti_tracking_0000"
FRAMES = 6


def by_id(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {track["id"]: track for track in answer["tracks"]}


def assert_same_cuboids(a: list[dict[str, Any]], b: list[dict[str, Any]], tolerance: float) -> None:
    assert [c["frame"] for c in a] == [c["frame"] for c in b]
    one, two = (np.array([cuboids.row(c) for c in listed]) for listed in (a, b))
    assert np.abs(one[:, :6] - two[:, :6]).max() <= tolerance
    assert np.abs(cuboids.wrap(one[:, 6] - two[:, 6])).max() <= tolerance


# OpenLABEL


@settings(max_examples=40, deadline=None)
@given(answer=answers(FRAMES))
def test_openlabel_gives_back_what_it_took(answer: dict[str, Any]) -> None:
    document = openlabel.write(answer, moving_frames(FRAMES, cameras=("front", "lidar")))
    back = by_id(openlabel.read(json.loads(json.dumps(document))))
    wanted = by_id(answer)
    assert back.keys() == wanted.keys()
    for track_id, track in wanted.items():
        assert (back[track_id]["label"], back[track_id]["attributes"]) == (track["label"], track["attributes"])
        assert [c["key"] for c in back[track_id]["cuboids"]] == [c["key"] for c in track["cuboids"]]
        assert_same_cuboids(back[track_id]["cuboids"], track["cuboids"], 1e-12)


@pytest.mark.skipif(not SCHEMA.exists(), reason=f"the standard's schema is not here: {SCHEMA.name}")
def test_openlabel_follows_the_standards_schema() -> None:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))

    @settings(max_examples=20, deadline=None)
    @given(answer=answers(FRAMES), named=st.sampled_from([(), ("front",), ("front", "world")]))
    def check(answer: dict[str, Any], named: tuple[str, ...]) -> None:
        validator.validate(openlabel.write(answer, moving_frames(FRAMES, cameras=named), name="a drive"))

    check()


@settings(max_examples=20, deadline=None)
@given(answer=answers(FRAMES))
def test_openlabel_is_understood_by_another_program(answer: dict[str, Any]) -> None:
    """kognic-openlabel reads the standard on its own."""
    document = openlabel.write(answer, moving_frames(FRAMES))
    parsed = OpenLabelAnnotation.model_validate(document).openlabel
    assert len(parsed.objects or {}) == len(answer["tracks"])
    count = sum(len(frame.objects or {}) for frame in parsed.frames.values())
    assert count == sum(len(track["cuboids"]) for track in answer["tracks"])


@pytest.mark.skipif(not KITTI.exists(), reason=f"the real drive is not here: {KITTI.name}")
def test_openlabel_in_a_sensors_frame_is_not_taken_for_the_world() -> None:
    document = json.loads(next(KITTI.glob("openlabel*.json")).read_text())
    with pytest.raises(ValueError, match="is in CAM_LEFT, not in the world"):
        openlabel.read(document)


# KITTI tracking


@settings(max_examples=60, deadline=None)
@given(answer=answers(FRAMES), tilt=st.floats(-0.8, 0.8), with_camera=st.booleans())
def test_kitti_gives_back_what_it_took(answer: dict[str, Any], tilt: float, with_camera: bool) -> None:
    frames = moving_frames(FRAMES, tilt=tilt, cameras=("front",) if with_camera else ())
    cameras = kitti_tracking.cameras_of(frames)
    back = kitti_tracking.read_labels(kitti_tracking.write_labels(answer, cameras), cameras)
    wanted = {str(n): track for n, track in enumerate(answer["tracks"])}
    assert by_id(back).keys() == wanted.keys()
    for number, track in wanted.items():
        assert by_id(back)[number]["label"] == track["label"].replace(" ", "_")
        assert_same_cuboids(by_id(back)[number]["cuboids"], track["cuboids"], 1e-5)


@pytest.mark.skipif(not KITTI.exists(), reason=f"the real drive is not here: {KITTI.name}")
def test_kittis_own_labels_come_back_row_by_row() -> None:
    rows = [r.split() for r in (KITTI / "label_02_0000.txt").read_text().splitlines() if "DontCare" not in r]
    cameras = {number: camera((0.5 * number, 0.0, 1.65), 0.01 * number, 0.02) for number in range(154)}
    answer = kitti_tracking.read_labels((KITTI / "label_02_0000.txt").read_text(), cameras)
    ids = [track["id"] for track in answer["tracks"]]
    written = [r.split() for r in kitti_tracking.write_labels(answer, cameras).splitlines()]
    assert len(written) == len(rows) > 500
    theirs = {(r[0], r[1]): r for r in rows}
    for row in written:
        original = theirs[row[0], ids[int(row[1])]]
        assert row[2] == original[2]
        assert np.abs(np.array(row[10:16], float) - np.array(original[10:16], float)).max() < 1e-5
        assert abs(math.remainder(float(row[16]) - float(original[16]), 2 * math.pi)) < 1e-5
        assert abs(math.remainder(float(row[5]) - float(original[5]), 2 * math.pi)) < 0.1, (
            "alpha, which KITTI has of another lens"
        )


def test_the_archive_has_what_kittis_readers_ask_for() -> None:
    answer = {"tracks": [track("a", [(k, (10.0 + 2 * k, 0.0, 0.8)) for k in range(3)])]}
    frames = moving_frames(3, cameras=())
    content = kitti_tracking.write(answer, frames)
    assert content == kitti_tracking.write(answer, frames), "the same answer gives the same bytes"
    with zipfile.ZipFile(BytesIO(content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {"label_02/0000.txt", "calib/0000.txt", "poses/0000.txt", "tracks.csv"}
    rows = [line.split() for line in files["label_02/0000.txt"].splitlines()]
    assert [len(row) for row in rows] == [17, 17, 17]
    assert [float(v) for v in rows[0][13:17]] == pytest.approx([0.0, 1.7 - 0.8 + 0.75, 10.0, -math.pi / 2], abs=1e-6)
    left, top, right, bottom = (float(v) for v in rows[0][6:10])
    assert left < 609 < right and top < bottom and rows[0][3] == "0"
    assert files["tracks.csv"] == "track_id,uuid,label\n0,a,Car\n"
    assert [len(line.split()) for line in files["poses/0000.txt"].splitlines()] == [12] * 3


def test_what_the_camera_does_not_see_is_kept_without_a_box() -> None:
    answer = {"tracks": [track("behind", [(0, (-30.0, 0.0, 1.0))])]}
    [row] = kitti_tracking.write_labels(answer, kitti_tracking.cameras_of(moving_frames(1))).splitlines()
    assert row.split()[3] == "2" and [float(v) for v in row.split()[6:10]] == [-1] * 4


@pytest.mark.parametrize("row", ["0 0 Car", "9 0 Car" + " 1" * 14, "0 0 Car" + " x" * 14])
def test_a_row_that_is_not_kittis_is_named(row: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        kitti_tracking.read_labels(f"\n{row}\n", kitti_tracking.cameras_of(moving_frames(2)))


# The contract's response


def track(name: str, places: list[tuple[int, tuple[float, float, float]]], yaw: float = 0.0) -> dict[str, Any]:
    listed = [
        {"frame": frame, "position": list(place), "dimensions": [4.0, 2.0, 1.5], "yaw": yaw, "key": True}
        for frame, place in places
    ]
    return {"id": name, "label": "Car", "attributes": {"color": "red"}, "cuboids": listed}


def test_the_response_has_a_list_of_cuboids_for_every_frame() -> None:
    answer = {"tracks": [track("a", [(0, (12.0, 0.0, 1.0)), (2, (14.0, 3.0, 1.0))], yaw=math.pi / 2)]}
    grid = np.stack(np.meshgrid([11.5, 12.0, 15.0], [0.0, 0.5], [1.0], indexing="ij"), axis=-1).reshape(-1, 3)
    delivered = scale_response.lidar(answer, moving_frames(3), lambda number: grid if number == 0 else None)
    assert [len(frame["cuboids"]) for frame in delivered] == [1, 0, 1]
    cuboid = delivered[0]["cuboids"][0]
    assert cuboid == {
        "uuid": "a",
        "label": "Car",
        "position": {"x": 12.0, "y": 0.0, "z": 1.0},
        "dimensions": {"x": 2.0, "y": 4.0, "z": 1.5},
        "yaw": pytest.approx(0.0),
        "stationary": False,
        "camera_used": 0,
        "distance_to_device": pytest.approx(math.hypot(12.0, 0.7)),
        "numberOfPoints": 4,
        "attributes": {"color": "red"},
    }


def test_lengths_are_delivered_in_the_customers_units() -> None:
    answer = {"tracks": [track("a", [(0, (3.048, 0.0, 0.0))])]}
    [frame] = scale_response.lidar(answer, moving_frames(1), lambda _: None, meters_per_unit=0.3048)
    cuboid = frame["cuboids"][0]
    assert cuboid["position"]["x"] == pytest.approx(10) and cuboid["dimensions"]["y"] == pytest.approx(4 / 0.3048)


@settings(max_examples=30, deadline=None)
@given(answer=answers(1), seed=st.integers(0, 2**32 - 1))
def test_points_are_counted_as_one_by_one(answer: dict[str, Any], seed: int) -> None:
    rows = np.array([cuboids.row(c) for t in answer["tracks"] for c in t["cuboids"]]).reshape(-1, 7)
    chance = np.random.default_rng(seed)
    around = [row[:3] + chance.normal(0, row[3:6].max(), (50, 3)) for row in rows]
    points = np.concatenate([*around, chance.uniform(-500, 500, (50, 3))])
    assert scale_response.count_points(rows, points) == [int(cuboids.contains(row, points).sum()) for row in rows]


def test_a_parked_car_is_stationary_and_a_slow_one_is_not() -> None:
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 0.1, (40, 3))
    parked = track("p", [(k, tuple(np.array([5.0, 5.0, 1.0]) + noise[k])) for k in range(40)])
    slow = track("s", [(k, tuple(np.array([5.0 + 0.03 * k, 5.0, 1.0]) + noise[k])) for k in range(40)])
    assert scale_response.is_stationary(parked) and not scale_response.is_stationary(slow)
    assert scale_response.is_stationary(track("once", [(0, (0.0, 0.0, 0.0))]))


def test_the_camera_that_sees_an_object_best_is_named() -> None:
    ahead, left = camera((0, 0, 1), 0.0), camera((0, 0, 1), math.pi / 2)
    wide = Camera(Pose((0.0, 0.0, 1.0), ahead.pose.heading), 1242, 375, 300, 300, 621, 187)
    centres = np.array([[10.0, 0, 1], [0, 10.0, 1], [-10.0, 0, 1], [10.0, 9.0, 1]])
    assert scale_response.cameras_used(centres, [ahead, left]) == [0, 1, None, None]
    assert scale_response.cameras_used(centres, [ahead, left, wide])[3] == 2


def test_boxes_and_categories_answer_in_the_contracts_shape() -> None:
    box = {"id": "b1", "type": "box", "label": "Car", "left": 1.5, "top": 2, "width": 3, "height": 4, "attributes": {}}
    here, there = (scale_response.boxes({"annotations": [box]}, task) for task in ("task a", "task b"))
    assert here["annotations"][0] | {"uuid": ""} == {"uuid": "", **{k: v for k, v in box.items() if k != "id"}}
    assert here["annotations"][0]["uuid"] != there["annotations"][0]["uuid"]
    assert scale_response.category({"category": "cat"}, {}) == {"category": "cat"}
    ids = {"category_ids": {"7": "cat", "8": "dog"}}
    assert scale_response.category({"category": ["dog", "cat"]}, ids)["category_id"] == ["8", "7"]
