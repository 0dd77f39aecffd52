"""A finished task's answer as a file in a standard format, for whoever downloads it."""

from dataclasses import dataclass

import orjson

from marketplace import deliverables
from marketplace.errors import InvalidInput, NotFound
from marketplace.formats import kitti_tracking, openlabel
from marketplace.models import Task, TaskStatus
from marketplace.storage import storage
from routing.task_types import lidarannotation

FORMATS = {
    "scale": "The response as the API gives it (JSON).",
    "openlabel": "ASAM OpenLABEL 1.0: cuboids in the world, poses and cameras (JSON).",
    "kitti-tracking": "KITTI tracking: labels in one camera's coordinates, its calibration and way (zip).",
}
OF_DRIVES_ONLY = {"openlabel", "kitti-tracking"}


@dataclass(frozen=True)
class Export:
    name: str
    mime_type: str
    content: bytes


def formats_of(task_type: str) -> dict[str, str]:
    """The formats in which answers of this type can be had, with their descriptions."""
    drive = task_type == lidarannotation.NAME
    return {name: text for name, text in FORMATS.items() if drive or name not in OF_DRIVES_ONLY}


def export(task: Task, format: str) -> Export:
    """The newest deliverable in a format; raises InvalidInput for an unknown one, NotFound while there is none."""
    available = formats_of(task.type)
    if format not in available:
        raise InvalidInput(f'"{format}" is not a format of {task.type}; there are {", ".join(available)}.', "format")
    if task.status is not TaskStatus.COMPLETED:
        raise NotFound(f"This task has no deliverable: it is {task.status}.")
    answer = deliverables.answer_of(task)
    if format == "openlabel":
        document = openlabel.write(answer, deliverables.scene_of(task).frames, name=task.id)
        return Export(f"{task.id}.openlabel.json", "application/json", orjson.dumps(document))
    if format == "kitti-tracking":
        archive = kitti_tracking.write(answer, deliverables.scene_of(task).frames)
        return Export(f"{task.id}.kitti-tracking.zip", "application/zip", archive)
    deliverable = deliverables.newest(task)
    if deliverable is not None and deliverable.response_key is not None:
        content = storage().get(deliverable.response_key)
    else:
        content = orjson.dumps(deliverables.response_of(task, answer))
    return Export(f"{task.id}.json", "application/json", content)
