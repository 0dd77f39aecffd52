"""Rejoining the windows of a drive: tracks linked across the seams, so that one object keeps one id.

At each seam the tracks of both sides are paired by one optimal assignment. Where they share frames the cost is the
distance of their centres and what their cuboids do not share; where a labeler started late or ended early it is how far
a constant velocity, fitted on either side, misses the other. Links are gated, chained from piece to piece, and the
frames that several windows saw are averaged. The gates are those of the published practice (centre distance, 1.5 m or
half a length; 2 m and 0.15 m a frame for predictions).

What holds for certain: tracks that both sides of a seam drew exactly alike in all shared frames are one object, before
anything is weighed. So perfect answers give back the whole exactly, however the objects move, meet and cross, if each
is drawn in some frame of every overlap that it lives through, no two are the same there, cuboid for cuboid, and none
begins after an overlap in the path of one that ended before it.

What the answers cannot tell, and motion decides: whether what ended before an overlap is what begins after it (labelers
start late and end early, and objects are hidden); and without shared frames, which tracks are one object at all. An
object out of sight for more than GAP_FRAMES_MAX frames, or for a whole window, gets a new id.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.geometry import cuboids, tracks
from routing.geometry.cuboids import Array
from routing.geometry.pairing import cheapest_pairs
from routing.geometry.tracks import TrackBlock
from routing.types import Answer, Assembled, Window

GATE_METRES = 1.5
PREDICTION_GATE_METRES, PREDICTION_GATE_PER_FRAME = 2.0, 0.15
PREDICTION_FRAMES = 8  # frames on each side that the velocity is fitted to
GAP_FRAMES_MAX = 8  # an object hidden for longer than this gets a new id
OTHER_LABEL_COST = 0.4
MOTION_COST = 0.1  # a prediction is weaker evidence than a shared frame
AMBIGUOUS_MARGIN = 0.15
NO_LINK_COST = 1.0  # at the gate
NAMESPACE = uuid.UUID("6f0a4b52-6c9e-5b0b-9f43-0c7d5d3e8a11")


@dataclass(frozen=True)
class Link:
    """Track `left` of piece `piece` is track `right` of the next one."""

    piece: int
    left: int
    right: int
    cost: float
    margin: float  # how much worse the second best partner of either is
    kind: str  # "shared" frames, or predicted "motion"


def assemble_tracks(windows: Sequence[Window], answers: Sequence[Answer], namespace: str = "") -> Assembled:
    """Rejoin the answers of neighbouring windows, in their order; ids are the same for the same input."""
    blocks = [tracks.block(answer) for answer in answers]
    links = [
        link
        for k in range(len(blocks) - 1)
        for link in link_windows(blocks[k], blocks[k + 1], windows[k].overlap(windows[k + 1]), piece=k)
    ]
    chains = _chains(blocks, links)
    joined = [_join(answers, chain, namespace) for chain in chains]
    joined.sort(key=lambda track: (track["cuboids"][0]["frame"], track["id"]))
    return Assembled({"tracks": joined}, _report(windows, blocks, links))


def link_windows(left: TrackBlock, right: TrackBlock, common: Window, *, piece: int = 0) -> list[Link]:
    """The links over one seam; `common` are the frames that both windows saw, none where they only meet."""
    if not left.ids or not right.ids:
        return []
    cost, shared = _seam_costs(left, right, common)
    # No link costs as much as the worst one, so that a sure link is never given up to make two doubtful ones.
    rows, columns = cheapest_pairs(np.minimum(cost, NO_LINK_COST))
    links = []
    for i, j in zip(rows, columns, strict=True):
        if cost[i, j] < NO_LINK_COST:
            others = np.concatenate([np.delete(cost[i], j), np.delete(cost[:, j], i), [NO_LINK_COST]])
            margin = float(others.min() - cost[i, j])
            kind = "shared" if shared[i, j] else "motion"
            links.append(Link(piece, int(i), int(j), float(cost[i, j]), margin, kind))
    return links


def _seam_costs(left: TrackBlock, right: TrackBlock, common: Window) -> tuple[Array, NDArray[np.bool_]]:
    """(n, m) costs, infinite outside the gates, and which pairs share frames."""
    frames = np.arange(common.start, common.stop, dtype=np.int64)
    a, b = left.on(frames), right.on(frames)
    both = a.present[:, None] & b.present[None]
    shared: NDArray[np.bool_] = np.asarray(both.any(axis=2))
    other = np.array([[x != y for y in right.labels] for x in left.labels])
    cost = np.where(shared, _shared_cost(a, b, both), _motion_cost(left, right)) + OTHER_LABEL_COST * other
    cost = np.where(cost < NO_LINK_COST, cost, np.inf)
    same = shared & ~other & _drawn_alike(a, b)
    certain = same.any(axis=1)[:, None] | same.any(axis=0)[None]
    return np.where(same, 0.0, np.where(certain, np.inf, cost)), shared


def _drawn_alike(a: TrackBlock, b: TrackBlock) -> NDArray[np.bool_]:
    """(n, m): present in the same frames, with the same cuboids there, bit for bit."""
    one, two = a.boxes[:, None], b.boxes[None]
    alike: NDArray[np.bool_] = ((one == two) | (np.isnan(one) & np.isnan(two))).all(axis=(2, 3))
    return alike


def _shared_cost(a: TrackBlock, b: TrackBlock, both: NDArray[np.bool_]) -> Array:
    """Median centre distance over the shared frames in gates, and one tenth for what the cuboids do not share."""
    shape = both.shape[:2]
    cost = np.full(shape, np.inf)
    if not both.any():
        return cost
    one, two = a.boxes[:, None], b.boxes[None]
    distance = np.linalg.norm(one[..., :3] - two[..., :3], axis=-1)
    length = np.maximum(one[..., 3], two[..., 3])
    with np.errstate(all="ignore"):
        gates = distance / np.maximum(GATE_METRES, length / 2)
        middle = _median(np.where(both, gates, np.nan))
    near = np.nan_to_num(middle, nan=np.inf) < 1
    for i, j in zip(*np.nonzero(near), strict=True):
        frame = int(np.flatnonzero(both[i, j])[0])
        overlap = float(cuboids.iou_3d(a.boxes[i, [frame]], b.boxes[j, [frame]])[0, 0])
        cost[i, j] = 0.9 * middle[i, j] + 0.1 * (1 - overlap)
    return cost


def _median(values: Array) -> Array:
    """The median over the last axis without NaN; NaN where all are."""
    filled = np.sort(np.where(np.isnan(values), np.inf, values), axis=-1)
    count = np.isfinite(filled).sum(axis=-1)
    pick = np.maximum(0, (count - 1) // 2)
    middle = np.take_along_axis(filled, pick[..., None], axis=-1)[..., 0]
    return np.where(count > 0, middle, np.nan)


def _motion_cost(left: TrackBlock, right: TrackBlock) -> Array:
    """How far either side's constant velocity misses the other, in gates that grow with the gap."""
    last, at_last, speed_last = _ends(left, at_end=True)
    first, at_first, speed_first = _ends(right, at_end=False)
    gap = first[None] - last[:, None]
    forward = at_last[:, None] + speed_last[:, None] * gap[..., None]
    backward = at_first[None] - speed_first[None] * gap[..., None]
    miss = (
        np.linalg.norm(forward - at_first[None], axis=-1) + np.linalg.norm(backward - at_last[:, None], axis=-1)
    ) / 2
    gate = PREDICTION_GATE_METRES + PREDICTION_GATE_PER_FRAME * gap
    cost = MOTION_COST + (1 - MOTION_COST) * miss / np.maximum(gate, 1e-9)
    return np.where((gap >= 1) & (gap <= GAP_FRAMES_MAX), cost, np.inf)


