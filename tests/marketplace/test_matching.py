"""Matching through the front door: shares of customers, offers, drives gone on with, caps, and gold that tells most."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import auth, offers, openings, people, skills, slots
from marketplace.clock import day_of, utc_now
from marketplace.db import db, transaction
from marketplace.models import Assignment, Customer, Labeler, Project, Slot, SlotState, Subtask
from marketplace.offers import OFFER_SECONDS
from marketplace.pipeline import dispatch
from marketplace.skills import Evidence
from payouts import postings
from routing.matching import least_chance
from routing.skill import Observation, Source
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import (
    CAT,
    Chance,
    Yard,
    answered,
    category,
    claim,
    claimed,
    give,
    measure,
    subtask_of,
)
from tests.marketplace.test_labeler_api import Tool, ok

DRAWS = 160
DOG = category("dog")


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


class Undone(Exception):
    """Ends a transaction without its changes."""


def drawn(labeler: Labeler, rng: np.random.Generator, now: datetime | None = None) -> Assignment:
    """What she would get now; nothing of it stays."""
    found: list[Assignment] = []
    try:
        with transaction():
            held = dispatch.claim_next(labeler.id, rng=rng, now=now).held
            assert held is not None
            assignment = db.session.get_one(Assignment, held.id)
            db.session.refresh(assignment.subtask.task)
            db.session.expunge_all()
            found.append(assignment)
            raise Undone
    except Undone:
        return found[0]


# Shares


def another(yard: Yard, name: str) -> Yard:
    """A yard of the same labelers for another customer."""
    with transaction():
        customer = people.create_customer(name, email=f"{name}@example.org").customer
        postings.fund_customer(db.session(), customer.id, 10_000_000, key=f"opening {name}")
    return Yard(yard.app, yard.run_jobs, customer, yard.labelers)


def won(yard: Yard, labeler: Labeler, draws: int = DRAWS) -> Counter[str]:
    """How often each customer wins, by its id."""
    rng = np.random.default_rng(11)
    return Counter(drawn(labeler, rng).subtask.task.customer_id for _ in range(draws))


def test_a_customer_with_all_the_lanes_and_all_the_urgency_starves_nobody(yard: Yard) -> None:
    """What she has against the others' work: it is in one lane each, new, and in no hurry."""
    small, other = another(yard, "small"), another(yard, "other")
    names = [one.customer.id for one in (small, other, yard)]
    for n in range(12):
        yard.send(project=f"lane {n}", urgency="immediate")
    small.send()
    other.send()
    [ana] = yard.hire(1)
    with transaction():
        db.session.execute(
            update(Subtask)
            .where(Subtask.task_id.in_(select(labeling_world.Task.id).filter_by(customer_id=yard.customer.id)))
            .values(created_at=utc_now() - timedelta(days=30))
        )
    shares = won(yard, ana)
    bound = least_chance(1 / 3)
    least = bound * DRAWS - 3 * np.sqrt(DRAWS * bound * (1 - bound))
    assert shares[names[0]] > least and shares[names[1]] > least
    assert shares[names[2]] < 0.5 * DRAWS, "a customer's share does not grow with its lanes"


def test_shares_are_what_was_agreed(yard: Yard) -> None:
    thrice = another(yard, "thrice")
    thrice_id = thrice.customer.id
    yard.send(3)
    thrice.send(1)
    with transaction():
        db.session.get_one(Customer, thrice_id).share = 3.0
    [ana] = yard.hire(1)
    shares = won(yard, ana)
    sd = np.sqrt(0.25 * 0.75 / DRAWS)
    assert shares[thrice_id] / DRAWS == pytest.approx(0.75, abs=3.5 * sd)


def test_within_a_customer_her_best_and_the_latest_come_first(yard: Yard) -> None:
    yard.send(project="fresh")
    late = yard.send(project="late")[0]
    [ana] = yard.hire(1)
    with transaction():
        subtask_of(late).created_at = utc_now() - timedelta(days=3)
    assert drawn(ana, np.random.default_rng(3)).subtask_id == subtask_of(late).id


# Continuity


def drive(yard: Yard, order: list[int], project: str = "drives") -> list[Subtask]:
    """A task of windows whose answers are wanted in this order; returned by position."""
    task = yard.send(project=project, answers=1)[0]
    first = subtask_of(task)
    with transaction():
        lane_id = first.lane_id
        db.session.execute(update(Slot).where(Slot.subtask_id == first.id).values(state=SlotState.CANCELED))
        first.position, first.window_start, first.window_stop = 1_000, 0, 1
        made = [
            Subtask(
                task_id=task.id,
                lane_id=lane_id,
                position=k,
                window_start=10 * k,
                window_stop=10 * k + 12,
                answers_wanted=1,
                effort_seconds=first.effort_seconds,
                pay_cents=first.pay_cents,
            )
            for k in range(len(order))
        ]
        db.session.add_all(made)
        db.session.flush()
        for k in order:
            slots.open_slots(made[k], 1)
    return made


