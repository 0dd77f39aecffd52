"""Labelers' pages through the front door: claiming, the workbench page, history and appeals, earnings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace import decisions, openings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import (
    AccuracyStep,
    Assignment,
    AssignmentState,
    ReviewDecision,
    SkillRecord,
    Subtask,
    SubtaskState,
)
from marketplace.pipeline import dispatch, review, settle, submit
from marketplace.reports import measured
from payouts import ledger
from payouts.chart import Kind
from payouts.models import PayoutAccount
from tests.fake_stripe import client as fake_stripe
from tests.marketplace import money_world, page_world
from tests.marketplace.page_world import World, csv_rows, page, token_of


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def send(world: World, who: str, path: str, seen_on: str = "/work", **fields: str) -> TestResponse:
    return page_world.submit(world.as_(who), path, fields, seen_on=seen_on)


def answered(world: World, who: str, category: str) -> Assignment:
    """What `who` claimed next and submitted."""
    with transaction():
        assignment = dispatch.claim_next(world.labeler(who).id).assignment
        assert assignment is not None
        submit.submit_answer(world.labeler(who), assignment.id, assignment.epoch, {"category": category}, 33.0)
    return assignment


def accepted(world: World, texts: int = 1) -> list[Assignment]:
    """Ana's answers, each agreed with by Ben and so accepted and paid."""
    done = []
    for number in range(texts):
        world.send_text(f"text {number}")
        done.append(answered(world, "ana", "cat"))
        answered(world, "ben", "cat")
    world.run_jobs()
    db.session.expire_all()
    assert {one.state for one in done} == {AssignmentState.ACCEPTED}
    return done


def rejected(world: World) -> Assignment:
    """Ana's answer, rejected by a reviewer."""
    task = world.send_text(answers=1)
    assignment = answered(world, "ana", "dog")
    with transaction():
        subtask = db.session.scalars(select(Subtask).filter_by(task_id=task.id)).one()
        subtask.state = SubtaskState.IN_REVIEW
        db.session.flush()
        review.decide(
            world.user("rita"),
            subtask.id,
            ReviewDecision.REJECTED,
            assignment_id=assignment.id,
            reason="There is no dog in it.",
        )
    db.session.refresh(assignment)
    return assignment


# Work


def test_an_offer_is_claimed_by_its_button_and_continued_from_the_page(world: World) -> None:
    task = world.send_text()
    ana = world.as_("ana")
    shown = page(ana.get("/work"))
    offer = shown.tables[0].rows[0]
    (known,) = openings.offers(world.labeler("ana"))
    assert offer[0].startswith("texts") and offer[1] == f"${known.hourly_cents / 100:.2f}"
    assert shown.forms.count("/work/claim") == 2, "the best match, and the one offer"
    claimed = send(world, "ana", "/work/claim", project_id=world.project.id, task_type="categorization")
    address = claimed.headers["Location"]
    bench = ana.get(address)
    assert f'data-assignment="{address.rpartition("/")[2]}"' in bench.text and 'data-api="/labeler"' in bench.text
    assert "workbench" in bench.text and bench.status_code == 200
    assert address in page(ana.get("/work")).links, "it can be continued"
    db.session.refresh(task)
    assert task.work_started


def test_a_claim_that_gets_nothing_says_why(world: World) -> None:
    world.send_text()
    send(world, "dora", "/work/claim")
    assert "not qualified" in world.as_("dora").get("/work").text
    with transaction():
        decisions.restrict(
            world.user("omar"), world.labeler("ana"), "Too fast to be true.", None, world.labeler("ana").created_at
        )
    send(world, "ana", "/work/claim")
    restricted = world.as_("ana").get("/work").text
    assert "Too fast to be true." in restricted and "nothing new to claim" in restricted


def test_measured_accuracy_stands_with_its_interval(world: World) -> None:
    now, whose = utc_now(), {"labeler_id": world.labeler("ana").id, "task_type": "categorization"}
    with transaction():
        db.session.add(SkillRecord(**whose, alpha=40.0, beta=4.0, gold_seen=12))
        found = measured.document(**whose, now=now)
        db.session.add(AccuracyStep(**whose, number=1, at=now, answers=30, measured=found))
    rows = page(world.as_("ana").get("/work")).tables[-1].rows
    known = {row[0]: row for row in rows}
    assert known["Categories"][1:4] == ["qualified", "91% 83% to 97%", "12"]
    assert known["Boxes in an image"][2] == "not measured yet"


