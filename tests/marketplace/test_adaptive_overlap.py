"""As many answers as are worth their price: when one is enough, when more are asked, and when a verdict is undone."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import notes, projects
from marketplace.api.payload import assignment_payload
from marketplace.db import db, transaction
from marketplace.models import (
    Assignment,
    AssignmentState,
    Frame,
    KeyMode,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.pipeline import intake, resolve, split
from payouts import ledger
from payouts.chart import PLATFORM, Kind
from routing.overlap import Reason
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Yard, category, give, measure, slots_of, states_of, subtask_of


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def balance(kind: Kind, owner: str = PLATFORM) -> int:
    with transaction():
        return ledger.balance(db.session(), kind, owner)


def adaptive(yard: Yard, answers: int = 3, **body: Any) -> Subtask:
    [task] = yard.send(answers=answers, answers_min=None, **body)
    return subtask_of(task)


def answer(yard: Yard, labeler: Any, name: str) -> None:
    give(labeler, category(name))
    yard.run_jobs()


def kinds_of(subtask: Subtask) -> list[tuple[str, str | None]]:
    return [(one.kind, one.numbers.get("reason")) for one in notes.notes_of(subtask.id)]


def test_one_answer_of_somebody_firmly_good_is_enough_and_the_rest_of_the_reserve_is_ours(yard: Yard) -> None:
    subtask = adaptive(yard)
    [ana] = yard.hire(1)
    measure(yard, ana, right=80, wrong=1)
    assert slots_of(subtask, SlotState.OPEN) == 1
    answer(yard, ana, "cat")
    db.session.refresh(subtask)
    assert (subtask.state, subtask.task.status) == (SubtaskState.RESOLVED, TaskStatus.COMPLETED)
    assert states_of(subtask) == [AssignmentState.ACCEPTED] and slots_of(subtask, SlotState.OPEN) == 0
    assert balance(Kind.LABELER_HELD, ana.id) == subtask.pay_cents
    assert balance(Kind.TASK_RESERVE, subtask.task_id) == 0
    assert balance(Kind.FEE_REVENUE) == subtask.task.quote_cents - subtask.pay_cents
    assert kinds_of(subtask) == [("verdict", Reason.CONFIDENT)]


def test_strangers_are_asked_one_by_one_until_a_further_answer_would_change_nothing(yard: Yard) -> None:
    subtask = adaptive(yard)
    ana, ben, _ = yard.hire(3)
    answer(yard, ana, "cat")
    assert slots_of(subtask, SlotState.OPEN) == 1, "one stranger is not enough"
    answer(yard, ben, "cat")
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.RESOLVED and subtask.confidence is not None and subtask.confidence < 0.95
    assert kinds_of(subtask) == [("asked_again", Reason.TOO_FEW), ("verdict", Reason.PRICE)]


def test_doubt_is_asked_about_up_to_the_maximum(yard: Yard) -> None:
    subtask = adaptive(yard)
    labelers = yard.hire(4)
    for labeler, name in zip(labelers, ["cat", "dog", "cat"], strict=False):
        answer(yard, labeler, name)
    db.session.refresh(subtask)
    assert (subtask.state, subtask.verdict) == (SubtaskState.RESOLVED, category("cat"))
    assert kinds_of(subtask)[-1] == ("verdict", Reason.MAXIMUM)
    assert [kind for kind, _ in kinds_of(subtask)] == ["asked_again", "asked_again", "verdict"]
    assert balance(Kind.FEE_REVENUE) == subtask.task.quote_cents - 3 * subtask.pay_cents


def test_where_nobody_is_left_to_ask_a_person_decides(yard: Yard) -> None:
    subtask = adaptive(yard, answers=5)
    for labeler, name in zip(yard.hire(2), ["cat", "dog"], strict=True):
        answer(yard, labeler, name)
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.IN_REVIEW and slots_of(subtask, SlotState.OPEN) == 0
    assert kinds_of(subtask)[-1] == ("in_review", Reason.NOBODY)


def test_a_customer_to_whom_errors_cost_nothing_buys_the_minimum(yard: Yard) -> None:
    subtask = adaptive(yard, answers=5)
    with transaction():
        project = projects.find_project(yard.customer, KeyMode.LIVE, "texts")
        assert project is not None
        projects.set_wanted(project, {"error_cost_cents": 0, "target_confidence": 0.99})
    for labeler, name in zip(yard.hire(5), ["cat", "dog"], strict=False):
        answer(yard, labeler, name)
    db.session.refresh(subtask)
    assert len(states_of(subtask)) == 2 and kinds_of(subtask)[-1] == ("in_review", Reason.PRICE)


def test_confusion_is_heard_where_the_majority_is_not(yard: Yard) -> None:
    """Two who always take dogs for cats say cat, and one who is mostly right says dog."""
    [task] = yard.send(answers=3)
    labelers = yard.hire(3)
    for labeler in labelers[:2]:
        labeling_world.measure_classes(yard, labeler, {("dog", "cat"): 40, ("cat", "cat"): 20, ("cat", "dog"): 20})
    measure(yard, labelers[2], right=30, wrong=3)
    for labeler, name in zip(labelers, ["cat", "cat", "dog"], strict=True):
        give(labeler, category(name))
    yard.run_jobs()
    subtask = subtask_of(task)
    assert subtask.verdict == category("dog")


# A finished subtask is opened again


def drive(yard: Yard, answers: int = 2) -> Task:
    """Five frames in two windows, put into the yard as ingest leaves them."""
    with transaction():
        projects.create_project(yard.customer, KeyMode.LIVE, "drive", "lidarannotation", {"labels": ["Car"]})
        body = {"project": "drive", "attachments": [f"https://example.org/{n}.json" for n in range(5)]}
        body |= {"window_frames": 3, "window_overlap": 1, "answers": answers}
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


def resolved_by_one(yard: Yard) -> tuple[Subtask, Any, Any]:
    """A window that one trusted labeler has answered, while the other window waits."""
    drive(yard)
    ana, ben = yard.hire(2, "lidarannotation")
    measure(yard, ana, right=80, wrong=0, project="drive")
    subtask = give(ana, {"tracks": []})
    yard.judge(subtask.id)
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.RESOLVED and balance(Kind.LABELER_HELD, ana.id) == subtask.pay_cents
    return subtask, ana, ben


def reconsider(yard: Yard, subtask: Subtask) -> None:
    with yard.app.app_context():
        resolve.reconsider_subtask(subtask.id)
    db.session.refresh(subtask)


def test_a_finished_subtask_is_opened_again_once_its_author_turns_out_to_be_careless(yard: Yard) -> None:
    subtask, ana, ben = resolved_by_one(yard)
    reconsider(yard, subtask)
    assert subtask.state is SubtaskState.RESOLVED, "nothing has changed"
    measure(yard, ana, right=0, wrong=200, project="drive")
    reconsider(yard, subtask)
    assert (subtask.state, slots_of(subtask, SlotState.OPEN)) == (SubtaskState.OPEN, 1)
    assert states_of(subtask) == [AssignmentState.ACCEPTED], "what was accepted stays accepted"
    assert give(ben, {"tracks": []}).id != subtask.id, "the other window has waited for longer"
    assert give(ben, {"tracks": []}).id == subtask.id
    yard.judge(subtask.id)
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.RESOLVED
    held = [balance(Kind.LABELER_HELD, one.id) for one in (ana, ben)]
    assert held == [subtask.pay_cents] * 2, "once each"
    assert [kind for kind, _ in kinds_of(subtask)][:3] == ["verdict", "reopened", "asked_again"]
    reconsider(yard, subtask)
    assert slots_of(subtask, SlotState.OPEN) == 0, "never beyond the maximum"


def test_what_is_delivered_stays(yard: Yard) -> None:
    subtask, ana, _ = resolved_by_one(yard)
    give(ana, {"tracks": []})
    for other in db.session.scalars(select(Subtask).filter_by(task_id=subtask.task_id)).all():
        yard.judge(other.id)
    yard.run_jobs()
    db.session.expire_all()
    assert subtask.task.status is TaskStatus.COMPLETED
    measure(yard, ana, right=0, wrong=200, project="drive")
    reconsider(yard, subtask)
    assert subtask.state is SubtaskState.RESOLVED
    opened = select(Slot).where(Slot.state == SlotState.OPEN)
    assert db.session.scalars(opened).all() == []
    accepted = select(Assignment).where(Assignment.state == AssignmentState.ACCEPTED)
    assert len(db.session.scalars(accepted).all()) == 2


# Only what is disputed is asked again

CAR = {"type": "box", "label": "Car", "top": 10.0, "width": 40.0, "height": 30.0, "attributes": {}}


def picture(yard: Yard, answers: int) -> Subtask:
    """A picture, put into the yard as ingest leaves it."""
    with transaction():
        geometries = {"box": {"objects_to_annotate": ["Car"]}}
        projects.create_project(yard.customer, KeyMode.LIVE, "cars", "imageannotation", {"geometries": geometries})
        body = {"project": "cars", "attachment": "https://example.org/a.png", "answers": answers}
        task = intake.accept_task(yard.customer, KeyMode.LIVE, "imageannotation", body)
        task.stage, task.frames_total, task.frames_ready = TaskStage.INGESTED, 1, 1
        image = {"camera": "image", "key": "images/a.png", "width": 640, "height": 480}
        db.session.add(Frame(task_id=task.id, number=0, points_key="", points_count=0, manifest={"images": [image]}))
    with yard.app.app_context():
        split.split_task(task.id)
    return subtask_of(task)


def drawn(*lefts: float) -> dict[str, Any]:
    return {"annotations": [{"id": f"b{k}", "left": left, **CAR} for k, left in enumerate(lefts)]}


def test_a_follow_up_asks_about_the_disputed_object_only_and_pays_in_proportion(yard: Yard) -> None:
    subtask = picture(yard, answers=4)
    ana, ben, cleo, _ = yard.hire(4, "imageannotation")
    for labeler in (ana, ben):
        measure(yard, labeler, right=25, wrong=4, project="cars")
    give(ana, drawn(0.0, 100.0, 200.0, 300.0))
    yard.judge(subtask.id)
    give(ben, drawn(0.0, 100.0, 200.0))
    yard.judge(subtask.id)
    db.session.refresh(subtask)
    assert subtask.focus is not None and subtask.focus_pay_cents is not None
    held = labeling_world.claim(cleo).held
    assert held is not None
    shown = assignment_payload(held)
    asked = shown["subtask"]["focus"]
    assert len(asked["settled"]) + len(asked["disputed"]) == len(shown["draft"]["annotations"])
    assert "Check" in asked["text"]
    assert held.pay_cents == subtask.focus_pay_cents < subtask.pay_cents
    assert held.expected_seconds == subtask.focus_effort_seconds < subtask.effort_seconds
    labeling_world.answered(cleo, db.session.get_one(Assignment, held.id), shown["draft"])
    yard.judge(subtask.id)
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.RESOLVED and subtask.verdict is not None and subtask.focus is None
    assert len(subtask.verdict["annotations"]) == 4, "two of three drew the fourth car"
    paid = [balance(Kind.LABELER_HELD, one.id) for one in (ana, ben, cleo)]
    assert paid == [subtask.pay_cents, subtask.pay_cents, held.pay_cents]
    agreements = select(Assignment.labeler_id, Assignment.agreement).filter_by(subtask_id=subtask.id)
    by_labeler = {row[0]: row[1] for row in db.session.execute(agreements)}
    assert by_labeler[cleo.id] == 1 and 0.5 < (by_labeler[ben.id] or 0) < 1, "ben missed one of four"
