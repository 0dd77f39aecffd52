"""Real tracks where the shared data lies beside the repository, and generated ones where it does not."""

from pathlib import Path
from typing import Any

import numpy as np

from marketplace.formats.datasets import argoverse2, kitti_tracking
from routing.types import Answer

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
KITTI_SEQUENCES = ("0000", "0001", "0007", "0009", "0011")


def real(data: Path) -> dict[str, dict[str, Answer]]:
    """Whole answers by data set and drive; an empty dictionary where the data is not there."""
    found: dict[str, dict[str, Answer]] = {}
    labels = data / "sensor" / "kitti_tracking_labels"
    for name in KITTI_SEQUENCES:
        files = [labels / kind / f"{name}.txt" for kind in ("label_02", "calib", "poses")]
        if all(file.exists() for file in files):
            add(found, "KITTI", name, kitti_tracking.read_tracks(*files))
    for annotations in sorted((data / "sensor" / "av2_logs").glob("*/annotations.feather")):
        if (annotations.parent / "city_SE3_egovehicle.feather").exists():
            add(found, "Argoverse 2", annotations.parent.name[:8], argoverse2.read_tracks(annotations.parent))
    return found


def add(found: dict[str, dict[str, Answer]], data_set: str, name: str, answer: Answer | None) -> None:
    if answer is not None:
        for track in answer["tracks"]:
            track["cuboids"].sort(key=lambda cuboid: cuboid["frame"])
        found.setdefault(data_set, {})[name] = answer


def frame_count(answer: Answer) -> int:
    return max(cuboid["frame"] for track in answer["tracks"] for cuboid in track["cuboids"]) + 1


def generated(frames: int, objects: int, seed: int = 0) -> Answer:
    """Cars in three lanes and people on two pavements beside a moving car; at each moment `objects` of them.

    Whoever leaves makes room for a newcomer in the same place of the list, so that the number stays the same.
    """
    dice = np.random.default_rng(seed)
    tracks: list[dict[str, Any]] = []
    for _ in range(objects):
        start = 0
        while start < frames:
            length = min(frames - start, int(dice.integers(40, 300)))
            tracks.append(_track(f"o{len(tracks)}", start, length, dice))
            start += length
    return {"tracks": tracks}


def _track(name: str, start: int, length: int, dice: np.random.Generator) -> dict[str, Any]:
    person = dice.random() < 0.4
    speed = (
        float(dice.choice([-1, 1])) * dice.uniform(0.05, 0.18) if person else float(dice.choice([0, 0.8, 1.2, -1.1]))
    )
    aside = float(dice.choice([-7.5, 7.5]) + dice.normal(0, 0.8) if person else dice.choice([-3.5, 0, 3.5]))
    ahead = start * 0.8 + dice.uniform(-60, 60)
    size = [0.7, 0.7, 1.75] if person else [float(dice.uniform(3.8, 5.2)), 1.9, 1.6]
    cuboids = [
        {
            "frame": start + k,
            "position": [ahead + speed * k, aside + 0.3 * float(np.sin((start + k) / 30)), size[2] / 2],
            "dimensions": size,
            "yaw": 0.0 if speed >= 0 else 3.14,
            "key": True,
        }
        for k in range(length)
    ]
    return {"id": name, "label": "person" if person else "car", "attributes": {}, "cuboids": cuboids}