def test_a_qualification_is_asked_for_and_granted(world: World) -> None:
    world.send_text()
    dora = world.as_("dora")
    assert "not qualified for any kind" in page(dora.get("/work")).words
    for _ in range(2):
        send(world, "dora", "/work/request", task_type="categorization")
    assert "asked, an operator decides" in page(dora.get("/work")).words
    omar = world.as_("omar")
    asking = page(omar.get("/operator/labelers?state=requests")).tables[0].rows
    assert len(asking) == 1 and "asks: Categories" in asking[0][2]
    detail = f"/operator/labelers/{world.labeler('dora').id}"
    page_world.submit(omar, f"{detail}/qualifications/categorization/grant", {}, seen_on=detail)
    assert page(dora.get("/work")).tables[0].rows[0][0].startswith("texts")
    assert not page(omar.get("/operator/labelers?state=requests")).tables, "the request is answered"
    assert send(world, "dora", "/work/request", task_type="nonsense").status_code == 400


# History


def test_history_and_its_csv_are_the_same_rows(world: World) -> None:
    done = accepted(world, texts=3)
    ana, address = world.as_("ana"), "/history?state=accepted&sort=-submitted"
    rows = csv_rows(ana.get(f"{address}&format=csv"))
    assert [row["assignment_id"] for row in rows] == [one.id for one in reversed(done)]
    seen = page(ana.get(address))
    assert [link for link in seen.links if link.startswith("/history/")] == [f"/history/{one.id}" for one in done[::-1]]
    assert {row["pay"] for row in rows} == {f"{done[0].pay_cents / 100:.2f}"}
    assert page(ana.get("/history?state=rejected")).tables == []


def test_a_rejection_is_appealed_once_and_keeps_what_was_typed(world: World) -> None:
    assignment = rejected(world)
    ana, address = world.as_("ana"), f"/history/{assignment.id}"
    assert "There is no dog in it." in page(ana.get(address)).words
    too_long = "It barks. " * 600
    refused = send(world, "ana", f"{address}/appeal", address, text=too_long)
    assert refused.status_code == 400
    assert page_world.Page(refused).fields["text"] == too_long.strip()
    send(world, "ana", f"{address}/appeal", address, text="It barks.")
    db.session.refresh(assignment)
    assert assignment.appeal == "It barks." and "Your appeal" in page(ana.get(address)).words
    again = send(world, "ana", f"{address}/appeal", address, text="It still barks.")
    assert again.status_code == 400


# Earnings


def test_the_statement_sums_to_the_balances_and_is_the_csv(world: World) -> None:
    done = accepted(world, texts=2)
    settle.release_due_holds()
    ana = world.labeler("ana")
    held, available = (
        ledger.balance(db.session(), kind, ana.id) for kind in (Kind.LABELER_HELD, Kind.LABELER_AVAILABLE)
    )
    assert (held, available) == (0, sum(one.pay_cents for one in done)), "the tests hold nothing back"
    shown = page(world.as_("ana").get("/earnings?sort=at"))
    rows = csv_rows(world.as_("ana").get("/earnings?sort=at&format=csv"))
    assert sum(round(float(row["available"]) * 100) for row in rows) == available
    assert sum(round(float(row["held"]) * 100) for row in rows) == held
    assert [row[1] for row in shown.tables[-1].rows] == [row["what"] for row in rows]
    assert f"${available / 100:.2f} goes out with the next payout run" in shown.words
    assert "Payouts are manual" in shown.words, "no Stripe key is set in the tests"


def test_without_stripe_nobody_is_led_there(world: World) -> None:
    answer = send(world, "ana", "/earnings/stripe", "/earnings")
    assert answer.status_code == 400 and "manual" in answer.text


def test_payouts_are_set_up_at_stripe_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    with fake_stripe.running(tmp_path / "stripe.json") as fake:
        money_world.use_stripe(app, fake, monkeypatch)
        assert "Set up payouts" in page(world.as_("ana").get("/earnings")).words
        for _ in range(2):  # the second time only another link is asked for
            led = page(send(world, "ana", "/earnings/stripe", "/earnings"))
            assert [link for link in led.links if link.startswith("https://")], "a link to the form at Stripe"
        accounts = fake.look()["accounts"]
        assert len(accounts) == 1
    account = db.session.get_one(PayoutAccount, world.labeler("ana").id)
    assert account.stripe_account_id in accounts
    assert "Stripe needs more details" in page(world.as_("ana").get("/earnings")).words
    send(world, "ana", "/earnings/stripe", "/earnings")
    assert "Stripe cannot be reached" in world.as_("ana").get("/earnings").text, "the fake is gone"


# Scope


def test_somebody_elses_assignments_do_not_exist(world: World) -> None:
    assignment = rejected(world)
    ben = world.as_("ben")
    for address in (f"/assignments/{assignment.id}", f"/history/{assignment.id}"):
        assert ben.get(address).status_code == 404
    token = token_of(ben.get("/work"))
    answer = ben.post(f"/history/{assignment.id}/appeal", data={"csrf_token": token, "text": "Mine?"})
    assert answer.status_code == 404
    db.session.refresh(assignment)
    assert assignment.appeal is None
    assert page(ben.get("/history")).tables == [] and page(ben.get("/earnings")).tables == []
