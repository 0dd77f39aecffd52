"""All that is known of one labeler in one project: what a consensus, the stop rule and the router ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from routing.skill import confusion
from routing.skill.confusion import ROW_STRENGTH
from routing.skill.estimate import Estimate, estimate, within_detail, within_project
from routing.skill.evidence import CONFUSION, DETAILS, Statistic
from routing.skill.population import Population, default

ACCURACY = "accuracy"
PROJECT_STRENGTH = 20.0  # how alike a labeler is taken to be in two projects until a refit has measured it
NOTHING = Statistic()


@dataclass(frozen=True)
class Classes:
    """A project's classes and what is typical of its labelers: `frequency` (K,) of the truths, `errors` (K, K)."""

    names: tuple[str, ...]
    frequency: tuple[float, ...] = ()
    errors: NDArray[np.float64] | None = None
    strength: float = ROW_STRENGTH

    @property
    def prior(self) -> NDArray[np.float64]:
        """(K,) sums to 1."""
        size = len(self.names)
        return np.array(self.frequency) if self.frequency else np.full(size, 1 / size)

    @property
    def error_profile(self) -> NDArray[np.float64]:
        size = len(self.names)
        return confusion.error_profile(np.zeros((size, size))) if self.errors is None else self.errors


@dataclass(frozen=True)
class Profile:
    """A labeler as a project knows her; `overall` and `local` are her statistics everywhere and here, by facet.

    All are faded to the moment at which the profile was made. `populations` and `local_populations` likewise by facet.
    """

    labeler_id: str
    overall: Mapping[str, Statistic] = field(default_factory=dict)
    local: Mapping[str, Statistic] = field(default_factory=dict)
    populations: Mapping[str, Population] = field(default_factory=dict)
    local_populations: Mapping[str, Population] = field(default_factory=dict)
    classes: Classes | None = None

    def __getitem__(self, facet: str) -> Estimate:
        """The posterior of a facet, borrowed as far as her own evidence does not reach."""
        if facet.startswith(DETAILS):
            return estimate(facet, self._all(facet), self._detail_prior(facet))
        return estimate(facet, self.local.get(facet, NOTHING), self._prior(facet))

    def mean(self, facet: str) -> float:
        return self[facet].mean

    def has(self, facet: str) -> bool:
        """Whether anything is known of it, of her or of others."""
        known = (self.overall, self.local, self.populations, self.local_populations)
        return any(facet in one for one in known)

    @property
    def accuracy(self) -> Estimate:
        return self[ACCURACY]

    def confusion(self) -> NDArray[np.float64]:
        """(K, K) P(given | truth) over `classes`, which must be set."""
        assert self.classes is not None, "a profile with classes"
        own = confusion.counts(self.local, self.classes.names)
        return confusion.rows(own, self.accuracy.mean, self.classes.error_profile, self.classes.strength)

    def _prior(self, facet: str) -> Population:
        everywhere = self.populations.get(facet, default(facet))
        local = self.local_populations.get(facet, replace(everywhere, strength=PROJECT_STRENGTH))
        elsewhere = self.overall.get(facet, NOTHING).minus(self.local.get(facet, NOTHING))
        return within_project(facet, elsewhere, everywhere, local)

    def _detail_prior(self, facet: str) -> Population:
        whole = self.populations.get(ACCURACY, default(ACCURACY))
        detail = self.local_populations.get(facet) or self.populations.get(facet) or replace(whole)
        return within_detail(self.accuracy, whole, detail)

    def _all(self, facet: str) -> Statistic:
        """Classes are a project's own; conditions and sensors are the same everywhere."""
        return (self.local if facet.startswith("class:") else self.overall).get(facet, NOTHING)

    def details(self) -> list[str]:
        """Classes, conditions and sensors with enough evidence to be shown as hers."""
        seen: Sequence[str] = sorted({*self.overall, *self.local})
        return [one for one in seen if one.startswith(DETAILS) and self[one].is_measured]

    def facets(self) -> list[str]:
        """What has been measured of her at all, without classes' details."""
        seen = {*self.overall, *self.local}
        return sorted(one for one in seen if not one.startswith((CONFUSION, *DETAILS)))


def information(profile: Profile) -> float:
    """What her answers are worth, 0 to 1: by her confusion where classes are known, else her accuracy.

    A biased labeler keeps her worth as long as her answers tell the truths apart.
    """
    if profile.classes is None or len(profile.classes.names) < 2:
        return profile.accuracy.mean
    return confusion.worth(profile.confusion(), profile.classes.prior)
