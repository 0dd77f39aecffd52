"""The official SDK against a live server: it works by changing the base URL."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from flask import Flask
from scaleapi import ScaleClient
from scaleapi.exceptions import (
    ScaleDuplicateResource,
    ScaleException,
    ScaleInvalidRequest,
    ScaleNotEnabled,
    ScaleResourceNotFound,
    ScaleTooManyRequests,
    ScaleUnauthorized,
)
from scaleapi.tasks import TaskType

from marketplace.people import NewCustomer
from tests.marketplace.api_world import BOXES, CATEGORIZATION, DRIVE, new_customer


@pytest.fixture
def client(server: str, nora: NewCustomer) -> ScaleClient:
    return ScaleClient(nora.live_key, api_instance_url=f"{server}/v1")


@pytest.fixture
def test_client(server: str, nora: NewCustomer) -> ScaleClient:
    return ScaleClient(nora.test_key, api_instance_url=f"{server}/v1")


def test_projects(client: ScaleClient) -> None:
    name = "drives / 2026 #1"
    made = client.create_project(name, TaskType.LidarAnnotation, params={"labels": ["car"], "instruction": "All cars."})
    assert made.name == name and made.type == "lidarannotation" and made.version == 0
    assert client.get_project(name).instruction == "All cars."
    updated = client.update_project(name, patch=True, instruction="Cars and vans.")
    assert updated.version == 1 and updated.instruction == "Cars and vans." and updated.params["labels"] == ["car"]
    assert [project.name for project in client.projects()] == [name]
    with pytest.raises(ScaleDuplicateResource):
        client.create_project(name, TaskType.LidarAnnotation)
    with pytest.raises(ScaleResourceNotFound):
        client.get_project("none")
    with pytest.raises(ScaleInvalidRequest):
        client.create_project("other", TaskType.SegmentAnnotation)


def test_batches(client: ScaleClient) -> None:
    client.create_project("p", TaskType.Categorization, rapid=True)
    batch = client.create_batch("p", "monday task 1/2", callback="", metadata={"a": 1})
    assert batch.status == "staging" and batch.project == "p" and batch.metadata == {"a": 1} and batch.created_at
    client.create_task(TaskType.Categorization, batch=batch.name, **CATEGORIZATION)
    assert batch.finalize().status == "in_progress"
    batch.get_status()
    assert batch.tasks_pending == 1 and batch.tasks_completed == 0
    assert client.set_batch_metadata(batch.name, {"b": 2}).metadata == {"b": 2}
    assert client.get_batch(batch.name).metadata == {"b": 2}
    client.create_batch("p", "tuesday")
    listed = client.batches(project="p", limit=1)
    assert listed.total == 2 and listed.has_more and listed.docs[0].name == "tuesday"
    assert [b.name for b in client.get_batches(project_name="p")] == ["tuesday", "monday task 1/2"]
    with pytest.raises(ScaleDuplicateResource):
        client.create_batch("p", "tuesday")
    for call in (client.get_batch, client.batch_status, client.finalize_batch):
        with pytest.raises(ScaleResourceNotFound):
            call("no task here")


def test_tasks(client: ScaleClient) -> None:
    task = client.create_task(TaskType.ImageAnnotation, unique_id="i1", callback_url="https://example.org/cb", **BOXES)
    assert task.status == "pending" and task.params["geometries"]["box"]["min_width"] == 0
    assert client.get_task(task.id).as_dict() == task.as_dict()
    assert client.get_task("i1").id == task.id, "as HELM asks after a duplicate"
    with pytest.raises(ScaleDuplicateResource, match=task.id):
        client.create_task(TaskType.ImageAnnotation, unique_id="i1", **BOXES)
    assert client.update_task_unique_id(task.id, "i2").unique_id == "i2"
    assert not hasattr(client.clear_task_unique_id(task.id), "unique_id")
    assert client.set_task_metadata(task.id, {"a": 1}).metadata == {"a": 1}
    assert client.set_task_metadata(task.id, {}).metadata == {}
    assert client.set_task_tags(task.id, ["a", "b"]).tags == ["a", "b"]
    assert client.add_task_tags(task.id, ["b", "c"]).tags == ["a", "b", "c"]
    assert client.delete_task_tags(task.id, ["a", "zzz"]).tags == ["b", "c"]
    task.refresh()
    assert task.tags == ["b", "c"]
    assert client.cancel_task(task.id, clear_unique_id=True).status == "canceled"
    with pytest.raises(ScaleInvalidRequest):
        client.cancel_task(task.id)


def test_three_creates_in_one_moment_are_listed_newest_first(client: ScaleClient) -> None:
    made = [client.create_task(TaskType.Categorization, tags=["x"], **CATEGORIZATION).id for _ in range(3)]
    page = client.tasks(limit=2)
    assert [task.id for task in page.docs] == made[:0:-1] and page.has_more and page.total == 3
    rest = client.tasks(limit=2, next_token=page.next_token)
    assert [task.id for task in rest.docs] == made[:1] and not rest.has_more
    everything = client.get_tasks(project_name="default-categorization", tags=["x", "y"], limit=1)
    assert [task.id for task in everything] == made[::-1]
    assert client.get_tasks_count(project_name="default-categorization") == 3
    short = client.tasks(limited_response=True).docs[0]
    assert set(short.as_dict()) == {"task_id", "status", "metadata", "project"}


def test_files(client: ScaleClient) -> None:
    client.create_project("p", TaskType.LidarAnnotation)
    metadata = json.dumps({"frame": 0})
    file = client.upload_file(io.BytesIO(b'{"points": []}'), project_name="p", reference_id="f0", metadata=metadata)
    assert file.attachment_url.startswith("scaledata://") and file.attachment_url.endswith(file.id)
    with pytest.raises(ScaleDuplicateResource):
        client.upload_file(io.BytesIO(b"x"), project_name="p", reference_id="f0")
    task = client.create_task(TaskType.LidarAnnotation, project="p", **DRIVE | {"attachments": [file.attachment_url]})
    assert task.params["attachments"] == [file.attachment_url]
    with pytest.raises(ScaleInvalidRequest, match="public internet"):
        client.import_file("http://127.0.0.1:1/x.png")


def test_the_test_world_completes_at_once_and_is_audited(client: ScaleClient, test_client: ScaleClient) -> None:
    for task_type, body in (("categorization", CATEGORIZATION), ("lidarannotation", DRIVE)):
        task = test_client.create_task(TaskType(task_type), **body)
        assert task.status == "completed" and task.is_test and task.response
        task.audit(accepted=True)
        with pytest.raises(ScaleResourceNotFound):
            client.get_task(task.id)
    boxes = test_client.create_task(TaskType.ImageAnnotation, **BOXES)
    assert boxes.response["annotations"] == []


def test_a_drive_s_response_is_a_link_to_a_list_of_frames(server: str, test_client: ScaleClient) -> None:
    task = test_client.create_task(TaskType.LidarAnnotation, **DRIVE)
    url = task.response["annotations"]["url"].replace("http://127.0.0.1:8000", server)
    assert requests.get(url, timeout=10).json() == [{"cuboids": []}] * 5


def test_a_task_with_a_known_answer(client: ScaleClient, test_client: ScaleClient) -> None:
    right = {"category": "shipping"}
    made = client.create_evaluation_task(TaskType.Categorization, expected_response=right, **CATEGORIZATION)
    assert made.id and made.expected_response == right
    cuboid = {
        "uuid": "c1",
        "label": "car",
        "position": {"x": 1, "y": 2, "z": 0.5},
        "dimensions": {"x": 2, "y": 4, "z": 1.5},
        "yaw": 0.25,
    }
    drive = {"annotations": [{"cuboids": [cuboid]}] * 5}
    client.create_evaluation_task(TaskType.LidarAnnotation, expected_response=drive, **DRIVE)
    box = {"uuid": "b", "type": "box", "label": "car", "left": 1, "top": 2, "width": 3, "height": 4}
    client.create_evaluation_task(TaskType.ImageAnnotation, expected_response={"annotations": [box]}, **BOXES)
    assert client.tasks().total == 0, "gold is not listed: it is not delivered"
    for wrong in ({"category": "none"}, {"annotations": [{}]}, {"x": 1}):
        with pytest.raises(ScaleInvalidRequest, match="expected_response"):
            client.create_evaluation_task(TaskType.Categorization, expected_response=wrong, **CATEGORIZATION)


def test_refusals_have_the_classes_that_programs_catch(app: Flask, server: str, client: ScaleClient) -> None:
    with pytest.raises(ScaleUnauthorized):
        ScaleClient("live_wrong", api_instance_url=f"{server}/v1").tasks()
    with pytest.raises(ScaleInvalidRequest, match='"categories" is required'):
        client.create_task(TaskType.Categorization, attachment="text", attachment_type="text")
    with pytest.raises(ScaleInvalidRequest, match="task type"):
        client.create_task(TaskType.Transcription, attachment="x")
    with pytest.raises(ScaleResourceNotFound):
        client.get_task("602c399c0000000000000000")
    poor = ScaleClient(new_customer("Poor", funds_cents=0).live_key, api_instance_url=f"{server}/v1")
    with pytest.raises(ScaleNotEnabled, match="available"):
        poor.create_task(TaskType.Categorization, **CATEGORIZATION)


NO_OBJECT_BODY: list[Callable[[ScaleClient, str], Any]] = [
    lambda client, task_id: client.cancel_task(task_id),
    lambda client, task_id: client.clear_task_unique_id("not there"),
    lambda client, task_id: client.set_task_tags(task_id, list("abcdefgh")),
    lambda client, task_id: client.finalize_batch("a task that is not there"),
]


@pytest.mark.parametrize("call", NO_OBJECT_BODY)
def test_no_conflict_where_the_sdk_would_trip_over_it(test_client: ScaleClient, call: Callable[..., Any]) -> None:
    task = test_client.create_task(TaskType.Categorization, **CATEGORIZATION)
    with pytest.raises(ScaleException) as refused:
        call(test_client, task.id)
    assert refused.value.code in {400, 404}


def test_one_of_two_programs_with_one_unique_id_wins(server: str, nora: NewCustomer) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def create() -> None:
        own = ScaleClient(nora.live_key, api_instance_url=f"{server}/v1")
        start.wait()
        try:
            outcomes.append(own.create_task(TaskType.Categorization, unique_id="u", **CATEGORIZATION).id)
        except ScaleDuplicateResource as error:
            outcomes.append(f"duplicate of {error.message.rpartition('(')[2].removesuffix(').')}")

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won, lost = sorted(outcomes)
    assert lost == f"duplicate of {won}"


def test_a_key_that_calls_too_often_is_told_so(app: Flask, server: str, nora: NewCustomer) -> None:
    generous = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(generous, rate_limit_api="5 per minute")
    try:
        mine = ScaleClient(nora.test_key, api_instance_url=f"{server}/v1")
        for _ in range(5):
            mine.tasks()
        with pytest.raises(ScaleTooManyRequests, match="slow down"):
            mine.tasks()
        assert ScaleClient(nora.live_key, api_instance_url=f"{server}/v1").tasks().total == 0, (
            "another key, another count"
        )
    finally:
        app.config["SETTINGS"] = generous
