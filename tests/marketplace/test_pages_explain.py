"""Explanations on the pages: an operator reads all of it with names, a customer and a reviewer what concerns them."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import accuracy_steps, auth, skills
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import Assignment, AssignmentState, Subtask, SubtaskState
from marketplace.pipeline import dispatch, intake, submit
from marketplace.reports import measured
from marketplace.skills import Evidence
from routing.skill import Observation, Source
from tests.marketplace import page_world
from tests.marketplace.labeling_world import Chance
from tests.marketplace.page_world import World, page


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def answer(world: World, who: str, category: str) -> Assignment:
    with transaction():
        assignment = dispatch.claim_next(world.labeler(who).id).assignment
        assert assignment is not None
        submit.submit_answer(world.labeler(who), assignment.id, assignment.epoch, {"category": category}, 33.0)
    world.run_jobs()
    db.session.expire_all()
    return assignment


def disputed(world: World) -> Subtask:
    """Ana says cat and Ben dog, and nobody else may be asked: a person decides."""
    for who in ("ana", "ben"):
        world.labeler(who)
    task = world.send_text()
    for who, category in (("ana", "cat"), ("ben", "dog")):
        answer(world, who, category)
    subtask = db.session.scalars(select(Subtask).filter_by(task_id=task.id)).one()
    assert subtask.state is SubtaskState.IN_REVIEW
    return subtask


def words_of(world: World, who: str, path: str) -> str:
    return " ".join(page(world.as_(who).get(path)).words.split())


def test_an_operator_reads_the_whole_story_with_names(world: World) -> None:
    subtask = disputed(world)
    said = words_of(world, "omar", f"/operator/subtasks/{subtask.id}")
    parts = [
        "Opened",
        "Ana claimed it",
        "Ana answered",
        "“cat”, in",
        "Ben answered",
        "Sent to a reviewer",
        "Ben (",
    ]
    places = [said.find(part) for part in parts]
    assert places == sorted(places) and -1 not in places, dict(zip(parts, places, strict=True))
    assert "under which a person decides" in said and "said “dog”" in said
    choice = {"assignment_id": "", "decision": "accepted", "reason": "It meows."}
    choice["assignment_id"] = db.session.scalars(
        select(Assignment.id).filter_by(subtask_id=subtask.id, labeler_id=world.labeler("ana").id)
    ).one()
    page_world.submit(world.as_("omar"), f"/reviews/{subtask.id}", choice, seen_on=f"/reviews/{subtask.id}")
    decided = words_of(world, "omar", f"/operator/subtasks/{subtask.id}")
    assert "Omar chose one of the answers, and that counts." in decided and "It meows." in decided


def test_a_reviewer_reads_why_it_is_in_review_and_a_customer_how_it_was_decided_without_names(world: World) -> None:
    subtask = disputed(world)
    said = words_of(world, "omar", f"/reviews/{subtask.id}")
    assert "Why a person decides" in said and "The author of answer 2 (" in said
    said = words_of(world, "nora", f"/tasks/{subtask.task_id}/decisions")
    assert "Sent to a reviewer" in said and "One labeler (hardly measured yet, taken for 80%) said “dog”." in said
    assert "Ana" not in said and "Ben" not in said
    assert "How this was decided" in words_of(world, "nora", f"/tasks/{subtask.task_id}")
    assert world.as_("eve").get(f"/tasks/{subtask.task_id}/decisions").status_code == 404


def test_a_subtask_is_found_from_its_lane_its_task_its_labeler_and_by_its_id(world: World) -> None:
    subtask = disputed(world)
    omar, address = world.as_("omar"), f"/operator/subtasks/{subtask.id}"
    lane = f"/operator/queues/{subtask.lane_id}"
    assert lane in page(omar.get("/operator/queues")).links
    ana = world.labeler("ana").id
    for path in (lane, f"{lane}?state=in_review", f"/operator/tasks/{subtask.task_id}", f"/operator/labelers/{ana}"):
        assert address in page(omar.get(path)).links, path
    assert address not in page(omar.get(f"{lane}?state=resolved")).links
    held = db.session.scalars(select(Assignment.id).filter_by(subtask_id=subtask.id).limit(1)).one()
    for word in (subtask.id, held):
        assert omar.get(f"/operator/find?q={word}").headers["Location"] == address
    assert omar.get(f"/operator/find?q={subtask.task_id}").headers["Location"] == f"/operator/tasks/{subtask.task_id}"
    assert [omar.get(path).status_code for path in ("/operator/find?q=x", "/operator/subtasks/x")] == [404, 404]


def test_an_operator_is_told_why_somebody_does_not_see_a_subtask(world: World) -> None:
    world.labeler("ana"), world.labeler("ben")
    task = world.send_text()
    answer(world, "ana", "cat")
    subtask = db.session.scalars(select(Subtask).filter_by(task_id=task.id)).one()
    address = f"/operator/subtasks/{subtask.id}?labeler="
    world.labeler("dora")
    expected = {
        "ana": "Ana has answered it, and nobody answers the same subtask twice.",
        "ben@example.org": "Nothing keeps Ben from it",
        "dora": "Dora is told: You are not qualified for this kind of work yet.",
        "nobody": "There is no such labeler.",
    }
    assert {who: said in words_of(world, "omar", address + who) for who, said in expected.items()} == dict.fromkeys(
        expected, True
    )


# Measured accuracy


def work_through(world: World, count: int) -> None:
    """Ana and Ben agree on so many texts."""
    for number in range(count):
        world.send_text(f"text {number}")
        for who in ("ana", "ben"):
            with transaction():
                labeler = world.labeler(who)
                assignment = dispatch.claim_next(labeler.id).assignment
                assert assignment is not None
                submit.submit_answer(labeler, assignment.id, assignment.epoch, {"category": "cat"}, 5.0)
    world.run_jobs()
    db.session.expire_all()


def test_a_labeler_sees_her_accuracy_in_steps_and_an_operator_as_it_is(world: World) -> None:
    step = accuracy_steps.ANSWERS_A_STEP
    ana = world.labeler("ana")
    operators, own = f"/operator/labelers/{ana.id}/accuracy", "/accuracy"
    work_through(world, step - 1)
    accuracy_steps.take_due()
    assert "Nothing is measured yet" in words_of(world, "ana", own), "nine answers would tell too much"
    assert "not measured yet" in words_of(world, "ana", "/work")
    assert "Right over all" in words_of(world, "omar", operators)
    work_through(world, 1)
    accuracy_steps.take_due()
    first = words_of(world, "ana", own)
    assert f"after {step} decided answers" in first and "Right over all" in first
    assert page(world.as_("ana").get(own)).tables[0].rows[0][1] in words_of(world, "ana", "/work")
    with transaction():  # gold that she missed
        observed = [Observation("accuracy", 0.0)] * 20
        skills.learn("categorization", world.project.id, [Evidence(ana.id, Source.GOLD, observed, 1.0)], utc_now())
    accuracy_steps.take_due()
    assert words_of(world, "ana", own) == first, "one answer alone moves nothing that she sees"
    assert (
        page(world.as_("omar").get(operators)).tables[0].rows[0][1]
        != page(world.as_("ana").get(own)).tables[0].rows[0][1]
    )
    work_through(world, step)
    accuracy_steps.take_due()
    steps = accuracy_steps.steps_of(ana.id)["categorization"]
    assert [(one.number, one.answers) for one in steps] == [(1, step), (2, 2 * step)]
    means = [measured.read(one.measured).accuracy.estimate.mean for one in steps]
    assert means[1] < means[0], "and then it has counted"
    assert [measured.read(one.measured).projects != [] for one in steps] == [False, True], "details are of the newest"


def test_history_looks_the_same_for_gold_and_for_other_work(world: World) -> None:
    with transaction():
        asked = {"project": world.project.name, "attachment": "Gold.", "attachment_type": "text"}
        intake.accept_task(
            world.customer, world.project.mode, "categorization", asked, expected_answer={"category": "dog"}
        )
    world.run_jobs()
    work_through(world, 1)
    world.send_text("the next one")
    with transaction():
        held = dispatch.claim_next(world.labeler("ana").id, rng=Chance(0.0)).assignment
        assert held is not None and held.subtask.gold
        submit.submit_answer(world.labeler("ana"), held.id, held.epoch, {"category": "cat"}, 5.0)
    world.run_jobs()
    db.session.expire_all()
    own = db.session.scalars(select(Assignment).filter_by(labeler_id=world.labeler("ana").id)).all()
    assert {one.state for one in own} == {AssignmentState.ACCEPTED} and len(own) == 2
    seen = [re.sub(r"[0-9a-f]{24}|\d+", "#", words_of(world, "ana", f"/history/{one.id}")) for one in own]
    assert seen[0] == seen[1]
    assert "Why you saw this" in seen[0] and "gold" not in seen[0].lower() and "greement" not in seen[0]


def test_the_apis_tell_the_same(world: World) -> None:
    work_through(world, accuracy_steps.ANSWERS_A_STEP)
    accuracy_steps.take_due()
    [found] = world.as_("ana").get("/labeler/accuracy").get_json()["task_types"]
    assert (found["task_type"], found["answers"]) == ("categorization", 10)
    whole = found["facets"][0]
    assert whole["facet"] == "accuracy" and 0.5 < whole["low"] < whole["mean"] < whole["high"] < 1
    with transaction():
        key = auth.new_api_key(world.customer, world.project.mode)
    task = db.session.scalars(select(Subtask).limit(1)).one().task
    client = world.app.test_client()
    answer = client.get(f"/v1/task/{task.id}/decisions", headers={"Authorization": f"Bearer {key}"})
    [subtask] = answer.get_json()["subtasks"]
    assert subtask["answers"] == 2 and subtask["decisions"][-1]["kind"] == "verdict"
    assert "“cat” won with" in " ".join(subtask["decisions"][-1]["reasons"]) and "Ana" not in answer.text
