"""Tasks over the customers' API: sending, finding, changing and canceling them; two worlds, and nobody else's."""

import base64
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from marketplace.db import db, transaction
from marketplace.models import Task
from marketplace.people import NewCustomer
from tests.marketplace.api_world import (
    BOXES,
    CATEGORIZATION,
    DRIVE,
    FUNDS_CENTS,
    Caller,
    answered,
    funds_of,
    refused,
)


def send(caller: Caller, task_type: str = "categorization", **more: Any) -> dict[str, Any]:
    bodies = {"categorization": CATEGORIZATION, "imageannotation": BOXES, "lidarannotation": DRIVE}
    return answered(caller.post(f"task/{task_type}", bodies[task_type] | more))


def test_a_task_comes_back_as_it_was_sent_with_the_defaults_filled_in(live: Caller, nora: NewCustomer) -> None:
    sent = send(live, unique_id="a 1", metadata={"run": [1, None]}, tags=["night"], priority=20, colour="unknown")
    assert sent["status"] == "pending" and sent["type"] == "categorization" and sent["is_test"] is False
    assert sent["params"] == {
        "attachment_type": "text",
        "attachment": CATEGORIZATION["attachment"],
        "categories": ["shipping", "billing"],
        "allow_multiple": False,
        "answers": 3,
        "colour": "unknown",
    }
    assert sent["unique_id"] == "a 1" and sent["tags"] == ["night"] and sent["metadata"] == {"run": [1, None]}
    assert sent["instruction"] == CATEGORIZATION["instruction"] and sent["priority"] == 20
    assert answered(live.get(f"task/{sent['task_id']}")) == sent
    assert answered(live.get("task/a 1")) == sent, "a unique_id finds its task too"


def test_what_is_not_set_is_absent(live: Caller) -> None:
    sent = send(live, unique_id=None, tags=None, callback_url="", metadata=None)
    assert not {"unique_id", "tags", "callback_url", "batch", "response", "completed_at"} & set(sent)
    assert sent["metadata"] == {} and sent["project"] == "default-categorization"


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_both_ways_to_show_a_key_work(app: Flask, nora: NewCustomer, scheme: str) -> None:
    basic = base64.b64encode(f"{nora.live_key}:".encode()).decode()
    header = f"Basic {basic}" if scheme == "basic" else f"Bearer {nora.live_key}"
    answer = app.test_client().get("/v1/tasks", headers={"Authorization": header})
    assert answered(answer)["docs"] == []


