"""Verdicts: consensus, gold, reviews in sight, money, and what is learned about the labelers."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import projects
from marketplace.db import db, transaction
from marketplace.models import (
    Assignment,
    AssignmentState,
    Frame,
    KeyMode,
    Labeler,
    SkillRecord,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
)
from marketplace.pipeline import intake, split
from marketplace.reports.accuracy import accuracy_of
from payouts import ledger
from payouts.chart import PLATFORM, Kind
from routing.skill import PRIOR_ALPHA, PRIOR_BETA, WEIGHTS, Source
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Chance, Yard, category, give, measure, states_of, subtask_of


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def balance(kind: Kind, owner: str = PLATFORM) -> int:
    with transaction():
        return ledger.balance(db.session(), kind, owner)


def skill_of(labeler: Labeler) -> SkillRecord:
    return db.session.scalars(
        select(SkillRecord).filter_by(labeler_id=labeler.id).execution_options(populate_existing=True)
    ).one()


def test_the_majority_counts_and_everybody_is_paid_once(yard: Yard) -> None:
    task = yard.send(answers=3)[0]
    labelers = yard.hire(3)
    for labeler, name in zip(labelers, ["cat", "dog", "cat"], strict=True):
        subtask = give(labeler, category(name))
        yard.run_jobs()
        db.session.refresh(task)
        assert (task.status == "completed") == (labeler is labelers[-1]), "nothing is judged before all have answered"
    db.session.refresh(subtask)
    assert (subtask.state, subtask.verdict) == (SubtaskState.RESOLVED, category("cat"))
    assert states_of(subtask) == [AssignmentState.ACCEPTED] * 3
    assert [balance(Kind.LABELER_HELD, one.id) for one in labelers] == [subtask.pay_cents] * 3
    assert balance(Kind.TASK_RESERVE, task.id) == 0
    assert balance(Kind.FEE_REVENUE) == task.quote_cents - 3 * subtask.pay_cents
    means = [record.alpha / (record.alpha + record.beta) for record in map(skill_of, labelers)]
    assert means[0] == means[2] > PRIOR_ALPHA / (PRIOR_ALPHA + PRIOR_BETA) > means[1]


def test_a_job_that_runs_twice_changes_nothing(yard: Yard) -> None:
    yard.send(answers=1)
    [ana] = yard.hire(1)
    subtask = give(ana, category("cat"))
    for _ in range(3):
        yard.judge(subtask.id)
    assert balance(Kind.LABELER_HELD, ana.id) == subtask.pay_cents
    assert skill_of(ana).real_seen == 1


def test_answers_that_disagree_wait_for_a_person(yard: Yard) -> None:
    task = yard.send(answers=3)[0]
    for labeler, name in zip(yard.hire(3), ["cat", "dog", "other"], strict=True):
        subtask = give(labeler, category(name))
    yard.run_jobs()
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.IN_REVIEW
    assert subtask.confidence is not None and subtask.confidence < 0.7
    assert states_of(subtask) == [AssignmentState.SUBMITTED] * 3
    db.session.refresh(task)
    assert task.stage is TaskStage.LABELING


def test_the_voice_of_the_measured_counts_more(yard: Yard) -> None:
    """Two careless labelers against one who is known to be right."""
    yard.send(answers=3)
    labelers = yard.hire(3)
    for labeler, right, wrong in zip(labelers, (60, 4, 4), (1, 6, 6), strict=True):
        measure(yard, labeler, right, wrong)
    for labeler, name in zip(labelers, ["cat", "dog", "dog"], strict=True):
        subtask = give(labeler, category(name))
    yard.run_jobs()
    db.session.refresh(subtask)
    assert subtask.verdict == category("cat")


@pytest.mark.parametrize(("given", "grade"), [("dog", 1.0), ("cat", 0.0)])
def test_gold_is_graded_at_once_and_paid_by_the_platform(yard: Yard, given: str, grade: float) -> None:
    yard.send(expected_answer=category("dog"))
    yard.send(3, answers=2)
    [ana] = yard.hire(1)
    give(ana, category("cat"))
    gold = give(ana, category(given), rng=Chance(0.0))
    assert gold.gold
    assert skill_of(ana).real_seen == 1
    yard.run_jobs()
    assert states_of(gold) == [AssignmentState.ACCEPTED]
    record = skill_of(ana)
    assert (record.gold_seen, record.real_seen) == (1, 0)
    assert record.alpha == pytest.approx(PRIOR_ALPHA + WEIGHTS[Source.GOLD] * grade)
    assert record.beta == pytest.approx(PRIOR_BETA + WEIGHTS[Source.GOLD] * (1 - grade))
    assert balance(Kind.GOLD_EXPENSE) == gold.pay_cents == balance(Kind.LABELER_HELD, ana.id)
    assert subtask_of(db.session.get_one(Task, gold.task_id)).state is SubtaskState.OPEN, "for the next labeler"


# A drive's seams

CUBOID = {"dimensions": [4.0, 1.8, 1.5], "yaw": 0.0, "key": True}


def drive(yard: Yard) -> Task:
    """Five frames in two windows that share frame 2, put into the yard as ingest leaves them."""
    with transaction():
        projects.create_project(yard.customer, KeyMode.LIVE, "drive", "lidarannotation", {"labels": ["Car"]})
        body = {
            "project": "drive",
            "attachments": [f"https://example.org/{n}.json" for n in range(5)],
            "window_frames": 3,
            "window_overlap": 1,
        }
        task = intake.accept_task(yard.customer, KeyMode.LIVE, "lidarannotation", body)
        task.stage, task.frames_total, task.frames_ready = TaskStage.INGESTED, 5, 5
        manifest = {"device": {"position": [0, 0, 0], "heading": [1, 0, 0, 0]}, "images": [], "radar": []}
        db.session.add_all(
            Frame(task_id=task.id, number=n, points_key=f"frames/{n}", points_count=0, manifest=manifest)
            for n in range(5)
        )
    with yard.app.app_context():
        split.split_task(task.id)
    return task


def car(frames: range, y: float) -> dict[str, Any]:
    cuboids = [{"frame": n, "position": [n * 1.0, y, 0.0], **CUBOID} for n in frames]
    return {"tracks": [{"id": "a", "label": "Car", "attributes": {}, "cuboids": cuboids}]}


@pytest.mark.parametrize(("offset", "is_better"), [(0.0, True), (3.0, False)])
def test_neighbours_measure_each_other_on_the_frames_they_share(yard: Yard, offset: float, is_better: bool) -> None:
    drive(yard)
    ana, ben = yard.hire(2, "lidarannotation")
    give(ana, car(range(3), 0.0))
    last = give(ben, car(range(2, 5), offset))
    for subtask in db.session.scalars(select(Subtask).filter_by(task_id=last.task_id)).all():
        yard.judge(subtask.id)
    prior = PRIOR_ALPHA / (PRIOR_ALPHA + PRIOR_BETA)
    for record in (skill_of(ana), skill_of(ben)):
        assert (record.alpha / (record.alpha + record.beta) > prior) is is_better


def test_alone_with_oneself_nothing_is_learned(yard: Yard) -> None:
    drive(yard)
    [ana] = yard.hire(1, "lidarannotation")
    for frames in (range(3), range(2, 5)):
        subtask = give(ana, car(frames, 0.0))
        yard.judge(subtask.id)
        [assignment] = db.session.scalars(select(Assignment).filter_by(subtask_id=subtask.id))
        assert (assignment.state, assignment.agreement) == (AssignmentState.ACCEPTED, None)
    assert (skill_of(ana).alpha, skill_of(ana).beta) == (PRIOR_ALPHA, PRIOR_BETA)
    assert accuracy_of(ana.id) == []
