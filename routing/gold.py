"""When to slip in gold: often while a labeler is unknown, seldom once the measurement is firm, never on a beat."""

import numpy as np

from routing.skill import Skill

CHANCE_MAX, CHANCE_MIN = 0.3, 0.04
UNCERTAINTY_FULL = 0.35  # the width of the 90 % interval at which the chance is full
REAL_BETWEEN_MAX = 40  # a streak without any gold ends here


def is_due(*, seen_real: int, seen_gold: int, skill: Skill, rng: np.random.Generator) -> bool:
    """Whether the next subtask should be gold; `seen_real` counts real ones since the last gold.

    The chance follows the uncertainty of the measured accuracy, so that gold is spent where it tells most; drawing it
    by chance, and not by a beat, keeps it from being recognized. The first subtask of all is real: nobody is tested
    before she has seen how the tool works.
    """
    if seen_real == 0 and seen_gold == 0:
        return False
    if seen_real >= REAL_BETWEEN_MAX:
        return True
    low, high = skill.interval(0.9)
    share = min(1.0, (high - low) / UNCERTAINTY_FULL)
    return bool(rng.random() < CHANCE_MIN + share * (CHANCE_MAX - CHANCE_MIN))
