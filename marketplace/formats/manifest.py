"""A stored frame's manifest: the small things beside the points, as the workbench reads them, from and to the scene.

The same as `LidarFrame` of the front end, with a storage key where the payload has a signed address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing.scene import Array, Camera, Frame, Gps, Imu, Pose, Radar

# What a frame may leave unsaid: one that does while others do not is a mistake, and shows only once all are there.
DEVICE_HEADING, CAMERA_NAMES = "device_heading", "camera names"


@dataclass(frozen=True)
class StoredImage:
    """A camera's picture in storage, its true size in `camera`."""

    name: str
    key: str
    camera: Camera


@dataclass(frozen=True)
class FrameFacts:
    """One frame of a drive without its points and pictures."""

    number: int
    timestamp: float | None
    device: Pose
    gps: Gps | None = None
    cameras: tuple[tuple[str, Camera], ...] = ()


def write(frame: Frame, images: Sequence[StoredImage], unsaid: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {
        "timestamp": frame.timestamp,
        "device": pose_dict(frame.device),
        "gps": {"lat": frame.gps.lat, "long": frame.gps.long, "bearing": frame.gps.bearing} if frame.gps else None,
        "imu": _imu(frame.imu) if frame.imu else None,
        "radar": _radar(frame.radar) if frame.radar else [],
        "images": [_image(image) for image in images],
        "unsaid": sorted(unsaid),
    }


def pose_dict(pose: Pose) -> dict[str, list[float]]:
    return {"position": list(pose.position), "heading": list(pose.heading)}


def _imu(imu: Imu) -> dict[str, Any]:
    """By column: a frame may have hundreds of readings."""
    return {
        "timestamps": imu.timestamps.tolist(),
        "angular_velocity": imu.angular_velocity.tolist(),
        "specific_force": imu.specific_force.tolist(),
    }


def _radar(radar: Radar) -> list[dict[str, Any]]:
    rows = zip(radar.positions.tolist(), radar.directions.tolist(), radar.sizes.tolist(), strict=True)
    return [{"position": position, "direction": direction, "size": size} for position, direction, size in rows]


def _image(image: StoredImage) -> dict[str, Any]:
    camera = image.camera
    return {
        "camera": image.name,
        "key": image.key,
        "width": camera.width,
        "height": camera.height,
        **pose_dict(camera.pose),
        "model": camera.model,
        "fx": camera.fx,
        "fy": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "skew": camera.skew,
        "distortion": dict(camera.distortion),
    }


def read(number: int, manifest: dict[str, Any]) -> FrameFacts:
    """A drive's manifest; that of a single image has no device and stands at the origin."""
    gps = manifest.get("gps")
    return FrameFacts(
        number=number,
        timestamp=manifest.get("timestamp"),
        device=_pose(manifest["device"]) if manifest.get("device") else Pose((0.0, 0.0, 0.0)),
        gps=Gps(gps["lat"], gps["long"], gps["bearing"]) if gps else None,
        cameras=tuple((image["camera"], _camera(image)) for image in manifest.get("images", []) if "fx" in image),
    )


def read_imu(manifest: dict[str, Any]) -> Imu | None:
    """The readings that came with a frame, as they were sent."""
    kept = manifest.get("imu")
    if not kept:
        return None
    columns: list[Array] = [np.array(kept[name]) for name in ("timestamps", "angular_velocity", "specific_force")]
    return Imu(*columns)


def _pose(value: dict[str, Any]) -> Pose:
    x, y, z = value["position"]
    w, qx, qy, qz = value["heading"]
    return Pose((x, y, z), (w, qx, qy, qz))


def _camera(image: dict[str, Any]) -> Camera:
    return Camera(
        pose=_pose(image),
        width=image["width"],
        height=image["height"],
        fx=image["fx"],
        fy=image["fy"],
        cx=image["cx"],
        cy=image["cy"],
        skew=image["skew"],
        model=image["model"],
        distortion=image["distortion"],
    )
