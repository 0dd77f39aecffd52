"""Ingest: attachments come in frame by frame, once, and what is wrong with them is said for each."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask import Flask, current_app
from PIL import Image
from sqlalchemy import select

from marketplace import files
from marketplace.db import db, transaction
from marketplace.formats import points
from marketplace.models import Frame, KeyMode, Subtask, Task, TaskStage, TaskStatus
from marketplace.people import NewCustomer
from marketplace.pipeline import ingest, intake
from marketplace.queue import Job
from marketplace.storage import storage
from tests.marketplace.api_world import BOXES, CATEGORIZATION, DRIVE, FUNDS_CENTS, funds_of, new_customer

RunJobs = Callable[[], None]


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    content = BytesIO()
    Image.new("RGB", size, (90, 120, 30)).save(content, kind, **options)
    return content.getvalue()


def turned_by_a_quarter() -> bytes:
    """What a phone held upright writes beside its pixels."""
    tags = Image.Exif()
    tags[0x0112] = 6
    return tags.tobytes()


def frame(number: int, *images: str, **changes: Any) -> bytes:
    """The JSON of a small frame, a few hundred points on a plane."""
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(15)), axis=-1).reshape(-1, 2)
    body = {
        "device_position": {"x": number, "y": 0, "z": 1.7},
        "device_heading": {"w": 1, "x": 0, "y": 0, "z": 0},
        "timestamp": number / 10,
        "points": [{"x": float(x + number), "y": float(y), "z": 0.5, "i": 0.5, "d": 2} for x, y in grid],
        "radar_points": [{"position": {"x": 5, "y": 0, "z": 1}, "direction": {"x": 1, "y": 0, "z": 0}, "size": 0.5}],
        "images": [
            {
                "image_url": url,
                "position": {"x": number, "y": 0, "z": 1.6},
                "heading": {"w": 0.5, "x": -0.5, "y": 0.5, "z": -0.5},
                "fx": 60,
                "fy": 60,
                "cx": 32,
                "cy": 24,
                "metadata": {"camera": f"camera {k}"},
            }
            for k, url in enumerate(images)
        ],
    }
    return json.dumps(body | changes).encode()


def upload(made: NewCustomer, content: bytes, name: str = "frame.json") -> str:
    with transaction():
        file = files.store_file(made.customer, KeyMode.LIVE, content, name=name, mime_type="application/octet-stream")
        return files.file_url(file)


def send(made: NewCustomer, task_type: str, body: dict[str, Any]) -> str:
    with transaction():
        return intake.accept_task(made.customer, KeyMode.LIVE, task_type, body).id


def send_drive(made: NewCustomer, urls: list[str], **changes: Any) -> str:
    return send(made, "lidarannotation", DRIVE | {"attachments": urls} | changes)


def work(job: Job, task_id: str) -> None:
    """Run a job as a worker does: in a context and a session of its own."""
    with current_app.app_context():
        job(task_id)


def look(task_id: str) -> Task:
    db.session.rollback()
    return db.session.get_one(Task, task_id, populate_existing=True)


def frames_of(task_id: str) -> list[Frame]:
    return list(db.session.scalars(select(Frame).filter_by(task_id=task_id).order_by(Frame.number)))


def test_a_drive_of_uploaded_frames_comes_in(nora: NewCustomer, run_jobs: RunJobs) -> None:
    image = upload(nora, picture(), "front.jpg")
    task_id = send_drive(nora, [upload(nora, frame(n, image)) for n in range(7)])
    assert look(task_id).frames_ready == 0
    run_jobs()
    task = look(task_id)
    assert (task.status, task.stage) == (TaskStatus.PENDING, TaskStage.LABELING)
    assert (task.frames_total, task.frames_ready) == (7, 7)
    rows = frames_of(task_id)
    assert [row.number for row in rows] == list(range(7)) and {row.points_count for row in rows} == {300}
    assert rows[3].points_key == f"frames/{task_id}/000003.lypf"
    decoded, intensity, sensor = points.decode(storage().get(rows[3].points_key))
    assert decoded[:, 0].min() == 3 and np.allclose(intensity, 128 / 255) and (sensor == 2).all()
    manifest = rows[3].manifest
    assert manifest["timestamp"] == 0.3 and manifest["device"]["position"] == [3.0, 0.0, 1.7]
    assert manifest["radar"] == [{"position": [5.0, 0.0, 1.0], "direction": [1.0, 0.0, 0.0], "size": 0.5}]
    [stored] = manifest["images"]
    assert stored["key"] == f"images/{task_id}/3/0.jpg" and (stored["width"], stored["height"]) == (64, 48)
    assert stored["camera"] == "camera 0" and stored["fx"] == 60 and stored["heading"] == [0.5, -0.5, 0.5, -0.5]
    assert storage().get(stored["key"]) == picture()
    windows = db.session.execute(select(Subtask.window_start, Subtask.window_stop).order_by(Subtask.position)).all()
    assert windows == [(0, 3), (2, 5), (4, 7)]


def test_a_job_that_died_goes_on_where_it_was(nora: NewCustomer, run_jobs: RunJobs) -> None:
    urls = [upload(nora, frame(n)) for n in range(6)]
    task_id = send_drive(nora, urls)
    row = {"points_key": "frames/kept", "points_count": 1, "manifest": {}}
    for number in (0, 4):
        assert ingest._add_frame(task_id, {"number": number, **row})
    assert look(task_id).frames_ready == 2
    run_jobs()
    keys = [frame.points_key for frame in frames_of(task_id)]
    assert [key == "frames/kept" for key in keys] == [True, False, False, False, True, False]
    assert look(task_id).frames_ready == 6


def test_two_runs_of_the_job_at_once_make_one_drive(app: Flask, nora: NewCustomer, run_jobs: RunJobs) -> None:
    task_id = send_drive(nora, [upload(nora, frame(n)) for n in range(8)])

    def run(_: int) -> None:
        with app.app_context():
            work(ingest.ingest_task, task_id)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    run_jobs()
    assert [row.number for row in frames_of(task_id)] == list(range(8))
    assert len(db.session.scalars(select(Subtask).filter_by(task_id=task_id)).all()) == 4
    work(ingest.ingest_task, task_id)  # and once more when all is done
    assert look(task_id).stage is TaskStage.LABELING


def test_a_long_drive_lets_others_have_their_turn(
    nora: NewCustomer, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "SLICE_SECONDS", 0.0)
    task_id = send_drive(nora, [upload(nora, frame(n)) for n in range(9)])
    work(ingest.ingest_task, task_id)
    assert look(task_id).frames_ready == ingest.AT_ONCE
    run_jobs()
    assert look(task_id).frames_ready == 9


def test_every_bad_frame_is_named_and_the_money_comes_back(nora: NewCustomer, run_jobs: RunJobs) -> None:
    broken_points = [{"x": 1.0, "y": 2.0, "z": 3.0}, {"x": float("nan"), "y": 0, "z": 0}]
    urls = [
        upload(nora, frame(0)),
        upload(nora, frame(1, points=broken_points)),
        upload(nora, b"{not json"),
        upload(nora, frame(3, upload(nora, b"GIF89a" + bytes(50)))),
        upload(nora, frame(4, points=[])),
    ]
    task_id = send_drive(nora, urls, unique_id="drive 7", clear_unique_id_on_error=True)
    assert funds_of(nora) < FUNDS_CENTS
    run_jobs()
    task = look(task_id)
    assert (task.status, task.stage, task.unique_id) == (TaskStatus.ERROR, TaskStage.CLOSED, None)
    assert task.response is not None and task.response["error"] == "One or more frames could not be read."
    described = {entry["frame"]: entry for entry in task.response["frames"]}
    assert described.keys() == {1, 2, 3, 4}
    assert "frames[1].points[1].x is nan" in described[1]["message"]
    assert "frames[2] is not valid JSON" in described[2]["message"]
    assert described[3]["message"].startswith("frames[3].images[0]")
    assert "frames[4].points is empty" in described[4]["message"]
    assert described[2]["attachment"] == {"statusCode": 200, "url": urls[2]}
    assert funds_of(nora) == FUNDS_CENTS
    assert db.session.scalars(select(Subtask)).all() == []


def test_a_hopeless_drive_is_not_read_to_its_end(nora: NewCustomer, run_jobs: RunJobs) -> None:
    task_id = send_drive(nora, [upload(nora, b"[]") for _ in range(60)])
    run_jobs()
    response = look(task_id).response
    assert response is not None and len(response["frames"]) == ingest.ERRORS_MAX


def test_another_customers_file_is_as_good_as_none(nora: NewCustomer, run_jobs: RunJobs) -> None:
    """The frame's own address is refused at intake; one inside a frame shows only here."""
    foreign = upload(new_customer("Sam"), picture(), "front.jpg")
    task_id = send_drive(nora, [upload(nora, frame(0, foreign))])
    run_jobs()
    task = look(task_id)
    assert task.status is TaskStatus.ERROR and task.response is not None
    [described] = task.response["frames"]
    assert described["attachment"] == {"statusCode": 404, "url": foreign}
    assert "no such file of yours" in described["message"]


