"""What every consensus returns: the value, how sure it is, and how near each answer came to it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True)
class Merged(Generic[V]):
    """`value` with its calibrated `confidence`.

    `confidence`: the probability that `value` is right or, for a graded kind, its expected similarity to the truth.
    `parts`: the same for each object in `value`, in its order; empty where a value has no objects.
    `scores`: per answer, in the order given, its similarity to `value`. All of them are from 0 to 1.
    """

    value: V
    confidence: float
    parts: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