@pytest.mark.parametrize("header", [None, "Basic !!!", "Basic bGl2ZV94Og==", "Bearer nothing", "Digest a=b"])
def test_no_valid_key_no_answer(app: Flask, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    refused(app.test_client().get("/v1/tasks", headers=headers), 401)


def test_the_price_is_quoted_and_reserved_and_given_back(live: Caller, nora: NewCustomer) -> None:
    quoted = answered(live.post("task/lidarannotation/quote", DRIVE))
    assert quoted["subtasks"] == 2 and quoted["answers"] == 1 and quoted["hourly_rate_cents"] == 1800
    assert quoted["total_cents"] == quoted["labor_cents"] + quoted["fee_cents"] > 0
    assert answered(live.get("tasks"))["total"] == 0, "a quote stores nothing"
    sent = send(live, "lidarannotation")
    assert sent["price_cents"] == quoted["total_cents"] == FUNDS_CENTS - funds_of(nora)
    canceled = answered(live.post(f"task/{sent['task_id']}/cancel"))
    assert canceled["status"] == "canceled" and funds_of(nora) == FUNDS_CENTS
    refused(live.post(f"task/{sent['task_id']}/cancel"), 400)
    assert funds_of(nora) == FUNDS_CENTS


def test_a_task_whose_work_has_started_is_not_canceled(live: Caller, nora: NewCustomer) -> None:
    sent = send(live)
    with transaction():
        db.session.get_one(Task, sent["task_id"]).work_started = True
    assert "work has started" in refused(live.post(f"task/{sent['task_id']}/cancel"), 400)["error"]
    assert funds_of(nora) == FUNDS_CENTS - sent["price_cents"]


def test_a_canceled_task_can_free_its_unique_id(live: Caller) -> None:
    first, second = send(live, unique_id="one"), send(live, unique_id="two")
    answered(live.post(f"task/{first['task_id']}/cancel", query_string={"clear_unique_id": "true"}))
    answered(live.post(f"task/{second['task_id']}/cancel"))
    assert "unique_id" not in answered(live.get(f"task/{first['task_id']}"))
    send(live, unique_id="one")
    refused(live.post("task/categorization", CATEGORIZATION | {"unique_id": "two"}), 409)


def test_a_project_gives_its_tasks_what_they_do_not_say(live: Caller) -> None:
    params = {"instruction": "By the project.", "categories": ["a", "b"], "answers": 2, "priority": 30}
    answered(live.post("projects", {"name": "p", "type": "categorization", "params": params}))
    sent = answered(live.post("task/categorization", {"project": "p", "attachment": "text", "answers": 1}))
    assert sent["instruction"] == "By the project." and sent["params"]["categories"] == ["a", "b"]
    assert sent["params"]["answers"] == 1 and sent["priority"] == 30 and sent["project_param_version"] == 0
    answered(live.post("projects/p/setParams", {"patch": True, "answers": 5}))
    newer = answered(live.post("task/categorization", {"project": "p", "attachment": "text"}))
    assert newer["params"]["answers"] == 5 and newer["project_param_version"] == 1
    older = {"project": "p", "attachment": "text", "project_param_version": 0}
    assert answered(live.post("task/categorization", older))["params"]["answers"] == 2


def test_forms_of_2017_are_read(live: Caller) -> None:
    form = (
        "attachment=Where+is+it%3F&categories=shipping&categories=billing&instruction=Sort&allow_multiple=True"
        "&tags=one&answers=2&metadata[run][id]=7&metadata[list][0]=a&metadata[list][1]=b&callback_url="
    )
    answer = live.post("task/categorization", data=form, content_type="application/x-www-form-urlencoded")
    sent = answered(answer)
    assert sent["params"]["categories"] == ["shipping", "billing"] and sent["params"]["allow_multiple"] is True
    assert sent["params"]["answers"] == 2
    assert sent["tags"] == ["one"] and sent["metadata"] == {"run": {"id": "7"}, "list": ["a", "b"]}


def test_curl_that_says_form_and_sends_json_is_understood(live: Caller) -> None:
    body = json.dumps(CATEGORIZATION)
    answered(live.post("task/categorization", data=body, content_type="application/x-www-form-urlencoded"))


# Lists


def test_tasks_are_listed_newest_first_by_token_and_by_offset(live: Caller) -> None:
    sent = [send(live, unique_id=str(k))["task_id"] for k in range(5)]
    by_token, token = [], None
    for _ in range(3):
        page = answered(live.get("tasks", limit=2, **({"next_token": token} if token else {})))
        assert page["total"] == 5 and page["limit"] == 2
        by_token += [doc["task_id"] for doc in page["docs"]]
        token = page.get("next_token")
        assert page["has_more"] == (token is not None)
    assert by_token == sent[::-1] and token is None
    by_offset = [answered(live.get("tasks", limit=2, offset=k))["docs"][0]["task_id"] for k in range(5)]
    assert by_offset == sent[::-1]


def test_tasks_are_found_by_what_they_are(live: Caller) -> None:
    answered(live.post("projects", {"name": "cats", "type": "categorization"}))
    answered(live.post("batches", {"name": "monday", "project": "cats"}))
    in_batch = send(live, batch="monday", tags=["night", "rain"], unique_id="a&b #1")["task_id"]
    boxes = send(live, "imageannotation", tags=["day"])["task_id"]
    plain = send(live)["task_id"]
    answered(live.post(f"task/{plain}/cancel"))

    def found(**query: Any) -> set[str]:
        return {doc["task_id"] for doc in answered(live.get("tasks", **query))["docs"]}

    assert found(project="cats") == found(batch="monday") == {in_batch}
    assert found(project="none") == set()
    assert found(type="imageannotation") == {boxes}
    assert found(status="canceled") == {plain}
    assert found(unique_id=["a&b #1", "other"]) == {in_batch}
    assert found(tags=["rain", "day"]) == {in_batch, boxes}
    assert found(start_time="2020-09-08") == {in_batch, boxes, plain}
    assert found(end_time="2020-09-08 10:00:00.123456") == set()
    assert found(updated_after="2020-01-01T00:00:00Z", completed_before="2999-01-01") == set()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"offset": -1}, "offset"),
        ({"status": "done"}, "status"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"end_time": "0001-01-01T00:00:00+14:00"}, "end_time"),
        ({"next_token": "abc"}, "next_token"),
        ({"next_token": base64.b64encode(b"[1]").decode()}, "next_token"),
    ],
)
def test_a_malformed_filter_is_named(live: Caller, query: dict[str, Any], field: str) -> None:
    assert refused(live.get("tasks", **query), 400)["field"] == field


