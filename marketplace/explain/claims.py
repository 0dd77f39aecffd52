"""Why a labeler was given a piece, in words for operators: the numbers of the match as they were kept with the claim.

Never for the labeler: they name gold.
"""

from collections.abc import Mapping
from typing import Any

from marketplace.explain.amounts import percent, points
from marketplace.words import plural

BY = {
    "offer": "It was kept for this labeler for some minutes, as the best of those at work for a doubtful piece.",
    "continuity": "It is beside the window of the same drive that this labeler did last.",
    "match": "It was the best match of what was open.",
    "gold": "It is gold: given by chance, to measure.",
}


def of_claim(why: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Sentences for an assignment's `why`; a number that was not kept is not told."""
    if not why:
        return ()
    told = [BY.get(str(why.get("by")), "It was given by the router.")]
    if "accuracy" in why and "gain" in why:
        drawn = f"With an accuracy of {percent(why['accuracy'])}, as drawn from what is known"
        told.append(f"{drawn}, the answer was expected to mend {points(why['gain'])}{_beside(why)}.")
    if "chance" in why:
        told.append(f"The customer's turn came with a chance of {percent(why['chance'])}{_weighed(why)}.")
    return tuple(told)


def _beside(why: Mapping[str, Any]) -> str:
    advantage = why.get("advantage")
    if advantage is None or abs(advantage - 1) < 0.05:
        return ""
    return f", {percent(abs(advantage - 1))} {'more' if advantage > 1 else 'less'} than a typical labeler's here"


def _weighed(why: Mapping[str, Any]) -> str:
    lanes = why.get("lanes")
    return f", among {plural(int(lanes), 'lane')} with work" if isinstance(lanes, int) and lanes else ""
