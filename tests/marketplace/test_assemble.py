"""From a split task to its deliverable: perfect answers in, the truth out, money and callbacks with it."""

import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace import deliverables, exports, projects
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import (
    Batch,
    BatchStatus,
    CallbackAttempt,
    Deliverable,
    KeyMode,
    Lane,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.people import NewCustomer
from marketplace.pipeline import assemble, closing, intake, split
from marketplace.storage import storage
from payouts import ledger
from payouts.chart import Kind
from routing.task_types import TASK_TYPES
from routing.types import Window
from tests.marketplace.api_world import BOXES, CATEGORIZATION, DRIVE, FUNDS_CENTS, Caller, funds_of
from tests.marketplace.test_ingest import frame, look, picture, send, send_drive, upload, work

RunJobs = Callable[[], None]
FRAMES = 7


def truth_of(frame_count: int, tracks: int = 3, seed: int = 1) -> dict[str, Any]:
    """Objects far from one another, each seen in one run of frames, moving at a constant speed."""
    chance = np.random.default_rng(seed)
    listed = []
    for n in range(tracks):
        first = int(chance.integers(0, frame_count))
        last = int(chance.integers(first, frame_count))
        place, speed = np.array([0.0, 40.0 * n, 0.8]), np.array([*chance.uniform(-1, 1, 2), 0.0])
        cuboids = [
            {
                "frame": k,
                "position": (place + speed * k).tolist(),
                "dimensions": [4.5, 1.8, 1.5],
                "yaw": float(np.arctan2(speed[1], speed[0])),
                "key": k in (first, last),
            }
            for k in range(first, last + 1)
        ]
        listed.append({"id": f"t{n}", "label": "car", "attributes": {}, "cuboids": cuboids})
    return {"tracks": listed}


def subtasks_of(task_id: str) -> list[Subtask]:
    return list(db.session.scalars(select(Subtask).filter_by(task_id=task_id).order_by(Subtask.position)))


def resolve_all(task_id: str, answer: dict[str, Any]) -> None:
    """Perfect answers to every subtask, in ids of each labeler's own, and then the job that joins them."""
    with transaction():
        task = db.session.get_one(Task, task_id)
        for subtask in subtasks_of(task_id):
            window = None if subtask.window_start is None else Window(subtask.window_start, subtask.window_stop or 0)
            verdict = TASK_TYPES[task.type].within(answer, window)
            if "tracks" in verdict:
                own = [track | {"id": f"{subtask.position}-{track['id']}"} for track in verdict["tracks"]]
                verdict = {"tracks": own}
            subtask.state, subtask.verdict = SubtaskState.RESOLVED, verdict
    work(assemble.assemble_task, task_id)


def without_ids(answer: dict[str, Any]) -> list[dict[str, Any]]:
    tracks = [{key: value for key, value in track.items() if key != "id"} for track in answer["tracks"]]
    return sorted(tracks, key=lambda track: json.dumps(track, sort_keys=True))


@pytest.fixture
def drive(nora: NewCustomer, run_jobs: RunJobs) -> str:
    """A drive of seven frames, open to labelers."""
    task_id = send_drive(nora, [upload(nora, frame(n)) for n in range(FRAMES)], callback_url="http://127.0.0.1:9/done")
    run_jobs()
    return task_id


def test_a_split_task_has_a_slot_for_the_first_answer(nora: NewCustomer, run_jobs: RunJobs, drive: str) -> None:
    text = send(nora, "categorization", CATEGORIZATION)
    run_jobs()
    work(split.split_task, drive)  # once more: nothing changes
    by_task = {task_id: subtasks_of(task_id) for task_id in (drive, text)}
    assert [(s.window_start, s.window_stop, s.pay_cents) for s in by_task[drive]] == [
        (start, start + 3, pay_of(120 + 24 * 3)) for start in (0, 2, 4)
    ]
    assert [s.answers_wanted for s in by_task[text]] == [3]
    slots = db.session.execute(select(Slot.subtask_id, Slot.state)).all()
    wanted = [s.id for listed in by_task.values() for s in listed]
    assert sorted(slot.subtask_id for slot in slots) == sorted(wanted), "whether a second is asked depends on the first"
    assert {slot.state for slot in slots} == {SlotState.OPEN}
    assert len(db.session.scalars(select(Lane)).all()) == 2


def pay_of(seconds: int) -> int:
    return -(-seconds * 1800 // 3600)


def test_perfect_answers_become_the_truth(nora: NewCustomer, drive: str) -> None:
    truth = truth_of(FRAMES, tracks=5)
    resolve_all(drive, truth)
    task = look(drive)
    assert (task.status, task.stage) == (TaskStatus.COMPLETED, TaskStage.CLOSED) and task.completed_at is not None
    assert without_ids(deliverables.answer_of(task)) == without_ids(truth)
    [deliverable] = db.session.scalars(select(Deliverable)).all()
    assert deliverable.version == 1 and deliverable.response_key == f"deliverables/{drive}/v1/response.json"
    assert {"links", "seams", "unlinked"} <= deliverable.report.keys()
    delivered = json.loads(storage().get(deliverable.response_key))
    assert [len(f["cuboids"]) for f in delivered] == [
        sum(c["frame"] == k for t in truth["tracks"] for c in t["cuboids"]) for k in range(FRAMES)
    ]
    [callback] = db.session.scalars(select(CallbackAttempt)).all()
    assert (callback.task_id, callback.event, callback.url) == (drive, "completed", "http://127.0.0.1:9/done")
    assert ledger.balance(db.session, Kind.TASK_RESERVE, drive) == 0  # type: ignore[arg-type]
    assert FUNDS_CENTS - funds_of(nora) == task.quote_cents
    assert task.response is not None
    link = task.response["annotations"]["url"]
    assert link.startswith(f"http://127.0.0.1:8000/media/deliverables/{drive}/v1/response.json?")


def test_the_link_to_a_deliverable_does_not_grow_old(app: Flask, live: Caller, drive: str) -> None:
    resolve_all(drive, truth_of(FRAMES))
    with transaction():
        old = storage().link(f"deliverables/{drive}/v1/response.json", now=0)
        look(drive).response = {"annotations": {"url": f"http://127.0.0.1:8000{old}"}}
    address = live.get(f"task/{drive}").get_json()["response"]["annotations"]["url"]
    assert address.startswith("http://127.0.0.1:8000/media/")
    answer = app.test_client().get(address.removeprefix("http://127.0.0.1:8000"))
    assert answer.status_code == 200 and len(answer.get_json()) == FRAMES
    assert app.test_client().get(old).status_code == 403


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.integers(1, 30), window=st.integers(1, 12), overlap=st.integers(0, 4), seed=st.integers(0, 99))
def test_split_and_assemble_through_the_database_lose_nothing(
    nora: NewCustomer, frames: int, window: int, overlap: int, seed: int
) -> None:
    """The law, for any window and overlap that leaves something to link by; the frames are taken as ingested."""
    overlap = min(overlap, window - 1)
    urls = [f"https://example.org/{k}.json" for k in range(frames)]
    task_id = send_drive(nora, urls, window_frames=window, window_overlap=overlap)
    with transaction():
        task = db.session.get_one(Task, task_id)
        task.stage, task.frames_total, task.frames_ready = TaskStage.INGESTED, frames, frames
    work(split.split_task, task_id)
    covered = [(s.window_start, s.window_stop) for s in subtasks_of(task_id)]
    assert covered[0][0] == 0 and covered[-1][1] == frames
    truth = truth_of(frames, tracks=4, seed=seed)
    resolve_all(task_id, truth)
    joined = deliverables.answer_of(look(task_id))
    if overlap:
        assert without_ids(joined) == without_ids(truth)
    seen = sorted((c["frame"], *c["position"]) for t in joined["tracks"] for c in t["cuboids"])
    assert seen == sorted((c["frame"], *c["position"]) for t in truth["tracks"] for c in t["cuboids"])


def test_nothing_is_assembled_while_a_subtask_is_open(drive: str) -> None:
    with transaction():
        subtasks_of(drive)[1].state = SubtaskState.IN_REVIEW
    work(assemble.assemble_task, drive)
    assert look(drive).stage is TaskStage.LABELING


def test_many_runs_of_the_job_deliver_once(app: Flask, drive: str) -> None:
    with transaction():
        for subtask in subtasks_of(drive):
            subtask.state, subtask.verdict = SubtaskState.RESOLVED, {"tracks": []}

    def run(_: int) -> None:
        with app.app_context():
            work(assemble.assemble_task, drive)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert len(db.session.scalars(select(Deliverable)).all()) == 1
    assert len(db.session.scalars(select(CallbackAttempt)).all()) == 1


def test_boxes_and_categories_are_delivered_in_the_response(nora: NewCustomer, run_jobs: RunJobs) -> None:
    boxes = send(nora, "imageannotation", BOXES | {"attachment": upload(nora, picture(), "a.jpg")})
    text = send(nora, "categorization", CATEGORIZATION)
    run_jobs()
    drawn = {"id": "1", "type": "box", "label": "car", "left": 1, "top": 2, "width": 3, "height": 4, "attributes": {}}
    resolve_all(boxes, {"annotations": [drawn]})
    resolve_all(text, {"category": "billing"})
    response = look(boxes).response
    assert response is not None and len(response["annotations"][0]["uuid"]) == 36
    assert response["annotations"][0] | drawn == response["annotations"][0] | {"id": "1"}
    assert look(text).response == {"category": "billing"}
    assert json.loads(exports.export(look(boxes), "scale").content) == response
    with pytest.raises(InvalidInput, match="there are scale"):
        exports.export(look(boxes), "openlabel")


def test_a_finished_drive_in_every_format(drive: str) -> None:
    with pytest.raises(NotFound, match="it is pending"):
        exports.export(look(drive), "scale")
    truth = truth_of(FRAMES)
    resolve_all(drive, truth)
    task = look(drive)
    files = {name: exports.export(task, name) for name in exports.FORMATS}
    assert len(json.loads(files["scale"].content)) == FRAMES
    document = json.loads(files["openlabel"].content)["openlabel"]
    assert len(document["objects"]) == len(truth["tracks"]) and len(document["frames"]) == FRAMES
    with zipfile.ZipFile(BytesIO(files["kitti-tracking"].content)) as archive:
        rows = archive.read("label_02/0000.txt").decode().splitlines()
    assert len(rows) == sum(len(t["cuboids"]) for t in truth["tracks"])
    with pytest.raises(InvalidInput, match="coco"):
        exports.export(task, "coco")


def test_a_batch_is_done_with_its_last_task(app: Flask, nora: NewCustomer, run_jobs: RunJobs) -> None:
    """Two last tasks that end at the same moment do not each wait for the other."""
    with transaction():
        project = projects.create_project(nora.customer, KeyMode.LIVE, "mail", "categorization")
        url = "http://127.0.0.1:9/batch"
        projects.create_batch(project, "monday", callback=url, metadata={}, staging=False)
    task_ids = [send(nora, "categorization", CATEGORIZATION | {"batch": "monday"}) for _ in range(4)]
    run_jobs()
    with transaction():
        closing.cancel(db.session.get_one(Task, task_ids[0]))
    resolve_all(task_ids[1], {"category": "billing"})
    assert db.session.scalars(select(Batch)).one().status is BatchStatus.IN_PROGRESS

    def finish(task_id: str) -> None:
        with app.app_context():
            resolve_all(task_id, {"category": "shipping"})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(finish, task_ids[2:]))
    db.session.rollback()
    batch = db.session.scalars(select(Batch).execution_options(populate_existing=True)).one()
    assert batch.status is BatchStatus.COMPLETED and batch.completed_at is not None
    of_batch = [c for c in db.session.scalars(select(CallbackAttempt)) if c.task_id is None]
    assert len(of_batch) == 1


