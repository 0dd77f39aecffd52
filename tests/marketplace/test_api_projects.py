"""Projects and batches over the customers' API."""

from typing import Any
from urllib.parse import quote

import pytest
from rq import Queue
from sqlalchemy import update

from marketplace.db import db, transaction
from marketplace.models import Batch, BatchStatus, Task, TaskStage
from marketplace.queue import connection
from tests.marketplace.api_world import CATEGORIZATION, Caller, answered, refused

STRANGE_NAMES = ["a b/c?d", "50% #1", "näive/状", "x/status", "..;/", "+&=", "task"]


def make_project(caller: Caller, name: str = "p", **more: Any) -> dict[str, Any]:
    return answered(caller.post("projects", {"name": name, "type": "categorization"} | more))


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_names_are_what_customers_like(live: Caller, name: str) -> None:
    make_project(live, name)
    path = quote(name, safe="")
    assert answered(live.get(f"projects/{path}"))["name"] == name
    assert answered(live.post(f"projects/{path}/setParams", {"a": 1}))["params"] == {"a": 1}
    assert answered(live.post("batches", {"name": name, "project": name}))["project"] == name
    assert answered(live.post(f"batches/{path}/finalize"))["name"] == name
    assert answered(live.get(f"batches/{path}/status"))["status"] == "in_progress"
    assert answered(live.post(f"batches/{path}/setMetadata", {"a": 1}))["metadata"] == {"a": 1}


def test_a_project_keeps_the_versions_of_its_parameters(live: Caller) -> None:
    made = make_project(live, params={"instruction": "one", "categories": ["a", "b"]}, datasetId=None, rapid=False)
    assert made["type"] == "categorization" and made["param_history"][-1]["version"] == 0
    assert made["param_history"][-1]["instruction"] == "one"
    patched = answered(live.post("projects/p/setParams", {"patch": True, "instruction": "two"}))
    assert patched["params"] == {"instruction": "two", "categories": ["a", "b"]}
    replaced = answered(live.post("projects/p/setParams", {"patch": False, "instruction": "three"}))
    assert replaced["params"] == {"instruction": "three"}
    assert [version["version"] for version in replaced["param_history"]] == [0, 1, 2]
    assert answered(live.get("projects/p")) == replaced


def test_what_is_wanted_of_the_answers_is_the_projects_own(live: Caller) -> None:
    made = make_project(live, params={"categories": ["a", "b"]}, target_confidence=0.9, answers_min=2)
    assert (made["target_confidence"], made["answers_min"], made["error_cost_cents"]) == (0.9, 2, None)
    changed = answered(live.post("projects/p/setParams", {"answers_min": 3, "error_cost_cents": 500}))
    assert (changed["target_confidence"], changed["answers_min"], changed["error_cost_cents"]) == (0.9, 3, 500)
    assert changed["params"] == {"categories": ["a", "b"]} and len(changed["param_history"]) == 1


def test_who_may_work_on_a_project_is_its_rule(live: Caller) -> None:
    anybody = {"requires": [], "countries": [], "exam": False, "accuracy_min": None, "trial_answers": 5}
    assert make_project(live)["labelers"] == anybody
    rule = {"requires": ["Language:FR"], "countries": ["fr", "BE"], "exam": True, "accuracy_min": 0.8}
    made = make_project(live, "q", labelers=rule, params={"categories": ["a", "b"]})
    asked = {"requires": ["language:fr"], "countries": ["BE", "FR"], "exam": True, "accuracy_min": 0.8}
    assert made["labelers"] == asked | {"trial_answers": 10}
    changed = answered(live.post("projects/q/setParams", {"labelers": {"accuracy_min": None, "exam": False}}))
    assert changed["labelers"] == asked | {"exam": False, "accuracy_min": None, "trial_answers": 5}
    assert changed["params"] == {"categories": ["a", "b"]} and len(changed["param_history"]) == 1
    assert [one["labelers"]["countries"] for one in live.get("projects").get_json()] == [["BE", "FR"], []]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"requires": ["fr"]}, "labelers.requires"),
        ({"requires": ["exam:3"]}, "labelers.requires"),
        ({"countries": ["France"]}, "labelers.countries[0]"),
        ({"countries": ["F1"]}, "labelers.countries"),
        ({"accuracy_min": 0.99}, "labelers.accuracy_min"),
        ({"accuracy_min": 0.9, "trial_answers": 5}, "labelers.trial_answers"),
        ({"trial_answers": 0}, "labelers.trial_answers"),
        ({"exam": "perhaps"}, "labelers.exam"),
        ("strict", "labelers"),
    ],
)
def test_a_wrong_rule_names_its_field(live: Caller, rule: Any, field: str) -> None:
    made = refused(live.post("projects", {"name": "p", "type": "categorization", "labelers": rule}), 400)
    make_project(live)
    changed = refused(live.post("projects/p/setParams", {"labelers": rule}), 400)
    assert made["field"] == changed["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "p"}, "type"),
        ({"name": "", "type": "categorization"}, "name"),
        ({"name": "x" * 201, "type": "categorization"}, "name"),
        ({"name": "p", "type": "phonecall"}, "type"),
        ({"name": "p", "type": "categorization", "params": [1]}, "params"),
        ({"name": "p", "type": "categorization", "params": {"categories": ["a"]}}, "params.categories"),
        ({"name": "p", "type": "lidarannotation", "params": {"labels": ["a", 1]}}, "params.labels[1]"),
        ({"name": "p", "type": "categorization", "params": {"priority": 1}}, "params.priority"),
        ({"name": "p", "type": "categorization", "hourly_rate_cents": 1}, "hourly_rate_cents"),
        ({"name": "p", "type": "categorization", "target_confidence": 1}, "target_confidence"),
        ({"name": "p", "type": "categorization", "answers_min": 0}, "answers_min"),
        ({"name": "p", "type": "categorization", "error_cost_cents": -1}, "error_cost_cents"),
    ],
)
def test_a_bad_project_is_refused_by_the_name_of_its_field(live: Caller, body: dict[str, Any], field: str) -> None:
    assert refused(live.post("projects", body), 400)["field"] == field
    assert live.get("projects").get_json() == []


