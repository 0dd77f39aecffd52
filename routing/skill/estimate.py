"""Posterior mean and interval of one facet of one labeler: her own evidence, and for the rest what is typical.

Rates: a Beta posterior; graded values (an IoU, an F1) count for as many yes-or-no ones as their scatter says. Sizes of
errors in metres, degrees or pixels: their logarithm is normal with a normal-inverse-gamma prior. So the typical
(median) error is estimated, and one gross error does not make a careful labeler a careless one: it shows as a miss and
an invention. No evidence gives the population, much evidence her own mean.
"""

import math
from dataclasses import dataclass, replace

from scipy.special import betaincinv, expit, logit, stdtrit  # scipy.stats would take a second to import

from routing.skill.evidence import Statistic, is_magnitude
from routing.skill.population import RATE_MIN, Population

VARIANCE_DEGREES = 4.0  # what the population's scatter counts beside a labeler's own, in observations


@dataclass(frozen=True)
class Estimate:
    """Mean (of a size: the typical error in its unit) with the central 90 % interval.

    `evidence` is her own, in full observations; `strength` is what was borrowed, in the same measure.
    """

    mean: float
    low: float
    high: float
    evidence: float
    strength: float

    @property
    def is_measured(self) -> bool:
        """Whether there is enough evidence for this to be her own: at least as much as was borrowed."""
        return self.evidence >= self.strength


def estimate(facet: str, own: Statistic, prior: Population, *, probability: float = 0.9) -> Estimate:
    """The posterior of one facet; `own` faded to the present, `prior` what is expected of her without it."""
    return (_size if is_magnitude(facet) else _rate)(own, prior, (1 - probability) / 2)


def _rate(own: Statistic, prior: Population, tail: float) -> Estimate:
    effective = own.weight / prior.dispersion
    alpha = prior.strength * prior.mean + effective * own.mean
    beta = prior.strength * (1 - prior.mean) + effective * (1 - own.mean)
    low, high = betaincinv(alpha, max(beta, 1e-9), [tail, 1 - tail])
    return Estimate(alpha / (alpha + beta), float(low), float(high), effective, prior.strength)


def _size(own: Statistic, prior: Population, tail: float) -> Estimate:
    strength = prior.strength + own.weight
    centre = (prior.strength * prior.mean + own.total) / strength
    degrees = VARIANCE_DEGREES + own.weight
    apart = prior.strength * own.weight / strength * (own.mean - prior.mean) ** 2
    variance = (VARIANCE_DEGREES * prior.dispersion + own.scatter + apart) / degrees
    reach = float(stdtrit(degrees, 1 - tail)) * math.sqrt(variance / strength)
    low, high = math.exp(centre - reach), math.exp(centre + reach)
    return Estimate(math.exp(centre), low, high, own.weight, prior.strength)


def within_project(facet: str, elsewhere: Statistic, prior: Population, local: Population) -> Population:
    """What to expect of a labeler in one project: what she does elsewhere, as far as projects are alike.

    `prior` is the population over all projects; `local.strength` says how near labelers keep in this project to what
    they do elsewhere.
    """
    known = estimate(facet, elsewhere, prior)
    strength = 1 / (1 / (known.evidence + known.strength) + 1 / local.strength)
    mean = math.log(known.mean) if is_magnitude(facet) else known.mean
    return replace(local, mean=mean, strength=strength)


def within_detail(whole: Estimate, whole_population: Population, detail: Population) -> Population:
    """What to expect of a labeler in one class, condition or sensor: as good as she is, as hard as it is.

    Additive on the logit scale: who is better than most is so in what is hard, too.
    """
    shift = logit(_open(whole.mean)) - logit(_open(whole_population.mean))
    return replace(detail, mean=_open(float(expit(logit(_open(detail.mean)) + shift))))


def _open(rate: float) -> float:
    return min(1 - RATE_MIN, max(RATE_MIN, rate))
