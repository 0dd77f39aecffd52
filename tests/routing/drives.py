"""Whole answers to drives, drawn by Hypothesis, and how perfect labelers would answer their windows."""

import itertools
import json
from typing import Any

from hypothesis import strategies as st

from routing.reassembly import GAP_FRAMES_MAX
from routing.types import Answer, Window
from routing.windows import split_frames

LABELS = ["car", "person"]
FAR = 1_000.0  # metres between places that have nothing to do with each other
few_numbers = st.sampled_from([0.0, 0.5, 3.0])
any_numbers = st.floats(-500, 500, allow_nan=False)
sizes = st.floats(0.01, 30)
yaws = st.floats(-3.14, 3.14)


@st.composite
def cuts(draw: st.DrawFn, *, overlap_min: int = 1, overlap_max: int = 12) -> tuple[int, int, int]:
    """(frames, window, overlap)"""
    overlap = draw(st.integers(overlap_min, overlap_max))
    window = draw(st.integers(overlap + 1, overlap + 10))
    return draw(st.integers(1, 45)), window, overlap


def overlaps(windows: list[Window]) -> list[Window]:
    return [one.overlap(two) for one, two in itertools.pairwise(windows)]


@st.composite
def lives(draw: st.DrawFn, frame_count: int, windows: list[Window]) -> list[int]:
    """The frames in which an object is drawn: it appears, may be hidden now and then, and disappears."""
    first = draw(st.integers(0, frame_count - 1))
    last = draw(st.integers(first, frame_count - 1))
    hidden = draw(st.sets(st.integers(first + 1, last - 1))) if last - first > 1 else set()
    seen = set(range(first, last + 1)) - hidden
    for common in overlaps(windows):  # a frame of each overlap that it lives through
        if len(common) and first < common.start and last >= common.stop and not any(f in common for f in seen):
            seen.add(draw(st.integers(common.start, common.stop - 1)))
    return sorted(seen)


@st.composite
def crowded_drives(draw: st.DrawFn, frame_count: int, windows: list[Window]) -> Answer:
    """Objects that jump about in a few places, so that they meet, cross, and stand in each other."""
    tracks: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 6))):
        track = {"id": f"track {len(tracks)}", "label": draw(st.sampled_from(LABELS)), "attributes": {}}
        length, yaw = draw(st.sampled_from([0.5, 4.0])), draw(st.sampled_from([0.0, 1.5]))
        track["cuboids"] = [
            {
                "frame": frame,
                "position": [draw(few_numbers), 0.0, 0.5],
                "dimensions": [length, 1.0, 2.0],
                "yaw": yaw,
                "key": draw(st.booleans()),
            }
            for frame in draw(lives(frame_count, windows))
        ]
        if all(can_be_told_apart(track, other, windows) for other in tracks):
            tracks.append(track)
    return {"tracks": tracks}


def can_be_told_apart(one: dict[str, Any], two: dict[str, Any], windows: list[Window]) -> bool:
    """Not twins in an overlap, and neither begins soon after an overlap where the other ended before it."""
    for common in overlaps(windows):
        if part(one, common) and part(one, common) == part(two, common) and one["label"] == two["label"]:
            return False
        for before, after in ((one, two), (two, one)):
            last, first = before["cuboids"][-1]["frame"], after["cuboids"][0]["frame"]
            if last < common.start and first >= common.stop and first - last <= GAP_FRAMES_MAX:
                return False
    return True


def part(track: dict[str, Any], window: Window) -> list[Any]:
    return [(c["frame"], c["position"], c["dimensions"], c["yaw"]) for c in track["cuboids"] if c["frame"] in window]


@st.composite
def lone_objects(draw: st.DrawFn, frame_count: int, windows: list[Window], *, steady: bool) -> Answer:
    """Objects far from each other: any cuboids at all in any frames, or (`steady`) without gaps on a straight way."""
    tracks = []
    for k in range(draw(st.integers(0, 5))):
        shown = draw(lives(frame_count, windows))
        shown = list(range(shown[0], shown[-1] + 1)) if steady else shown
        step = draw(st.floats(-1.0, 1.0))
        cuboids = [
            {
                "frame": frame,
                "position": [step * frame if steady else draw(any_numbers), k * FAR, draw(st.floats(-0.2, 0.2))],
                "dimensions": [draw(sizes), draw(sizes), draw(sizes)],
                "yaw": draw(yaws),
                "key": draw(st.booleans()),
            }
            for frame in shown
        ]
        attributes = draw(st.dictionaries(st.sampled_from(["occlusion", "parked"]), st.sampled_from(["a", "b", True])))
        tracks.append({"id": f"{k}", "label": draw(st.sampled_from(LABELS)), "attributes": attributes})
        tracks[-1]["cuboids"] = cuboids
    return {"tracks": tracks}


@st.composite
def cut_drives(draw: st.DrawFn, kind: str) -> tuple[list[Window], Answer]:
    frames, window, overlap = draw(cuts(overlap_min=0, overlap_max=0) if kind == "steady" else cuts())
    windows = split_frames(frames, window, overlap)
    if kind == "crowded":
        return windows, draw(crowded_drives(frames, windows))
    return windows, draw(lone_objects(frames, windows, steady=kind == "steady"))


def without_ids(answer: Answer) -> list[str]:
    """The tracks in one order, for comparing answers whose ids differ; floats keep every bit."""
    return sorted(json.dumps(track | {"id": ""}, sort_keys=True) for track in answer["tracks"])
