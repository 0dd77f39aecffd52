"""The customers' frame JSON: read as it was written, and every mistake named with its frame and field."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.errors import InvalidInput
from marketplace.formats import frame_json, manifest, points
from routing.scene import Camera, Frame, Gps, Image, Imu, Pose, Radar

HALF = 0.5**0.5
CAMERA = Camera(
    pose=Pose((1.0, 2.0, 3.0), (HALF, 0.0, HALF, 0.0)),
    width=0,
    height=0,
    fx=700.0,
    fy=710.0,
    cx=320.0,
    cy=240.0,
    skew=0.5,
    model="fisheye",
    distortion={"k1": -0.1, "p2": 0.01},
)


def document(**changes: Any) -> dict[str, Any]:
    """A frame that is right, but for the changes."""
    image = {
        "image_url": "https://example.org/front.jpg",
        "position": {"x": 0, "y": 0, "z": 1.5},
        "heading": {"w": 1, "x": 0, "y": 0, "z": 0},
        "fx": 700,
        "fy": 700,
        "cx": 320,
        "cy": 240,
    }
    return {
        "device_position": {"x": 0, "y": 0, "z": 1.7},
        "device_heading": {"w": 1, "x": 0, "y": 0, "z": 0},
        "points": [{"x": k / 10, "y": -k, "z": 0.25, "i": 0.5, "d": 1, "t": 17, "is_ground": False} for k in range(20)],
        "radar_points": [{"position": {"x": 5, "y": 0, "z": 1}, "direction": {"x": 1, "y": 0, "z": 0}, "size": 0.5}],
        "device_imu": [reading(12.41), reading(12.42)],
        "images": [image],
    } | changes


def reading(time: float) -> dict[str, Any]:
    """Of a device that stands still."""
    still, weight = {"x": 0, "y": 0, "z": 0}, {"x": 0, "y": 0, "z": 9.81}
    return {"timestamp": time, "angular_velocity": still, "specific_force": weight}


def read(content: bytes | dict[str, Any], **options: Any) -> frame_json.ReadFrame:
    text = json.dumps(content).encode() if isinstance(content, dict) else content
    return frame_json.read(text, number=3, **{"points_max": 1000} | options)


@settings(max_examples=40, deadline=None)
@given(
    cloud=st.lists(st.tuples(*[st.integers(-3_000_000, 3_000_000)] * 3), min_size=1, max_size=30),
    levels=st.none() | st.integers(0, 1000),
    sensor=st.none() | st.integers(0, 255),
    radar=st.booleans(),
    gps=st.booleans(),
    readings=st.integers(0, 3),
    images=st.integers(0, 2),
)
def test_a_frame_comes_back_as_it_was_written(
    cloud: list[tuple[int, int, int]],
    levels: int | None,
    sensor: int | None,
    radar: bool,
    gps: bool,
    readings: int,
    images: int,
) -> None:
    felt = np.arange(3 * readings).reshape(-1, 3) / 7
    frame = Frame(
        points=np.array(cloud) / 1000,
        intensity=None if levels is None else np.full(len(cloud), levels / 1000),
        sensor=None if sensor is None else np.full(len(cloud), sensor, np.uint8),
        timestamp=12.5,
        device=Pose((1.0, -2.0, 0.5), (HALF, 0.0, 0.0, HALF)),
        gps=Gps(48.1, 11.5, 270.0) if gps else None,
        imu=Imu(12.4 + np.arange(readings) / 100, felt, felt + 9.81) if readings else None,
        radar=Radar(np.array([[1.0, 2, 3]]), np.array([[0.0, -1, 0]]), np.array([0.4])) if radar else None,
        images=tuple(Image(f"camera {k}", CAMERA, b"", 12.4) for k in range(images)),
    )
    urls = [f"https://example.org/{k}.jpg" for k in range(images)]
    back = read(frame_json.write(frame, urls))
    assert np.allclose(back.frame.points, frame.points, atol=1e-9)
    for name in ("intensity", "sensor"):
        given_, got = getattr(frame, name), getattr(back.frame, name)
        assert (got is None) if given_ is None else np.allclose(got, given_)
    assert (back.frame.timestamp, back.frame.gps) == (frame.timestamp, frame.gps)
    assert np.allclose(back.frame.device.heading, frame.device.heading)
    assert (back.frame.imu is None) == (not readings)
    if back.frame.imu is not None and frame.imu is not None:
        kept = manifest.read_imu(json.loads(json.dumps(manifest.write(back.frame, []))))
        for name in ("timestamps", "angular_velocity", "specific_force"):
            assert (getattr(back.frame.imu, name) == getattr(frame.imu, name)).all()
            assert (getattr(kept, name) == getattr(frame.imu, name)).all()
    if radar:
        assert back.frame.radar is not None
        assert (back.frame.radar.directions == frame.radar.directions).all()
    assert [(i.name, i.url, i.timestamp) for i in back.images] == [
        (f"camera {k}", url, 12.4) for k, url in enumerate(urls)
    ]
    assert all(i.camera.distortion == CAMERA.distortion and i.camera.fx == CAMERA.fx for i in back.images)


def broken(path: str, value: Any) -> dict[str, Any]:
    """A frame with one value replaced (or deleted, with ...) at `points.17.x`."""
    frame = document()
    *parents, last = (int(word) if word.isdigit() else word for word in path.split("."))
    holder: Any = frame
    for word in parents:
        holder = holder[word]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return frame


@pytest.mark.parametrize(
    ("path", "value", "field", "reason"),
    [
        ("points.17.x", float("nan"), "points[17].x", "is nan"),
        ("points.17.z", float("-inf"), "points[17].z", "is -inf"),
        ("points.17.x", 1e5, "points[17].x", "within 100000"),
        ("points.17.x", 10**400, "points[17].x", "is inf"),
        ("points.3.y", "1.5", "points[3].y", "not a text"),
        ("points.3.y", True, "points[3].y", "not true or false"),
        ("points.3.y", None, "points[3].y", "is missing"),
        ("points.3.y", ..., "points[3].y", "is missing"),
        ("points.3", [1, 2, 3], "points[3]", "must be an object"),
        ("points.3.d", 256, "points[3].d", "0 to 255"),
        ("points.3.d", 0.5, "points[3].d", "0 to 255"),
        ("points.3.i", "high", "points[3].i", "not a text"),
        ("points", [], "points", "is empty"),
        ("points", ..., "points", "is missing"),
        ("points", {}, "points", "must be a list"),
        ("points", [{"x": 0, "y": 0, "z": 0}] * 1001, "points", "1,001: at most 1,000"),
        ("points", [{"x": 0, "y": 0, "z": 0}, {"x": 5e4, "y": 0, "z": 0}], "points", "50,000 m apart"),
        ("device_position", ..., "device_position", "is missing"),
        ("device_position.x", 2e5, "device_position.x", "within 100000"),
        ("device_heading", {"w": 0, "x": 0, "y": 0, "z": 0}, "device_heading", "length 0"),
        ("device_gps_pose", {"lat": 91, "long": 0}, "device_gps_pose", "from -90 to 90"),
        ("images", {}, "images", "must be a list"),
        ("images.0.fx", ..., "images[0].fx", "is missing"),
        ("images.0.cy", None, "images[0].cy", "is missing"),
        ("images.0.fy", -1, "images[0].fy", "more than 0"),
        ("images.0.position", ..., "images[0].position", "is missing"),
        ("images.0.heading", ..., "images[0].heading", "is missing"),
        ("images.0.heading.w", "1", "images[0].heading.w", "not a text"),
        ("images.0.image_url", ..., "images[0].image_url", "is missing"),
        ("images.0.image_url", "https://a/\x00", "images[0].image_url", "must be an address"),
        ("images.0.image_url", 7, "images[0].image_url", "must be an address"),
        ("images.0.camera_model", "magic", "images[0].camera_model", "brown_conrady"),
        ("radar_points.0.position", ..., "radar_points[0].position", "is missing"),
        ("timestamp", "noon", "timestamp", "not a text"),
        ("device_imu", {}, "device_imu", "must be a list"),
        ("device_imu.1", [0, 0, 9.8], "device_imu[1]", "must be an object"),
        ("device_imu.0.timestamp", ..., "device_imu[0].timestamp", "is missing"),
        ("device_imu.1.timestamp", 12.41, "device_imu[1].timestamp", "not later than 12.41"),
        ("device_imu.1.angular_velocity", ..., "device_imu[1].angular_velocity", "is missing"),
        ("device_imu.1.angular_velocity", [0, 0, 1], "device_imu[1].angular_velocity", "x, y, z"),
        ("device_imu.0.angular_velocity.z", float("nan"), "device_imu[0].angular_velocity.z", "is nan"),
        ("device_imu.1.specific_force.z", float("inf"), "device_imu[1].specific_force.z", "is inf"),
        ("device_imu.1.specific_force.x", "0", "device_imu[1].specific_force.x", "not a text"),
        ("device_imu.1.specific_force.y", ..., "device_imu[1].specific_force.y", "is missing"),
        ("device_imu", [{}] * 10_001, "device_imu", "10,001 entries; at most 10,000"),
    ],
)
def test_a_mistake_is_named_with_its_frame_and_field(path: str, value: Any, field: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(broken(path, value))
    assert raised.value.field == f"frames[3].{field}"
    assert raised.value.message.startswith(f"frames[3].{field} ") and reason in raised.value.message


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from([0, 1, -1e5, 1e308])
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyzwid"), inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(choices=st.lists(st.integers(0, 30), min_size=1, max_size=5), value=json_values)
def test_whatever_stands_somewhere_is_read_or_refused(choices: list[int], value: Any) -> None:
    """Nothing but a plain refusal: a job that fails otherwise would be tried for ever."""
    whole = document()
    holder: Any = whole
    for n, choice in enumerate(choices):
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = keys[choice % len(keys)]
        inner = holder[key]
        if n == len(choices) - 1 or not isinstance(inner, dict | list) or not inner:
            holder[key] = value
            break
        holder = inner
    try:
        accepted = read(whole)
    except InvalidInput as error:
        refusal = error
    else:
        assert_can_be_kept(accepted)
        return
    assert refusal.field is not None and refusal.message.startswith("frames[3]")


def assert_can_be_kept(accepted: frame_json.ReadFrame) -> None:
    frame = accepted.frame
    back = points.decode(points.encode(frame.points, frame.intensity, frame.sensor))[0]
    assert len(back) == len(frame.points) and np.isfinite(back).all()
    images = [manifest.StoredImage(image.name, "key", image.camera) for image in accepted.images]
    kept = json.dumps(manifest.write(frame, images), allow_nan=False)
    assert "\\u0000" not in kept and "\\ud8" not in kept, "PostgreSQL's JSON holds neither"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"metadata": {"camera": "front left"}}, "front left"),
        ({"metadata": {"camera": "front\x00"}, "camera_index": 7}, "camera 7"),
        ({"metadata": {"camera": "\ud800"}}, "camera 0"),
        ({"camera_index": True}, "camera 0"),
        ({"camera_index": 10**30}, "camera 0"),
    ],
)
def test_a_camera_has_a_name_that_can_be_shown(changes: dict[str, Any], name: str) -> None:
    whole = document()
    whole["images"][0] |= changes
    assert read(whole).images[0].name == name


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"points": [{"x": 1, "y": 2, "z": 3}', "not valid JSON"),
        (b'{"points": [{"x": 1, "y": 2, "z": 3} {"x": 1, "y": 2, "z": 3}]}', "not valid JSON"),
        (b'{"points": [{"x": 1, "y": 2, "z": 3},]}', "not valid JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"points": ' + b"[" * 300_000, "too many"),
    ],
)
def test_what_is_no_frame_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        read(content)
    assert "frames[3]" in raised.value.message


def test_a_points_list_inside_something_else_is_not_taken_for_the_frames() -> None:
    decoy = {"points": [{"x": 9, "y": 9, "z": 9}]}
    assert (read({"extra": decoy} | document()).frame.points[0] == [0.0, 0.0, 0.25]).all()


def test_lengths_are_turned_into_metres() -> None:
    back = read(document(), meters_per_unit=0.3048)
    assert back.frame.points[10].tolist() == pytest.approx([0.3048, -3.048, 0.0762])
    assert back.frame.device.position[2] == pytest.approx(1.7 * 0.3048)
    assert back.images[0].camera.pose.position[2] == pytest.approx(1.5 * 0.3048)
    assert back.frame.radar is not None and back.frame.radar.sizes[0] == pytest.approx(0.1524)


def test_intensities_of_0_to_255_are_understood() -> None:
    listed = [{"x": k, "y": 0, "z": 0, "i": i} for k, i in enumerate((0, 51, 255))]
    assert read(document(points=listed)).frame.intensity.tolist() == pytest.approx([0, 0.2, 1])


def test_a_picture_that_was_made_smaller_has_smaller_intrinsics() -> None:
    camera = read(broken("images.0.scale_factor", 2)).images[0].camera
    assert (camera.fx, camera.cx) == (350, 160)
