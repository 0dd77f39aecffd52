"""The customers' frame JSON: points, images with calibration, radar, pose and inertial readings, read and written.

Every error names the frame and the field: `frames[3].points[17].x is nan; it must be a finite number.`
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import orjson

from marketplace.errors import InvalidInput
from marketplace.formats import camera_names
from marketplace.formats import points as lypf
from marketplace.formats.manifest import CAMERA_NAMES, DEVICE_HEADING
from marketplace.formats.point_columns import Columns, check_number, read_columns
from routing.scene import Array, Camera, Frame, Gps, Imu, Pose, Quaternion, Radar
from routing.task_types.params import COORDINATE_MAX

MODELS = ("brown_conrady", "fisheye", "omnidirectional")
DISTORTION = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "lx", "ly", "xi")
IMAGES_MAX, RADAR_MAX, IMU_MAX, ADDRESS_CHARACTERS_MAX = 64, 20_000, 10_000, 4_000
SENSORS = 256
OTHER_OBJECTS_MAX = 200_000  # beside the points: what is more is no frame


@dataclass(frozen=True)
class ImageRef:
    """A camera's picture as the frame names it: the size in `camera` is 0 until the picture is there."""

    name: str
    url: str
    camera: Camera
    timestamp: float | None


@dataclass(frozen=True)
class ReadFrame:
    """A frame whose images are addresses still; `unsaid` has what it leaves open that other frames may say."""

    frame: Frame
    images: tuple[ImageRef, ...]
    unsaid: frozenset[str] = frozenset()


def read(content: bytes, *, number: int, points_max: int, meters_per_unit: float = 1.0) -> ReadFrame:
    """Read and check one frame; lengths come out in metres. Raises InvalidInput at the first thing that is wrong."""
    path = f"frames[{number}]"
    if content.count(b"{") + content.count(b"[") > points_max + OTHER_OBJECTS_MAX:
        raise InvalidInput(f"{path}.points are too many: at most {points_max:,}.", f"{path}.points")
    document, columns = _parse(content, path)
    count = len(columns["x"])
    if count > points_max:
        raise InvalidInput(f"{path}.points are {count:,}: at most {points_max:,}.", f"{path}.points")
    limit = COORDINATE_MAX / max(1.0, meters_per_unit)
    _check_columns(columns, f"{path}.points", limit)
    reader = _Reader(path, meters_per_unit, limit)
    images = _list(document, "images", path, IMAGES_MAX)
    frame = Frame(
        points=np.column_stack([columns[axis] for axis in "xyz"]) * meters_per_unit,
        intensity=_intensity(columns),
        sensor=columns["d"].astype(np.uint8) if "d" in columns else None,
        timestamp=_optional(document, "timestamp", path),
        device=reader.pose(document, "device_position", DEVICE_HEADING, path, heading_required=False),
        gps=reader.gps(document),
        imu=reader.imu(_list(document, "device_imu", path, IMU_MAX)),
        radar=reader.radar(_list(document, "radar_points", path, RADAR_MAX)),
    )
    _check_extent(frame.points, f"{path}.points")
    names = camera_names.read(images, f"{path}.images")
    refs = tuple(reader.image(image, k, name) for k, (image, name) in enumerate(zip(images, names.names, strict=True)))
    unsaid = {DEVICE_HEADING} if document.get(DEVICE_HEADING) is None else set()
    return ReadFrame(frame, refs, frozenset(unsaid | ({CAMERA_NAMES} if names.by_place else set())))


def _parse(content: bytes, path: str) -> tuple[dict[str, Any], Columns]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        document = _parse_leniently(content, path, error)
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} must be a JSON object.", path)
    if "points" not in document:
        raise InvalidInput(f"{path}.points is missing.", f"{path}.points")
    return document, read_columns(document["points"], f"{path}.points")


def _parse_leniently(content: bytes, path: str, error: orjson.JSONDecodeError) -> Any:
    """NaN and Infinity are no JSON, but many programs write them: read on, so that the error can say where they are."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidInput(f"{path} is not valid JSON: {error.msg} ({place}).", path) from error


def _check_columns(columns: Columns, path: str, limit: float) -> None:
    for name, values in columns.items():
        finite = np.isfinite(values)
        if not finite.all():
            k = int(np.argmin(finite))
            check_number(float(values[k]), f"{path}[{k}].{name}")
    for axis in "xyz":
        inside = np.abs(columns[axis]) < limit
        if not inside.all():
            k = int(np.argmin(inside))
            _refuse(f"{path}[{k}].{axis}", f"is {columns[axis][k]:g}; coordinates must lie within {limit:g}.")
    if "d" in columns:
        known = (columns["d"] >= 0) & (columns["d"] < SENSORS) & (columns["d"] == np.rint(columns["d"]))
        if not known.all():
            k = int(np.argmin(known))
            _refuse(f"{path}[{k}].d", f"is {columns['d'][k]:g}; a sensor is a whole number from 0 to {SENSORS - 1}.")


def _check_extent(points: Array, path: str) -> None:
    extent = float((points.max(axis=0) - points.min(axis=0)).max())
    if extent > lypf.EXTENT_METRES_MAX:
        _refuse(path, f"lie {extent:,.0f} m apart; at most {lypf.EXTENT_METRES_MAX:,.0f} m. Is there a stray point?")


def _intensity(columns: Columns) -> Array | None:
    """0 to 1 as the contract has it; what goes beyond is taken for 0 to 255, as many sensors' own files have it."""
    if "i" not in columns:
        return None
    highest = float(columns["i"].max())
    scaled = columns["i"] if highest <= 1 else columns["i"] / max(255.0, highest)
    return np.clip(scaled, 0, 1)


