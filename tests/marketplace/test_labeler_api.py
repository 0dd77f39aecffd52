"""/labeler over HTTP: the shapes that the workbench reads, and refusals with status, words and field."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from marketplace import auth, lanes, projects
from marketplace.app import create_app
from marketplace.config import Settings
from marketplace.db import db, transaction
from marketplace.models import KeyMode, Labeler, SkillRecord, Subtask
from tests.marketplace import labeling_world, page_world
from tests.marketplace.labeling_world import CATEGORIES, Yard, category, expire, subtask_of


@dataclass
class Tool:
    """A labeler's own program, with her token."""

    client: FlaskClient
    token: str

    def send(self, method: str, path: str, body: Any = None) -> TestResponse:
        data = None if body is None else json.dumps(body)
        return self.client.open(
            f"/labeler/{path}",
            method=method,
            data=data,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def claim(self, **wish: Any) -> Any:
        return ok(self.send("POST", "claim", wish))["assignment"]

    def act(self, assignment: Any, what: str, **body: Any) -> TestResponse:
        path = f"assignments/{assignment['id']}/{what}"
        return self.send("PUT" if what == "draft" else "POST", path, {"epoch": assignment["epoch"], **body})


def ok(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def refused(answer: TestResponse, status: int, field: str | None = None) -> str:
    body = answer.get_json()
    assert (answer.status_code, body["status_code"], body.get("field")) == (status, status, field), body
    return str(body["error"])


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def tool_of(yard: Yard, labeler: Labeler) -> Tool:
    with transaction():
        token = auth.new_labeler_token(labeler)
    return Tool(yard.app.test_client(), token)


@pytest.fixture
def ana(yard: Yard) -> Tool:
    return tool_of(yard, yard.hire(1)[0])


def test_a_claim_has_all_that_the_workbench_needs(yard: Yard, ana: Tool) -> None:
    task = yard.send(instruction="What is it?")[0]
    claimed = ana.claim()
    assert {"id", "epoch", "state", "lease_expires_at", "task_type", "draft", "active_seconds"} <= set(claimed)
    assert claimed["pay"] == {"amount_cents": 4, "currency": "USD", "expected_seconds": 7, "hourly_cents": 2057}
    assert datetime.fromisoformat(claimed["lease_expires_at"]).tzinfo is not None
    subtask = claimed["subtask"]
    assert subtask == {
        "id": subtask_of(task).id,
        "task_id": task.id,
        "task_type": "categorization",
        "instruction": "What is it?",
        "params": {"categories": CATEGORIES, "allow_multiple": False},
        "project": "texts",
        "simulated": False,
        "content": {"type": "text", "text": "A cat sat on the mat."},
        "focus": None,
    }
    again = ok(ana.send("GET", f"assignments/{claimed['id']}"))["assignment"]
    assert again == claimed


def test_a_drive_comes_with_signed_links_to_every_frame(
    app: Flask, run_jobs: Callable[[], None], client: FlaskClient
) -> None:
    world = page_world.build(app, run_jobs)
    world.send_drive(frames=4)
    yard = Yard(app, run_jobs, world.customer)
    ana = tool_of(yard, yard.hire(1, "lidarannotation")[0])
    subtask = ana.claim()["subtask"]
    assert subtask["window"] == {"start": 0, "stop": 2, "frame_count": 4}, "windows of even length"
    assert [frame["index"] for frame in subtask["frames"]] == [0, 1]
    assert [label["name"] for label in subtask["params"]["labels"]] == ["Car", "Pedestrian"]
    frame = subtask["frames"][1]
    assert set(frame) == {
        "index", "timestamp", "points_url", "points_count", "device", "gps", "radar", "images"
    }  # fmt: skip
    assert frame["points_count"] == 50 and frame["device"]["position"] == [1.0, 0.0, 0.0]
    points = client.get(frame["points_url"])
    assert points.status_code == 200 and points.data.startswith(b"LYPF")
    assert client.get(frame["points_url"].partition("?")[0]).status_code == 403


def test_from_claim_to_earnings(yard: Yard, ana: Tool) -> None:
    yard.send(answers=1)
    claimed = ana.claim(types=["categorization"], project="texts")
    assert "lease_expires_at" in ok(ana.act(claimed, "heartbeat", active_seconds=0.5))
    assert "saved_at" in ok(ana.act(claimed, "draft", answer={"category": None}, active_seconds=1))
    assert ok(ana.send("GET", f"assignments/{claimed['id']}"))["assignment"]["draft"] == {"category": None}
    submitted = ok(ana.act(claimed, "submit", answer=category("cat"), active_seconds=2))["assignment"]
    assert submitted["state"] == "submitted"
    yard.run_jobs()
    [one] = ok(ana.send("GET", "assignments?state=accepted"))["assignments"]
    assert one["id"] == claimed["id"] and "subtask" not in one
    assert ok(ana.send("GET", "earnings"))["held_cents"] == claimed["pay"]["amount_cents"]


def test_nothing_to_do_says_why(yard: Yard, ana: Tool) -> None:
    body = ok(ana.send("POST", "claim", {}))
    assert body["assignment"] is None
    assert body["reason"] == {"code": "no_work", "text": body["reason"]["text"], "until": None, "closed": []}


def test_work_says_what_is_unmet_and_a_trial_leads_in(yard: Yard, ana: Tool) -> None:
    yard.send(answers=15)
    yard.send(10, expected_answer=category("cat"))
    with transaction():
        project = projects.find_project(yard.customer, KeyMode.LIVE, "texts")
        assert project is not None
        lanes.set_rule(project, {"accuracy_min": 0.8, "requires": ["team:north"]})
    [closed] = ok(ana.send("POST", "claim", {}))["reason"]["closed"]
    assert [(one["kind"], one["asked"]) for one in closed["unmet"]] == [("team", "north"), ("accuracy", "0.800")]
    [offer] = ok(ana.send("GET", "work"))["work"]
    assert offer["access"] == "closed" and offer["trial"]["code"] == "team"
    assert "team" in refused(ana.send("POST", "trials", {"lane": offer["lane"]}), 409)
    with transaction():
        lanes.set_rule(project, {"requires": []})
    [offer] = ok(ana.send("GET", "work"))["work"]
    trial = {"answers": 10, "gives": [], "pay_cents": 40, "expected_seconds": 70}
    assert (offer["access"], offer["trial"]) == ("trial", trial)
    assert ok(ana.send("POST", "trials", {"lane": offer["lane"]}))["answers"] == 10
    held = ana.claim()
    ok(ana.act(held, "submit", answer=category("dog")))
    yard.run_jobs()
    [one] = ok(ana.send("GET", "work"))["trials"]
    assert (one["state"], one["given"], one["grade"]) == ("failed", 1, 0.0) and one["retry_at"]
    refused(ana.send("POST", "trials", {"lane": 10**6}), 404)
    refused(ana.send("POST", "trials", {"lane": "x"}), 400, "lane")


def test_gold_looks_like_everything_else(yard: Yard, ana: Tool) -> None:
    yard.send(expected_answer=category("dog"))
    yard.send(3, answers=2)
    seen = []
    for _ in range(2):
        claimed = ana.claim()
        seen.append(claimed)
        ok(ana.act(claimed, "submit", answer=category("dog")))
        with transaction():  # so many real ones that gold is due for certain
            db.session.execute(update(SkillRecord).values(real_seen=1_000))
    real, gold = seen
    answer = ok(ana.send("GET", f"assignments/{gold['id']}"))["assignment"]
    assert answer["subtask_id"] != real["subtask_id"]
    assert "gold" not in json.dumps(gold) and "truth" not in json.dumps(gold)

    def shape(value: Any) -> Any:
        return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value)

    assert shape(gold) == shape(real)
    with transaction():
        assert db.session.get_one(Subtask, gold["subtask_id"]).gold


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("submit", {"answer": {"category": "whale"}}, "answer.category"),
        ("submit", {"answer": {}}, "answer.category"),
        ("submit", {}, "answer"),
        ("submit", {"answer": {"category": "cat"}, "epoch": "1"}, "epoch"),
        ("submit", {"answer": {"category": "cat"}, "active_seconds": -1}, "active_seconds"),
        ("draft", {"answer": [1]}, "answer"),
        ("skip", {"reason": ""}, "reason"),
        ("heartbeat", {"epoch": None}, "epoch"),
        ("appeal", {}, "text"),
    ],
)
def test_bad_input_names_its_field(yard: Yard, ana: Tool, what: str, body: dict[str, Any], field: str) -> None:
    yard.send()
    refused(ana.act(ana.claim(), what, **body), 400, field)


