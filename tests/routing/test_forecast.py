"""Forecasts of cost and time."""

import numpy as np
import pytest

from routing.forecast import Person, Range, forecast
from routing.overlap import Terms


def of(people: list[Person], *, subtasks: int = 200, maximum: int = 5, target: float = 0.9) -> Range | None:
    terms = Terms(target, maximum, 10.0, 500.0)
    return forecast(people, subtasks, 30.0, 3, terms, np.random.default_rng(0))


GOOD, POOR = [Person(95.0, 5.0, 600.0)] * 8, [Person(12.0, 8.0, 600.0)] * 8


def test_better_people_need_fewer_answers_and_nobody_more_than_the_maximum() -> None:
    good, poor = of(GOOD), of(POOR)
    assert good and poor
    assert 1 <= good.answers[0] <= good.answers[1] < poor.answers[0] <= poor.answers[1] <= 5


@pytest.mark.parametrize("subtasks", [10, 1_000])
def test_time_goes_with_the_work_and_the_pace(subtasks: int) -> None:
    """So many answers of 30 seconds at 8 times 600 seconds an hour, and some waiting for the last ones."""
    found = of(GOOD, subtasks=subtasks)
    assert found and found.seconds
    least = found.answers[0] * subtasks * 30 / (8 * 600) * 3_600
    assert found.seconds[0] < 3 * least
    assert 0.8 * least < found.seconds[1] < 8 * least


def test_nobody_at_work_is_no_forecast_and_too_few_are_no_time() -> None:
    assert of([]) is None and of([Person(9.0, 1.0, 0.0)]) is None
    crawling = of([Person(9.0, 1.0, 0.01)] * 2)
    assert crawling and crawling.seconds is None