def test_names_are_taken_once_a_world(live: Caller, test_world: Caller, stranger: Caller) -> None:
    for caller in (live, test_world, stranger):
        make_project(caller)
        assert refused(caller.post("projects", {"name": "p", "type": "categorization"}), 409)["field"] == "name"
        answered(caller.post("batches", {"name": "b", "project": "p"}))
        assert refused(caller.post("batches", {"name": "b", "project": "p"}), 409)["field"] == "name"
        assert [project["name"] for project in caller.get("projects").get_json()] == ["p"]
        assert answered(caller.get("batches"))["totalDocs"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "projects/p", None),
        ("POST", "projects/p/setParams", {"a": 1}),
        ("GET", "batches/b", None),
        ("GET", "batches/b/status", None),
        ("POST", "batches/b/finalize", None),
        ("POST", "batches/b/setMetadata", {"a": 1}),
    ],
)
def test_a_foreign_name_is_as_good_as_none(
    live: Caller, test_world: Caller, stranger: Caller, method: str, path: str, body: Any
) -> None:
    make_project(live)
    answered(live.post("batches", {"name": "b", "project": "p"}))
    for caller in (stranger, test_world):
        refused(caller.send(method, path, body), 404)
    refused(stranger.post("batches", {"name": "b", "project": "p"}), 400)


def test_a_task_belongs_to_its_batch_s_project(live: Caller) -> None:
    make_project(live, "p")
    make_project(live, "q")
    answered(live.post("batches", {"name": "b", "project": "p"}))
    sent = answered(live.post("task/categorization", CATEGORIZATION | {"batch": "b"}))
    assert sent["project"] == "p" and sent["batch"] == "b"
    wrong = CATEGORIZATION | {"batch": "b", "project": "q"}
    assert refused(live.post("task/categorization", wrong), 400)["field"] == "batch"
    boxes = {"project": "p", "attachment": "https://a/b.png", "geometries": {"box": {"objects_to_annotate": ["a"]}}}
    assert refused(live.post("task/imageannotation", boxes), 400)["field"] == "project"


def test_a_batch_counts_its_tasks_by_status(live: Caller) -> None:
    make_project(live)
    answered(live.post("batches", {"name": "b", "project": "p", "callback": "", "metadata": None}))
    ids = [answered(live.post("task/categorization", CATEGORIZATION | {"batch": "b"}))["task_id"] for _ in range(3)]
    answered(live.post(f"task/{ids[0]}/cancel"))
    assert answered(live.get("batches/b/status")) == {"status": "in_progress", "pending": 2, "canceled": 1}
    detailed = answered(live.get("batches", detailed="True"))["docs"][0]
    assert detailed["pending"] == 2 and detailed["canceled"] == 1


def test_a_batch_that_has_completed_is_open_again_for_one_more_task(test_world: Caller) -> None:
    make_project(test_world)
    answered(test_world.post("batches", {"name": "b", "project": "p"}))
    for count in (1, 2):
        answered(test_world.post("task/categorization", CATEGORIZATION | {"batch": "b"}))
        assert answered(test_world.get("batches/b/status")) == {"status": "completed", "completed": count}
    assert answered(test_world.get("batches/b"))["completed_at"]


def test_a_staged_batch_waits_until_it_is_finalized(live: Caller) -> None:
    make_project(live, "rapid", rapid=True)
    assert answered(live.post("batches", {"name": "b", "project": "rapid"}))["status"] == "staging"
    sent = answered(live.post("task/categorization", CATEGORIZATION | {"batch": "b"}))
    with transaction():
        db.session.execute(update(Task).values(stage=TaskStage.INGESTED))
    connection().flushdb()
    assert answered(live.post("batches/b/finalize"))["status"] == "in_progress"
    assert waiting_jobs() == [("split_task", sent["task_id"])]
    connection().flushdb()
    assert answered(live.post("batches/b/finalize"))["status"] == "in_progress"
    assert waiting_jobs() == [], "a second time does nothing"


def waiting_jobs() -> list[tuple[str, str]]:
    jobs = Queue("work", connection=connection(), serializer="json").jobs
    return [(job.func_name.rpartition(".")[2], job.args[0]) for job in jobs]


def test_batches_are_listed_by_what_they_are(live: Caller) -> None:
    make_project(live, "p")
    make_project(live, "q")
    for name, project in (("one", "p"), ("two", "q"), ("three", "q")):
        answered(live.post("batches", {"name": name, "project": project}))
    with transaction():
        db.session.execute(update(Batch).where(Batch.name == "two").values(status=BatchStatus.COMPLETED))

    def found(**query: Any) -> list[str]:
        return [doc["name"] for doc in answered(live.get("batches", **query))["docs"]]

    assert found() == ["three", "two", "one"]
    assert found(project="q", status="completed") == ["two"]
    assert found(start_time="2999-01-01") == [] and found(exclude_archived="False", end_time="2999-01-01") == found()
    page = answered(live.get("batches", limit=2, offset=2))
    assert [doc["name"] for doc in page["docs"]] == ["one"] and not page["has_more"]
    assert page["limit"] == 2 and page["totalDocs"] == 3
    refused(live.get("batches", limit=0), 400)