def test_she_goes_on_with_the_drive_that_she_knows_in_both_directions(yard: Yard) -> None:
    windows = drive(yard, [3, 0, 1, 2, 4, 5])
    [ana] = yard.hire(1)
    position = {one.id: one.position for one in windows}
    seen, why = [], []
    for _ in range(6):
        held = claimed(ana, rng=Chance(0.0))
        answered(ana, held)
        seen.append(position[held.subtask_id])
        why.append((held.why or {})["by"])
    assert seen[:3] == [3, 4, 5] and sorted(seen) == [0, 1, 2, 3, 4, 5]
    assert why[:4] == ["match", "continuity", "continuity", "match"]


def test_she_goes_back_where_somebody_else_went_on(yard: Yard) -> None:
    windows = drive(yard, [3, 4, 0, 1, 2])
    ana, ben = yard.hire(2)
    held = claimed(ana, rng=Chance(0.0))
    assert claimed(ben, rng=Chance(0.0)).subtask_id == windows[4].id
    answered(ana, held)
    assert claimed(ana, rng=Chance(0.0)).subtask_id == windows[2].id


def test_a_drive_waits_for_what_is_more_urgent_in_its_own_project(yard: Yard) -> None:
    drive(yard, [0, 1, 2])
    [ana] = yard.hire(1)
    answered(ana, claimed(ana, rng=Chance(0.0)))
    urgent = yard.send(project="drives", urgency="immediate")[0]
    assert claimed(ana, rng=Chance(0.0)).subtask_id == subtask_of(urgent).id


def test_now_and_then_she_does_not_go_on_so_that_gold_is_not_the_only_thing_between(yard: Yard) -> None:
    windows = drive(yard, [3, 0, 1, 2, 4, 5])
    [ana] = yard.hire(1)
    answered(ana, claimed(ana, rng=Chance(0.0)))
    assert claimed(ana, rng=Chance(0.99)).subtask_id == windows[0].id


# The cap of a day


def test_a_labeler_gives_no_more_in_a_day_than_a_project_wants(yard: Yard) -> None:
    yard.send(4)
    [ana] = yard.hire(1)
    with transaction():
        db.session.execute(update(Project).values(daily_answers_max=2))
    for _ in range(2):
        answered(ana, claimed(ana))
    reason = claim(ana).reason
    assert reason is not None and reason.code == "capped"
    assert reason.until is not None and day_of(reason.until) == day_of(utc_now()) + timedelta(days=1)
    assert openings.offers(ana) == []
    assert claim(ana, now=reason.until).held is not None


# Offers


def doubtful(yard: Yard, *labelers: Labeler, answers: int = 9) -> Subtask:
    """A subtask that labelers disagree about, so that one more answer is asked."""
    yard.send(answers=answers, answers_min=len(labelers))
    for labeler, answer in zip(labelers, [CAT, DOG, CAT, DOG], strict=False):
        subtask = give(labeler, answer, project_id="texts")
    yard.judge(subtask.id)
    db.session.rollback()
    return subtask


def open_slot(subtask: Subtask) -> Slot:
    found = select(Slot).filter_by(subtask_id=subtask.id, state=SlotState.OPEN).order_by(Slot.id.desc()).limit(1)
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


@pytest.fixture
def offered(yard: Yard) -> tuple[Subtask, Labeler, Labeler]:
    """A doubtful subtask, whom it is offered to, and another labeler who might answer it."""
    eva, ben, good, poor = yard.hire(4)
    yard.send(2, project="others", answers=4)
    for labeler in (good, poor):
        give(labeler, CAT, project_id="others")
    subtask = doubtful(yard, eva, ben)
    measure(yard, good, 80, 1)
    measure(yard, poor, 30, 30)
    # Asked once more, now that they are known: the offer of before is gone.

    with transaction():
        db.session.execute(
            update(Slot).where(Slot.subtask_id == subtask.id).values(reserved_for=None, reserved_until=None)
        )
        offers.reserve(subtask, utc_now(), np.random.default_rng(1))
    return subtask, good, poor


def test_a_doubtful_answer_is_offered_to_who_mends_most_and_she_gets_it_first(
    offered: tuple[Subtask, Labeler, Labeler],
) -> None:
    subtask, good, poor = offered
    slot = open_slot(subtask)
    assert slot.reserved_for == good.id
    assert claimed(poor).subtask_id != subtask.id
    held = claimed(good)
    assert held.subtask_id == subtask.id and (held.why or {})["by"] == "offer"
    db.session.refresh(slot)
    assert (slot.state, slot.reserved_for, slot.reserved_until) == (SlotState.LEASED, None, None)


