"""A stored frame's manifest: the small things beside the points, as the workbench reads them, from and to the scene.

The same as `LidarFrame` of the front end, with a storage key where the payload has a signed address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routing.scene import Camera, Frame, Gps, Pose, Radar


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


def write(frame: Frame, images: Sequence[StoredImage]) -> dict[str, Any]:
    return {
        "timestamp": frame.timestamp,
        "device": pose_dict(frame.device),
        "gps": {"lat": frame.gps.lat, "long": frame.gps.long, "bearing": frame.gps.bearing} if frame.gps else None,
        "radar": _radar(frame.radar) if frame.radar else [],
        "images": [_image(image) for image in images],
    }


def pose_dict(pose: Pose) -> dict[str, list[float]]:
    return {"position": list(pose.position), "heading": list(pose.heading)}


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
