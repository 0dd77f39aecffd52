"""The rules that rejoining is measured against: CVAT's, none at all, and an oracle that knows the true ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from routing.geometry import cuboids
from routing.reassembly import assemble_tracks
from routing.types import Answer, Window

CVAT_COST_MAX = 0.5


@dataclass(frozen=True)
class Labeled:
    """The pieces of a drive as labelers answered them; `truths` has the true id of each track, "" for an invention."""

    windows: list[Window]
    answers: list[Answer]
    truths: list[list[str]]


@dataclass(frozen=True)
class Rejoined:
    answer: Answer
    links: set[tuple[int, int, int]]  # (piece, track in it, track in the next piece)


def labelyard(labeled: Labeled) -> Rejoined:
    joined = assemble_tracks(labeled.windows, labeled.answers)
    at = [{track["id"]: k for k, track in enumerate(answer["tracks"])} for answer in labeled.answers]
    links = {
        (link["pieces"][0], at[link["pieces"][0]][link["tracks"][0]], at[link["pieces"][1]][link["tracks"][1]])
        for link in joined.report["links"]
    }
    return Rejoined(joined.answer, links)


def nothing(labeled: Labeled) -> Rejoined:
    """No linking: every piece keeps its ids, and shared frames are dealt to the earlier piece."""
    tracks = []
    for k, answer in enumerate(labeled.answers):
        start = labeled.windows[k - 1].stop if k else 0
        for track in answer["tracks"]:
            kept = [c for c in track["cuboids"] if c["frame"] >= start]
            if kept:
                tracks.append(track | {"id": f"{k}/{track['id']}", "cuboids": kept})
    return Rejoined({"tracks": tracks}, set())


def oracle(labeled: Labeled) -> Rejoined:
    links = set()
    for k in range(len(labeled.answers) - 1):
        right = {truth: j for j, truth in enumerate(labeled.truths[k + 1]) if truth}
        links |= {(k, i, right[truth]) for i, truth in enumerate(labeled.truths[k]) if truth in right}
    return Rejoined(_join(labeled, links), links)


def cvat(labeled: Labeled) -> Rejoined:
    """CVAT's rule (its dataset_manager, 2026): one assignment per seam on the shared frames, accepted from 0.5 up."""
    links = set()
    for k in range(len(labeled.answers) - 1):
        common = labeled.windows[k].overlap(labeled.windows[k + 1])
        left, right = (labeled.answers[n]["tracks"] for n in (k, k + 1))
        if not len(common) or not left or not right:
            continue
        cost = 1 - _similarities(left, right, common)
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if cost[i, j] <= CVAT_COST_MAX:
                links.add((k, int(i), int(j)))
    return Rejoined(_join(labeled, links), links)


def _similarities(left: list[dict[str, Any]], right: list[dict[str, Any]], common: Window) -> Any:
    """1 less the mean error over the frames where either is: a frame with only one of them is an error of 1."""
    one, two = _on(left, common), _on(right, common)
    there_one, there_two = ~np.isnan(one[..., 0]), ~np.isnan(two[..., 0])
    alike = np.nan_to_num(_iou(one, two, (0, 1)) * _iou(one, two, (0, 2)))
    both = there_one[:, None] & there_two[None]
    either = there_one[:, None] | there_two[None]
    similar = (alike * both).sum(axis=2) / np.maximum(1, either.sum(axis=2))
    same = np.array([[x["label"] == y["label"] for y in right] for x in left])
    return np.where(same & both.any(axis=2), similar, 0)


def _on(tracks: list[dict[str, Any]], common: Window) -> Any:
    rows = np.full((len(tracks), len(common), 7), np.nan)
    for i, track in enumerate(tracks):
        for cuboid in track["cuboids"]:
            if cuboid["frame"] in common:
                rows[i, cuboid["frame"] - common.start] = cuboids.row(cuboid)
    return rows


def _iou(one: Any, two: Any, axes: tuple[int, int]) -> Any:
    """Of the axis-aligned views on two axes; the heading is ignored, as there."""
    shared, area_one, area_two = 1.0, 1.0, 1.0
    for axis in axes:
        a, b, p, q = one[:, None, :, axis], two[None, :, :, axis], one[:, None, :, axis + 3], two[None, :, :, axis + 3]
        shared = shared * np.maximum(0, np.minimum(a + p / 2, b + q / 2) - np.maximum(a - p / 2, b - q / 2))
        area_one, area_two = area_one * p, area_two * q
    return shared / (area_one + area_two - shared)


def _join(labeled: Labeled, links: set[tuple[int, int, int]]) -> Answer:
    """Chains of linked tracks as one track each; shared frames are averaged as Labelyard does."""
    following = {(k, i): (k + 1, j) for k, i, j in links}
    later = set(following.values())
    tracks = []
    for k, answer in enumerate(labeled.answers):
        for i in range(len(answer["tracks"])):
            if (k, i) in later:
                continue
            chain = [(k, i)]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            parts = [labeled.answers[piece]["tracks"][n] for piece, n in chain]
            tracks.append(parts[0] | {"id": f"{k}/{i}", "cuboids": _average(parts)})
    return {"tracks": tracks}


def _average(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    by_frame: dict[int, list[dict[str, Any]]] = {}
    for part in parts:
        for cuboid in part["cuboids"]:
            by_frame.setdefault(cuboid["frame"], []).append(cuboid)
    joined = []
    for frame, seen in sorted(by_frame.items()):
        mean = cuboids.average(np.array([cuboids.row(c) for c in seen]))
        joined.append(cuboids.as_dict(frame, mean.tolist(), key=True))
    return joined
