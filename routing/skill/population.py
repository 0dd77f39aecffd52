"""What is typical of a population of labelers, and how far its members differ: the prior of each of them.

The spread between labelers is estimated by moments (DerSimonian and Laird 1986, the method that meta-analyses use):
what the labelers' means vary by beyond what chance explains. A few labelers say little about a spread, so the estimate
is averaged with a default that counts as much as `DEFAULT_LABELERS` well-known labelers, and less as evidence comes in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.skill.evidence import Statistic, is_magnitude

Floats = NDArray[np.float64]

STRENGTH_MIN, STRENGTH_MAX = 1.0, 500.0
DEFAULT_STRENGTH = 5.0
DEFAULT_LABELERS = 4.0
DEFAULT_EVIDENCE = 5.0  # what the default's mean counts, in observations
DISPERSION_MIN = 0.02
# What is taken for typical until somebody was measured: people who pass sign-up are right about 4 times in 5.
RATES = {"wer": 0.15}
DEFAULT_RATE = 0.8
MAGNITUDES = {"_m": 0.15, "_deg": 4.0, "_px": 4.0, "_s": 0.3, "_rel": 0.1}
LOG_SPREAD = 0.8  # one error of a labeler differs from the next by a factor of about 2
RATE_MIN = 0.002  # a mean of exactly 0 or 1 would make a prior that no evidence can move


@dataclass(frozen=True)
class Population:
    """`mean` of the labelers (of a size: of its logarithm); `strength`: how many observations their likeness is worth.

    `dispersion`: the variance of one observation around its labeler's mean; of a rate as a share of p (1 - p), which is
    1 where values are 0 or 1 and less where they are graded; of a size the variance of its logarithm.
    `labelers` and `weight` say on what it rests.
    """

    mean: float
    strength: float = DEFAULT_STRENGTH
    dispersion: float = 1.0
    labelers: int = 0
    weight: float = 0.0


def default(facet: str) -> Population:
    """What is assumed where nobody was measured."""
    if is_magnitude(facet):
        unit = "_" + facet.rpartition("_")[2]
        return Population(math.log(MAGNITUDES[unit]), DEFAULT_STRENGTH, LOG_SPREAD**2)
    return Population(RATES.get(facet, DEFAULT_RATE))


def population(
    facet: str,
    members: Sequence[Statistic],
    *,
    expected: Sequence[float] | None = None,
    prior: Population | None = None,
    observation: Sequence[float] | None = None,
) -> Population:
    """The population that these labelers' statistics of one facet show.

    `observation` (one each) is what one observation of a labeler weighs on average, 1 if not said: many light ones
    scatter less about their mean than their common weight would let expect.

    `expected` (one each) is what was to be expected of each labeler from elsewhere: the strength then says how near
    they keep to that, instead of to the common mean. `prior` stands in where evidence lacks.
    """
    assumed = prior or default(facet)
    kept = [k for k, one in enumerate(members) if one.weight > 0]
    if not kept:
        return assumed
    weight = np.array([members[k].weight for k in kept])
    means = np.array([members[k].mean for k in kept])
    scatter = np.array([members[k].scatter for k in kept])
    mean = (DEFAULT_EVIDENCE * assumed.mean + float(weight @ means)) / (DEFAULT_EVIDENCE + float(weight.sum()))
    if not is_magnitude(facet):
        mean = min(1 - RATE_MIN, max(RATE_MIN, mean))
    single = np.ones(len(kept)) if observation is None else np.array([observation[k] for k in kept])
    centre = np.full(len(kept), mean) if expected is None else np.array([expected[k] for k in kept])
    unit = 1.0 if is_magnitude(facet) else mean * (1 - mean)  # the variance that a dispersion of 1 means
    within = _within(weight, scatter, single, unit * assumed.dispersion)
    spread = assumed.dispersion / assumed.strength if is_magnitude(facet) else unit / (assumed.strength + 1)
    chance = within * float(single.sum()) * (len(kept) - 1) / len(kept)
    between = _between(weight, (means - centre) ** 2, chance, spread, assumed.strength)
    if is_magnitude(facet):
        strength, dispersion = within / between, within
    else:
        strength = unit / between - 1
        dispersion = min(1.0, max(DISPERSION_MIN, within / max(unit - between, 0.1 * unit)))
    strength = min(STRENGTH_MAX, max(STRENGTH_MIN, strength))
    return Population(mean, strength, dispersion, len(kept), float(weight.sum()))


def _within(weight: Floats, scatter: Floats, single: Floats, assumed: float) -> float:
    """Variance of one observation around its labeler's mean, pooled; `assumed` counts as some observations."""
    degrees = max(float(weight.sum() - single.sum()), float(weight.sum()) / 2)
    return (DEFAULT_EVIDENCE * assumed + float(scatter.sum())) / (DEFAULT_EVIDENCE + degrees)


def _between(weight: Floats, apart: Floats, chance: float, assumed: float, strength: float) -> float:
    """Variance of the labelers' true means; `apart` are the squared distances of the measured ones from the centre.

    `chance` is what they sum to, weighted, if all are alike; `assumed` is the variance where nobody was measured, and
    `strength` the evidence that makes a labeler half known.
    """
    total = float(weight.sum())
    free = total - float((weight**2).sum()) / total
    informed = float((weight / (weight + strength)).sum())
    if free <= 0:
        return assumed
    spread = max(0.0, (float(weight @ apart) - chance) / free)
    mixed = (DEFAULT_LABELERS * assumed + informed * spread) / (DEFAULT_LABELERS + informed)
    return max(mixed, 1e-9)