def _ends(block: TrackBlock, *, at_end: bool) -> tuple[Array, Array, Array]:
    """Per track the number of its last (or first) frame, the centre there, and the velocity in metres a frame."""
    frames, centres, speeds = [], [], []
    for i in range(len(block.ids)):
        seen = np.flatnonzero(block.present[i])
        seen = seen[-PREDICTION_FRAMES:] if at_end else seen[:PREDICTION_FRAMES]
        at = seen[-1] if at_end else seen[0]
        numbers, places = block.frames[seen].astype(float), block.boxes[i, seen, :3]
        frames.append(float(block.frames[at]))
        centres.append(block.boxes[i, at, :3])
        spread = numbers - numbers.mean()
        moving = len(seen) >= 3  # two noisy boxes say little about a velocity
        speeds.append(spread @ (places - places.mean(axis=0)) / (spread @ spread) if moving else np.zeros(3))
    return np.array(frames), np.array(centres), np.array(speeds)


def _chains(blocks: Sequence[TrackBlock], links: Sequence[Link]) -> list[list[tuple[int, int]]]:
    """Tracks (piece, number) grouped into objects. A link goes to the next piece only, so a chain is a path."""
    following = {(link.piece, link.left): (link.piece + 1, link.right) for link in links}
    linked = set(following.values())
    chains = []
    for piece, block in enumerate(blocks):
        for number in range(len(block.ids)):
            if (piece, number) in linked:
                continue
            chain = [(piece, number)]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            chains.append(chain)
    return chains


