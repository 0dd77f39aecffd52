"""What bad input gets: an error that names the field, and nothing half-done."""

import json
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from marketplace.db import db, transaction
from marketplace.models import Project, Task
from marketplace.people import NewCustomer
from payouts.models import LedgerTransfer
from tests.marketplace.api_world import (
    BOXES,
    CATEGORIZATION,
    DRIVE,
    FUNDS_CENTS,
    Caller,
    answered,
    funds_of,
    new_customer,
    refused,
)


def stored_tasks() -> int:
    with transaction():
        return db.session.scalar(select(func.count()).select_from(Task)) or 0


BODIES = {"categorization": CATEGORIZATION, "imageannotation": BOXES, "lidarannotation": DRIVE}
BAD_TASKS: list[tuple[str, dict[str, Any], str]] = [
    ("lidarannotation", {"labels": None}, "labels"),
    ("lidarannotation", {"labels": []}, "labels"),
    ("lidarannotation", {"labels": ["car", "car"]}, "labels"),
    ("lidarannotation", {"labels": ["car", {"subchoices": ["x"]}]}, "labels[1]"),
    ("lidarannotation", {"labels": "car"}, "labels"),
    ("lidarannotation", {"attachments": []}, "attachments"),
    ("lidarannotation", {"attachments": ["https://a/b", 3]}, "attachments[1]"),
    ("lidarannotation", {"attachments": ["https://a/b", "ftp://a/b"]}, "attachments[1]"),
    ("lidarannotation", {"attachments": ["file:///etc/passwd"]}, "attachments[0]"),
    ("lidarannotation", {"attachments": ["scaledata://nobody/nothing"]}, "attachments[0]"),
    ("lidarannotation", {"attachment_type": "protobuf"}, "attachment_type"),
    ("lidarannotation", {"window_frames": 3, "window_overlap": 3}, "window_overlap"),
    ("lidarannotation", {"window_frames": 2.5}, "window_frames"),
    ("lidarannotation", {"meters_per_unit": 0}, "meters_per_unit"),
    ("lidarannotation", {"annotation_attributes": {"a": {"type": "colour"}}}, "annotation_attributes.a.type"),
    ("imageannotation", {"geometries": {}}, "geometries.box"),
    ("imageannotation", {"geometries": {"box": {"objects_to_annotate": [7]}}}, "geometries.box.objects_to_annotate[0]"),
    ("imageannotation", {"attachment": {"url": "x"}}, "attachment"),
    ("imageannotation", {"attachment": ""}, "attachment"),
    ("categorization", {"categories": ["one"]}, "categories"),
    ("categorization", {"attachment_type": "image"}, "attachment"),
    ("categorization", {"attachment": "x" * 50_001}, "attachment"),
    ("categorization", {"project": "nowhere"}, "project"),
    ("categorization", {"project": 7}, "project"),
    ("categorization", {"project_param_version": 9}, "project_param_version"),
    ("categorization", {"batch": "nowhere"}, "batch"),
    ("categorization", {"priority": 15}, "priority"),
    ("categorization", {"urgency": "now"}, "urgency"),
    ("categorization", {"callback_url": "javascript:alert(1)"}, "callback_url"),
    ("categorization", {"metadata": [1]}, "metadata"),
    ("categorization", {"metadata": {"a": "x" * 10_000}}, "metadata"),
    ("categorization", {"tags": ["1", "2", "3", "4", "5", "6"]}, "tags"),
    ("categorization", {"tags": [None]}, "tags[0]"),
    ("categorization", {"unique_id": {"a": 1}}, "unique_id"),
    ("categorization", {"unique_id": "x" * 501}, "unique_id"),
]


@pytest.mark.parametrize("task_type", sorted(BODIES))
def test_a_bad_task_is_refused_by_the_name_of_its_field(live: Caller, nora: NewCustomer, task_type: str) -> None:
    for change, field in [(change, field) for kind, change, field in BAD_TASKS if kind == task_type]:
        body = BODIES[task_type] | change
        error = refused(live.post(f"task/{task_type}", body), 400)
        assert error["field"] == field and field.partition("[")[0] in error["error"], (change, error)
        assert refused(live.post(f"task/{task_type}/quote", body), 400) == error, "a quote is checked alike"
    assert stored_tasks() == 0 and funds_of(nora) == FUNDS_CENTS


MALFORMED = [
    b"{",
    b"[1]",
    b'"text"',
    b"null",
    b"{} {}",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"a": "\\ud800"}',
    b'{"a": "tab\there"}',
    b'{"metadata": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize("path", ["task/categorization", "projects", "batches", "files/import"])
def test_what_is_not_json_that_can_be_stored_is_refused(live: Caller, path: str) -> None:
    for raw in MALFORMED:
        refused(live.post(path, data=raw, content_type="application/json"), 400)
    assert stored_tasks() == 0


