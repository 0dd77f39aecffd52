"""What work will probably cost and when it will be done: the project simulated with the people who are there.

A sample of the subtasks stands for all of them, and everybody's pace is slowed down by as much, so that the sample
takes as long as the whole. In each replication the labelers' true accuracies are drawn from what is known of them. The
spread of a sample is a little wider than that of the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routing.overlap import Terms
from routing.simulation import Job, Worker, run
from routing.skill import Skill

REPLICATIONS, SAMPLE_MAX, PEOPLE_MAX = 10, 10, 10
CLASSES_MAX = 5  # more hardly change how often two wrong answers agree, and take longer to weigh
LOW, HIGH = 0.1, 0.9
DAYS_MAX = 60
LOOKS = 4  # for work, in the time of one answer


@dataclass(frozen=True)
class Person:
    """Who may do the work: the Beta posterior of her accuracy, and how many seconds of effort she gives in an hour."""

    alpha: float
    beta: float
    effort_seconds_per_hour: float


@dataclass(frozen=True)
class Range:
    """The 80 % interval of answers per subtask, and of the seconds until all are finished; none where it takes more
    than `DAYS_MAX`."""

    answers: tuple[float, float]
    seconds: tuple[float, float] | None


def forecast(
    people: Sequence[Person], subtasks: int, effort_seconds: float, classes: int, terms: Terms, rng: np.random.Generator
) -> Range | None:
    """None without anybody at work. `effort_seconds` is the mean of one answer to one subtask."""
    here = [one for one in people if one.effort_seconds_per_hour > 0]
    if not here or subtasks < 1:
        return None
    found = [_once(here, subtasks, effort_seconds, classes, terms, rng) for _ in range(REPLICATIONS)]
    answers, seconds = np.array(found).T
    low, high = (float(np.quantile(seconds, q, method="inverted_cdf")) for q in (LOW, HIGH))
    return Range(
        (float(np.quantile(answers, LOW)), float(np.quantile(answers, HIGH))),
        (low, high) if np.isfinite(high) else None,
    )


def _once(
    people: Sequence[Person], subtasks: int, effort: float, classes: int, terms: Terms, rng: np.random.Generator
) -> tuple[float, float]:
    count, size = min(subtasks, SAMPLE_MAX), min(len(people), PEOPLE_MAX)
    some = [people[k] for k in rng.permutation(len(people))[:size]]
    # Fewer people on fewer subtasks: each of them does as large a part of the sample as she would of the whole.
    slower = subtasks / count * size / len(people)
    intervals = [slower * effort * 3_600 / one.effort_seconds_per_hour for one in some]
    workers = [
        Worker(
            str(k),
            float(rng.beta(one.alpha, one.beta)),
            pause_seconds=max(0.0, interval - effort),
            arrives_seconds=float(rng.exponential(interval)),
            skill=Skill(one.alpha, one.beta),
        )
        for k, (one, interval) in enumerate(zip(some, intervals, strict=True))
    ]
    kinds = min(max(2, classes), CLASSES_MAX)
    job = Job(0, "", rng.integers(kinds, size=count).tolist(), kinds, terms, effort_seconds=max(1, round(effort)))
    outcome = run(workers, [job], rng, DAYS_MAX * 86_400.0, look_again_seconds=max(30.0, min(intervals) / LOOKS))
    answered = sum(outcome.loads().values())
    unfinished = count - len(outcome.closed)
    # What too few people left open is counted as if it went to the maximum.
    cost = (answered + unfinished * terms.maximum) / count if unfinished else answered / count
    return min(cost, terms.maximum), outcome.finished_seconds(job)