def test_too_many_points(app: Flask, nora: NewCustomer, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], frame_points_max=299))
    task_id = send_drive(nora, [upload(nora, frame(0))])
    run_jobs()
    response = look(task_id).response
    assert response is not None and "300: at most 299" in response["frames"][0]["message"]


def test_a_withdrawn_drive_stops(nora: NewCustomer, run_jobs: RunJobs) -> None:
    task_id = send_drive(nora, [upload(nora, frame(n)) for n in range(3)])
    with transaction():
        intake.cancel_task(db.session.get_one(Task, task_id), clear_unique_id=False)
    run_jobs()
    task = look(task_id)
    assert task.status is TaskStatus.CANCELED and frames_of(task_id) == []
    assert not ingest._add_frame(task_id, {"number": 0, "points_key": "", "points_count": 0, "manifest": {}})


# From the web


@pytest.fixture
def site(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A customer's server on this machine, which the setting allows for once, and its files."""
    content: dict[str, bytes] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = content.get(self.path)
            self.send_response(200 if found is not None else 403)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], fetch_allow_private=True))
    yield f"http://127.0.0.1:{server.server_port}", content
    server.shutdown()
    server.server_close()


def test_a_drive_is_fetched(nora: NewCustomer, run_jobs: RunJobs, site: tuple[str, dict[str, bytes]]) -> None:
    address, content = site
    content["/front.png"] = picture("PNG")
    content |= {f"/{n}.json": frame(n, f"{address}/front.png") for n in range(3)}
    task_id = send_drive(nora, [f"{address}/{n}.json" for n in range(3)])
    run_jobs()
    assert look(task_id).frames_ready == 3
    assert frames_of(task_id)[0].manifest["images"][0]["key"] == f"images/{task_id}/0/0.png"