FORMS = ["a[b]=1&a=2", "a=1&a[b]=2", "a[" * 20 + "=1", "attachment=%00", "[]=1", "]=1&[=2", "a[][b]=1&a[][b]=2"]


def test_a_strange_form_is_refused_in_words(live: Caller) -> None:
    for form in FORMS:
        refused(live.post("task/categorization", data=form, content_type="application/x-www-form-urlencoded"), 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "task/phonecall", 400),
        ("POST", "task/phonecall/quote", 400),
        ("POST", "evaluation_tasks/phonecall", 400),
        ("GET", "task/000000000000000000000000", 404),
        ("GET", "task/%00", 404),
        ("GET", "tasks?project=%00", 400),
        ("GET", "projects/a%00b", 404),
        ("GET", "nothing/here", 404),
        ("PATCH", "tasks", 405),
    ],
)
def test_what_does_not_exist_is_said_so(live: Caller, method: str, path: str, status: int) -> None:
    refused(live.send(method, path, {} if method == "POST" else None), status)


def test_a_body_larger_than_allowed_is_refused(live: Caller) -> None:
    raw = b'{"attachment": "' + b"x" * (16 * 1024 * 1024) + b'"}'
    assert (
        "larger" in refused(live.post("task/categorization", data=raw, content_type="application/json"), 400)["error"]
    )


# Money and duplicates


def test_a_task_that_is_not_funded_is_refused_whole(app: Flask) -> None:
    poor = new_customer("Poor", funds_cents=1)
    caller = Caller(app.test_client(), poor.live_key)
    error = refused(caller.post("task/categorization", CATEGORIZATION | {"unique_id": "u"}), 402)
    assert "$0.01 is available" in error["error"]
    assert stored_tasks() == 0 and funds_of(poor) == 1
    with transaction():
        assert db.session.scalars(select(Project)).all() == [], "not even a default project is left"


def test_a_duplicate_names_the_task_it_would_repeat(live: Caller, nora: NewCustomer) -> None:
    first = answered(live.post("task/categorization", CATEGORIZATION | {"unique_id": "u"}))
    left = funds_of(nora)
    error = refused(live.post("task/imageannotation", BOXES | {"unique_id": "u"}), 409)
    assert first["task_id"] in error["error"] and error["field"] == "unique_id"
    assert funds_of(nora) == left and stored_tasks() == 1


def in_parallel(app: Flask, key: str, bodies: list[dict[str, Any]]) -> list[TestResponse]:
    answers: list[TestResponse] = []
    start = threading.Barrier(len(bodies))

    def call(body: dict[str, Any]) -> None:
        start.wait()
        answers.append(Caller(app.test_client(), key).post("task/categorization", body))

    threads = [threading.Thread(target=call, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("funded_for", [1, 100])
def test_one_of_many_creates_at_once_with_one_unique_id_wins(app: Flask, live: Caller, funded_for: int) -> None:
    price = answered(live.post("task/categorization/quote", CATEGORIZATION))["total_cents"]
    made = new_customer("Twin", funds_cents=price * funded_for)
    answers = in_parallel(app, made.live_key, [CATEGORIZATION | {"unique_id": "u"}] * 8)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 7
    winner = next(answer.get_json()["task_id"] for answer in answers if answer.status_code == 200)
    assert all(winner in answer.get_json()["error"] for answer in answers if answer.status_code == 409)
    assert funds_of(made) == price * (funded_for - 1) and stored_tasks() == 1
    with transaction():
        reserves = db.session.scalars(select(LedgerTransfer).where(LedgerTransfer.code == "reserve")).all()
        assert [transfer.key for transfer in reserves] == [f"reserve:{winner}"]


def test_creates_at_once_share_funds_and_a_batch_without_standing_in_each_others_way(app: Flask, live: Caller) -> None:
    price = answered(live.post("task/categorization/quote", CATEGORIZATION))["total_cents"]
    made = new_customer("Many", funds_cents=price * 5)
    caller = Caller(app.test_client(), made.live_key)
    answered(caller.post("projects", {"name": "p", "type": "categorization"}))
    answered(caller.post("batches", {"name": "b", "project": "p"}))
    answers = in_parallel(app, made.live_key, [CATEGORIZATION | {"batch": "b"}] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [402] * 3
    assert funds_of(made) == 0 and stored_tasks() == 5


def test_test_tasks_at_once_complete_their_batch_together(app: Flask, test_world: Caller) -> None:
    answered(test_world.post("projects", {"name": "p", "type": "categorization"}))
    answered(test_world.post("batches", {"name": "b", "project": "p"}))
    answers = in_parallel(app, test_world.key, [CATEGORIZATION | {"batch": "b"}] * 8)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert answered(test_world.get("batches/b/status")) == {"status": "completed", "completed": 8}


def test_an_error_is_json_whatever_was_asked_for(live: Caller) -> None:
    answer = live.get("task/none")
    assert answer.mimetype == "application/json" and json.loads(answer.data)["status_code"] == 404