def _join(answers: Sequence[Answer], chain: list[tuple[int, int]], namespace: str) -> dict[str, Any]:
    """One object out of its tracks: frames that several windows saw are averaged."""
    parts = [answers[piece]["tracks"][number] for piece, number in chain]
    labels: Counter[str] = Counter()
    for part in parts:
        labels[part["label"]] += len(part["cuboids"])
    piece, first = chain[0][0], parts[0]
    return {
        "id": str(uuid.uuid5(NAMESPACE, f"{namespace}:{piece}:{first['id']}")),
        "label": labels.most_common(1)[0][0],
        "attributes": join_attributes(parts),
        "cuboids": _join_cuboids(parts),
    }


def _join_cuboids(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One cuboid a frame, in order; those seen equally often are averaged in one go."""
    by_frame: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for part in parts:
        for cuboid in part["cuboids"]:
            by_frame[cuboid["frame"]].append(cuboid)
    joined = {frame: seen[0] for frame, seen in by_frame.items() if len(seen) == 1}
    by_count: dict[int, list[int]] = defaultdict(list)
    for frame, seen in by_frame.items():
        by_count[len(seen)].append(frame)
    for count, frames in by_count.items():
        if count > 1:
            rows = np.array([[cuboids.row(c) for c in by_frame[frame]] for frame in frames], dtype=float)
            for frame, mean in zip(frames, cuboids.average(rows).tolist(), strict=True):
                key = any(c.get("key", True) for c in by_frame[frame])
                joined[frame] = cuboids.as_dict(frame, mean, key=key)
    return [joined[frame] for frame in sorted(joined)]


def join_attributes(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Each attribute as most frames have it; of equals the earlier window's."""
    values: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for part in parts:
        for name, value in (part.get("attributes") or {}).items():
            values[name].append((len(part["cuboids"]), value))
    joined = {}
    for name, votes in values.items():
        count: dict[str, int] = defaultdict(int)
        for frames, value in votes:
            count[repr(value)] += frames
        joined[name] = next(v for _, v in votes if count[repr(v)] == max(count.values()))
    return joined


def _report(windows: Sequence[Window], blocks: Sequence[TrackBlock], links: Sequence[Link]) -> dict[str, Any]:
    """What was linked and how surely, how far the two sides of each seam lie apart, and what found no partner."""
    seams, unlinked = [], []
    for k in range(len(blocks) - 1):
        here = [link for link in links if link.piece == k]
        common = windows[k].overlap(windows[k + 1])
        left, right = {link.left for link in here}, {link.right for link in here}
        unlinked += _without_partner(blocks[k], left, common, piece=k)
        unlinked += _without_partner(blocks[k + 1], right, common, piece=k + 1)
        seams.append(
            {
                "pieces": [k, k + 1],
                "frames": [common.start, common.stop],
                "linked": len(here),
                "residual": _residual(blocks[k], blocks[k + 1], here, common),
            }
        )
    described = [
        {
            "pieces": [link.piece, link.piece + 1],
            "tracks": [blocks[link.piece].ids[link.left], blocks[link.piece + 1].ids[link.right]],
            "cost": round(link.cost, 4),
            "margin": round(link.margin, 4),
            "kind": link.kind,
            "ambiguous": link.margin < AMBIGUOUS_MARGIN,
        }
        for link in links
    ]
    return {"links": described, "seams": seams, "unlinked": unlinked}


def _without_partner(block: TrackBlock, linked: set[int], common: Window, *, piece: int) -> list[dict[str, Any]]:
    """Tracks with a cuboid in the overlap that the neighbour did not see: reported, never silently dropped."""
    inside = (block.frames >= common.start) & (block.frames < common.stop)
    return [
        {"piece": piece, "track": block.ids[i], "label": block.labels[i], "frame": int(block.frames[inside][seen][0])}
        for i in range(len(block.ids))
        if i not in linked and (seen := block.present[i, inside]).any()
    ]


def _residual(
    left: TrackBlock, right: TrackBlock, links: Sequence[Link], common: Window
) -> dict[str, float | int] | None:
    """Mean difference of the linked cuboids in the overlap: metres, degrees, percent of size."""
    frames = np.arange(common.start, common.stop, dtype=np.int64)
    if not len(frames) or not links:
        return None
    a = left.on(frames).boxes[[link.left for link in links]].reshape(-1, 7)
    b = right.on(frames).boxes[[link.right for link in links]].reshape(-1, 7)
    seen = ~np.isnan(a[:, 0]) & ~np.isnan(b[:, 0])
    if not seen.any():
        return None
    a, b = a[seen], b[seen]
    return {
        "cuboids": int(seen.sum()),
        "position_m": round(float(np.linalg.norm(a[:, :3] - b[:, :3], axis=1).mean()), 4),
        "yaw_deg": round(float(np.degrees(np.abs(cuboids.wrap(a[:, 6] - b[:, 6]))).mean()), 3),
        "size_percent": round(float((np.abs(a[:, 3:6] / b[:, 3:6] - 1)).mean() * 100), 3),
    }
