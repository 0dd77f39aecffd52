"""The simulated street: its truth fits what its sensors see, and chance comes from the seed alone."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from marketplace import demo
from marketplace.simulator import camera, lidar, street
from marketplace.simulator.recording import POINTS_MIN, Recording, hire, record
from marketplace.simulator.solids import turn
from routing.geometry import cuboids
from routing.task_types import imageannotation, lidarannotation
from routing.types import Window

FRAMES = 6
NOISE = 6 * lidar.NOISE_METRES


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(5, FRAMES, seconds_per_frame=0.8)


def rows_of(recording: Recording, frame: int) -> dict[str, np.ndarray]:
    return {
        track["id"]: np.array(cuboids.row(cuboid))
        for track in recording.tracks()["tracks"]
        for cuboid in track["cuboids"]
        if cuboid["frame"] == frame
    }


def sweep_of(recording: Recording, frame: int) -> tuple[lidar.Sweep, float]:
    """The sweep of a frame, cast again with the numbers of the actors."""
    time_ = frame * recording.seconds_per_frame
    x, y, yaw = recording.street.ego(time_)
    eye = np.array([x, y, 1.9])
    dice = np.random.default_rng(frame)
    return lidar.sweep(recording.street.at(time_), recording.street.road, eye, yaw, dice), time_


@pytest.mark.parametrize("frame", range(0, FRAMES, 2))
def test_what_hits_an_object_lies_in_its_cuboid(recording: Recording, frame: int) -> None:
    sweep, moment = sweep_of(recording, frame)
    hits = 0
    for number in np.unique(sweep.owner[sweep.owner >= 0]).tolist():
        position, dimensions, yaw = recording.street.actors[number].cuboid(moment)
        points = sweep.points[sweep.owner == number]
        grown = np.array([*position, *(np.array(dimensions) + 2 * NOISE), yaw])
        assert cuboids.contains(grown, points).all(), f"actor {number} sticks out of its cuboid"
        hits += len(points)
    assert hits > 2_000


@pytest.mark.parametrize("frame", range(0, FRAMES, 2))
def test_little_else_lies_in_a_cuboid(recording: Recording, frame: int) -> None:
    """A cuboid that is too large, or stands elsewhere, would hold the street or its neighbours."""
    sweep, moment = sweep_of(recording, frame)
    own = strange = 0
    for number in np.unique(sweep.owner[sweep.owner >= 0]).tolist():
        position, dimensions, yaw = recording.street.actors[number].cuboid(moment)
        x, y, z = position
        lifted = np.array([x, y, z + 0.1, *dimensions, yaw])  # the ground touches its bottom
        inside = cuboids.contains(lifted, sweep.points)
        own += int((sweep.owner[inside] == number).sum())
        strange += int((sweep.owner[inside] != number).sum())
    assert strange < 0.03 * own


def test_a_car_fills_its_cuboid() -> None:
    """Seen from all around, the points reach every side of the true cuboid."""
    one = next(a for a in street.build(5).actors if a.label == street.CAR)
    low, high = one.bodies[0].bounds()
    assert np.allclose(high - low, one.size) and low[2] == pytest.approx(0, abs=1e-9)
    x, y, yaw = one.way(0)
    placed = street.Placed(one.bodies[0], np.array([x, y, 0]), yaw, 0)
    seen = []
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        eye = np.array([x + 7 * np.cos(angle), y + 7 * np.sin(angle), 1.9])
        sweep = lidar.sweep([placed], street.Road(0.0, 150, 0), eye, 0.0, np.random.default_rng(1))
        seen.append(sweep.points[sweep.owner == 0])
    own = (np.concatenate(seen) - [x, y, 0]) @ turn(yaw)
    reach = own.max(axis=0) - own.min(axis=0)
    assert (np.abs(reach - one.size) < 0.3).all(), (reach, one.size)


def test_truth_is_an_answer_that_a_labeler_could_give(recording: Recording) -> None:
    answer = lidarannotation.Answer().load(recording.tracks())
    params = lidarannotation.Params().load({"attachments": ["x"] * FRAMES, "labels": list(street.LABELS)})
    assert lidarannotation.check_answer(answer, params, Window(0, FRAMES)) == []
    labels = {track["label"] for track in answer["tracks"]}
    assert {street.CAR, street.PEDESTRIAN, street.CYCLIST} <= labels
    for k, moment in enumerate(recording.moments):
        for row in rows_of(recording, k).values():
            grown = row + np.array([0, 0, 0, 0.2, 0.2, 0.2, 0])
            assert cuboids.contains(grown, moment.frame.points).sum() >= POINTS_MIN


def test_tracks_move_as_their_objects_do(recording: Recording) -> None:
    """No jump, no turn on the spot: what would make an id useless in the joining of windows."""
    for track in recording.tracks()["tracks"]:
        rows = {c["frame"]: np.array(cuboids.row(c)) for c in track["cuboids"]}
        for frame, row in rows.items():
            if frame + 1 in rows:
                step = rows[frame + 1] - row
                assert np.hypot(*step[:2]) < 12 * recording.seconds_per_frame
                assert abs(cuboids.wrap(step[6])) < 0.4
                assert (row[3:6] == rows[frame + 1][3:6]).all()


@pytest.mark.parametrize("seed", [demo.SEED_FIRST, demo.SEED_MAIN, demo.SEED_GOLD, 2, 4])
def test_nobody_drives_through_anybody(seed: int) -> None:
    world = street.build(seed)
    for moment in np.arange(0, 8.1, 0.9):
        x, y, yaw = world.ego(moment)
        rows = [[*p, *d, yaw] for p, d, yaw in (actor.cuboid(moment) for actor in world.actors)]
        everybody = np.array([*rows, [x, y, 0.8, 4.4, 1.8, 1.5, yaw]])
        shared = cuboids.iou_3d(everybody, everybody) - np.eye(len(everybody))
        assert shared.max() < 0.02, f"{moment}: {np.argwhere(shared > 0.02).tolist()}"


@pytest.mark.parametrize("name", [name for name, _ in camera.CAMERAS])
def test_images_show_what_the_boxes_say(recording: Recording, name: str) -> None:
    for number in range(FRAMES):
        answer = imageannotation.Answer().load(recording.boxes(number, name))
        with Image.open(io.BytesIO(recording.image(number, name))) as picture:
            assert picture.size == (camera.WIDTH, camera.HEIGHT)
        for box in answer["annotations"]:
            assert box["left"] >= 0 and box["left"] + box["width"] <= camera.WIDTH + 0.1
            assert box["top"] >= 0 and box["top"] + box["height"] <= camera.HEIGHT + 0.1
    assert sum(len(recording.boxes(n, name)["annotations"]) for n in range(FRAMES)) >= 3


def test_points_of_an_object_project_into_its_box(recording: Recording) -> None:
    """Lidar, calibration and painter agree: what the lidar hits is painted where the camera's model puts it."""
    checked = 0
    for number in range(FRAMES):
        sweep, moment = sweep_of(recording, number)
        one = dict(camera.cameras(*recording.street.ego(moment)))["front"]
        for owner, (left, top, width, height) in recording.moments[number].boxes["front"].items():
            pixels, depth = camera.project(one, sweep.points[sweep.owner == owner])
            pixels = pixels[depth > 1]
            at_edge = left <= 0 or top <= 0 or left + width >= one.width or top + height >= one.height
            if at_edge or not len(pixels):
                continue
            inside = (pixels >= [left - 3, top - 3]) & (pixels <= [left + width + 3, top + height + 3])
            assert inside.all(axis=1).mean() > 0.97
            checked += 1
    assert checked > 5


