"""Who may claim: SQL and the core agree on every combination, and the claim asks again at the moment of the taking."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, text, update

from marketplace import eligibility, lanes, projects, slots
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput
from marketplace.models import Block, KeyMode, Labeler, Lane, Project, Qualification, SkillRecord
from marketplace.models import labeler as labeler_model
from marketplace.models import subtask as subtask_model
from marketplace.pipeline import judge
from marketplace.slots import Wish
from routing import qualification
from routing.qualification import Access, resolve
from routing.skill import Skill
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Yard, answered, claim, claimed, give, measure, subtask_of


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def project_of(yard: Yard, name: str = "texts") -> Project:
    found = projects.find_project(yard.customer, KeyMode.LIVE, name)
    assert found is not None
    return found


def ask(yard: Yard, name: str = "texts", **rule: Any) -> Lane:
    with transaction():
        return lanes.set_rule(project_of(yard, name), rule)


def block(yard: Yard, labeler: Labeler) -> None:
    with transaction():
        db.session.add(Block(customer_id=yard.customer.id, labeler_id=labeler.id, reason="Careless."))


# SQL and the core

RULES = [
    {"requires": requires, "countries": countries, "accuracy_min": accuracy_min, "trial_answers": 10}
    for requires, countries, accuracy_min in product(
        ([], ["team:north"], ["language:fr", "team:north"]), ([], ["FR", "BE"]), (None, 0.8)
    )
]
# (credentials, country, may do the type, blocked, (alpha, beta) of the skill)
PEOPLE = list(
    product(
        ([], ["team:north"], ["language:fr", "team:north", "exam:9"]),
        ("US", "BE"),
        (True, False),
        (False, True),
        (None, (4.0, 1.0), (12.9, 1.0), (13.5, 1.0), (20.0, 10.0), (40.0, 2.0)),
    )
)
_BOTH = text(f"""
SELECT lane.id AS lane_id, me.id AS labeler_id, {eligibility.OPEN} IS TRUE AS is_open, {eligibility.FACTS}
FROM labeler me CROSS JOIN lane {eligibility.JOINS}
""")


def test_sql_and_the_core_agree_on_every_combination(yard: Yard) -> None:
    """And so do the rows that a claim looks at: heads in the lanes that are open, and in no other."""
    for number, rule in enumerate(RULES):
        yard.send(project=f"p{number}")
        with transaction():
            lane = db.session.scalars(select(Lane).where(Lane.project_id == project_of(yard, f"p{number}").id)).one()
            db.session.execute(update(Lane).where(Lane.id == lane.id).values(rule))
    labelers = [Labeler(name=f"L{n}", email=f"l{n}@example.org") for n in range(len(PEOPLE))]  # none signs in
    with transaction():
        db.session.add_all(labelers)
        db.session.flush()
        for labeler, person in zip(labelers, PEOPLE, strict=True):
            _make(yard, labeler, *person)
    seen = set()
    heads = {one.id: {h.lane_id for h in slots.look(one.id, Wish(), utc_now()).heads} for one in labelers[::7]}
    for row in db.session.execute(_BOTH):
        access = resolve(eligibility.rule_of(row), eligibility.record_of(row)).access
        assert row.is_open == (access is Access.OPEN), row
        seen.add(access)
        if row.labeler_id in heads:
            assert (row.lane_id in heads[row.labeler_id]) == row.is_open
    assert seen == set(Access)


def _make(
    yard: Yard,
    labeler: Labeler,
    credentials: list[str],
    country: str,
    may_do_type: bool,
    is_blocked: bool,
    skill: tuple[float, float] | None,
) -> None:
    labeler.credentials, labeler.country = credentials, country
    if may_do_type:
        db.session.add(Qualification(labeler_id=labeler.id, task_type="categorization"))
    if is_blocked:
        db.session.add(Block(customer_id=yard.customer.id, labeler_id=labeler.id, reason="No."))
    if skill is not None:
        measured = Skill(*skill)
        row = {"labeler_id": labeler.id, "task_type": "categorization", "alpha": skill[0], "beta": skill[1]}
        bounds = {"lower": measured.lower, "evidence": measured.evidence}
        db.session.execute(insert(SkillRecord).values(row | bounds))


def test_the_models_repeat_the_cores_numbers() -> None:
    assert pytest.approx(Skill().lower) == labeler_model.LOWER_UNMEASURED
    assert subtask_model.TRIAL_ANSWERS == qualification.TRIAL_ANSWERS


def test_the_bound_is_written_with_the_evidence(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    measure(yard, ana, right=9, wrong=1)
    row = db.session.scalars(select(SkillRecord)).one()
    skill = Skill(row.alpha, row.beta, row.updated_at)
    assert (row.lower, row.evidence) == pytest.approx((skill.lower, skill.evidence))
    assert (row.alpha, row.beta) == pytest.approx((13, 2)) and 0.6 < row.lower < row.alpha / 15


# Between the look and the taking


def _add_rule(yard: Yard, ana: Labeler) -> None:
    ask(yard, requires=["team:north"])


def _ask_accuracy(yard: Yard, ana: Labeler) -> None:
    ask(yard, accuracy_min=0.8)


def _leave(yard: Yard, ana: Labeler) -> None:
    with transaction():
        db.session.execute(delete(Qualification))


def _pause(yard: Yard, ana: Labeler) -> None:
    with transaction():
        db.session.execute(update(Lane).values(paused=True))


@pytest.mark.parametrize("change", [_add_rule, _ask_accuracy, block, _leave, _pause])
def test_what_changes_between_look_and_taking_counts(yard: Yard, change: Callable[[Yard, Labeler], None]) -> None:
    yard.send()
    ana, ben = yard.hire(2)
    [head] = slots.look(ana.id, Wish(), utc_now()).heads
    db.session.commit()
    change(yard, ana)
    with transaction():
        assert slots.take_head(ana.id, head.lane_id, utc_now()) is None
    assert claim(ana).assignment is None
    if change is block:
        assert claim(ben).assignment is not None, "it is hers alone"


def test_what_she_holds_stays_hers_and_is_paid(yard: Yard) -> None:
    yard.send(answers=1)
    [ana] = yard.hire(1)
    held = claimed(ana)
    block(yard, ana)
    ask(yard, requires=["team:north"])
    assert claimed(ana).id == held.id
    answered(ana, held)
    yard.run_jobs()
    db.session.refresh(held)
    assert held.state == "accepted" and held.pay_cents > 0


def test_nobody_waits_for_an_answer_that_nobody_may_give(yard: Yard) -> None:
    task = yard.send(answers=3, answers_min=1)[0]
    ana, _ = yard.hire(2)
    assert judge._is_anybody_left(subtask_of(task))
    give(ana, labeling_world.CAT)
    ask(yard, requires=["team:north"])
    assert not judge._is_anybody_left(subtask_of(task))


# What a null says


@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        ({"requires": ["language:fr"]}, "not_qualified", 'needs the language "fr"'),
        ({"requires": ["team:north"]}, "not_qualified", 'for the team "north"'),
        ({"countries": ["FR", "BE"]}, "not_qualified", "for labelers in BE, FR"),
        ({"accuracy_min": 0.8}, "trial", "accuracy of 80% on 10 answers; yours does not rest on so many"),
        ({"exam": True}, "not_qualified", "needs a passed exam"),
    ],
)
def test_a_null_names_what_is_unmet(yard: Yard, rule: dict[str, Any], code: str, words: str) -> None:
    yard.send()
    [ana] = yard.hire(1)
    ask(yard, **rule)
    reason = claim(ana).reason
    assert reason is not None and reason.code == code and words in reason.text
    assert [one.project for one in reason.closed] == ["texts"]


def test_open_work_that_is_gone_is_told_beside_closed_work_that_is_there(yard: Yard) -> None:
    yard.send()
    yard.send(project="secret")
    [ana] = yard.hire(1)
    ask(yard, "secret", requires=["certificate:radiology"])
    give(ana, labeling_world.CAT)
    reason = claim(ana).reason
    assert reason is not None and reason.code == "seen_all"
    assert [(one.project, one.resolved.unmet[0].kind) for one in reason.closed] == [("secret", "certificate")]


# Rules


def test_a_rule_that_nobody_could_show_is_refused_by_its_field(yard: Yard) -> None:
    yard.send()
    for rule, field in (
        ({"accuracy_min": 0.9, "trial_answers": 5}, "trial_answers"),
        ({"accuracy_min": 0.99}, "accuracy_min"),
        ({"requires": ["exam:1"]}, "requires"),
        ({"requires": ["nonsense"]}, "requires"),
        ({"countries": ["FRA"]}, "countries"),
    ):
        with pytest.raises(InvalidInput) as refused:
            ask(yard, **rule)
        assert refused.value.field == field
    lane = ask(yard, accuracy_min=0.9)
    assert Skill(4.0 + lane.trial_answers, 1.0).lower >= 0.9 > Skill(3.0 + lane.trial_answers, 1.0).lower
    kept = ask(yard, countries=["fr"]).project.labelers
    assert (kept["accuracy_min"], kept["trial_answers"], kept["countries"]) == (0.9, lane.trial_answers, ["FR"])
