"""Laws of the API's edge: whatever comes in is accepted or refused in the contract's shape, and never half-done."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from marketplace.api.body import _form
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput
from marketplace.models import Task
from marketplace.people import NewCustomer
from payouts.models import LedgerTransfer
from tests.marketplace.api_world import BOXES, CATEGORIZATION, DRIVE, FUNDS_CENTS, Caller, funds_of

BODIES = {"categorization": CATEGORIZATION, "imageannotation": BOXES, "lidarannotation": DRIVE}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("https://a.example/b")
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
OF_EVERY_TASK = ["project", "batch", "unique_id", "metadata", "tags", "priority", "urgency", "callback_url"]
NAMES = st.sampled_from(
    [
        *CATEGORIZATION,
        *BOXES,
        *DRIVE,
        *OF_EVERY_TASK,
        "answers",
        "hypothesis",
        "annotation_attributes",
        "max_distance_meters",
    ]
)
AS_OFTEN_AS_FITS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def totals() -> tuple[int, int, int]:
    """Tasks, what they hold in reserve, reserves posted."""
    with transaction():
        count, cents = db.session.execute(select(func.count(), func.coalesce(func.sum(Task.quote_cents), 0))).one()
        reserves = select(func.count()).select_from(LedgerTransfer).where(LedgerTransfer.code == "reserve")
        return count, int(cents), db.session.scalar(reserves) or 0


@AS_OFTEN_AS_FITS
@given(task_type=st.sampled_from(sorted(BODIES)), changes=st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_json_is_a_task_or_a_refusal(
    app: Flask, live: Caller, nora: NewCustomer, task_type: str, changes: dict[str, Any]
) -> None:
    answer = live.post(f"task/{task_type}", BODIES[task_type] | changes)
    body = answer.get_json()
    assert answer.status_code in {200, 400, 402, 409}, body
    if answer.status_code == 200:
        assert live.get(f"task/{body['task_id']}").get_json() == body
    else:
        assert body["status_code"] == answer.status_code and body["error"]
    tasks, cents, reserves = totals()
    assert tasks == reserves and funds_of(nora) == FUNDS_CENTS - cents


ANSWERS: dict[str, Any] = {
    "categorization": {"category": "shipping"},
    "imageannotation": {"uuid": "b", "label": "car", "left": 1, "top": 2, "width": 3, "height": 4},
    "lidarannotation": {"uuid": "c", "label": "car", "position": {"x": 1, "y": 2, "z": 0}, "yaw": 0}
    | {"dimensions": {"x": 2, "y": 4, "z": 1}},
}


def in_its_place(task_type: str, object_drawn: dict[str, Any]) -> dict[str, Any]:
    """A right answer with one object in it."""
    if task_type == "categorization":
        return object_drawn
    return {"annotations": [{"cuboids": [object_drawn]} if task_type == "lidarannotation" else object_drawn]}


@AS_OFTEN_AS_FITS
@given(task_type=st.sampled_from(sorted(ANSWERS)), data=st.data())
def test_any_known_answer_is_taken_or_refused(
    app: Flask, live: Caller, nora: NewCustomer, task_type: str, data: st.DataObject
) -> None:
    drawn = ANSWERS[task_type] | data.draw(
        st.dictionaries(st.sampled_from(sorted(ANSWERS[task_type])), VALUES, max_size=2)
    )
    response = data.draw(st.just(in_its_place(task_type, drawn)) | VALUES)
    answer = live.post(f"evaluation_tasks/{task_type}", BODIES[task_type] | {"expected_response": response})
    assert answer.status_code in {200, 400}, answer.get_json()
    assert funds_of(nora) == FUNDS_CENTS


@AS_OFTEN_AS_FITS
@given(raw=st.binary(max_size=60), kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]))
@pytest.mark.parametrize("path", ["projects", "batches", "task/categorization/quote", "task/x/tags"])
def test_any_bytes_get_an_answer(app: Flask, live: Caller, path: str, raw: bytes, kind: str) -> None:
    answer = live.post(path, data=raw, content_type=kind)
    assert answer.status_code in {400, 404}, answer.get_json()
    assert json.loads(answer.data)["error"]


PLAIN = st.text(st.characters(exclude_characters="[]\x00", exclude_categories=["Cs"]), min_size=1, max_size=5).filter(
    lambda text: not text.isdigit()
)
TREES = st.recursive(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(PLAIN, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def as_form(value: Any, name: str) -> list[tuple[str, str]]:
    """As the 2017 clients write it: brackets around keys and indexes."""
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in as_form(one, f"{name}[{key}]" if name else key)]
    if isinstance(value, list):
        return [pair for k, one in enumerate(value) for pair in as_form(one, f"{name}[{k}]")]
    return [(name, value)]


@given(st.dictionaries(PLAIN, TREES, max_size=4))
def test_a_form_says_what_the_same_json_says(value: dict[str, Any]) -> None:
    depth = max((name.count("[") for name, _ in as_form(value, "")), default=0)
    if depth >= 8:
        with pytest.raises(InvalidInput):
            _form(as_form(value, ""), ())
    else:
        assert _form(as_form(value, ""), ()) == value
