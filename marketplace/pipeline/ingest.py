"""ingest_task: fetch and check a task's attachments and turn frames into the compact form that the workbench streams.

Each frame is a small transaction of its own: progress shows as it is made, and a job that dies, or runs twice, goes on
where the rows say. Nothing is fetched or stored while a transaction is open.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from marketplace.attachments import AttachmentReader, Source, Unreadable, locate
from marketplace.config import Settings
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput
from marketplace.formats import between_frames, frame_json, manifest, pictures, points
from marketplace.formats.manifest import StoredImage
from marketplace.models import Frame, Task, TaskStage
from marketplace.models.columns import check_move
from marketplace.models.task import STAGE_MOVES
from marketplace.pipeline import closing, split
from marketplace.queue import enqueue, enqueue_now, job
from marketplace.storage import Storage, storage
from routing.task_types import lidarannotation

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4  # frames in memory: each may be as large as an attachment may be
ERRORS_MAX = 20  # a drive with more bad frames than this is not looked at further
# Parsed, a frame of a million points takes a few hundred MB for a moment; parsing several at once gains nothing.
_PARSING = threading.Lock()
# After so long a drive goes to the end of the queue, so that a long one does not keep all others waiting.
SLICE_SECONDS = 60.0

FETCH_ERROR = "One or more attachments could not be downloaded."
FRAME_ERROR = "One or more frames could not be read."
IMAGE_ERROR = "The attachment could not be read."


@job(queue="ingest", timeout_seconds=1800)
def ingest_task(task_id: str) -> None:
    """Bring a task's attachments in; ends with the task split, in error, or once more in the queue."""
    with transaction():
        task = db.session.get(Task, task_id, populate_existing=True)
        if task is None or task.stage is not TaskStage.RECEIVED:
            return
        is_drive = task.type == lidarannotation.NAME
        image_url = None if is_drive or task.params["attachment_type"] != "image" else task.params["attachment"]
        ingest = _Ingest.of(task) if is_drive else None
    if ingest is not None:
        ingest.run()
    elif image_url is not None:
        _ingest_image(task_id, image_url)
    else:
        _finish(task_id, frames=0)


def _finish(task_id: str, frames: int) -> None:
    with transaction():
        task = closing.lock_task(task_id)
        if task is None or task.stage is not TaskStage.RECEIVED:
            return
        task.frames_total = task.frames_ready = frames
        task.stage = check_move(STAGE_MOVES, task.stage, TaskStage.INGESTED)
        enqueue(split.split_task, task.id)
    log.info("task ingested", extra={"task_id": task_id, "frames": frames})


def _fail(task_id: str, response: dict[str, Any]) -> None:
    with transaction():
        task = closing.lock_task(task_id)
        if task is not None and task.stage is TaskStage.RECEIVED:
            closing.fail(task, response)


def _add_frame(task_id: str, row: dict[str, Any]) -> bool:
    """Store one frame and the progress it makes; False if the task is no longer waiting for frames."""
    with transaction():
        db.session.execute(insert(Frame).values(task_id=task_id, **row).on_conflict_do_nothing())
        ready = select(func.count()).where(Frame.task_id == task_id).scalar_subquery()
        advanced = (
            update(Task).where(Task.id == task_id, Task.stage == TaskStage.RECEIVED).values(frames_ready=ready)
        ).returning(Task.id)
        return db.session.scalar(advanced) is not None


# One picture


def _ingest_image(task_id: str, url: str) -> None:
    with transaction():
        task = db.session.get_one(Task, task_id)
        source = locate(task.customer, task.mode, [url])[url]
    store = storage()
    try:
        content = AttachmentReader(store, _settings()).read(source)
        picture = pictures.measure(content, as_displayed=True)
    except Unreadable as error:
        _fail(task_id, {"error": FETCH_ERROR, "attachments": [_attachment(error) | {"message": error.message}]})
        return
    except InvalidInput as error:
        described = {"statusCode": 200, "url": url, "message": error.message}
        _fail(task_id, {"error": IMAGE_ERROR, "attachments": [described]})
        return
    key = f"images/{task_id}/0/0.{picture.suffix}"
    store.put(key, content)
    image = {"camera": "image", "key": key, "width": picture.width, "height": picture.height}
    if _add_frame(task_id, {"number": 0, "points_key": "", "points_count": 0, "manifest": {"images": [image]}}):
        _finish(task_id, frames=1)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def _attachment(error: Unreadable) -> dict[str, Any]:
    return {"statusCode": error.status_code, "url": error.url}


# A drive


@dataclass(frozen=True)
class _Bad:
    """What is wrong with a frame, as the contract reports it."""

    frame: int
    message: str
    url: str
    status_code: int | None
    downloaded: bool

    def described(self) -> dict[str, Any]:
        attachment = {"statusCode": self.status_code, "url": self.url}
        return {"frame": self.frame, "message": self.message, "attachment": attachment}