def test_a_cars_pixels_have_its_colour() -> None:
    """The painter hides nothing that stands in front: the middle of a lone car's image is the car."""
    body = next(a for a in street.build(5).actors if a.label == street.CAR).bodies[0]
    road = street.Road(0.0, 150, 0)
    placed = street.Placed(body, np.array([12.0, 0.0, 0.0]), 0.0, 0)
    one = dict(camera.cameras(0.0, 0.0, 0.0))["front"]
    with Image.open(io.BytesIO(camera.paint([placed], road, one))) as picture:
        with_car = np.asarray(picture, dtype=float)
    with Image.open(io.BytesIO(camera.paint([], road, one))) as picture:
        without = np.asarray(picture, dtype=float)
    changed = np.abs(with_car - without).sum(axis=2) > 60
    corners = np.array([[12 + x, y, z] for x in (-2, 2) for y in (-0.85, 0.85) for z in (0.0, 1.5)])
    pixels, _ = camera.project(one, corners)
    (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
    rows, columns = np.nonzero(changed)
    assert rows.min() > top - 12 and rows.max() < bottom + 12
    assert columns.min() > left - 12 and columns.max() < right + 12
    assert changed.sum() > 0.5 * (right - left) * (bottom - top)


def test_radar_sees_what_comes_towards_us(recording: Recording) -> None:
    """A return's velocity is the part of the object's own along the line of sight."""
    found = 0
    for number, moment in enumerate(recording.moments):
        eye = np.array(moment.frame.device.position)
        assert moment.frame.radar is not None
        sight = moment.frame.radar.positions - eye
        speed = np.linalg.norm(moment.frame.radar.directions, axis=1)
        radial = np.abs((sight * moment.frame.radar.directions).sum(axis=1)) / np.maximum(
            np.linalg.norm(sight[:, :2], axis=1), 1e-9
        )
        assert np.allclose(speed, radial, atol=0.02), f"frame {number}"
        found += int((speed > 3).sum())
    assert found > 5


def test_the_seed_decides() -> None:
    one, again, other = record(7, 1), record(7, 1), record(8, 1)
    assert (one.moments[0].frame.points == again.moments[0].frame.points).all()
    assert one.image(0, "front") == again.image(0, "front")
    assert one.image(0, "front") != other.image(0, "front")


def test_several_processes_make_the_same_recording() -> None:
    with hire(2) as crew:
        together = record(7, 4, crew=crew)
    alone = record(7, 4)
    for a, b in zip(alone.moments, together.moments, strict=True):
        assert (a.frame.points == b.frame.points).all() and a.boxes == b.boxes


def test_poses_and_gps_go_together(recording: Recording) -> None:
    first, last = recording.moments[0].frame, recording.moments[-1].frame
    assert first.gps is not None and last.gps is not None
    north = (last.gps.lat - first.gps.lat) * 111_320
    east = (last.gps.long - first.gps.long) * 111_320 * np.cos(np.radians(first.gps.lat))
    moved = np.array(last.device.position) - first.device.position
    assert np.allclose([east, north], moved[:2], atol=0.05)
    heading = np.radians(90 - first.gps.bearing)
    assert np.allclose(first.device.rotation[:2, 0], [np.cos(heading), np.sin(heading)], atol=1e-6)


def test_a_drive_is_made_in_seconds() -> None:
    started = time.process_time()
    frame = record(9, 4).moments[3].frame
    per_frame = (time.process_time() - started) / 4
    assert 30_000 < len(frame.points) < 80_000
    assert per_frame < 20 / 40, f"{per_frame:.2f} s a frame: 40 frames must take at most 20 s on one core"
