"""Measured accuracy as people read it: what a facet is called, its size in its unit, and a sentence that says it.

Rates read as frequencies ("finds 9 of 10 objects"), sizes of errors in metres, degrees or pixels. The typical error
is a median: half of what was placed is nearer, and half is further off.
"""

from marketplace.explain.amounts import cases, percent, size
from routing.skill import Estimate
from routing.skill.evidence import CONFUSION, DETAILS, is_magnitude

UNITS = {"_m": "m", "_deg": "°", "_px": "px", "_s": "s"}
NAMES = {
    "accuracy": "Right over all",
    "recall": "Found of what is there",
    "precision": "Real of what was given",
    "iou": "Overlap with the true box",
    "place_m": "Distance from the true place",
    "place_px": "Distance of the sides from the true ones",
    "size_rel": "Difference from the true size",
    "heading_deg": "Turn from the true heading",
    "f1": "Segments right",
    "wer": "Words wrong",
    "value_rel": "Distance from the true number",
}
ORDER = list(NAMES)
WORD_OF_DETAIL = {"class:": "class", "condition:": "condition", "sensor:": "sensor"}


def name(facet: str) -> str:
    """What the facet is called; of a class, condition or sensor its own name."""
    for prefix in DETAILS:
        if facet.startswith(prefix):
            return facet.removeprefix(prefix)
    return NAMES.get(facet, facet.replace("_", " ").capitalize())


def kind_of_detail(facet: str) -> str | None:
    return next((word for prefix, word in WORD_OF_DETAIL.items() if facet.startswith(prefix)), None)


def place(facet: str) -> tuple[int, str]:
    """Sorts what people ask first first."""
    return (ORDER.index(facet) if facet in ORDER else len(ORDER), facet)


def value(facet: str, number: float) -> str:
    """A measured number in its unit."""
    if not is_magnitude(facet):
        return percent(number)
    if facet.endswith("_rel"):
        return percent(min(1.0, number))
    unit = next(unit for ending, unit in UNITS.items() if facet.endswith(ending))
    return size(number, unit).replace(" °", "°")


def interval(facet: str, found: Estimate) -> str:
    return f"{value(facet, found.low)} to {value(facet, found.high)}"


def sentence(facet: str, mean: float) -> str:
    """The measurement as one would say it of somebody, without the somebody."""
    if facet in SENTENCES:
        return SENTENCES[facet](facet, mean)
    kind = kind_of_detail(facet)
    if kind is not None:
        word = {"class": "recognises", "condition": "is right in", "sensor": "is right with"}[kind]
        return f"{word} “{name(facet)}” in {cases(mean)} cases"
    if is_magnitude(facet):
        return f"is typically {value(facet, mean)} off"
    return f"is right to {percent(mean)}"


SENTENCES = {
    "accuracy": lambda facet, mean: f"is right to {percent(mean)}, over all",
    "recall": lambda facet, mean: f"finds {cases(mean)} objects",
    "precision": lambda facet, mean: f"gives something that is not there in {cases(1 - mean)} cases",
    "iou": lambda facet, mean: f"draws boxes that share {percent(mean)} of their area with the true ones (IoU)",
    "place_m": lambda facet, mean: f"places them within {value(facet, mean)}, typically",
    "place_px": lambda facet, mean: f"sets their sides within {value(facet, mean)}, typically",
    "size_rel": lambda facet, mean: f"gives their size within {value(facet, mean)}, typically",
    "heading_deg": lambda facet, mean: f"turns them within {value(facet, mean)}, typically",
    "f1": lambda facet, mean: f"marks {percent(mean)} of the segments right (F1)",
    "wer": lambda facet, mean: f"gets {cases(mean)} words wrong",
}


def is_confusion(facet: str) -> bool:
    return facet.startswith(CONFUSION)
