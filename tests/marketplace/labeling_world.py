"""A small yard for the tests of claims and answers: texts to categorize, labelers, many threads at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from flask import Flask
from sqlalchemy import func, select

from marketplace import people, projects, skills
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import Assignment, AssignmentState, Customer, KeyMode, Labeler, Slot, SlotState, Subtask, Task
from marketplace.pipeline import dispatch, intake, resolve, submit
from marketplace.pipeline.dispatch import Claim
from marketplace.skills import Evidence
from payouts import postings
from routing.skill import Observation, Source, confusion_facet

CATEGORIES = ["cat", "dog", "other"]
CAT = {"category": "cat"}
ALL = 15  # as the least number of answers: as many as are reserved for


@dataclass
class Yard:
    """A funded customer; work goes in by `send`, through the real intake and the real jobs."""

    app: Flask
    run_jobs: Callable[[], None]
    customer: Customer
    labelers: list[Labeler] = field(default_factory=list)

    def send(
        self,
        count: int = 1,
        *,
        project: str = "texts",
        answers: int = 2,
        answers_min: int | None = ALL,
        **body: Any,
    ) -> list[Task]:
        """Unless `answers_min` says otherwise all answers are asked, and at once."""
        gold = body.pop("expected_answer", None)
        with transaction():
            if projects.find_project(self.customer, KeyMode.LIVE, project) is None:
                params = {"categories": CATEGORIES}
                projects.create_project(
                    self.customer, KeyMode.LIVE, project, "categorization", params, answers_min=answers_min
                )
            asked = {"project": project, "attachment": "A cat sat on the mat.", "attachment_type": "text"}
            tasks = [
                intake.accept_task(
                    self.customer,
                    KeyMode.LIVE,
                    "categorization",
                    asked | {"answers": answers} | body,
                    expected_answer=gold,
                )
                for _ in range(count)
            ]
        self.run_jobs()
        for task in tasks:
            db.session.refresh(task)
        return tasks

    def judge(self, subtask_id: str) -> None:
        """Run the job as a worker does, with a session of its own."""
        with self.app.app_context():
            resolve.resolve_subtask(subtask_id)

    def hire(self, count: int, *qualify: str) -> list[Labeler]:
        with transaction():
            hired = [
                people.create_labeler(
                    f"L{n}",
                    email=f"l{n}@example.org",
                    password=f"long enough {n}",
                    qualify=qualify or ("categorization",),
                ).labeler
                for n in range(len(self.labelers), len(self.labelers) + count)
            ]
        self.labelers += hired
        return hired


def build(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    with transaction():
        made = people.create_customer("Nora", email="nora@example.org")
        postings.fund_customer(db.session(), made.customer.id, 10_000_000, key="opening")
    return Yard(app, run_jobs, made.customer)


# What labelers do


def claim(labeler: Labeler, **wish: Any) -> Claim:
    with transaction():
        return dispatch.claim_next(labeler.id, **wish)


def claimed(labeler: Labeler, **wish: Any) -> Assignment:
    assignment = claim(labeler, **wish).assignment
    assert assignment is not None
    return assignment


def answered(labeler: Labeler, assignment: Assignment, answer: Any = CAT) -> Assignment:
    with transaction():
        return submit.submit_answer(labeler, assignment.id, assignment.epoch, answer, 5)


def give(labeler: Labeler, answer: Any, **wish: Any) -> Subtask:
    """Claim and answer; returns the subtask."""
    return answered(labeler, claimed(labeler, **wish), answer).subtask


def category(name: str) -> dict[str, str]:
    return {"category": name}


def expire(now: datetime | None = None) -> None:
    """All leases run out, if no later moment is given a day from now."""
    dispatch.expire_leases(now or utc_now() + timedelta(days=1))


class Chance(np.random.Generator):
    """A die that always falls the same way, 0 says gold; other draws are those of a seed."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(7))
        self.value = value

    def random(self, *_: Any, **__: Any) -> Any:
        return self.value


def measure(yard: Yard, labeler: Labeler, right: int, wrong: int, *, project: str = "texts") -> None:
    """So many right and wrong answers to gold, as if she had given them."""
    _learn(yard, labeler, [Observation("accuracy", 1.0)] * right + [Observation("accuracy", 0.0)] * wrong, project)


def measure_classes(yard: Yard, labeler: Labeler, pairs: dict[tuple[str, str], int], *, project: str = "texts") -> None:
    """So many answers to gold by (truth, given)."""
    listed = []
    for (truth, given), count in pairs.items():
        listed += [
            Observation(confusion_facet(truth, given), 1.0),
            Observation("accuracy", float(truth == given)),
        ] * count
    _learn(yard, labeler, listed, project)


def _learn(yard: Yard, labeler: Labeler, listed: list[Observation], project: str) -> None:
    with transaction():
        found = projects.find_project(yard.customer, KeyMode.LIVE, project)
        assert found is not None
        skills.learn(found.task_type, found.id, [Evidence(labeler.id, Source.GOLD, listed, 1.0)], utc_now())


# What the rows say


def subtask_of(task: Task) -> Subtask:
    return db.session.scalars(select(Subtask).filter_by(task_id=task.id)).one()


def slots_of(subtask: Subtask, state: SlotState) -> int:
    return int(
        db.session.scalar(select(func.count()).select_from(Slot).filter_by(subtask_id=subtask.id, state=state)) or 0
    )


def states_of(subtask: Subtask) -> list[AssignmentState]:
    states = select(Assignment.state).filter_by(subtask_id=subtask.id).order_by(Assignment.id)
    return list(db.session.scalars(states.execution_options(populate_existing=True)))


# Many at once


def at_once(app: Flask, *works: Callable[[], Any]) -> list[Any]:
    """Run the works at the same moment, each in a thread with an application context, and so a session, of its own.

    Gives what they returned or raised.
    """
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    return work()
            except Exception as error:  # noqa: BLE001  (an outcome like any other)
                return error
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
