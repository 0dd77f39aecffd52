"""Measured accuracy: evidence about labelers, faded and weighed, and what it says of each with its uncertainty."""

from routing.skill.accuracy import PRIOR_ALPHA, PRIOR_BETA, Skill
from routing.skill.confusion import counts, error_profile, row_strength, rows, worth
from routing.skill.estimate import Estimate, estimate
from routing.skill.evidence import HALF_LIFE_DAYS, WEIGHTS, Observation, Source, Statistic, confusion_facet, statistics
from routing.skill.population import Population, population
from routing.skill.profile import Classes, Profile, information

__all__ = [
    "HALF_LIFE_DAYS",
    "PRIOR_ALPHA",
    "PRIOR_BETA",
    "WEIGHTS",
    "Classes",
    "Estimate",
    "Observation",
    "Population",
    "Profile",
    "Skill",
    "Source",
    "Statistic",
    "confusion_facet",
    "counts",
    "error_profile",
    "estimate",
    "information",
    "population",
    "row_strength",
    "rows",
    "statistics",
    "worth",
]
