"""Small drives and answers for the tests of formats and stages."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marketplace.formats.manifest import FrameFacts
from routing.scene import Camera, Pose


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> tuple[float, float, float, float]:
    x, y, z, w = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_quat().tolist()
    return (w, x, y, z)


def camera(position: tuple[float, float, float], yaw: float, tilt: float = 0.0, roll: float = 0.0) -> Camera:
    """A camera that looks along `yaw`, down by `tilt`."""
    device = Rotation.from_euler("ZYX", [yaw, tilt, roll]).as_matrix()
    axes = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    pose = Pose.from_matrix(np.column_stack([device @ axes, position]))
    return Camera(pose, 1242, 375, 721.5377, 721.5377, 609.5593, 172.854)


def moving_frames(count: int, *, tilt: float = 0.0, cameras: tuple[str, ...] = ("front",)) -> list[FrameFacts]:
    """A vehicle that drives a bend, at ten frames a second."""
    frames = []
    for k in range(count):
        yaw = 0.05 * k
        place = (2.0 * k, 0.1 * k * k, 1.7)
        listed = tuple((name, camera(place, yaw + n, tilt)) for n, name in enumerate(cameras))
        frames.append(FrameFacts(k, k / 10, Pose(place, turned(yaw)), None, listed))
    return frames


def answers(frame_count: int) -> st.SearchStrategy[dict[str, Any]]:
    """Whole answers: tracks with gaps, in any place, of any size and turn."""
    place = st.floats(-500, 500, allow_nan=False)
    size = st.floats(0.1, 30)
    cuboid = st.fixed_dictionaries(
        {
            "position": st.tuples(place, place, st.floats(-20, 20)).map(list),
            "dimensions": st.tuples(size, size, size).map(list),
            "yaw": st.floats(-np.pi + 1e-9, np.pi),
            "key": st.booleans(),
        }
    )
    cuboids = st.dictionaries(st.integers(0, frame_count - 1), cuboid, min_size=1, max_size=frame_count)
    attributes = st.dictionaries(
        st.sampled_from(["state", "wheels", "towing", "parts"]),
        st.one_of(st.text(max_size=8), st.integers(0, 9), st.booleans(), st.lists(st.sampled_from("ab"), max_size=2)),
    )
    track = st.tuples(st.sampled_from(["Car", "Emergency vehicle", "Person"]), attributes, cuboids)
    return st.lists(track, max_size=4).map(
        lambda tracks: {
            "tracks": [
                {
                    "id": f"track-{n}",
                    "label": label,
                    "attributes": attributes,
                    "cuboids": [{"frame": frame, **cuboid} for frame, cuboid in sorted(listed.items())],
                }
                for n, (label, attributes, listed) in enumerate(tracks)
            ]
        }
    )
