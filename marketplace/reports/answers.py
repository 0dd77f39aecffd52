"""Answers in numbers, side by side: what a reviewer reads before deciding."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.models import Assignment
from routing.task_types import TASK_TYPES


@dataclass(frozen=True)
class Comparison:
    """`rows` is one line per quantity with a value per answer; `agreement` every answer against every other."""

    assignments: list[Assignment]
    rows: list[tuple[str, list[str]]]
    agreement: list[list[float | None]]


def compare(task_type: str, assignments: Sequence[Assignment]) -> Comparison:
    answered = [one for one in assignments if one.answer is not None]
    numbers = [numbers_of(one.answer or {}) for one in answered]
    names = list(dict.fromkeys(name for each in numbers for name in each))
    rows = [(name, [each.get(name, "0") for each in numbers]) for name in names]
    measure = TASK_TYPES[task_type].agreement
    agreement = [[None if a is b else measure(a.answer or {}, b.answer or {}) for b in answered] for a in answered]
    return Comparison(answered, rows, agreement)


def numbers_of(answer: dict[str, Any]) -> dict[str, str]:
    """An answer's quantities in words, by name: objects by label, cuboids, frames, or the category."""
    if "tracks" in answer:
        return _of_tracks(answer["tracks"])
    if "annotations" in answer:
        return {"boxes": str(len(answer["annotations"]))} | _by_label(answer["annotations"])
    category = answer.get("category", "")
    return {"category": ", ".join(category) if isinstance(category, list) else str(category)}


def _of_tracks(tracks: list[dict[str, Any]]) -> dict[str, str]:
    cuboids = [cuboid for track in tracks for cuboid in track["cuboids"]]
    keys = sum(1 for cuboid in cuboids if cuboid.get("key", True))
    frames = {cuboid["frame"] for cuboid in cuboids}
    return {
        "objects": str(len(tracks)),
        "cuboids": str(len(cuboids)),
        "of these set by hand": str(keys),
        "frames with objects": str(len(frames)),
    } | _by_label(tracks)


def _by_label(things: list[dict[str, Any]]) -> dict[str, str]:
    counts = Counter(str(thing["label"]) for thing in things)
    return {f"label {label}": str(count) for label, count in sorted(counts.items())}
