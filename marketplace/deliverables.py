"""The files of a finished task: the whole answer in our shape, and the contract's file where its type has one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import func, select

from marketplace.auth import settings
from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.formats import manifest, points, scale_response
from marketplace.formats.manifest import FrameFacts
from marketplace.models import Deliverable, Frame, Task
from marketplace.storage import LINK_SECONDS_LONG, Storage, storage
from routing.scene import Pose
from routing.task_types import categorization, imageannotation, lidarannotation
from routing.types import Answer


@dataclass(frozen=True)
class Stored:
    """Where the files of one version of a deliverable lie."""

    version: int
    answer_key: str
    response_key: str | None


@dataclass(frozen=True)
class Scene:
    """A task's frames as they were ingested, readable without the database."""

    frames: list[FrameFacts]
    points_keys: dict[int, str]
    store: Storage

    def points_of(self, number: int) -> NDArray[np.float64] | None:
        key = self.points_keys.get(number)
        return points.decode(self.store.get(key))[0] if key else None


@dataclass(frozen=True)
class Plan:
    """All that writing a deliverable needs but the answer; `write` talks to the store only, outside any transaction."""

    task_id: str
    version: int
    scene: Scene | None  # where the type's contract has a file
    meters_per_unit: float
    store: Storage

    def write(self, answer: Answer) -> Stored:
        folder = f"deliverables/{self.task_id}/v{self.version}"
        answer_key, response_key = f"{folder}/answer.json", None
        self.store.put(answer_key, orjson.dumps(answer))
        if self.scene is not None:
            response_key = f"{folder}/response.json"
            listed = scale_response.lidar(
                answer, self.scene.frames, self.scene.points_of, meters_per_unit=self.meters_per_unit
            )
            self.store.put(response_key, orjson.dumps(listed))
        return Stored(self.version, answer_key, response_key)


def plan(task: Task) -> Plan:
    """The next version of a task's deliverable."""
    scene = scene_of(task) if task.type == lidarannotation.NAME else None
    return Plan(task.id, next_version(task), scene, float(task.params.get("meters_per_unit") or 1.0), storage())


def next_version(task: Task) -> int:
    newest = db.session.scalar(select(func.max(Deliverable.version)).where(Deliverable.task_id == task.id))
    return (newest or 0) + 1


def scene_of(task: Task) -> Scene:
    """A drive's frames; those of a test task were never fetched, and stand empty at the origin."""
    rows = db.session.scalars(select(Frame).filter_by(task_id=task.id).order_by(Frame.number)).all()
    facts = {row.number: manifest.read(row.number, row.manifest) for row in rows}
    total = max(len(task.params.get("attachments", [])), len(rows))
    empty = Pose((0.0, 0.0, 0.0))
    frames = [facts.get(n) or FrameFacts(n, None, empty) for n in range(total)]
    return Scene(frames, {row.number: row.points_key for row in rows if row.points_key}, storage())


def newest(task: Task) -> Deliverable | None:
    return db.session.scalar(
        select(Deliverable).filter_by(task_id=task.id).order_by(Deliverable.version.desc()).limit(1)
    )


def answer_of(task: Task) -> Answer:
    """The whole answer of a completed task; raises NotFound for one that has none (yet)."""
    deliverable = newest(task)
    if deliverable is None:
        raise NotFound("This task has no deliverable yet.")
    return dict(orjson.loads(storage().get(deliverable.answer_key)))


def response_of(task: Task, answer: Answer) -> dict[str, Any]:
    """What the contract shows as a completed task's `response`."""
    if task.type == imageannotation.NAME:
        return scale_response.boxes(answer, task.id)
    if task.type == categorization.NAME:
        return scale_response.category(answer, task.params)
    deliverable = newest(task)
    assert deliverable is not None and deliverable.response_key is not None
    return {"annotations": {"url": file_link(deliverable.response_key)}}


def file_link(key: str) -> str:
    """An absolute address that serves a file of a deliverable to whoever holds it, for a week at least."""
    return settings().base_url.rstrip("/") + storage().link(key, seconds=LINK_SECONDS_LONG)