def test_attachments_that_cannot_be_had(
    nora: NewCustomer, run_jobs: RunJobs, site: tuple[str, dict[str, bytes]]
) -> None:
    address, content = site
    content["/0.json"] = frame(0, f"{address}/secret.jpg")
    urls = [f"{address}/0.json", f"{address}/1.json"]
    task_id = send_drive(nora, urls)
    run_jobs()
    response = look(task_id).response
    assert response is not None and response["error"] == "One or more attachments could not be downloaded."
    assert [entry["attachment"] for entry in response["frames"]] == [
        {"statusCode": 403, "url": f"{address}/secret.jpg"},
        {"statusCode": 403, "url": urls[1]},
    ]


def test_our_own_network_is_not_fetched_from(nora: NewCustomer, run_jobs: RunJobs) -> None:
    task_id = send_drive(nora, ["http://127.0.0.1:9/0.json", "http://[::1]:9/1.json"])
    run_jobs()
    response = look(task_id).response
    assert response is not None
    assert all("not on the public internet" in entry["message"] for entry in response["frames"])


# Single attachments


@pytest.mark.parametrize(
    ("content", "size", "suffix"),
    [
        (picture(), (64, 48), "jpg"),
        (picture("PNG", (30, 20)), (30, 20), "png"),
        (picture("WEBP"), (64, 48), "webp"),
        (picture("JPEG", exif=turned_by_a_quarter()), (48, 64), "jpg"),
    ],
    ids=["jpeg", "png", "webp", "turned"],
)
def test_a_picture_is_measured(
    nora: NewCustomer, run_jobs: RunJobs, content: bytes, size: tuple[int, int], suffix: str
) -> None:
    """The name says nothing: type and size are in the bytes."""
    task_id = send(nora, "imageannotation", BOXES | {"attachment": upload(nora, content, "picture.gif")})
    run_jobs()
    [row] = frames_of(task_id)
    assert row.manifest == {
        "images": [{"camera": "image", "key": f"images/{task_id}/0/0.{suffix}", "width": size[0], "height": size[1]}]
    }
    task = look(task_id)
    assert task.stage is TaskStage.LABELING and (task.frames_total, task.frames_ready) == (1, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not a picture that can be read"),
        (picture("GIF"), "type GIF"),
        (picture()[:-30], "cut short"),
        (picture("PNG")[:-30], "cut short"),
    ],
    ids=["svg", "gif", "half a jpeg", "half a png"],
)
def test_what_is_no_picture_is_refused(nora: NewCustomer, run_jobs: RunJobs, content: bytes, reason: str) -> None:
    url = upload(nora, content, "picture.jpg")
    task_id = send(nora, "imageannotation", BOXES | {"attachment": url})
    run_jobs()
    task = look(task_id)
    assert task.status is TaskStatus.ERROR and task.response is not None
    [attachment] = task.response["attachments"]
    assert attachment["url"] == url and reason in attachment["message"]
    assert funds_of(nora) == FUNDS_CENTS


def test_categories_of_texts_and_of_pictures(nora: NewCustomer, run_jobs: RunJobs) -> None:
    text = send(nora, "categorization", CATEGORIZATION)
    image = CATEGORIZATION | {"attachment_type": "image", "attachment": upload(nora, picture())}
    shown = send(nora, "categorization", image)
    run_jobs()
    assert look(text).stage is TaskStage.LABELING and frames_of(text) == []
    assert look(shown).stage is TaskStage.LABELING and len(frames_of(shown)) == 1