def _refuse(path: str, message: str) -> NoReturn:
    raise InvalidInput(f"{path} {message}", path)


def _list(document: dict[str, Any], name: str, path: str, count_max: int) -> list[Any]:
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(f"{path}.{name}", "must be a list.")
    if len(value) > count_max:
        _refuse(f"{path}.{name}", f"has {len(value):,} entries; at most {count_max:,}.")
    return value


def _optional(document: dict[str, Any], name: str, path: str) -> float | None:
    return None if document.get(name) is None else check_number(document[name], f"{path}.{name}")


@dataclass(frozen=True)
class _Reader:
    """The small parts of a frame; `path` is the frame's, `limit` bounds the coordinates as they were sent."""

    path: str
    meters_per_unit: float
    limit: float

    def pose(
        self, holder: dict[str, Any], position: str, heading: str, path: str, *, heading_required: bool = True
    ) -> Pose:
        place = self.place(holder.get(position), f"{path}.{position}")
        if holder.get(heading) is None and not heading_required:
            return Pose(place)
        return Pose(place, _rotation(holder.get(heading), f"{path}.{heading}"))

    def place(self, value: Any, path: str) -> tuple[float, float, float]:
        x, y, z = _numbers(value, "xyz", path)
        for axis, number in zip("xyz", (x, y, z), strict=True):
            if abs(number) >= self.limit:
                _refuse(f"{path}.{axis}", f"is {number:g}; coordinates must lie within {self.limit:g}.")
        return x * self.meters_per_unit, y * self.meters_per_unit, z * self.meters_per_unit

    def gps(self, document: dict[str, Any]) -> Gps | None:
        value = document.get("device_gps_pose")
        if value is None:
            return None
        path = f"{self.path}.device_gps_pose"
        lat, long = _numbers(value, ("lat", "long"), path)
        if not (-90 <= lat <= 90 and -180 <= long <= 180):
            _refuse(path, "must be degrees: lat from -90 to 90, long from -180 to 180.")
        return Gps(lat, long, _optional(value, "bearing", path) or 0.0)

    def imu(self, listed: list[Any]) -> Imu | None:
        """In SI units whatever `meters_per_unit` is: a sensor's readings are not lengths of the world."""
        times, rates, forces = list[float](), [], []
        for k, item in enumerate(listed):
            path = f"{self.path}.device_imu[{k}]"
            if not isinstance(item, dict):
                _refuse(path, "must be an object.")
            time = check_number(item.get("timestamp"), f"{path}.timestamp")
            if times and time <= times[-1]:
                _refuse(f"{path}.timestamp", f"is {time:.15g}, not later than {times[-1]:.15g} of the reading before.")
            times.append(time)
            rates.append(_numbers(item.get("angular_velocity"), "xyz", f"{path}.angular_velocity"))
            forces.append(_numbers(item.get("specific_force"), "xyz", f"{path}.specific_force"))
        return Imu(np.array(times), np.array(rates), np.array(forces)) if listed else None

    def radar(self, listed: list[Any]) -> Radar | None:
        if not listed:
            return None
        positions, directions, sizes = [], [], []
        for k, item in enumerate(listed):
            path = f"{self.path}.radar_points[{k}]"
            if not isinstance(item, dict):
                _refuse(path, "must be an object.")
            positions.append(self.place(item.get("position"), f"{path}.position"))
            direction = item.get("direction")
            directions.append((0.0,) * 3 if direction is None else _numbers(direction, "xyz", f"{path}.direction"))
            sizes.append(1.0 if item.get("size") is None else check_number(item["size"], f"{path}.size"))
        scale = self.meters_per_unit
        return Radar(np.array(positions), np.array(directions) * scale, np.array(sizes) * scale)

    def image(self, item: dict[str, Any], k: int, name: str) -> ImageRef:
        path = f"{self.path}.images[{k}]"
        url = item.get("image_url")
        if url is None or url == "":
            _refuse(f"{path}.image_url", "is missing.")
        if not isinstance(url, str) or len(url) > ADDRESS_CHARACTERS_MAX or not url.isprintable():
            _refuse(f"{path}.image_url", "must be an address.")
        model = item.get("camera_model") or MODELS[0]
        if model not in MODELS:
            _refuse(f"{path}.camera_model", f"must be one of {', '.join(MODELS)}.")
        return ImageRef(name, url, self.camera(item, path, model), _optional(item, "timestamp", path))

    def camera(self, item: dict[str, Any], path: str, model: str) -> Camera:
        fx, fy, cx, cy = (check_number(item.get(name), f"{path}.{name}") for name in ("fx", "fy", "cx", "cy"))
        for name, value in (("fx", fx), ("fy", fy)):
            if value <= 0:
                _refuse(f"{path}.{name}", f"is {value:g}; a focal length is more than 0.")
        # The picture was made smaller by this factor; the intrinsics are the full picture's.
        shrunk = _optional(item, "scale_factor", path) or 1.0
        if shrunk <= 0:
            _refuse(f"{path}.scale_factor", "must be more than 0.")
        given = {name: _optional(item, name, path) for name in DISTORTION}
        return Camera(
            pose=self.pose(item, "position", "heading", path),
            width=0,
            height=0,
            fx=fx / shrunk,
            fy=fy / shrunk,
            cx=cx / shrunk,
            cy=cy / shrunk,
            skew=(_optional(item, "skew", path) or 0.0) / shrunk,
            model=model,
            distortion={name: value for name, value in given.items() if value},
        )


