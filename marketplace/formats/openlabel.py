"""ASAM OpenLABEL 1.0: a drive's cuboids in the world frame, with the poses and cameras that they were drawn with."""

import math
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from marketplace.formats.manifest import FrameFacts
from routing.scene import Camera, Pose
from routing.types import Answer

WORLD, VEHICLE, LIDAR, SHAPE, KEY = "world", "vehicle", "lidar", "shape", "key"
NAMESPACE = uuid.UUID("0b1f3f6e-14c2-5b7b-8f0f-6d0a5c1f2f3b")
_UID = re.compile(r"-?[0-9]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPENCV_ORDER = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


def write(answer: Answer, frames: Sequence[FrameFacts], *, name: str = "") -> dict[str, Any]:
    """The document; objects are keyed by their track's id, frames by their number in the drive."""
    uids = {track["id"]: _uid(track["id"]) for track in answer["tracks"]}
    cuboids: dict[int, dict[str, Any]] = {}
    for track in answer["tracks"]:
        for cuboid in track["cuboids"]:
            cuboids.setdefault(cuboid["frame"], {})[uids[track["id"]]] = {"object_data": {"cuboid": [_cuboid(cuboid)]}}
    cameras = {camera_name(n): camera for facts in reversed(frames) for n, camera in facts.cameras}
    content: dict[str, Any] = {
        "metadata": {"schema_version": "1.0.0", "annotator": "Labelyard", **({"name": name} if name else {})},
        "coordinate_systems": _coordinate_systems(cameras),
        "streams": {LIDAR: {"type": "lidar", "description": "All lidars of the vehicle, in the world frame."}}
        | {stream: _camera_stream(camera) for stream, camera in cameras.items()},
        "frames": {str(f.number): _frame(f, cuboids.get(f.number, {})) for f in frames},
        "frame_intervals": _intervals(f.number for f in frames),
    }
    if answer["tracks"]:
        content["objects"] = {uids[track["id"]]: _object(track) for track in answer["tracks"]}
    return {"openlabel": content}


def camera_name(name: str) -> str:
    return f"camera {name}" if name in (WORLD, VEHICLE, LIDAR) else name


def _uid(track_id: str) -> str:
    return track_id if _UID.fullmatch(track_id) else str(uuid.uuid5(NAMESPACE, track_id))


def _cuboid(cuboid: dict[str, Any]) -> dict[str, Any]:
    half = cuboid["yaw"] / 2
    rotation = [0.0, 0.0, math.sin(half), math.cos(half)]  # x, y, z, w
    return {
        "name": SHAPE,
        "coordinate_system": WORLD,
        "val": [*cuboid["position"], *rotation, *cuboid["dimensions"]],
        "attributes": {"boolean": [{"name": KEY, "val": bool(cuboid.get("key", True))}]},
    }


def _object(track: dict[str, Any]) -> dict[str, Any]:
    intervals = _intervals(cuboid["frame"] for cuboid in track["cuboids"])
    described: dict[str, Any] = {
        "name": track["id"],
        "type": track["label"],
        "frame_intervals": intervals,
        "object_data_pointers": {
            SHAPE: {"type": "cuboid", "frame_intervals": intervals, "attribute_pointers": {KEY: "boolean"}}
        },
    }
    data: dict[str, list[dict[str, Any]]] = {}
    for key, value in track.get("attributes", {}).items():
        data.setdefault(_kind(value), []).append({"name": key, "val": value})
    return described | ({"object_data": data} if data else {})


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "num"
    return "vec" if isinstance(value, list) else "text"


def _intervals(numbers: Iterable[int]) -> list[dict[str, int]]:
    """Frame numbers as runs without a gap."""
    runs: list[dict[str, int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1]["frame_end"] == number - 1:
            runs[-1]["frame_end"] = number
        else:
            runs.append({"frame_start": number, "frame_end": number})
    return runs


def _frame(facts: FrameFacts, objects: dict[str, Any]) -> dict[str, Any]:
    transforms = {f"{VEHICLE}_to_{WORLD}": _transform(VEHICLE, facts.device)}
    for name, camera in facts.cameras:
        transforms[f"{camera_name(name)}_to_{WORLD}"] = _transform(camera_name(name), camera.pose)
    properties: dict[str, Any] = {"transforms": transforms}
    if facts.timestamp is not None:
        properties["timestamp"] = str(facts.timestamp)  # the standard allows a text or a whole number
    return {"frame_properties": properties, **({"objects": objects} if objects else {})}


def _transform(source: str, pose: Pose) -> dict[str, Any]:
    w, x, y, z = pose.heading
    placed = {"quaternion": [x, y, z, w], "translation": list(pose.position)}
    return {"src": source, "dst": WORLD, "transform_src_to_dst": placed}


def _coordinate_systems(cameras: dict[str, Camera]) -> dict[str, Any]:
    """Everything stands in the world; how, the transforms of each frame say."""
    children = [VEHICLE, *cameras]
    systems: dict[str, Any] = {WORLD: {"type": "scene_cs", "parent": "", "children": children}}
    systems[VEHICLE] = {"type": "local_cs", "parent": WORLD, "children": []}
    return systems | {name: {"type": "sensor_cs", "parent": WORLD, "children": []} for name in cameras}


def _camera_stream(camera: Camera) -> dict[str, Any]:
    size = {"width_px": camera.width, "height_px": camera.height}
    given = camera.distortion
    if camera.model == "fisheye":
        intrinsics: dict[str, Any] = size | {
            "center_x_px": camera.cx,
            "center_y_px": camera.cy,
            "focal_length_x_px": camera.fx,
            "focal_length_y_px": camera.fy,
            "lens_coeffs": [given.get(k, 0.0) for k in ("k1", "k2", "k3", "k4")],
        }
        return {"type": "camera", "stream_properties": {"intrinsics_fisheye": intrinsics}}
    matrix = [camera.fx, camera.skew, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    intrinsics = size | {"camera_matrix": matrix}
    if given:
        intrinsics["distortion_coeffs"] = [given.get(k, 0.0) for k in _OPENCV_ORDER]
    if camera.model != "brown_conrady":
        intrinsics |= {"model": camera.model, "distortion": dict(given)}
    kind = "intrinsics_pinhole" if camera.model == "brown_conrady" else "intrinsics_custom"
    return {"type": "camera", "stream_properties": {kind: intrinsics}}


# Reading


def read(document: dict[str, Any]) -> Answer:
    """The cuboids of a document as tracks; raises ValueError for a cuboid that is in another frame than the world."""
    content = document["openlabel"]
    scenes = {name for name, system in content.get("coordinate_systems", {}).items() if not system.get("parent")}
    tracks: dict[str, dict[str, Any]] = {}
    for number, frame in sorted(content.get("frames", {}).items(), key=lambda item: int(item[0])):
        for uid, entry in frame.get("objects", {}).items():
            for shape in entry.get("object_data", {}).get("cuboid", []):
                system = shape.get("coordinate_system", WORLD)
                if scenes and system not in scenes:
                    raise ValueError(f"frames[{number}].objects[{uid}]: the cuboid is in {system}, not in the world")
                track = tracks.setdefault(uid, _track(uid, content["objects"][uid]))
                track["cuboids"].append(_read_cuboid(int(number), shape))
    return {"tracks": list(tracks.values())}


def _track(uid: str, described: dict[str, Any]) -> dict[str, Any]:
    data = described.get("object_data", {})
    kinds = ("text", "num", "boolean", "vec")
    attributes = {item["name"]: item["val"] for kind in kinds for item in data.get(kind, [])}
    name = described["name"]
    track_id = name if _uid(name) == uid else uid
    return {"id": track_id, "label": described["type"], "attributes": attributes, "cuboids": []}


def _read_cuboid(number: int, shape: dict[str, Any]) -> dict[str, Any]:
    """Ten values carry a quaternion, nine carry angles; only the turn about z is ours."""
    values = [float(value) for value in shape["val"]]
    if len(values) == 10:
        x, y, z, w = values[3:7]
        yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    else:
        yaw = values[5]
    flags = shape.get("attributes", {}).get("boolean", [])
    key = next((bool(flag["val"]) for flag in flags if flag["name"] == KEY), True)
    return {"frame": number, "position": values[:3], "dimensions": values[-3:], "yaw": yaw, "key": key}
