"""PandaSet: its own sequences (`lidar/*.pkl.gz`, in the world), and the layout of Scale's toolkit (`pointcloud/`)."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.errors import InvalidInput
from marketplace.formats.datasets import pickles, ply
from marketplace.formats.datasets.tracks import Tracks, front_first, image, matrix, need, shifted
from routing.scene import Array, Drive, Frame, Image, Pose, Radar

LABELS = ("Car", "Truck", "Bus", "Pedestrian", "Cyclist", "Motorcycle")
RADAR_COLUMNS = 7  # position, direction, size
PICTURES = (".jpg", ".jpeg", ".png")


def read(path: Path) -> list[Drive]:
    """One sequence or a folder of them; raises InvalidInput where there is none."""
    candidates = [path, *sorted(p for p in path.iterdir() if p.is_dir())]
    drives = [_sequence(p) for p in candidates if list((p / "lidar").glob("*.pkl*"))]
    drives += [_toolkit(p) for p in candidates if list((p / "pointcloud").glob("*.ply"))]
    return list(need(drives, path, "lidar/*.pkl.gz and no pointcloud/*.ply"))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path.parent.name}/{path.name} cannot be read: {error}", "path") from error


def _pose(value: dict[str, Any]) -> Array:
    """From `{position, heading}` with named or listed numbers."""
    place, turned = value["position"], value["heading"]
    x, y, z = place if isinstance(place, list) else (place[key] for key in "xyz")
    w, i, j, k = turned if isinstance(turned, list) else (turned[key] for key in "wxyz")
    return matrix(Pose((x, y, z), (w, i, j, k)))


def _intrinsics(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/intrinsics.json"), key=lambda path: front_first(path.parent.name))


# PandaSet's own layout


def _sequence(path: Path) -> Drive:
    sweeps = sorted((path / "lidar").glob("*.pkl*"))
    numbers = [_number(sweep) for sweep in sweeps]
    poses = [_pose(value) for value in _listed(path / "lidar" / "poses.json", numbers)]
    origin = poses[numbers[0]][:3, 3].copy()
    stamps = path / "lidar" / "timestamps.json"
    times = _listed(stamps, numbers) if stamps.exists() else None
    tracks = _cuboids(path, sweeps, origin)

    def frame(k: int) -> Frame:
        table = pickles.load(sweeps[k])
        return Frame(
            points=np.column_stack([table[axis].astype(float) for axis in "xyz"]) - origin,
            intensity=np.clip(table["i"].astype(float) / 255, 0, 1),
            sensor=table["d"].astype(np.uint8) if "d" in table else None,
            timestamp=float(times[numbers[k]]) if times else None,
            device=Pose.from_matrix(shifted(poses[numbers[k]], origin)),
            images=_images(path, numbers[k], origin),
        )

    return Drive(path.name, len(sweeps), frame, tracks.labels() or LABELS, tracks.answer(), "PandaSet")


def _number(path: Path) -> int:
    """`07.pkl.gz` is the eighth moment of its sequence, whichever others are there."""
    word = path.name.partition(".")[0]
    if not word.isdigit():
        raise InvalidInput(f"{path.parent.name}/{path.name}: the name of a sweep or a picture is its number.", "path")
    return int(word)


def _listed(path: Path, numbers: list[int]) -> list[Any]:
    """A JSON list with an entry for every moment of the sequence, of which the files here are those of `numbers`."""
    listed = _json(path)
    for number in numbers:
        if not isinstance(listed, list) or number >= len(listed):
            count = len(listed) if isinstance(listed, list) else 0
            where = f"{path.parent.name}/{path.name}"
            raise InvalidInput(f"{where} has {count} entries: there is none for number {number:02d}.", "path")
    return list(listed)


def _images(path: Path, number: int, origin: Array) -> tuple[Image, ...]:
    """Of the cameras that have a picture of this moment."""
    found = []
    for camera in _intrinsics(path / "camera"):
        folder = camera.parent
        pictures = {_number(p): p for p in folder.iterdir() if p.suffix.lower() in PICTURES}
        if number in pictures:
            pose = Pose.from_matrix(shifted(_pose(_listed(folder / "poses.json", [number])[number]), origin))
            found.append(image(folder.name, pictures[number], pose, _json(camera)))
    return tuple(found)


def _cuboids(path: Path, sweeps: list[Path], origin: Array) -> Tracks:
    """x of the dimensions is the width and y the length; yaw 0 looks along +y."""
    tracks = Tracks()
    for k, sweep in enumerate(sweeps):
        source = path / "annotations" / "cuboids" / sweep.name
        if not source.exists():
            continue
        table = pickles.load(source)
        names = [str(name) for name in table["uuid"]]
        siblings = [str(name) for name in table.get("cuboids.sibling_id", [""] * len(names))]
        told: set[str] = set()
        for row, name in enumerate(names):
            if siblings[row] in told:  # the same object again, as the second lidar saw it
                continue
            told.add(name)
            centre = np.array([float(table[f"position.{axis}"][row]) for axis in "xyz"]) - origin
            width, length, height = (float(table[f"dimensions.{axis}"][row]) for axis in "xyz")
            yaw = float(table["yaw"][row]) + np.pi / 2
            yaw = float(np.arctan2(np.sin(yaw), np.cos(yaw)))
            tracks.add(name, str(table["label"][row]), k, centre, np.array([length, width, height]), yaw)
    return tracks


# The layout of Scale's toolkit


def _toolkit(path: Path) -> Drive:
    clouds = sorted((path / "pointcloud").glob("*.ply"), key=lambda p: (len(p.stem), p.stem))
    poses = [_pose(_json(path / "poses" / f"{cloud.stem}.json")) for cloud in clouds]
    origin = poses[0][:3, 3].copy()
    poses = [shifted(pose, origin) for pose in poses]
    template = path / "template.json"
    labels = tuple(map(str, _json(template).get("labels", ()))) if template.exists() else ()
    radars = _radars(path, clouds)

    def frame(k: int) -> Frame:
        world = poses[k]
        columns = ply.read(clouds[k])
        points = np.column_stack([columns[axis].astype(float) for axis in "xyz"])
        return Frame(
            points=points @ world[:3, :3].T + world[:3, 3],
            intensity=np.clip(columns["i"].astype(float) / 255, 0, 1) if "i" in columns else None,
            device=Pose.from_matrix(world),
            radar=_in_world(radars[k], world) if radars else None,
            images=_toolkit_images(path, clouds[k].stem, world),
        )

    return Drive(path.name, len(clouds), frame, labels or LABELS, None, "PandaSet")


def _toolkit_images(path: Path, stem: str, world: Array) -> tuple[Image, ...]:
    found = []
    for camera in _intrinsics(path / "cameras"):
        folder = camera.parent
        picture = next((folder / f"{stem}{end}" for end in PICTURES if (folder / f"{stem}{end}").exists()), None)
        if picture is not None:
            pose = Pose.from_matrix(world @ _pose(_json(folder / "extrinsics.json")))
            found.append(image(folder.name, picture, pose, _json(camera)))
    return tuple(found)


def _radars(path: Path, clouds: list[Path]) -> list[Array]:
    """Rows of position, direction and size in the car's frame, for every cloud or for none."""
    files = [path / "radar_points" / f"{cloud.stem}.txt" for cloud in clouds]
    if not all(file.exists() for file in files):
        return []
    texts = [file.read_text() for file in files]
    if len(texts) > 1 and len(set(texts)) == 1:
        return []  # the same in every frame: a placeholder, no measurement
    try:
        return [np.array(text.replace(",", " ").split(), float).reshape(-1, RADAR_COLUMNS) for text in texts]
    except ValueError as error:
        raise InvalidInput(f"radar_points has rows that are not {RADAR_COLUMNS} numbers: {error}", "path") from error


def _in_world(rows: Array, world: Array) -> Radar:
    rotation = world[:3, :3]
    return Radar(rows[:, :3] @ rotation.T + world[:3, 3], rows[:, 3:6] @ rotation.T, rows[:, 6])
