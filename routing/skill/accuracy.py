"""The one number per labeler and task type that a claim reads: a Beta posterior of how right her answers are.

Evidence is a score in 0 to 1 with a weight: gold counts fully, agreement less. The update is the fractional
Bernoulli likelihood; old evidence fades with a half-life, so that who gets better (or careless) is seen.
"""

from dataclasses import dataclass
from datetime import datetime

from scipy.special import betaincinv  # the Beta quantile; scipy.stats would take a second to import

from routing.skill.evidence import fade

PRIOR_ALPHA, PRIOR_BETA = 4.0, 1.0  # people who pass sign-up are right about 4 times in 5


@dataclass(frozen=True)
class Skill:
    """Pseudo-counts of right and wrong, prior included."""

    alpha: float = PRIOR_ALPHA
    beta: float = PRIOR_BETA
    updated_at: datetime | None = None

    def observe(self, score: float, weight: float, now: datetime) -> "Skill":
        """The skill after one more piece of evidence; raises ValueError for a score or weight out of range."""
        if not 0 <= score <= 1 or weight < 0:
            raise ValueError("a score lies in 0 to 1 and a weight is not negative")
        return self._moved(score, weight, now)

    def take_back(self, score: float, weight: float, then: datetime) -> "Skill":
        """The skill without a piece of evidence that was observed then."""
        without = self._moved(score, -weight, then)
        return Skill(max(PRIOR_ALPHA, without.alpha), max(PRIOR_BETA, without.beta), without.updated_at)

    def _moved(self, score: float, weight: float, when: datetime) -> "Skill":
        """Evidence that is older than what is here has faded as much more."""
        faded, at = self.at(when), max(when, self.updated_at or when)
        weight *= fade((at - when).total_seconds() / 86_400)
        return Skill(faded.alpha + weight * score, faded.beta + weight * (1 - score), at)

    def at(self, now: datetime) -> "Skill":
        """The skill with its evidence, though not its prior, faded to `now`."""
        if self.updated_at is None or now <= self.updated_at:
            return self
        keep = fade((now - self.updated_at).total_seconds() / 86_400)
        return Skill(PRIOR_ALPHA + keep * (self.alpha - PRIOR_ALPHA), PRIOR_BETA + keep * (self.beta - PRIOR_BETA), now)

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    @property
    def evidence(self) -> float:
        """How many full observations stand behind it, the prior not counted."""
        return self.alpha + self.beta - PRIOR_ALPHA - PRIOR_BETA

    def interval(self, probability: float = 0.9) -> tuple[float, float]:
        """The central credible interval."""
        tail = (1 - probability) / 2
        low, high = betaincinv(self.alpha, self.beta, [tail, 1 - tail])
        return float(low), float(high)

    @property
    def lower(self) -> float:
        """The bound that it exceeds with 95 % probability."""
        return self.interval(0.9)[0]
