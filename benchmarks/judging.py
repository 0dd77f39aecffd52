"""How good rejoined tracks are, by TrackEval's HOTA, identity and CLEAR metrics, in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from trackeval import metrics

from benchmarks.rejoin_peers import Labeled, Rejoined
from routing.types import Answer

METRES_AT_NO_SIMILARITY = 4.0  # similarity 1 - d / 4 m, so that 0.5 is nuScenes' 2 m


@dataclass(frozen=True)
class Scores:
    hota: float
    ass_a: float
    idf1: float
    switches: float
    false_links: float  # per 1,000 true ones
    missed_links: float


def judge(truths: Mapping[str, Answer], labeled: Mapping[str, Labeled], joined: Mapping[str, Rejoined]) -> Scores:
    """Over all drives together."""
    data = {name: _tables(truths[name], one.answer) for name, one in joined.items()}
    hota, identity, clear = (_combined(metric, data) for metric in (metrics.HOTA(), IDENTITY, CLEAR))
    false, missed, true = (sum(counts) for counts in zip(*(_links(labeled[n], joined[n]) for n in joined), strict=True))
    return Scores(
        float(np.mean(hota["HOTA"])),
        float(np.mean(hota["AssA"])),
        float(identity["IDF1"]),
        float(clear["IDSW"]),
        1000 * false / max(1, true),
        1000 * missed / max(1, true),
    )


def hota(truths: Sequence[Answer], found: Sequence[Answer]) -> float:
    """Over all sequences together, similarity 1 - d / 4 m."""
    data = {f"{k}": _tables(truth, one) for k, (truth, one) in enumerate(zip(truths, found, strict=True))}
    return float(np.mean(_combined(metrics.HOTA(), data)["HOTA"]))


IDENTITY = metrics.Identity({"THRESHOLD": 0.5, "PRINT_CONFIG": False})
CLEAR = metrics.CLEAR({"THRESHOLD": 0.5, "PRINT_CONFIG": False})


def _combined(metric: Any, data: Mapping[str, Any]) -> Any:
    return metric.combine_sequences({name: metric.eval_sequence(tables) for name, tables in data.items()})


def _links(labeled: Labeled, joined: Rejoined) -> tuple[int, int, int]:
    """Links between tracks of different things; pairs of the same thing left unlinked; pairs there are."""
    false = true = 0
    for k in range(len(labeled.answers) - 1):
        true += len({t for t in labeled.truths[k] if t} & set(labeled.truths[k + 1]))
    for k, i, j in joined.links:
        one, two = labeled.truths[k][i], labeled.truths[k + 1][j]
        false += not one or one != two
    return false, true - (len(joined.links) - false), true


def _tables(truth: Answer, found: Answer) -> dict[str, Any]:
    one, two = _by_frame(truth), _by_frame(found)
    tables: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame in range(max([*one, *two]) + 1):
        true_ids, true_places = one.get(frame, (NO_IDS, NO_PLACES))
        found_ids, found_places = two.get(frame, (NO_IDS, NO_PLACES))
        distance = np.linalg.norm(true_places[:, None] - found_places[None], axis=2)
        tables["gt_ids"].append(true_ids)
        tables["tracker_ids"].append(found_ids)
        tables["similarity_scores"].append(np.maximum(0, 1 - distance / METRES_AT_NO_SIMILARITY))
    return tables | {
        "num_timesteps": len(tables["gt_ids"]),
        "num_gt_ids": len(truth["tracks"]),
        "num_tracker_ids": len(found["tracks"]),
        "num_gt_dets": sum(map(len, tables["gt_ids"])),
        "num_tracker_dets": sum(map(len, tables["tracker_ids"])),
    }


NO_IDS, NO_PLACES = np.zeros(0, int), np.zeros((0, 3))


def _by_frame(answer: Answer) -> dict[int, tuple[Any, Any]]:
    rows = defaultdict(list)
    for k, track in enumerate(answer["tracks"]):
        for cuboid in track["cuboids"]:
            rows[cuboid["frame"]].append((k, cuboid["position"]))
    return {f: (np.array([k for k, _ in seen]), np.array([p for _, p in seen])) for f, seen in rows.items()}
