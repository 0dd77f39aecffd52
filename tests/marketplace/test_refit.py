"""Refits: agreement is replaced and nothing else, what is typical is measured, calibration is learned from gold."""

from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import skills
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import (
    Labeler,
    ProjectFit,
    SkillPopulation,
    SkillRecord,
    SkillStatistic,
    Source,
    Subtask,
    SubtaskState,
)
from marketplace.pipeline import refit
from routing.skill import PRIOR_ALPHA, PRIOR_BETA
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import CATEGORIES, Chance, Yard, category

RIGHT = {0: 0.95, 1: 0.9, 2: 0.6, 3: 0.4}  # by labeler


@pytest.fixture
def worked(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    """Four labelers of known accuracy have answered twelve texts and six gold ones."""
    yard = labeling_world.build(app, run_jobs)
    yard.send(12, answers=4)
    for name in (CATEGORIES * 2)[:6]:
        yard.send(expected_answer=category(name))
    labelers = yard.hire(4)
    dice = np.random.default_rng(4)
    truths: dict[str, str] = {}
    for k, labeler in enumerate(labelers):
        for n in range(18):
            held = labeling_world.claimed(labeler, rng=Chance(0.0 if n % 3 == 1 else 1.0))
            subtask = held.subtask
            default = CATEGORIES[len(truths) % 3]
            truth = subtask.truth["category"] if subtask.truth else truths.setdefault(subtask.id, default)
            wrong = CATEGORIES[(CATEGORIES.index(truth) + 1) % 3]
            given = truth if dice.random() < RIGHT[k] else wrong
            labeling_world.answered(labeler, held, category(given))
        yard.run_jobs()
    return yard


def rows(source: Source, scope: str) -> dict[tuple[str, str], SkillStatistic]:
    found = db.session.scalars(
        select(SkillStatistic).filter_by(source=source, scope=scope).execution_options(populate_existing=True)
    )
    return {(row.labeler_id, row.facet): row for row in found}


def refitted(yard: Yard) -> str:
    project_id = db.session.scalars(select(Subtask)).first().task.project_id  # type: ignore[union-attr]
    with yard.app.app_context():
        refit.refit_project(project_id)
    db.session.expire_all()
    return str(project_id)


def test_a_refit_replaces_agreement_and_leaves_what_gold_has_told(worked: Yard) -> None:
    gold = {key: row.weight for key, row in rows(Source.GOLD, "").items()}
    assert len({labeler_id for labeler_id, _ in gold}) == 4
    project_id = refitted(worked)
    assert {key: row.weight for key, row in rows(Source.GOLD, "").items()} == pytest.approx(gold)
    here, everywhere = rows(Source.AGREEMENT, project_id), rows(Source.AGREEMENT, "")
    for labeler in worked.labelers:
        one, all_of_it = here[labeler.id, "accuracy"], everywhere[labeler.id, "accuracy"]
        assert 0 < one.weight <= 0.3 * 12
        assert (all_of_it.weight, all_of_it.total) == pytest.approx((one.weight, one.total), rel=1e-6)
    shares = [here[one.id, "accuracy"].total / here[one.id, "accuracy"].weight for one in worked.labelers]
    assert min(shares[:2]) > max(shares[2:])


def test_the_number_that_claims_read_is_what_the_statistics_say(worked: Yard) -> None:
    refitted(worked)
    now = utc_now()
    for labeler in worked.labelers:
        total = weight = 0.0
        for row in db.session.scalars(
            select(SkillStatistic).filter_by(labeler_id=labeler.id, scope="", facet="accuracy")
        ):
            own = skills.statistic(row).at(now)
            weight, total = weight + own.weight, total + own.total
        record = db.session.scalars(select(SkillRecord).filter_by(labeler_id=labeler.id)).one()
        assert record.alpha - PRIOR_ALPHA == pytest.approx(total, abs=1e-3)
        assert record.beta - PRIOR_BETA == pytest.approx(weight - total, abs=1e-3)


def test_a_second_refit_changes_nothing(worked: Yard) -> None:
    project_id = refitted(worked)
    before = {key: (row.weight, row.total) for key, row in rows(Source.AGREEMENT, project_id).items()}
    refitted(worked)
    after = {key: (row.weight, row.total) for key, row in rows(Source.AGREEMENT, project_id).items()}
    assert after.keys() == before.keys()
    assert all(after[key] == pytest.approx(before[key], rel=1e-4) for key in before)


def test_what_is_typical_and_the_calibration_are_kept_and_used(worked: Yard) -> None:
    project_id = refitted(worked)
    fit = db.session.get_one(ProjectFit, project_id)
    open_yet = db.session.scalars(select(Subtask).where(Subtask.state != SubtaskState.RESOLVED, ~Subtask.gold)).all()
    assert fit.answers == 4 * (18 - len(open_yet)) and fit.numbers["gold"] == 6 and fit.numbers["groups"] > 3
    assert fit.classes is not None and set(fit.classes["names"]) == set(CATEGORIES)
    assert sum(fit.classes["frequency"]) == pytest.approx(1)
    populations = {(one.scope, one.facet) for one in db.session.scalars(select(SkillPopulation))}
    assert {("", "accuracy"), (project_id, "accuracy")} <= populations
    first = db.session.scalars(select(Subtask)).first()
    assert first is not None and first.task.project is not None
    typical = skills.typical_profile(first.task.project, tuple(CATEGORIES))
    known = skills.profiles(first.task.project, typical, [one.id for one in worked.labelers], utc_now())
    means = [known[one.id].accuracy.mean for one in worked.labelers]
    assert min(means[:2]) > max(means[2:])
    assert known[worked.labelers[0].id].confusion().sum(axis=1) == pytest.approx(np.ones(3))


def test_a_project_is_refitted_once_enough_is_new(worked: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def due() -> bool:
        refit.enqueue_due()
        before = db.session.scalar(select(ProjectFit.fitted_at))
        worked.run_jobs()
        db.session.expire_all()
        return before != db.session.scalar(select(ProjectFit.fitted_at))

    assert not due(), "twelve verdicts are few"
    monkeypatch.setattr(refit, "REFIT_AFTER", 6)
    assert due() and not due()


def test_an_answer_that_is_taken_back_leaves_no_trace(worked: Yard) -> None:
    labeler: Labeler = worked.labelers[0]
    first = db.session.scalars(select(Subtask)).first()
    assert first is not None and first.task.project is not None
    before = {key: (row.weight, row.total) for key, row in rows(Source.GOLD, "").items()}
    listed = [labeling_world.Observation("accuracy", 1.0), labeling_world.Observation("wer", 0.2)]
    then = utc_now()
    for weight in (1.0, -1.0):
        evidence = labeling_world.Evidence(labeler.id, labeling_world.Source.GOLD, listed, weight)
        with transaction():
            skills.learn("categorization", first.task.project.id, [evidence], then)
    after = {key: (row.weight, row.total) for key, row in rows(Source.GOLD, "").items() if row.weight > 1e-9}
    assert after.keys() == before.keys()
    assert all(after[key] == pytest.approx(before[key], rel=1e-4) for key in before), "seconds of fading"
