"""Customers' pages through the front door: projects, sending with the price shown first, tasks, keys."""

import io
import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import auth
from marketplace.db import db, transaction
from marketplace.models import ApiKey, CallbackAttempt, CallbackState, Project, Task, TaskStatus
from marketplace.pipeline import closing
from payouts import ledger, postings
from payouts.chart import Kind
from tests.marketplace import page_world
from tests.marketplace.page_world import World, csv_rows, page, submit, token_of


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def funds(world: World) -> int:
    return ledger.balance(db.session(), Kind.CUSTOMER_FUNDS, world.customer.id)


def tasks_stored() -> int:
    return db.session.scalar(select(func.count()).select_from(Task)) or 0


# Projects


def test_the_projects_page_has_what_the_rows_say(world: World) -> None:
    world.send_text()
    world.send_drive()
    reserved = db.session.scalar(select(func.sum(Task.quote_cents)))
    nora = world.as_("nora")
    shown = page(nora.get("/projects?sort=name"))
    table = shown.tables[0]
    assert [row[0] for row in table.rows] == ["drives simulated", "texts"], "sorted, and simulated data say so"
    assert f"${(100_000 - reserved) / 100:,.2f}" in shown.words
    rows = csv_rows(nora.get("/projects?sort=name&format=csv"))
    assert [row["project"] for row in rows] == ["drives", "texts"]
    assert [(row["tasks"], row["pending"]) for row in rows] == [("1", "1")] * 2


def test_a_new_project_keeps_what_was_typed_and_names_the_bad_field(world: World) -> None:
    nora = world.as_("nora")
    typed = {"name": "cars", "task_type": "imageannotation", "labels": "car\nvan", "hourly_rate": "lots"}
    refused = submit(nora, "/projects/new", typed, seen_on="/projects/new")
    assert refused.status_code == 400 and "dollars an hour" in refused.text
    kept = page_world.Page(refused).fields
    assert {name: kept[name] for name in ("name", "task_type", "labels")} == {
        name: typed[name] for name in ("name", "task_type", "labels")
    }
    for name, value in (("target", "100"), ("target", "sure"), ("answers_min", "0"), ("answers_min", "16")):
        bad = submit(nora, "/projects/new", typed | {"hourly_rate": "21.5", name: value}, seen_on="/projects/new")
        assert bad.status_code == 400 and "or nothing" in bad.text
    wanted = {"target": "97.5%", "answers_min": "2"}
    made = submit(nora, "/projects/new", typed | {"hourly_rate": "21.5"} | wanted, seen_on="/projects/new")
    project = db.session.scalars(select(Project).filter_by(name="cars")).one()
    assert made.headers["Location"] == f"/projects/{project.id}/tasks/new"
    assert (project.hourly_rate_cents, project.target_confidence, project.answers_min) == (2150, 0.975, 2)
    assert project.params["geometries"]["box"]["objects_to_annotate"] == ["car", "van"]
    again = submit(nora, "/projects/new", typed | {"hourly_rate": "21.5"}, seen_on="/projects/new")
    assert again.status_code == 400 and "exists" in again.text


# Sending a task


def priced(world: World, fields: dict[str, object]) -> tuple[dict[str, str], str]:
    """The form's fields as the page with the price has them, and the words on its button."""
    path = f"/projects/{world.project.id}/tasks/new"
    shown = page(submit(world.as_("nora"), path, fields, seen_on=path))
    found = re.search(r"Send for (\$[\d.]+)", shown.words)
    assert found, "no price is shown"
    return shown.fields, found[1]


