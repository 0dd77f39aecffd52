"""Gold: when a labeler is due for one, which one tells most, and when the gold itself is what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from routing.skill import Skill

CHANCE_MAX, CHANCE_MIN = 0.3, 0.04
UNCERTAINTY_FULL = 0.35  # the width of the 90 % interval at which the chance is full
REAL_BETWEEN_MAX = 40  # a streak without any gold ends here

RARE_CLASS_SHARE = 0.02  # a class of the taxonomy that is hardly ever seen still wants to be measured
CHOICE_TEMPERATURE = 0.5

WRONG_BEFOREHAND = 0.02  # of reviewed truths, before any answer
AGREES_BY_CHANCE = 0.2  # how an answer that is right compares with a truth that is not
SUSPECT, ANSWERS_MIN = 0.5, 3


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


# Which one


@dataclass(frozen=True)
class GoldItem:
    """A gold subtask that this labeler has not seen: the classes in its truth, and how many have answered it."""

    subtask_id: str
    classes: Sequence[str]
    answered: int = 0


def choose(
    items: Sequence[GoldItem],
    rows: Mapping[str, tuple[float, float]],
    shares: Mapping[str, float],
    rng: np.random.Generator,
) -> GoldItem:
    """The item whose answer is expected to narrow her measured accuracy most, with some chance for the others.

    `rows` holds the Beta posterior of her accuracy by class, `shares` how common each class is in the lane's work.
    What an answer tells about a class is the fall of its posterior's variance by one observation, v / (n + 1), weighted
    by the class's share. An item that many have answered is more likely to have got about, so it counts for less. The
    draw is random (Gumbel), so that two labelers do not meet the same items in the same order.
    """
    information = np.array([_information(item, rows, shares) for item in items])
    scale = np.log(np.maximum(information, 1e-12)) / CHOICE_TEMPERATURE
    return items[int(np.argmax(scale + rng.gumbel(size=len(items))))]


def _information(item: GoldItem, rows: Mapping[str, tuple[float, float]], shares: Mapping[str, float]) -> float:
    total = 0.0
    for name in set(item.classes) or {""}:
        alpha, beta = rows.get(name, rows.get("", (1.0, 1.0)))
        seen = alpha + beta
        variance = alpha * beta / (seen**2 * (seen + 1))
        total += max(shares.get(name, 0.0), RARE_CLASS_SHARE) * variance / (seen + 1)
    return total / np.sqrt(1 + item.answered)


# Whether it is right


@dataclass(frozen=True)
class Graded:
    """One answer to a gold subtask: how accurate its author is known to be elsewhere, and how it was graded."""

    accuracy: float
    grade: float


def suspicion(graded: Sequence[Graded], mutual: float) -> float:
    """Probability that the truth of a gold subtask is wrong, given how good labelers were graded against it.

    `mutual` is the mean agreement of the badly graded answers with each other. If the truth is right, an accurate
    labeler is seldom graded badly; if it is wrong, her answer meets it by chance only, but the accurate ones meet each
    other. Grades within 0 to 1 count as fractional successes. Few answers, or bad ones that differ, say nothing.
    """
    if len(graded) < ANSWERS_MIN:
        return WRONG_BEFOREHAND
    accuracy = np.clip([one.accuracy for one in graded], 0.05, 0.99)
    grade = np.clip([one.grade for one in graded], 0.0, 1.0)
    right = grade * np.log(accuracy) + (1 - grade) * np.log(1 - accuracy)
    wrong = grade * np.log(AGREES_BY_CHANCE) + (1 - grade) * np.log(1 - AGREES_BY_CHANCE)
    # Bad grades that have nothing in common are bad work on a hard item, not a common better answer.
    odds = np.log(WRONG_BEFOREHAND / (1 - WRONG_BEFOREHAND)) + mutual * float((wrong - right).clip(min=0).sum())
    odds += float((wrong - right).clip(max=0).sum())
    return float(1 / (1 + np.exp(-odds)))


def is_suspect(graded: Sequence[Graded], mutual: float) -> bool:
    """Whether a person should look at this gold, and it should measure nobody until then."""
    return suspicion(graded, mutual) >= SUSPECT
