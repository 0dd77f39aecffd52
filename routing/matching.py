"""Which of the open slots at the lanes' heads this labeler should get."""

from collections.abc import Sequence
from datetime import datetime

from routing.skill import Skill
from routing.types import Candidate, LabelerProfile

PRIOR_ACCURACY = Skill().mean
# Ranks are minus ten times a priority step: one step of priority outweighs any difference in accuracy.
ACCURACY_STEPS = 9


def rank(labeler: LabelerProfile, candidates: Sequence[Candidate], now: datetime) -> list[Candidate]:
    """The candidates, the best match first: the customer's priority, then measured accuracy, then age."""

    def key(candidate: Candidate) -> tuple[float, int, int]:
        accuracy = labeler.accuracy.get(candidate.task_type, PRIOR_ACCURACY)
        return candidate.rank - ACCURACY_STEPS * accuracy, candidate.rank, candidate.slot_id

    return sorted(candidates, key=key)
