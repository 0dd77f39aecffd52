"""Whether one more answer is worth its price."""

from routing.types import Verdict

CONFIDENCE_WANTED = 0.7


def another_answer(verdict: Verdict, *, asked: int, maximum: int) -> bool:
    """Ask again while the verdict is doubtful and the reserve allows for more answers."""
    return asked < maximum and verdict.confidence < CONFIDENCE_WANTED
