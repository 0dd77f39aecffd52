"""KITTI tracking: the label file in one camera's coordinates, with that camera's calibration and its way.

KITTI has no world frame: a row says where an object is before the camera (x right, y down, z forward, the middle of its
bottom, turned by rotation_y about y). So the archive also has, per frame, where the camera was: twelve numbers a line,
as in KITTI odometry. The camera is the one that most frames have; a drive without cameras gets a virtual one, which
sits where the device is and looks where it heads. Objects that the camera does not see are kept, with -1 for their box
in the picture.
"""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.formats.manifest import FrameFacts
from routing.geometry import cuboids
from routing.scene import Camera, Pose
from routing.types import Answer

Array = NDArray[np.float64]

# KITTI's own left colour camera: what a virtual one is like.
WIDTH, HEIGHT, FOCAL, CENTRE = 1242, 375, 721.5377, (609.5593, 172.854)
# A camera's axes (right, down, forward) in those of a device (forward, left, up).
CAMERA_IN_DEVICE = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
NEAR_METRES = 0.1
OCCLUSION_UNKNOWN = 3
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same answer gives the same archive


def write(answer: Answer, frames: Sequence[FrameFacts], *, name: str = "0000") -> bytes:
    """A zip of label_02/, calib/, poses/ and tracks.csv, which has our ids and labels for KITTI's numbers and words."""
    cameras = cameras_of(frames)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in (
            (f"label_02/{name}.txt", write_labels(answer, cameras)),
            (f"calib/{name}.txt", _calibration(frames, cameras)),
            (f"poses/{name}.txt", _poses(frames, cameras)),
            ("tracks.csv", _tracks(answer)),
        ):
            entry = zipfile.ZipInfo(path, date_time=_ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return buffer.getvalue()


def cameras_of(frames: Sequence[FrameFacts]) -> dict[int, Camera]:
    """Per frame the camera that the labels refer to."""
    seen = Counter(name for facts in frames for name, _ in facts.cameras)
    if not seen:
        return {facts.number: _virtual(facts.device) for facts in frames}
    chosen = seen.most_common(1)[0][0]
    there = {facts.number: camera for facts in frames for name, camera in facts.cameras if name == chosen}
    first = next(facts for facts in frames if facts.number in there)
    mounted = _relative(first.device, there[first.number].pose)
    return {f.number: there.get(f.number) or _moved(there[first.number], _composed(f.device, mounted)) for f in frames}


def _virtual(device: Pose) -> Camera:
    pose = Pose.from_matrix(np.column_stack([device.rotation @ CAMERA_IN_DEVICE, device.position]))
    return Camera(pose, WIDTH, HEIGHT, FOCAL, FOCAL, *CENTRE)


def _relative(device: Pose, camera: Pose) -> Array:
    """(3, 4): takes the camera's coordinates to the device's."""
    return np.column_stack([device.rotation.T @ camera.rotation, device.from_world(np.array([camera.position]))[0]])


def _composed(device: Pose, mounted: Array) -> Pose:
    place = device.to_world(mounted[None, :, 3])[0]
    return Pose.from_matrix(np.column_stack([device.rotation @ mounted[:, :3], place]))


def _moved(camera: Camera, pose: Pose) -> Camera:
    return Camera(pose, camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, camera.skew)


# Labels


def write_labels(answer: Answer, cameras: dict[int, Camera]) -> str:
    """One row per cuboid, by frame and track: frame, track, type, truncated, occluded, alpha, 2D box, 3D box."""
    rows = []
    for number, track in enumerate(answer["tracks"]):
        word = "_".join(track["label"].split())
        for cuboid in track["cuboids"]:
            values = _row(np.array(cuboids.row(cuboid), dtype=float), cameras[cuboid["frame"]])
            rows.append((cuboid["frame"], number, f"{cuboid['frame']} {number} {word} {values}"))
    return "".join(f"{line}\n" for _, _, line in sorted(rows))


def _row(cuboid: Array, camera: Camera) -> str:
    """The location is chosen so that `y - height / 2` is the centre exactly, however the camera is tilted."""
    centre = camera.pose.from_world(cuboid[None, :3])[0]
    length, width, height = cuboid[3:6]
    turn = _rotation_y(float(cuboid[6]), camera.pose.rotation)
    alpha = float(cuboids.wrap(turn - np.arctan2(centre[0], centre[2])))
    truncated, box = _box(cuboid, camera)
    numbers = [alpha, *box, height, width, length, centre[0], centre[1] + height / 2, centre[2], turn]
    return f"{truncated} {OCCLUSION_UNKNOWN} " + " ".join(f"{value:.6f}" for value in numbers)


def _rotation_y(yaw: float, rotation: Array) -> float:
    """The turn about the camera's y whose forward direction has this yaw in the world."""
    across = np.array([-np.sin(yaw), np.cos(yaw)]) @ rotation[:2]  # the world's direction across, in camera axes
    along = np.array([np.cos(yaw), np.sin(yaw)]) @ rotation[:2]
    turn = float(np.arctan2(across[0], across[2]))
    forward = along[0] * np.cos(turn) - along[2] * np.sin(turn)
    return turn if forward >= 0 else float(cuboids.wrap(turn + np.pi))


def _box(cuboid: Array, camera: Camera) -> tuple[int, list[float]]:
    """Whether the picture's border cuts the object, and its box in the picture; -1 where it is not in it at all."""
    ground = cuboids.footprints(cuboid[None])[0]
    heights = cuboid[2] + np.array([-0.5, 0.5]) * cuboid[5]
    corners = np.array([[x, y, z] for x, y in ground for z in heights])
    own = camera.pose.from_world(corners)
    if own[:, 2].max() < NEAR_METRES:
        return 2, [-1.0] * 4
    depth = np.maximum(own[:, 2], NEAR_METRES)
    u = (camera.fx * own[:, 0] + camera.skew * own[:, 1]) / depth + camera.cx
    v = camera.fy * own[:, 1] / depth + camera.cy
    whole = np.array([u.min(), v.min(), u.max(), v.max()])
    inside = np.clip(whole, 0, [camera.width - 1, camera.height - 1] * 2)
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        return 2, [-1.0] * 4
    return int(not np.allclose(whole, inside)), inside.tolist()


def read_labels(text: str, cameras: dict[int, Camera]) -> Answer:
    """The tracks of a label file in the world; a row that is not KITTI's raises ValueError with its line."""
    tracks: dict[str, dict[str, Any]] = {}
    for line, row in enumerate(text.splitlines(), start=1):
        words = row.split()
        if not words or (len(words) > 2 and words[2] == "DontCare"):
            continue
        try:
            number, (height, width, length, x, y, z, turn) = int(words[0]), map(float, words[10:17])
            pose = cameras[number].pose
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(f"line {line}: not a row of a KITTI tracking label file, or of another drive") from error
        centre = pose.to_world(np.array([[x, y - height / 2, z]]))[0]
        forward = pose.rotation @ [np.cos(turn), 0.0, -np.sin(turn)]
        track = tracks.setdefault(words[1], {"id": words[1], "label": words[2], "attributes": {}, "cuboids": []})
        yaw = float(np.arctan2(forward[1], forward[0]))
        track["cuboids"].append(
            {
                "frame": number,
                "position": centre.tolist(),
                "dimensions": [length, width, height],
                "yaw": yaw,
                "key": True,
            }
        )
    return {"tracks": list(tracks.values())}


# The other files


def _calibration(frames: Sequence[FrameFacts], cameras: dict[int, Camera]) -> str:
    """KITTI's names; its lidar is our device, which is where the customer says the poses are of."""
    if not frames:
        return ""
    first = frames[0]
    camera = cameras[first.number]
    projection = [camera.fx, camera.skew, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    mounted = _relative(first.device, camera.pose)
    inverse = np.column_stack([mounted[:, :3].T, -mounted[:, :3].T @ mounted[:, 3]])
    rows = {f"P{k}:": projection for k in range(4)}
    rows |= {"R_rect": np.eye(3).ravel().tolist(), "Tr_velo_cam": inverse.ravel().tolist()}
    rows["Tr_imu_velo"] = np.eye(4)[:3].ravel().tolist()
    return "".join(f"{key} {_numbers(values)}\n" for key, values in rows.items())


def _poses(frames: Sequence[FrameFacts], cameras: dict[int, Camera]) -> str:
    poses = (cameras[facts.number].pose for facts in frames)
    matrices = (np.column_stack([pose.rotation, pose.position]) for pose in poses)
    return "".join(f"{_numbers(matrix.ravel().tolist())}\n" for matrix in matrices)


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.12e}" for value in values)


def _tracks(answer: Answer) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["track_id", "uuid", "label"])
    table.writerows([number, track["id"], track["label"]] for number, track in enumerate(answer["tracks"]))
    return text.getvalue()
