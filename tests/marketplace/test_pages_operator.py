"""Operators' and reviewers' pages through the front door: lanes, labelers, decisions, reviews, appeals."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    Frame,
    Lane,
    Qualification,
    Subtask,
    SubtaskState,
)
from marketplace.pipeline import dispatch, review, submit
from tests.marketplace import page_world
from tests.marketplace.page_world import World, csv_rows, page
from tests.marketplace.page_world import submit as send


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def disputed(world: World) -> tuple[Subtask, dict[str, Assignment]]:
    """A subtask in review: Ana says cat, Ben says dog."""
    task = world.send_text()
    answers = {}
    for who, category in (("ana", "cat"), ("ben", "dog")):
        with transaction():
            labeler = world.labeler(who)
            claimed = dispatch.claim_next(labeler.id).assignment
            assert claimed is not None
            submit.submit_answer(labeler, claimed.id, claimed.epoch, {"category": category}, 20.0)
        answers[who] = claimed
    with transaction():
        subtask = db.session.scalars(select(Subtask).filter_by(task_id=task.id)).one()
        subtask.state = SubtaskState.IN_REVIEW
    return subtask, answers


def actions(subject_id: str) -> list[str]:
    events = db.session.scalars(select(AuditEvent).filter_by(subject_id=subject_id).order_by(AuditEvent.id))
    return [event.action for event in events]


# Queues


def test_a_lane_is_counted_paused_and_resumed(world: World) -> None:
    world.send_text()
    omar, ana = world.as_("omar"), world.labeler("ana")
    with transaction():
        assert dispatch.claim_next(ana.id).assignment
    lane = db.session.scalars(select(Lane)).one()
    row = csv_rows(omar.get("/operator/queues?format=csv"))[0]
    assert (row["open"], row["leased"], row["done"], row["paused"]) == ("1", "1", "0", "no")
    seen = page(omar.get("/operator/queues")).tables[0].rows[0]
    assert [row["project"], row["customer"], *seen[2:5]] == ["texts", "Nora", "1", "1", "0"]
    assert "1 answer is wanted in 1 lane" in page(omar.get("/operator")).words
    send(omar, f"/operator/queues/{lane.id}/pause", {}, seen_on="/operator/queues")
    with transaction():
        nothing = dispatch.claim_next(world.labeler("ben").id)
    assert nothing.assignment is None and nothing.reason is not None and nothing.reason.code == "paused"
    assert "is paused" in page(omar.get("/operator")).words
    send(omar, f"/operator/queues/{lane.id}/resume", {}, seen_on="/operator/queues")
    with transaction():
        assert dispatch.claim_next(world.labeler("ben").id).assignment
    assert actions(str(lane.id)) == ["lane.pause", "lane.resume"]
    assert send(omar, "/operator/queues/99999/pause", {}, seen_on="/operator/queues").status_code == 404


# Labelers


def test_a_restriction_needs_a_reason_and_keeps_what_was_typed(world: World) -> None:
    world.send_text()
    ana, omar = world.labeler("ana"), world.as_("omar")
    address = f"/operator/labelers/{ana.id}"
    past = {"reason": "Copied answers.", "until": "2020-01-01T00:00"}
    for fields, words in ((past, "This time has passed"), (past | {"reason": " "}, "Please say why")):
        refused = send(omar, f"{address}/restrict", fields, seen_on=address)
        assert refused.status_code == 400 and words in refused.text
        assert page_world.Page(refused).fields["until"] == "2020-01-01T00:00"
    until = f"{utc_now() + timedelta(days=2):%Y-%m-%dT%H:%M}"
    send(omar, f"{address}/restrict", past | {"until": until}, seen_on=address)
    with transaction():
        assert dispatch.claim_next(ana.id).assignment is None
    assert [row["name"] for row in csv_rows(omar.get("/operator/labelers?state=restricted&format=csv"))] == ["Ana"]
    send(omar, f"{address}/lift", {}, seen_on=address)
    with transaction():
        assert dispatch.claim_next(ana.id).assignment
    assert actions(ana.id) == ["labeler.restrict", "labeler.lift"]
    decided = page(omar.get(address)).tables[-1].rows
    assert [row[1:3] for row in decided] == [["Omar", "Restriction lifted"], ["Omar", "Restricted"]]


def test_a_restriction_that_has_ended_is_shown_as_none(world: World) -> None:
    ana, omar = world.labeler("ana"), world.as_("omar")
    address = f"/operator/labelers/{ana.id}"
    until = f"{utc_now() + timedelta(minutes=2):%Y-%m-%dT%H:%M}"
    send(omar, f"{address}/restrict", {"reason": "A pause.", "until": until}, seen_on=address)
    with transaction():
        ana.restricted_until = utc_now() - timedelta(seconds=1)
    assert csv_rows(omar.get("/operator/labelers?state=restricted&format=csv")) == []
    assert page(omar.get("/operator/labelers?state=active")).tables[0].rows[0][1] == "active"
    assert "Restrict Ana" in page(omar.get(address)).words


def test_a_qualification_is_revoked_with_a_reason(world: World) -> None:
    ben, omar = world.labeler("ben"), world.as_("omar")
    address = f"/operator/labelers/{ben.id}"
    path = f"{address}/qualifications/categorization/revoke"
    refused = send(omar, path, {"reason": ""}, seen_on=address)
    assert refused.status_code == 400 and "Please say why" in refused.text
    send(omar, path, {"reason": "Measured at 40%."}, seen_on=address)
    assert db.session.scalars(select(Qualification).filter_by(labeler_id=ben.id)).all() == []
    assert "Measured at 40%." in page(omar.get(address)).words
    nonsense = send(omar, f"{address}/qualifications/nonsense/grant", {}, seen_on=address)
    assert nonsense.status_code == 400


def test_labelers_are_found_by_words_and_listed_as_the_csv(world: World) -> None:
    for who in ("ana", "ben", "dora"):
        world.labeler(who)
    omar = world.as_("omar")
    seen = [row[0] for row in page(omar.get("/operator/labelers?sort=name")).tables[0].rows]
    rows = csv_rows(omar.get("/operator/labelers?sort=name&format=csv"))
    assert [row["name"] for row in rows] == ["Ana", "Ben", "Dora"]
    assert all(cell.startswith(row["name"]) and row["email"] in cell for cell, row in zip(seen, rows, strict=True))
    assert [row["name"] for row in csv_rows(omar.get("/operator/labelers?q=dora@&format=csv"))] == ["Dora"]
    assert omar.get("/operator/labelers/nobody").status_code == 404


# Reviews


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_a_reviewer_compares_the_answers_and_decides(world: World, who: str) -> None:
    subtask, answers = disputed(world)
    client, address = world.as_(who), f"/reviews/{subtask.id}"
    assert address in page(client.get("/reviews")).links
    rows = {row[0]: row[1:] for row in page(client.get(address)).tables[0].rows}
    assert rows["category"] == ["cat", "dog"] and rows["agreement with 1"] == ["–", "0%"]
    assert "A cat sat on the mat." in client.get(address).text, "nobody can decide on what is not shown"
    choice = {"assignment_id": answers["ana"].id, "decision": "accepted"}
    refused = send(client, address, choice | {"reason": " "}, seen_on=address)
    assert refused.status_code == 400 and "Please say why" in refused.text
    assert page_world.Page(refused).fields["assignment_id"] == answers["ana"].id
    done = send(client, address, choice | {"reason": "It meows."}, seen_on=address)
    assert done.headers["Location"] == "/reviews"
    db.session.expire_all()
    assert subtask.verdict == {"category": "cat"} and answers["ana"].state is AssignmentState.ACCEPTED
    late = send(client, address, choice | {"reason": "Again."}, seen_on="/reviews")
    assert late.status_code == 400 and "not in review any more" in late.text


def test_a_fixed_answer_is_read_and_checked(world: World) -> None:
    subtask, answers = disputed(world)
    omar, address = world.as_("omar"), f"/reviews/{subtask.id}"
    choice = {"assignment_id": answers["ana"].id, "decision": "fixed", "reason": "It is a fox."}
    for text, words in (("{", "not JSON"), ("[]", "JSON object"), ('{"category": "fox"}', "is not one of")):
        refused = send(omar, address, choice | {"answer": text}, seen_on=address)
        assert refused.status_code == 400 and words in refused.text
        assert page_world.Page(refused).fields["answer"] == text
    send(omar, address, choice | {"answer": '{"category": "other"}'}, seen_on=address)
    db.session.expire_all()
    assert subtask.verdict == {"category": "other"}


def test_an_appeal_is_decided_by_somebody_else_than_who_rejected(world: World) -> None:
    subtask, answers = disputed(world)
    choice = {"assignment_id": answers["ben"].id, "decision": "rejected", "reason": "No dog."}
    send(world.as_("rita"), f"/reviews/{subtask.id}", choice, seen_on=f"/reviews/{subtask.id}")
    with transaction():
        review.appeal(world.labeler("ben"), answers["ben"].id, "A small one.")
    path = f"/appeals/{answers['ben'].id}/accept"
    own = send(world.as_("rita"), path, {"reason": "I was wrong."}, seen_on="/appeals")
    assert own.status_code == 400 and "somebody else" in own.text
    assert page_world.Page(own).fields["reason"] == "I was wrong."
    omar = world.as_("omar")
    assert "A small one." in page(omar.get("/appeals")).words
    send(omar, path, {"reason": "There is one, behind the cat."}, seen_on="/appeals")
    db.session.expire_all()
    assert answers["ben"].state is AssignmentState.ACCEPTED
    assert "Nobody objects" in page(omar.get("/appeals")).words
    told = page(world.as_("ben").get(f"/history/{answers['ben'].id}")).words
    assert "There is one, behind the cat." in told


def test_a_drive_is_shown_to_its_reviewer(world: World) -> None:
    task = world.send_drive()
    [subtask, *_] = db.session.scalars(select(Subtask).filter_by(task_id=task.id).order_by(Subtask.position))
    with transaction():
        for frame in db.session.scalars(select(Frame).filter_by(task_id=task.id)):
            frame.manifest = frame.manifest | {"images": [{"camera": f"front {frame.number}", "key": "images/one.png"}]}
    text = world.as_("omar").get(f"/reviews/{subtask.id}").text
    assert text.count("What the camera saw: front") == 1, "one frame of the window is enough"
    assert "/media/images/one.png" in text


def test_the_workbench_shows_a_reviewer_each_answer_and_what_counts(world: World) -> None:
    subtask, answers = disputed(world)
    rita, address = world.as_("rita"), f"/reviews/{subtask.id}"
    assert f"{address}/answers" in page(rita.get(address)).links
    assert f'data-answers="{address}/answers.json"' in rita.get(f"{address}/answers").text
    seen = rita.get(f"{address}/answers.json").get_json()
    assert seen["subtask"]["content"] == {"type": "text", "text": "A cat sat on the mat."}
    layers = [(one["name"], one["answer"]["category"]) for one in seen["layers"]]
    assert layers == [("1. Ana", "cat"), ("2. Ben", "dog")]
    choice = {"assignment_id": answers["ben"].id, "decision": "accepted", "reason": "It barks."}
    send(rita, address, choice, seen_on=address)
    decided = rita.get(f"{address}/answers.json").get_json()["layers"]
    assert (decided[0]["name"], decided[0]["answer"]) == ("What counts", {"category": "dog"}) and len(decided) == 3


def test_a_review_has_no_decision_before_the_reviewer_makes_one(world: World) -> None:
    subtask, answers = disputed(world)
    address = f"/reviews/{subtask.id}"
    fields = page(world.as_("rita").get(address)).fields
    assert (fields["decision"], fields["assignment_id"]) == ("", "")
    for choice, words in (
        ({"assignment_id": answers["ana"].id}, "Please choose what becomes of the answer."),
        ({"decision": "accepted"}, "Please choose one of the answers"),
    ):
        refused = send(world.as_("rita"), address, choice | {"reason": "So it is."}, seen_on=address)
        assert refused.status_code == 400 and words in refused.text


def test_only_reviewers_and_operators_review(world: World) -> None:
    subtask, _ = disputed(world)
    paths = ("/reviews", f"/reviews/{subtask.id}", f"/reviews/{subtask.id}/answers.json", "/appeals")
    for who in ("ana", "nora", "fay"):
        answers = [world.as_(who).get(path).status_code for path in paths]
        assert answers == [403] * len(paths), who
    assert world.as_("omar").get("/reviews/nothing").status_code == 404