def test_a_staged_batch_waits(nora: NewCustomer, run_jobs: RunJobs) -> None:
    with transaction():
        project = projects.create_project(nora.customer, KeyMode.LIVE, "mail", "categorization")
        batch = projects.create_batch(project, "tuesday", callback=None, metadata={}, staging=True)
    task_id = send(nora, "categorization", CATEGORIZATION | {"batch": "tuesday"})
    run_jobs()
    assert look(task_id).stage is TaskStage.INGESTED and subtasks_of(task_id) == []
    with transaction():
        db.session.get_one(Batch, batch.id).status = BatchStatus.IN_PROGRESS
    work(split.split_task, task_id)
    assert look(task_id).stage is TaskStage.LABELING and len(subtasks_of(task_id)) == 1


def test_gold_waits_for_no_slot_and_knows_its_truth(nora: NewCustomer, run_jobs: RunJobs) -> None:
    truth = truth_of(5)
    body = DRIVE | {"attachments": [upload(nora, frame(n)) for n in range(5)]}
    with transaction():
        task = intake.accept_task(nora.customer, KeyMode.LIVE, "lidarannotation", body, expected_answer=truth)
        task_id = task.id
    run_jobs()
    subtasks = subtasks_of(task_id)
    assert [s.gold for s in subtasks] == [True, True] and db.session.scalars(select(Slot)).all() == []
    assert [s.truth for s in subtasks] == [
        TASK_TYPES["lidarannotation"].within(truth, Window(start, start + 3)) for start in (0, 2)
    ]
    assert funds_of(nora) == FUNDS_CENTS


def test_a_canceled_task_leaves_no_work_and_no_cost(nora: NewCustomer, drive: str) -> None:
    with transaction():
        intake.cancel_task(db.session.get_one(Task, drive), clear_unique_id=False)
    assert look(drive).status is TaskStatus.CANCELED
    assert {s.state for s in subtasks_of(drive)} == {SubtaskState.CANCELED}
    assert set(db.session.scalars(select(Slot.state))) == {SlotState.CANCELED}
    assert funds_of(nora) == FUNDS_CENTS
    work(assemble.assemble_task, drive)
    assert look(drive).response is None and db.session.scalars(select(Deliverable)).all() == []


def test_a_test_task_is_answered_at_once(app: Flask, nora: NewCustomer) -> None:
    """Its attachments are not fetched: the file has an empty frame for each."""
    with transaction():
        task_id = intake.accept_task(nora.customer, KeyMode.TEST, "lidarannotation", DRIVE).id
    task = look(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert json.loads(exports.export(task, "scale").content) == [{"cuboids": []}] * 5
    assert funds_of(nora) == FUNDS_CENTS