def test_not_a_number_is_not_json(yard: Yard, ana: Tool) -> None:
    yard.send()
    claimed = ana.claim()
    answer = ana.client.post(
        f"/labeler/assignments/{claimed['id']}/submit",
        data='{"epoch": 1, "active_seconds": NaN, "answer": {"category": "cat"}}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {ana.token}"},
    )
    assert "NaN" in refused(answer, 400)


def test_a_foreign_assignment_is_a_404(yard: Yard, ana: Tool) -> None:
    yard.send()
    claimed = ana.claim()
    eve = tool_of(yard, yard.hire(1)[0])
    refused(eve.send("GET", f"assignments/{claimed['id']}"), 404)
    refused(eve.act(claimed, "submit", answer=category("cat")), 404)
    refused(eve.act(claimed, "appeal", text="mine"), 404)
    refused(eve.send("GET", "task-types/poetry/schema"), 404)


def test_a_stale_epoch_and_a_lost_lease_are_409(yard: Yard, ana: Tool) -> None:
    yard.send(answers=1)
    claimed = ana.claim()
    expire()
    eve = tool_of(yard, yard.hire(1)[0])
    other = eve.claim()
    words = refused(ana.act(claimed, "submit", answer=category("cat")), 409)
    assert "kept" in words
    refused(eve.act(other | {"epoch": 7}, "heartbeat"), 409, "epoch")
    ok(eve.act(other, "skip", reason="no time"))
    assert ok(ana.send("GET", f"assignments/{claimed['id']}"))["assignment"]["state"] == "submitted", "it was used"
    refused(eve.act(other, "draft", answer={}), 409)


