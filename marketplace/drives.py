"""Submitting drives and pictures from our own machine through the same door as the API: files first, then the task."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marketplace import files, projects
from marketplace.errors import InvalidInput
from marketplace.formats import between_frames, frame_json, pictures
from marketplace.formats.between_frames import Seen
from marketplace.formats.datasets import argoverse2, kitti_tracking, nuscenes, pandaset
from marketplace.models import Customer, KeyMode, Project, Task
from marketplace.pipeline import intake
from routing.scene import Drive

READERS = {
    "kitti-tracking": kitti_tracking.read,
    "nuscenes": nuscenes.read,
    "pandaset": pandaset.read,
    "argoverse2": argoverse2.read,
}
PICTURES = (".jpg", ".jpeg", ".png")
IMAGE_LABELS = ("Car", "Truck", "Bus", "Pedestrian", "Cyclist")


def submit_drive(
    customer: Customer,
    mode: KeyMode,
    project: str,
    drive: Drive,
    *,
    frames_max: int | None = None,
    labels: Sequence[str] = (),
    expected_answer: dict[str, Any] | None = None,
    note: Callable[[str], None] | None = None,
    **params: Any,
) -> Task:
    """Store a drive's frames as the customer's files and submit them as one task; the project is made if it is new.

    Raises InvalidInput where the frames contradict each other: sooner than ingest would, and with nothing submitted.
    """
    found = ensure_project(customer, mode, project, "lidarannotation", {"labels": list(labels or drive.labels)})
    if labels or not found.params.get("labels"):
        params["labels"] = list(labels or drive.labels)
    count = min(drive.frame_count, frames_max or drive.frame_count)
    with _without_garbage_collection():
        stored = [_store_frame(customer, mode, project, drive, number) for number in range(count)]
    attachments, seen = [url for url, _ in stored], [one for _, one in stored]
    for problem in between_frames.problems(seen):
        raise InvalidInput(f"{drive.name}: {problem.message}", "path")
    if note is not None:
        for gap in between_frames.gaps(seen):
            note(f"{drive.name}: {gap}")
    body = {
        "project": project,
        "attachments": attachments,
        "attachment_type": "json",
        "metadata": {"drive": drive.name, "source": drive.source},
        **params,
    }
    return intake.accept_task(customer, mode, "lidarannotation", body, expected_answer=expected_answer)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """A frame's JSON is many small objects and no cycle: to look for one takes longer than to write it all."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _store_frame(customer: Customer, mode: KeyMode, project: str, drive: Drive, number: int) -> tuple[str, Seen]:
    """A frame's address, and what sensors it has."""
    frame = drive.read(number)
    name = f"{drive.name}-{number:06d}"
    urls = [store_picture(customer, mode, project, i.content, f"{name}-{i.name}") for i in frame.images]
    content = frame_json.write(frame, urls)
    file = files.store_file(
        customer, mode, content, name=f"{name}.json", mime_type="application/json", project_names=[project]
    )
    return files.file_url(file), between_frames.of_frame(number, frame)


def store_picture(customer: Customer, mode: KeyMode, project: str, content: bytes, name: str) -> str:
    """Keep a JPEG or PNG as the customer's file; its address."""
    suffix = pictures.measure(content).suffix
    mime_type = "image/png" if suffix == "png" else "image/jpeg"
    name = f"{name}.{suffix}"
    return files.file_url(
        files.store_file(customer, mode, content, name=name, mime_type=mime_type, project_names=[project])
    )


def submit_images(
    customer: Customer,
    mode: KeyMode,
    project: str,
    path: Path,
    *,
    frames_max: int | None = None,
    labels: Sequence[str] = (),
) -> list[Task]:
    """One task per picture in a folder, boxes to be drawn; the project is made if it is new."""
    found = sorted(_pictures(path))[:frames_max]
    if not found:
        raise InvalidInput(f"{path} has no pictures ({', '.join(PICTURES)}).", "path")
    geometries = {"box": {"objects_to_annotate": list(labels or IMAGE_LABELS)}}
    ensure_project(customer, mode, project, "imageannotation", {"geometries": geometries})
    more = {"geometries": geometries} if labels else {}
    return [_submit_picture(customer, mode, project, picture, more) for picture in found]


def _pictures(path: Path) -> Iterator[Path]:
    inside = [path] if path.is_file() else path.rglob("*")
    return (p for p in inside if p.suffix.lower() in PICTURES and p.is_file())


def _submit_picture(customer: Customer, mode: KeyMode, project: str, path: Path, more: dict[str, Any]) -> Task:
    url = store_picture(customer, mode, project, path.read_bytes(), path.stem)
    body = {"project": project, "attachment": url, "metadata": {"picture": path.name}, **more}
    return intake.accept_task(customer, mode, "imageannotation", body)


def ensure_project(
    customer: Customer, mode: KeyMode, name: str, task_type: str, params: dict[str, Any], *, simulated: bool = False
) -> Project:
    """The project of this name, made if there is none; raises InvalidInput where it is of another type."""
    found = projects.find_project(customer, mode, name)
    if found is None:
        return projects.create_project(customer, mode, name, task_type, params, simulated=simulated)
    if found.task_type != task_type:
        raise InvalidInput(f'The project "{name}" is of type {found.task_type}, not {task_type}.', "project")
    return found