def test_a_list_can_be_short_or_carry_links(live: Caller) -> None:
    send(live, "imageannotation", metadata={"a": 1})
    short = answered(live.get("tasks", limited_response="True"))["docs"][0]
    assert set(short) == {"task_id", "status", "metadata", "project"}
    full = answered(live.get("tasks", include_attachment_url="True"))["docs"][0]
    assert full["attachments_urls"] == {BOXES["attachment"]: BOXES["attachment"]}


def test_a_list_takes_no_more_statements_for_more_tasks(live: Caller) -> None:
    answered(live.post("projects", {"name": "p", "type": "categorization"}))
    answered(live.post("batches", {"name": "b", "project": "p"}))

    def statements() -> int:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        answered(live.get("tasks", include_attachment_url="true"))
        event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    send(live, batch="b")
    few = statements()
    for _ in range(5):
        send(live, batch="b")
        send(live, "imageannotation")
    assert statements() == few


# Deliverables


@pytest.mark.parametrize("name", ["scale", "openlabel", "kitti-tracking"])
def test_a_drive_s_deliverable_is_downloaded_in_standard_formats(test_world: Caller, name: str) -> None:
    task_id = send(test_world, "lidarannotation")["task_id"]
    answer = test_world.get(f"task/{task_id}/deliverable", format=name)
    assert answer.status_code == 200 and task_id in answer.headers["Content-Disposition"]
    if name == "scale":
        assert answer.get_json() == [{"cuboids": []}] * 5
    elif name == "openlabel":
        assert answer.get_json()["openlabel"]["metadata"]["schema_version"] == "1.0.0"
    else:
        assert answer.data.startswith(b"PK")


def test_what_has_no_deliverable_says_so(live: Caller, test_world: Caller) -> None:
    pending = send(live, "lidarannotation")["task_id"]
    assert "pending" in refused(live.get(f"task/{pending}/deliverable"), 400)["error"]
    text = send(test_world)["task_id"]
    assert answered(test_world.get(f"task/{text}/deliverable")) == {"category": "shipping"}
    assert refused(test_world.get(f"task/{text}/deliverable", format="openlabel"), 400)["field"] == "format"
    assert refused(test_world.get(f"task/{text}/deliverable", format="pdf"), 400)["field"] == "format"


# Changing