def _numbers(value: Any, names: Sequence[str], path: str) -> list[float]:
    if value is None:
        _refuse(path, "is missing.")
    if not isinstance(value, dict):
        _refuse(path, f"must be an object with {', '.join(names)}.")
    return [check_number(value.get(name), f"{path}.{name}") for name in names]


def _rotation(value: Any, path: str) -> Quaternion:
    w, x, y, z = _numbers(value, "wxyz", path)
    length = float(np.linalg.norm([w, x, y, z]))
    if not 0.5 <= length <= 2:
        _refuse(path, f"has length {length:.3g}; a rotation is a quaternion of length 1.")
    return w / length, x / length, y / length, z / length


# Writing


def write(frame: Frame, image_urls: Sequence[str]) -> bytes:
    """The frame in the documented JSON, its images under the given addresses, coordinates to the millimetre."""
    assert len(image_urls) == len(frame.images), "every image has an address"
    columns = [np.round(frame.points, 3).tolist()]
    listed: list[dict[str, Any]] = [{"x": x, "y": y, "z": z} for x, y, z in columns[0]]
    if frame.intensity is not None:
        for point, i in zip(listed, np.round(frame.intensity, 3).tolist(), strict=True):
            point["i"] = i
    if frame.sensor is not None:
        for point, d in zip(listed, frame.sensor.tolist(), strict=True):
            point["d"] = d
    document: dict[str, Any] = {
        "device_position": _named(frame.device.position, "xyz"),
        "device_heading": _named(frame.device.heading, "wxyz"),
    }
    if frame.timestamp is not None:
        document["timestamp"] = frame.timestamp
    if frame.gps is not None:
        document["device_gps_pose"] = {"lat": frame.gps.lat, "long": frame.gps.long, "bearing": frame.gps.bearing}
    if frame.imu is not None:
        document["device_imu"] = _imu(frame.imu)
    document["images"] = [
        _image(image.name, image.camera, image.timestamp, url, k)
        for k, (image, url) in enumerate(zip(frame.images, image_urls, strict=True))
    ]
    document["radar_points"] = _radar(frame.radar) if frame.radar else []
    return orjson.dumps(document | {"points": listed})


def _named(values: Sequence[float], names: str) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _image(name: str, camera: Camera, timestamp: float | None, url: str, k: int) -> dict[str, Any]:
    return {
        "image_url": url,
        "camera_index": k,
        "position": _named(camera.pose.position, "xyz"),
        "heading": _named(camera.pose.heading, "wxyz"),
        "camera_model": camera.model,
        **{key: float(getattr(camera, key)) for key in ("fx", "fy", "cx", "cy", "skew")},
        **{key: float(value) for key, value in camera.distortion.items()},
        **({"timestamp": timestamp} if timestamp is not None else {}),
        "metadata": {"camera": name},
    }


def _imu(imu: Imu) -> list[dict[str, Any]]:
    rows = zip(imu.timestamps.tolist(), imu.angular_velocity.tolist(), imu.specific_force.tolist(), strict=True)
    return [
        {"timestamp": time, "angular_velocity": _named(rate, "xyz"), "specific_force": _named(force, "xyz")}
        for time, rate, force in rows
    ]


def _radar(radar: Radar) -> list[dict[str, Any]]:
    rows = zip(radar.positions.tolist(), radar.directions.tolist(), radar.sizes.tolist(), strict=True)
    return [
        {"position": _named(position, "xyz"), "direction": _named(direction, "xyz"), "size": size}
        for position, direction, size in rows
    ]
