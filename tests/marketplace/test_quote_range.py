"""The range of a quote: none where nobody is at work, and else what those who are would probably cost."""

from collections.abc import Callable

import pytest
from flask import Flask

from marketplace.db import transaction
from marketplace.models import KeyMode
from marketplace.pipeline import intake
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import CATEGORIES, Yard, give

TEXT = {"project": "texts", "attachment": "A cat.", "attachment_type": "text", "categories": CATEGORIES, "answers": 5}


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def test_a_quote_has_a_range_once_somebody_has_worked_and_the_most_it_costs_stays(yard: Yard) -> None:
    yard.send(6, answers=2, answers_min=None)
    with transaction():
        before = intake.quote(yard.customer, KeyMode.LIVE, "categorization", TEXT)
    assert before["range"] is None
    for labeler in yard.hire(2):
        for _ in range(6):
            give(labeler, labeling_world.CAT)
            yard.run_jobs()
    with transaction():
        after = intake.quote(yard.customer, KeyMode.LIVE, "categorization", TEXT)
        again = intake.quote(yard.customer, KeyMode.LIVE, "categorization", TEXT)
    found = after["range"]
    assert after == again and after["total_cents"] == before["total_cents"]
    assert found["labelers"] == 2
    assert 0 < found["cents_low"] <= found["cents_high"] <= after["total_cents"]
    assert 0 < found["seconds_low"] <= found["seconds_high"]