def test_tags_metadata_and_unique_id_change_by_bare_bodies(live: Caller) -> None:
    task_id = send(live, tags=["a"])["task_id"]
    assert answered(live.send("PUT", f"task/{task_id}/tags", ["b", "a"]))["tags"] == ["a", "b"]
    assert answered(live.send("DELETE", f"task/{task_id}/tags", ["a", "zzz"]))["tags"] == ["b"]
    assert answered(live.post(f"task/{task_id}/tags", ["x", "y"]))["tags"] == ["x", "y"]
    assert refused(live.send("PUT", f"task/{task_id}/tags", ["1", "2", "3", "4"]), 400)["field"] == "tags"
    empty = live.post(f"task/{task_id}/tags", data=b"", content_type="application/json")
    assert "tags" not in answered(empty), "the SDK drops an empty body"
    assert answered(live.post(f"task/{task_id}/setMetadata", {"a": None}))["metadata"] == {"a": None}
    assert (
        answered(live.post(f"task/{task_id}/setMetadata", data=b"", content_type="application/json"))["metadata"] == {}
    )
    assert answered(live.post(f"task/{task_id}/unique_id", {"unique_id": "u"}))["unique_id"] == "u"
    assert answered(live.post(f"task/{task_id}/unique_id", {"unique_id": "u"}))["unique_id"] == "u"
    other = send(live)["task_id"]
    taken = refused(live.post(f"task/{other}/unique_id", {"unique_id": "u"}), 409)
    assert task_id in taken["error"] and "already used for a different task" in taken["error"]
    assert "unique_id" not in answered(live.send("DELETE", f"task/{task_id}/unique_id"))
    assert answered(live.post(f"task/{other}/unique_id", {"unique_id": "u"}))["unique_id"] == "u"


def test_a_completed_task_is_audited(test_world: Caller) -> None:
    task_id = send(test_world)["task_id"]
    audited = answered(test_world.post(f"task/{task_id}/audit", {"accepted": False, "comments": "wrong"}))
    assert audited["customer_review_status"] == "rejected"
    audited = answered(test_world.post(f"task/{task_id}/audit", {"accepted": True, "comments": None}))
    assert [entry["audit_result"] for entry in audited["audits"]] == ["rejected", "accepted"]
    assert audited["audits"][0]["comments"] == "wrong" and "comments" not in audited["audits"][1]
    listed = answered(test_world.get("tasks", customer_review_status="accepted,fixed"))
    assert listed["total"] == 1
    assert refused(test_world.post(f"task/{task_id}/audit", {}), 400)["field"] == "accepted"


# Two worlds


def test_a_test_task_is_completed_at_once_for_nothing(test_world: Caller, live: Caller, nora: NewCustomer) -> None:
    for task_type in ("categorization", "imageannotation", "lidarannotation"):
        sent = send(test_world, task_type, unique_id=task_type)
        assert sent["status"] == "completed" and sent["is_test"] is True and sent["completed_at"]
        assert answered(test_world.get(f"task/{sent['task_id']}"))["response"]
        refused(live.get(f"task/{sent['task_id']}"), 404)
    assert funds_of(nora) == FUNDS_CENTS
    assert answered(live.get("tasks"))["total"] == 0
    send(live, unique_id="categorization")


ADDRESSES = [
    ("GET", "task/{id}", None),
    ("POST", "task/{id}/cancel", None),
    ("POST", "task/{id}/audit", {"accepted": True}),
    ("POST", "task/{id}/unique_id", {"unique_id": "mine"}),
    ("DELETE", "task/{id}/unique_id", None),
    ("POST", "task/{id}/setMetadata", {"a": 1}),
    ("POST", "task/{id}/tags", ["a"]),
    ("PUT", "task/{id}/tags", ["a"]),
    ("DELETE", "task/{id}/tags", ["a"]),
    ("GET", "task/{id}/deliverable", None),
    ("POST", "task/{id}/send-callback", None),
    ("POST", "task/{id}/send_callback", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES)
def test_a_foreign_task_is_as_good_as_none(
    live: Caller, test_world: Caller, stranger: Caller, method: str, path: str, body: Any
) -> None:
    sent = send(live, unique_id="mine")
    for caller in (stranger, test_world):
        refused(caller.send(method, path.format(id=sent["task_id"]), body), 404)
        refused(caller.send(method, path.format(id="mine"), body), 404)
    assert answered(live.get("task/mine")) == sent