def test_others_are_told_until_when_it_is_reserved_and_then_it_is_everybodys(
    offered: tuple[Subtask, Labeler, Labeler],
) -> None:
    subtask, good, poor = offered
    slot = open_slot(subtask)
    reason = claim(poor, project_id="texts").reason
    assert reason is not None and (reason.code, reason.until) == ("all_held", slot.reserved_until)
    [offer] = [one for one in openings.offers(good) if one.project_name == "texts"]
    assert offer.reserved_until == slot.reserved_until
    assert not [one for one in openings.offers(poor) if one.project_name == "texts"]
    late = utc_now() + timedelta(seconds=OFFER_SECONDS)
    assert claimed(poor, project_id="texts", now=late).subtask_id == subtask.id
    assert claim(good, project_id="texts", now=late).held is None


def test_who_skips_an_offer_leaves_it_to_all_at_once(offered: tuple[Subtask, Labeler, Labeler]) -> None:
    subtask, good, poor = offered
    held = claimed(good)
    with transaction():
        dispatch.skip(good, held.id, held.epoch, "too hard")
    assert claimed(poor, project_id="texts").subtask_id == subtask.id


def test_at_most_every_other_claim_is_an_offer(yard: Yard) -> None:
    eva, ben, ana = yard.hire(3)
    yard.send(3, project="others", answers=1)
    give(ana, CAT, project_id="others")
    first = doubtful(yard, eva, ben)
    assert open_slot(first).reserved_for == ana.id
    held = claimed(ana)
    assert held.subtask_id == first.id
    second = doubtful(yard, eva, ben)
    assert open_slot(second).reserved_for is None, "what she does now is an offer"
    answered(ana, held)
    give(ana, CAT, project_id="others")
    third = doubtful(yard, eva, ben)
    assert open_slot(third).reserved_for == ana.id


def test_nobody_is_offered_what_she_has_answered_may_not_do_or_has_left(yard: Yard) -> None:
    eva, ben = yard.hire(2)
    [ida] = yard.hire(1, "imageannotation")
    [gone] = yard.hire(1)
    yard.send(1, project="others", answers=1)
    give(gone, CAT, project_id="others")
    with transaction():
        an_hour_ago = utc_now() - timedelta(hours=1)
        db.session.execute(update(Assignment).where(Assignment.labeler_id == gone.id).values(submitted_at=an_hour_ago))
    subtask = doubtful(yard, eva, ben)
    assert ida.id and open_slot(subtask).reserved_for is None


# What is kept of it, and who may read it


def test_the_reason_is_kept_and_never_leaves_the_server(yard: Yard) -> None:

    yard.send(1, expected_answer=CAT)
    yard.send(4)
    [ana] = yard.hire(1)
    with transaction():
        tool = Tool(yard.app.test_client(), auth.new_labeler_token(ana))
    kinds, told = [], []
    for _ in range(3):
        held = claimed(ana, rng=Chance(0.0))
        kinds.append((held.why or {})["by"])
        told.append(ok(tool.send("POST", "claim", {})))
        told.append(ok(tool.send("GET", f"assignments/{held.id}")))
        answered(ana, held)
        told.append(ok(tool.send("GET", "assignments")))
    assert kinds == ["match", "gold", "match"]
    shapes = [shape(one["assignment"]) for one in told if one.get("assignment")]
    assert all(one == shapes[0] for one in shapes), "gold looks like any other work"
    assert not {"why", "by", "gold"} & {name for one in told for name in names(one)}
    numbers = (db.session.scalars(select(Assignment).order_by(Assignment.id)).first() or held).why or {}
    assert {"accuracy", "gain", "advantage", "urgency", "chance", "lanes", "customers"} <= numbers.keys()


def shape(value: Any) -> Any:
    """The names in a reply, without the values."""
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else None


def names(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for one in value for name in names(one)}
    return set(value) | {name for one in value.values() for name in names(one)} if isinstance(value, dict) else set()


# Gold


def test_gold_is_chosen_by_what_it_tells(yard: Yard) -> None:
    """She is known to tell cats, and nothing is known of her dogs."""
    yard.send(6, expected_answer=CAT)
    yard.send(6, expected_answer=DOG)
    yard.send(2)
    [ana] = yard.hire(1)
    answered(ana, claimed(ana, rng=Chance(0.99)))
    with transaction():
        project_id = db.session.scalars(select(Project.id)).one()
        known = [Observation("class:cat", 1.0)] * 60
        skills.learn("categorization", project_id, [Evidence(ana.id, Source.GOLD, known, 1.0)], utc_now())
    classes: Counter[str] = Counter()
    chance = Chance(0.0)
    for _ in range(40):
        given = drawn(ana, chance).subtask
        assert given.gold and given.gold_classes
        classes[given.gold_classes[0]] += 1
    assert classes["dog"] > 30
