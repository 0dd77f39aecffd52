"""Frames that contradict each other are refused by frame and field; what a sensor dropped is taken, and said."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.formats import between_frames
from marketplace.formats.between_frames import Seen
from marketplace.models import TaskStage, TaskStatus
from marketplace.people import NewCustomer
from tests.marketplace.api_world import DRIVE, FUNDS_CENTS, Caller, funds_of
from tests.marketplace.test_ingest import frame, frames_of, look, picture, send_drive, upload

RunJobs = Callable[[], None]
STILL = {"angular_velocity": {"x": 0, "y": 0, "z": 0}, "specific_force": {"x": 0, "y": 0, "z": 9.81}}


def without(content: bytes, name: str) -> bytes:
    body = json.loads(content)
    del body[name]
    return json.dumps(body).encode()


def named(content: bytes, **fields: Any) -> bytes:
    """The same frame, each image with these fields in place of its own name: {k} is its number."""
    body = json.loads(content)
    for k, image in enumerate(body["images"]):
        del image["metadata"]
        image.update({key: json.loads(value.format(k=k)) for key, value in fields.items()})
    return json.dumps(body).encode()


def refused(made: NewCustomer, run_jobs: RunJobs, contents: list[bytes]) -> dict[int, str]:
    """What the customer reads of each bad frame; the money is back, and nothing is left to label."""
    task_id = send_drive(made, [upload(made, content) for content in contents])
    run_jobs()
    task = look(task_id)
    assert (task.status, task.stage) == (TaskStatus.ERROR, TaskStage.CLOSED), "it was taken"
    assert funds_of(made) == FUNDS_CENTS and task.response is not None
    return {entry["frame"]: entry["message"] for entry in task.response["frames"]}


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([frame(0), frame(2), frame(1)], {2: "frames[2].timestamp is 0.1, before the 0.2 of frames[1]"}),
        ([frame(0), frame(1), frame(1)], {2: "frames[2].timestamp is 0.1, as frames[1] has it: is it the same frame"}),
        ([frame(0), without(frame(1), "timestamp"), frame(2)], {1: "frames[1].timestamp is missing"}),
        ([frame(0), frame(1), without(frame(2), "device_heading")], {2: "frames[2].device_heading is missing"}),
        (
            [frame(0, device_imu=[STILL | {"timestamp": 0.0}]), frame(1, device_imu=[STILL | {"timestamp": 0.0}])],
            {1: "frames[1].device_imu[0].timestamp is 0, not later than 0 in frames[0]"},
        ),
        (
            [frame(0, device_imu=[STILL | {"timestamp": 0.0}, STILL | {"timestamp": 0.01, "specific_force": [9.81]}])],
            {0: "frames[0].device_imu[1].specific_force must be an object with x, y, z"},
        ),
    ],
    ids=["out of order", "twice", "without time", "without heading", "readings twice", "a bad reading"],
)
def test_frames_that_contradict_each_other(
    nora: NewCustomer, run_jobs: RunJobs, contents: list[bytes], said: dict[int, str]
) -> None:
    found = refused(nora, run_jobs, contents)
    assert found.keys() == said.keys()
    assert all(found[number].startswith(words) for number, words in said.items()), found


def test_images_without_names_must_be_as_many_in_all_frames(nora: NewCustomer, run_jobs: RunJobs) -> None:
    front = upload(nora, picture(), "front.jpg")
    contents = [frame(0, front, front), frame(1, front), frame(2, front, front)]
    said = refused(nora, run_jobs, [named(content) for content in contents])
    assert said.keys() == {1} and said[1].startswith("frames[1].images has 1 images where frames[0] has 2")


def test_a_camera_has_one_image_a_frame(nora: NewCustomer, run_jobs: RunJobs) -> None:
    front = upload(nora, picture(), "front.jpg")
    twice = [
        named(frame(0, front, front), metadata='{{"camera": "left"}}'),
        named(frame(1, front, front), camera_index="3"),
    ]
    said = refused(nora, run_jobs, twice)
    assert said[0].startswith('frames[0].images[1].metadata.camera is of "left", as images[0] is')
    assert said[1].startswith('frames[1].images[1].camera_index is of "camera 3", as images[0] is')


def test_what_programs_write_that_say_nothing_is_no_contradiction(nora: NewCustomer, run_jobs: RunJobs) -> None:
    """Time 0 and camera 0 everywhere are what a protobuf has where nothing was set; no heading at all is no turn."""
    front = upload(nora, picture(), "front.jpg")
    contents = [named(frame(n, front, front, timestamp=0), camera_index="0") for n in range(3)]
    task_id = send_drive(nora, [upload(nora, without(content, "device_heading")) for content in contents])
    run_jobs()
    assert look(task_id).stage is TaskStage.LABELING
    assert [image["camera"] for image in frames_of(task_id)[2].manifest["images"]] == ["camera 0", "camera 1"]


def test_sensors_may_drop_frames_and_it_is_said(nora: NewCustomer, run_jobs: RunJobs) -> None:
    front = upload(nora, picture(), "front.jpg")
    gps = {"device_gps_pose": {"lat": 48.1, "long": 11.5}}
    imu = {"device_imu": [STILL | {"timestamp": 0.05}]}
    contents = [
        frame(0, front, front, **gps),
        frame(1, front, **imu),
        frame(2, front, front, radar_points=[]),
        frame(3),
        frame(4, front, front, **gps),
    ]
    task_id = send_drive(nora, [upload(nora, content) for content in contents])
    run_jobs()
    assert look(task_id).stage is TaskStage.LABELING
    kept = frames_of(task_id)
    assert kept[1].manifest["imu"] == {
        "timestamps": [0.05],
        "angular_velocity": [[0.0, 0.0, 0.0]],
        "specific_force": [[0.0, 0.0, 9.81]],
    }
    assert between_frames.gaps([between_frames.of_manifest(row.number, row.manifest) for row in kept]) == [
        'No image of the camera "camera 0" in 1 of 5 frames: 3.',
        'No image of the camera "camera 1" in 2 of 5 frames: 1, 3.',
        "No GPS pose in 3 of 5 frames: 1-3.",
        "No IMU reading in 4 of 5 frames: 0, 2-4.",
        "No radar point in 1 of 5 frames: 2.",
    ]


def test_an_attachment_that_stands_twice_is_refused_at_once(live: Caller, nora: NewCustomer) -> None:
    urls = [f"https://example.org/{k}.json" for k in (0, 1, 2, 1)]
    answer = live.send("POST", "task/lidarannotation", DRIVE | {"attachments": urls})
    assert answer.status_code == 400 and answer.json is not None
    assert answer.json["field"] == "attachments[3]" and "attachments[1] once more" in answer.json["error"]
    assert funds_of(nora) == FUNDS_CENTS


def test_a_right_answer_has_an_entry_per_frame(live: Caller) -> None:
    live.send("POST", "projects", {"name": "drives", "type": "lidarannotation", "params": {"labels": ["car"]}})
    body = DRIVE | {"project": "drives", "expected_response": {"annotations": [{"cuboids": []}] * 4}}
    answer = live.send("POST", "evaluation_tasks/lidarannotation", body)
    assert answer.status_code == 400 and answer.json is not None
    assert answer.json["field"] == "expected_response" and "there are 4 for 5 frames" in answer.json["error"]


@given(st.lists(st.sampled_from([None, 0.0, 0.1, 0.2, 0.3]), max_size=6))
def test_times_are_right_only_if_each_is_later_or_none_is_said(times: list[float | None]) -> None:
    found = between_frames.problems([Seen(k, time) for k, time in enumerate(times)])
    unsaid = all(not time for time in times)
    ordered = None not in times and all(a < b for a, b in itertools.pairwise(t for t in times if t is not None))
    assert (not found) == (unsaid or ordered)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_gap_counts_the_frames_that_lack_it(there: list[bool]) -> None:
    seen = [Seen(k, None, ("front",) if has else ()) for k, has in enumerate(there)]
    said = between_frames.gaps(seen)
    missing = there.count(False)
    assert bool(said) == (0 < missing < len(there))
    if said:
        assert f" in {missing} of {len(there)} frames" in said[0]
