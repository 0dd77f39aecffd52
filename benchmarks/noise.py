"""Labelers who err: what they make of a window whose truth is known.

Errors as published studies and earlier measurements of ours put them: centres off by a bias per track and a jitter per
frame, sizes and headings too, tracks missed, invented and called by a wrong name, and, the one that hurts most, tracks
begun late and ended early within the window.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from routing.task_types import lidarannotation
from routing.types import Answer, Window

Dice = np.random.Generator


@dataclass(frozen=True)
class Noise:
    jitter_metres: float = 0.10
    bias_metres: float = 0.10
    yaw_degrees: float = 3.0
    size_share: float = 0.05
    missed_share: float = 0.02
    invented_share: float = 0.02
    wrong_label_share: float = 0.02
    late_frames: int = 0  # at most so many frames late at either end


def label_window(
    whole: Answer, window: Window, noise: Noise, labels: list[str], dice: Dice
) -> tuple[Answer, list[str]]:
    """One labeler's answer, and for each of its tracks the true id ("" for an invention)."""
    seen = lidarannotation.within(whole, window)["tracks"]
    drawn, truths = [], []
    for track in seen:
        if dice.random() < noise.missed_share:
            continue
        drawn.append(_draw(track, noise, labels, dice))
        truths.append(track["id"])
    for track in seen:
        if dice.random() < noise.invented_share:
            drawn.append(_invent(track, noise, labels, dice))
            truths.append("")
    order = dice.permutation(len(drawn))
    tracks = [drawn[i] | {"id": f"t{k}"} for k, i in enumerate(order)]
    return {"tracks": tracks}, [truths[i] for i in order]


def _draw(track: dict[str, Any], noise: Noise, labels: list[str], dice: Dice) -> dict[str, Any]:
    late, early = dice.integers(0, noise.late_frames + 1, 2).tolist()
    cuboids = track["cuboids"]
    shown = cuboids[late : len(cuboids) - early] or cuboids[len(cuboids) // 2 :][:1]
    bias = np.append(dice.normal(0, noise.bias_metres, 2), 0)
    scale = 1 + dice.normal(0, noise.size_share, 3)  # people draw the size once per track
    wrong = dice.random() < noise.wrong_label_share
    drawn = [
        cuboid
        | {
            "position": (cuboid["position"] + bias + np.append(dice.normal(0, noise.jitter_metres, 2), 0)).tolist(),
            "dimensions": (np.array(cuboid["dimensions"]) * np.maximum(0.2, scale)).tolist(),
            "yaw": cuboid["yaw"] + float(np.radians(dice.normal(0, noise.yaw_degrees))),
        }
        for cuboid in shown
    ]
    label = str(dice.choice(labels)) if wrong else track["label"]
    return {"id": "", "label": label, "attributes": {}, "cuboids": drawn}


def _invent(beside: dict[str, Any], noise: Noise, labels: list[str], dice: Dice) -> dict[str, Any]:
    """A thing that is not there, some metres beside one that is, for some of its frames."""
    offset = np.append(dice.normal(0, 4, 2), 0)
    cuboids = beside["cuboids"][: dice.integers(1, len(beside["cuboids"]) + 1)]
    shown = [cuboid | {"position": (cuboid["position"] + offset).tolist()} for cuboid in cuboids]
    return _draw({"label": beside["label"], "cuboids": shown}, noise, labels, dice)