def test_schemas_are_published(ana: Tool) -> None:
    schema = ok(ana.send("GET", "task-types/lidarannotation/schema"))
    assert schema["properties"]["tracks"]["type"] == "array"


def test_without_a_token_nothing(app: Flask) -> None:
    refused(app.test_client().post("/labeler/claim", json={}), 401)
    refused(Tool(app.test_client(), "labeler_wrong").send("POST", "claim", {}), 401)


def test_a_labeler_who_calls_too_often_is_told_when_to_call_again(
    yard: Yard, ana: Tool, test_settings: Settings
) -> None:
    ben = tool_of(yard, yard.hire(1)[0])
    ana.client = ben.client = create_app(replace(test_settings, rate_limit_labeler="3 per minute")).test_client()
    assert [ana.send("GET", "assignments").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = ana.send("POST", "claim", {})
    assert "slow down" in refused(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 20
    ok(ben.send("GET", "assignments"))


def test_wrong_tokens_are_counted_by_address_and_then_none_is_looked_at(
    yard: Yard, ana: Tool, test_settings: Settings
) -> None:
    strict = create_app(replace(test_settings, rate_limit_wrong_tokens="2 per minute"))
    ana.client, eve = strict.test_client(), Tool(strict.test_client(), "labeler_guess")
    for _ in range(5):
        ok(ana.send("GET", "assignments"))
    assert [eve.send("GET", "assignments").status_code for _ in range(3)] == [401, 401, 429]
    assert "wrong tokens" in refused(ana.send("GET", "assignments"), 429)
    ana.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    ok(ana.send("GET", "assignments"))


def test_a_browsers_session_needs_its_csrf_token(app: Flask, run_jobs: Callable[[], None]) -> None:
    world = page_world.build(app, run_jobs)
    world.send_text()
    browser = world.as_("ana")
    assert browser.post("/labeler/claim", json={}).status_code == 400
    held = browser.post("/work/claim", data={"csrf_token": page_world.token_of(browser.get("/work"))})
    bench = browser.get(held.headers["Location"]).text
    token = bench.partition('data-csrf="')[2].partition('"')[0]
    assert ok(browser.post("/labeler/claim", json={}, headers={"X-CSRFToken": token}))["assignment"]
