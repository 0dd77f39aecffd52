"""A voter's reliability for the consensus of objects: by facet where that was measured, else by her accuracy."""

from routing.consensus import boxes, cuboids
from routing.types import Vote

USUAL_ACCURACY = 0.8
ERROR_MIN, ERROR_MAX = 0.5, 2.0  # of the usual error: more than that an accuracy does not tell


def of_box_voter(vote: Vote) -> boxes.Reliability:
    usual = boxes.Reliability()
    return boxes.Reliability(**_finding(vote), sigma=_error(vote, "edge_rel", usual.sigma))


def of_cuboid_voter(vote: Vote) -> cuboids.Reliability:
    usual = cuboids.Reliability()
    return cuboids.Reliability(
        **_finding(vote),
        place_m=_error(vote, "place_m", usual.place_m),
        size_share=_error(vote, "size_rel", usual.size_share),
        heading_deg=_error(vote, "heading_deg", usual.heading_deg),
    )


def _finding(vote: Vote) -> dict[str, float]:
    label = (1 + vote.weight) / 2  # of what she found; to miss and to invent are most of the errors
    return {"recall": _rate(vote, "recall"), "precision": _rate(vote, "precision"), "label": label}


def _rate(vote: Vote, facet: str) -> float:
    profile = vote.profile
    return profile.mean(facet) if profile is not None and profile.has(facet) else vote.weight


def _error(vote: Vote, facet: str, usual: float) -> float:
    profile = vote.profile
    if profile is not None and profile.has(facet):
        return max(1e-6, profile.mean(facet))
    wrong = (1 - vote.weight) / (1 - USUAL_ACCURACY)
    return usual * min(ERROR_MAX, max(ERROR_MIN, wrong))