def test_nothing_is_sent_before_the_price_was_seen_and_a_double_click_sends_once(world: World) -> None:
    texts = "A cat.\n---\nA dog.\n---\nNeither."
    before = funds(world)
    form, price = priced(world, {"attachments": texts, "labels": "cat\ndog\nother"})
    assert tasks_stored() == 0 and funds(world) == before
    path = f"/projects/{world.project.id}/tasks/new"
    sent = [world.as_("nora").post(path, data=form) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [302, 302]
    assert tasks_stored() == 3, "one task a text, and none twice"
    assert f"${(before - funds(world)) / 100:.2f}" == price, "what was shown is what is reserved"


def test_a_price_that_has_changed_since_is_shown_again(world: World) -> None:
    form, _ = priced(world, {"attachments": "A cat."})
    with transaction():
        db.session.get_one(Project, world.project.id).hourly_rate_cents *= 10
    answer = world.as_("nora").post(f"/projects/{world.project.id}/tasks/new", data=form)
    assert answer.status_code == 200 and "Send for" in answer.text and tasks_stored() == 0


def test_lacking_funds_send_none_of_several_tasks(world: World) -> None:
    texts = "\n---\n".join(f"text {number}" for number in range(20))
    form, _ = priced(world, {"attachments": texts})
    with transaction():  # another task takes almost everything
        postings.reserve(db.session(), world.customer.id, "other", funds(world) - 30)
    answer = world.as_("nora").post(f"/projects/{world.project.id}/tasks/new", data=form)
    assert answer.status_code == 400 and "is in your funds" in answer.text
    assert tasks_stored() == 0 and funds(world) == 30
    assert page_world.Page(answer).fields["attachments"].count("---") == 19, "nothing typed is lost"


def test_uploads_become_files_that_the_form_keeps(world: World) -> None:
    world.send_drive(frames=1)
    project = db.session.scalars(select(Project).filter_by(name="drives")).one()
    path, nora = f"/projects/{project.id}/tasks/new", world.as_("nora")
    frames = [(io.BytesIO(page_world.frame_json(number)), f"frame-{number:03d}.json") for number in (1, 0, 2)]
    shown = page(submit(nora, path, {"files": frames, "labels": "Car"}, seen_on=path))
    addresses = shown.fields["attachments"].split()
    assert len(addresses) == 3 and all(one.startswith(f"scaledata://{world.customer.id}/") for one in addresses)
    sent = nora.post(path, data=shown.fields)
    task = db.session.get_one(Task, sent.headers["Location"].rsplit("/", 1)[1])
    assert task.params["attachments"] == addresses and task.params["labels"] == ["Car"]
    world.run_jobs()
    db.session.refresh(task)
    assert task.frames_ready == 3, task.response
    assert [row[1] for row in page(nora.get(f"/tasks/{task.id}")).tables[-1].rows] == ["0.000", "0.100", "0.200"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"attachments": ""}, "nothing to label yet"),
        ({"attachments": "A cat.", "labels": "one"}, "categories"),
        ({"attachments": "A cat.", "answers": "many"}, "whole number"),
        ({"attachments": "A cat.", "answers": "9" * 5000}, "whole number"),
        ({"attachments": "A cat.", "callback_url": "nonsense"}, "callback_url"),
        ({"attachments": "ftp://example.org/cat.png", "attachment_type": "image"}, "http"),
    ],
)
def test_a_bad_field_is_named_and_everything_typed_is_kept(world: World, fields: dict[str, str], words: str) -> None:
    path = f"/projects/{world.project.id}/tasks/new"
    typed = {"instruction": "Look twice.", "unique_id": "own-1"} | fields
    answer = submit(world.as_("nora"), path, typed, seen_on=path)
    assert answer.status_code == 400 and words in answer.text
    kept = page_world.Page(answer).fields
    assert {name: kept[name] for name in typed} == typed
    assert tasks_stored() == 0


# Tasks


def test_the_tasks_of_a_project_are_filtered_sorted_and_given_as_csv_alike(world: World) -> None:
    sent = [world.send_text(f"text {number}", unique_id=f"=own-{number}") for number in range(3)]
    with transaction():
        closing.cancel(db.session.get_one(Task, sent[1].id))
    nora, address = world.as_("nora"), f"/projects/{world.project.id}?state=pending&sort=created"
    seen = [row[0] for row in page(nora.get(address)).tables[-1].rows]
    rows = csv_rows(nora.get(f"{address}&format=csv"))
    assert seen == [row["task_id"] for row in rows] == [sent[0].id, sent[2].id]
    assert rows[0]["unique_id"] == "'=own-0", "a spreadsheet must not run it"
    found = page(nora.get(f"/projects/texts?q={sent[1].id}")).tables[-1].rows
    assert [row[0] for row in found] == [sent[1].id], "by the project's name, too"
    assert nora.get("/tasks?q=%3Down-2").headers["Location"] == f"/tasks/{sent[2].id}"


def test_a_drive_under_way_shows_frames_subtasks_and_is_asked_again(world: World) -> None:
    task = world.send_drive(frames=4)
    shown = page(world.as_("nora").get(f"/tasks/{task.id}"))
    assert "0 of 2 answers" in shown.words and "4 of 4 ready" in shown.words
    assert "data-refresh-seconds" in shown.answer.text
    assert [row[1] for row in shown.tables[0].rows] == ["0 to 1", "1 to 3"], "the window of subtasks overlap by one"
    rows = csv_rows(world.as_("nora").get(f"/tasks/{task.id}?format=csv"))
    assert [(row["first_frame"], row["last_frame"]) for row in rows] == [("0", "1"), ("1", "3")]


def test_a_drive_in_which_a_sensor_drops_frames_says_which(world: World) -> None:
    gps = {"device_gps_pose": {"lat": 48.1, "long": 11.5}}
    urls = []
    with transaction():
        for number in range(4):
            frame = json.loads(page_world.frame_json(number)) | (gps if number in (0, 3) else {})
            urls.append(world.upload(json.dumps(frame).encode(), f"{number}.json"))
    task = world.send_drive(attachments=urls)
    shown = page(world.as_("nora").get(f"/tasks/{task.id}"))
    assert "not every sensor is in every frame" in shown.words and "No GPS pose in 2 of 4 frames: 1-2." in shown.words
    assert [row[-2:] for row in shown.tables[-1].rows] == [["0", "yes"], ["0", "no"], ["0", "no"], ["0", "yes"]]


