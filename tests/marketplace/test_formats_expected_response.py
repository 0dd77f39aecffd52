"""What a customer gives as the right answer is read as the inverse of what a completed task answers."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.formats import expected_response, scale_response
from marketplace.formats.manifest import FrameFacts
from routing.scene import Pose

FRAMES = 4
COORDINATES = st.floats(-1000, 1000)
CUBOIDS = st.fixed_dictionaries(
    {
        "position": st.lists(COORDINATES, min_size=3, max_size=3),
        "dimensions": st.lists(st.floats(0.1, 20), min_size=3, max_size=3),
        "yaw": st.floats(-3.1, 3.1),
    }
)
TRACKS = st.lists(
    st.tuples(st.sampled_from(["car", "person"]), st.dictionaries(st.integers(0, FRAMES - 1), CUBOIDS, min_size=1)),
    max_size=4,
)


@given(TRACKS, st.sampled_from([1.0, 0.01, 0.3048]))
def test_a_drive_s_response_reads_back_as_the_answer_it_came_from(drawn: list[Any], meters_per_unit: float) -> None:
    answer = {
        "tracks": [
            {
                "id": f"t{k}",
                "label": label,
                "attributes": {"n": k},
                "cuboids": [{"frame": frame, "key": True, **cuboid} for frame, cuboid in sorted(by_frame.items())],
            }
            for k, (label, by_frame) in enumerate(drawn)
        ]
    }
    frames = [FrameFacts(n, None, Pose((0.0, 0.0, 0.0))) for n in range(FRAMES)]
    listed = scale_response.lidar(answer, frames, lambda number: None, meters_per_unit=meters_per_unit)
    params = {"meters_per_unit": meters_per_unit, "attachments": ["x"] * FRAMES}
    read = expected_response.read("lidarannotation", {"annotations": listed}, params)
    by_id = {track["id"]: track for track in read["tracks"]}
    assert set(by_id) == {track["id"] for track in answer["tracks"]}
    for track in answer["tracks"]:
        again = by_id[track["id"]]
        assert (again["label"], again["attributes"]) == (track["label"], track["attributes"])
        for one, other in zip(track["cuboids"], again["cuboids"], strict=True):
            assert one["frame"] == other["frame"]
            assert other["position"] == pytest.approx(one["position"])
            assert other["dimensions"] == pytest.approx(one["dimensions"])
            assert math.cos(other["yaw"] - one["yaw"]) == pytest.approx(1)


def test_a_known_cuboid_is_where_it_was_said_to_be() -> None:
    """A car 4 m long and 2 m wide that looks along +y: 0 in the contract, a quarter turn in ours."""
    cuboid = {"uuid": "c", "label": "car", "yaw": 0, "position": {"x": 1, "y": 2, "z": 3}}
    cuboid |= {"dimensions": {"x": 2, "y": 4, "z": 1.5}}
    listed = [{"cuboids": []}, {"cuboids": [cuboid]}]
    read = expected_response.read("lidarannotation", {"annotations": listed}, {"attachments": ["x"] * 2})
    (only,) = read["tracks"][0]["cuboids"]
    assert only["frame"] == 1 and only["position"] == [1, 2, 3] and only["dimensions"] == [4, 2, 1.5]
    assert only["yaw"] == pytest.approx(math.pi / 2)


def test_a_picture_s_response_reads_back() -> None:
    box = {"id": "b", "label": "car", "left": 1.5, "top": 2, "width": 3, "height": 4, "attributes": {"parked": True}}
    response = scale_response.boxes({"annotations": [box | {"type": "box"}]}, "task")
    (read,) = expected_response.read("imageannotation", response, {})["annotations"]
    assert read == box | {"type": "box", "id": response["annotations"][0]["uuid"]}


@pytest.mark.parametrize(
    ("task_type", "response"),
    [
        ("lidarannotation", {"annotations": {"url": "https://example.org"}}),
        ("lidarannotation", {"annotations": [{"cuboids": [{"uuid": "c"}]}]}),
        ("lidarannotation", {"annotations": [{"cuboids": [{"uuid": "c", "label": "car", "position": [1, 2, 3]}]}]}),
        ("lidarannotation", {}),
        ("imageannotation", {"annotations": ["box"]}),
        ("imageannotation", {"annotations": 3}),
        ("categorization", {"choice": "x"}),
    ],
)
def test_what_is_no_response_of_the_type_is_refused(task_type: str, response: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=task_type):
        expected_response.read(task_type, response, {})