@dataclass(frozen=True)
class _Ingest:
    """One run over a drive's missing frames: plain values, so that threads can work on them."""

    task_id: str
    urls: Sequence[str]
    done: frozenset[int]
    meters_per_unit: float
    points_max: int
    reader: AttachmentReader
    store: Storage

    @classmethod
    def of(cls, task: Task) -> "_Ingest":
        settings, store = _settings(), storage()
        task.frames_total = len(task.params["attachments"])
        return cls(
            task_id=task.id,
            urls=task.params["attachments"],
            done=frozenset(db.session.scalars(select(Frame.number).filter_by(task_id=task.id))),
            meters_per_unit=float(task.params.get("meters_per_unit") or 1.0),
            points_max=settings.frame_points_max,
            reader=AttachmentReader(store, settings),
            store=store,
        )

    def run(self) -> None:
        started, bad = time.monotonic(), list[_Bad]()
        missing = [number for number in range(len(self.urls)) if number not in self.done]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for first in range(0, len(missing), AT_ONCE):
                for result in self._frames(missing[first : first + AT_ONCE], pool):
                    if isinstance(result, _Bad):
                        bad.append(result)
                    elif not _add_frame(self.task_id, result):
                        return  # canceled meanwhile
                if len(bad) >= ERRORS_MAX:
                    break
                is_last = first + AT_ONCE >= len(missing)
                if not bad and not is_last and time.monotonic() - started > SLICE_SECONDS:
                    enqueue_now(ingest_task, self.task_id)
                    return
        bad = bad or self._contradictions()
        if bad:
            self._fail(bad)
        else:
            _finish(self.task_id, frames=len(self.urls))

    def _contradictions(self) -> list[_Bad]:
        """What only shows when all frames are there: a time that goes back, cameras that cannot be told apart."""
        with transaction():
            rows = db.session.execute(
                select(Frame.number, Frame.manifest).filter_by(task_id=self.task_id).order_by(Frame.number),
                execution_options={"yield_per": 100},  # radar and all, a long drive's manifests are large
            )
            found = between_frames.problems([between_frames.of_manifest(*row) for row in rows])
        return [_Bad(one.frame, one.message, self.urls[one.frame], 200, downloaded=True) for one in found]

    def _fail(self, bad: Sequence[_Bad]) -> None:
        all_missing = not any(one.downloaded for one in bad)
        described = [one.described() for one in bad[:ERRORS_MAX]]
        _fail(self.task_id, {"error": FETCH_ERROR if all_missing else FRAME_ERROR, "frames": described})

    def _frames(self, numbers: Sequence[int], pool: ThreadPoolExecutor) -> Iterator[dict[str, Any] | _Bad]:
        """The rows of these frames, or what is wrong with them; their blobs are stored when the rows come out."""
        sources = self._locate(self.urls[number] for number in numbers)
        read = list(pool.map(_caught(lambda n: self._read(n, sources[self.urls[n]])), numbers))
        good = [(n, frame) for n, frame in zip(numbers, read, strict=True) if isinstance(frame, frame_json.ReadFrame)]
        image_sources = self._locate(image.url for _, frame in good for image in frame.images)
        for n, frame in zip(numbers, read, strict=True):
            if isinstance(frame, Unreadable):
                yield _Bad(n, frame.message, frame.url, frame.status_code, frame.downloaded)
                continue
            store_image = _caught(partial(self._store_image, n, frame, image_sources))
            images = list(pool.map(store_image, range(len(frame.images))))
            broken = next((image for image in images if isinstance(image, Unreadable)), None)
            if broken is not None:
                yield _Bad(n, broken.message, broken.url, broken.status_code, broken.downloaded)
            else:
                yield self._store_frame(n, frame, [i for i in images if isinstance(i, StoredImage)])

    def _locate(self, urls: Iterator[str]) -> dict[str, Source]:
        with transaction():
            task = db.session.get_one(Task, self.task_id)
            return locate(task.customer, task.mode, urls)

    def _read(self, number: int, source: Source) -> frame_json.ReadFrame:
        content = self.reader.read(source)
        try:
            with _PARSING:
                return frame_json.read(
                    content, number=number, points_max=self.points_max, meters_per_unit=self.meters_per_unit
                )
        except InvalidInput as error:
            raise Unreadable(error.message, source.url, 200) from error

    def _store_image(self, number: int, frame: frame_json.ReadFrame, sources: dict[str, Source], k: int) -> StoredImage:
        """Fetch one picture of a frame and keep it; raises Unreadable with the frame and the picture in its message."""
        ref = frame.images[k]
        path = f"frames[{number}].images[{k}]"
        try:
            content = self.reader.read(sources[ref.url])
            picture = pictures.measure(content)
        except Unreadable as error:
            message = f"{path}.image_url could not be had: {error.message}"
            raise Unreadable(message, ref.url, error.status_code, downloaded=False) from error
        except InvalidInput as error:
            raise Unreadable(f"{path}: {error.message}", ref.url, 200) from error
        key = f"images/{self.task_id}/{number}/{k}.{picture.suffix}"
        self.store.put(key, content)
        return StoredImage(ref.name, key, replace(ref.camera, width=picture.width, height=picture.height))

    def _store_frame(self, number: int, read: frame_json.ReadFrame, images: Sequence[StoredImage]) -> dict[str, Any]:
        frame = read.frame
        key = f"frames/{self.task_id}/{number:06d}.lypf"
        self.store.put(key, points.encode(frame.points, frame.intensity, frame.sensor))
        return {
            "number": number,
            "points_key": key,
            "points_count": len(frame.points),
            "manifest": manifest.write(frame, images, read.unsaid),
        }


def _caught(function: Callable[[T], R]) -> Callable[[T], R | Unreadable]:
    """The same, returning what it could not read: one bad frame must not hide the others' errors."""

    def run(value: T) -> R | Unreadable:
        try:
            return function(value)
        except Unreadable as error:
            return error

    return run
