"""Explanations on the pages: an operator reads all of it with names, a customer and a reviewer what concerns them."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.db import db, transaction
from marketplace.models import Assignment, Subtask, SubtaskState
from marketplace.pipeline import dispatch, submit
from tests.marketplace import page_world
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