def test_a_completed_task_offers_every_format_and_its_callback_again(world: World) -> None:
    task = world.send_drive(frames=3, callback_url="https://example.org/callback")
    cuboid = {"position": [1, 2, 3], "dimensions": [4, 2, 1.5], "yaw": 0.0}
    track = {"id": "a", "label": "Car", "attributes": {}, "cuboids": [{"frame": 1} | cuboid]}
    with transaction():
        closing.complete(db.session.get_one(Task, task.id), {"tracks": [track]}, {})
    nora = world.as_("nora")
    shown = page(nora.get(f"/tasks/{task.id}"))
    assert "data-refresh-seconds" not in shown.answer.text
    offered = [link for link in shown.links if link.startswith(f"/tasks/{task.id}/deliverable?format=")]
    assert {link.rpartition("=")[2] for link in offered} == {"scale", "openlabel", "kitti-tracking"}
    buttons = re.findall(r"deliverable\?format=[^>]*>([^<]+)</a>", shown.answer.text)
    assert buttons == ["JSON", "OpenLABEL", "KITTI tracking"], "words, not the API's keys"
    scale = nora.get(f"/tasks/{task.id}/deliverable")
    assert [len(frame["cuboids"]) for frame in scale.get_json()] == [0, 1, 0]
    assert "attachment" in scale.headers["Content-Disposition"]
    callback = db.session.scalars(select(CallbackAttempt)).one()
    with transaction():
        callback.state = CallbackState.FAILED
    submit(nora, f"/tasks/{task.id}/callbacks/{callback.id}/send", {}, seen_on=f"/tasks/{task.id}")
    db.session.expire_all()
    assert callback.state is CallbackState.PENDING


def test_a_task_is_canceled_once_and_its_reserve_comes_back(world: World) -> None:
    before, task = funds(world), world.send_text()
    nora, path = world.as_("nora"), f"/tasks/{task.id}/cancel"
    assert submit(nora, path, {}, seen_on=f"/tasks/{task.id}").status_code == 302
    db.session.refresh(task)
    assert task.status is TaskStatus.CANCELED and funds(world) == before
    assert submit(nora, path, {}, seen_on="/projects").status_code == 400


# Keys


def test_a_new_key_is_shown_once_works_and_can_be_revoked(world: World) -> None:
    nora = world.as_("nora")
    made = page(submit(nora, "/keys", {"name": "CI", "mode": "live"}, seen_on="/keys"))
    key = re.search(r"live_[0-9a-f]{32}", made.words)
    assert key and key[0] not in nora.get("/keys").text
    headers = {"Authorization": f"Bearer {key[0]}"}
    assert world.app.test_client().get("/v1/projects", headers=headers).status_code == 200
    held = db.session.scalars(select(ApiKey).filter_by(key_hash=auth.digest(key[0]))).one()
    submit(nora, f"/keys/{held.id}/revoke", {}, seen_on="/keys")
    assert world.app.test_client().get("/v1/projects", headers=headers).status_code == 401


def test_the_callback_url_is_checked_and_kept(world: World) -> None:
    nora = world.as_("nora")
    bad = submit(nora, "/keys/callback-url", {"callback_url": "javascript:alert(1)"}, seen_on="/keys")
    assert bad.status_code == 400 and page_world.Page(bad).fields["callback_url"] == "javascript:alert(1)"
    submit(nora, "/keys/callback-url", {"callback_url": "https://example.org/x"}, seen_on="/keys")
    assert page(nora.get("/keys")).fields["callback_url"] == "https://example.org/x"


# Scope


def test_another_customers_things_do_not_exist(world: World) -> None:
    task = world.send_text(callback_url="https://example.org/callback")
    key = db.session.scalars(select(ApiKey).filter_by(customer_id=world.customer.id)).first()
    assert key is not None
    eve = world.as_("eve")
    addresses = [
        f"/projects/{world.project.id}",
        f"/projects/{world.project.id}/tasks/new",
        "/projects/texts",
        f"/tasks/{task.id}",
        f"/tasks?q={task.id}",
        f"/tasks/{task.id}/deliverable",
    ]
    assert [eve.get(address).status_code for address in addresses] == [404] * len(addresses)
    token = token_of(eve.get("/projects"))
    acts = [f"/tasks/{task.id}/cancel", f"/keys/{key.id}/revoke", f"/projects/{world.project.id}/tasks/new"]
    assert [eve.post(act, data={"csrf_token": token}).status_code for act in acts] == [404] * len(acts)
    db.session.expire_all()
    assert task.status is TaskStatus.PENDING and key.revoked_at is None
    assert not page(eve.get("/projects")).tables
