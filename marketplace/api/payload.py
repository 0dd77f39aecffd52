"""What a labeler is handed with an assignment: the subtask of its type, with signed links to its data."""

from typing import Any

from sqlalchemy import select

from marketplace.db import db
from marketplace.models import Assignment, AssignmentState, Frame, Subtask
from marketplace.storage import Storage, storage
from marketplace.words import timestamp
from payouts import pricing
from routing.task_types import TASK_TYPES, categorization, imageannotation, lidarannotation


def assignment_payload(assignment: Assignment) -> dict[str, Any]:
    """An assignment as `/labeler` gives it; nothing in it tells gold from real work."""
    subtask = assignment.subtask
    return {
        "id": assignment.id,
        "epoch": assignment.epoch,
        "state": assignment.state.value,
        "claimed_at": timestamp(assignment.claimed_at),
        "lease_expires_at": timestamp(assignment.lease_expires_at),
        "submitted_at": timestamp(assignment.submitted_at),
        "task_type": subtask.task.type,
        "subtask": subtask_payload(subtask),
        "draft": draft_for(assignment),
        "draft_saved_at": timestamp(assignment.draft_saved_at),
        "active_seconds": assignment.active_seconds,
        "pay": pay_of(assignment),
    }


def pay_of(assignment: Assignment) -> dict[str, Any]:
    """What was promised at the claim."""
    hourly = pricing.hourly_cents(assignment.pay_cents, assignment.expected_seconds)
    return {
        "amount_cents": assignment.pay_cents,
        "currency": assignment.subtask.task.currency,
        "expected_seconds": assignment.expected_seconds,
        "hourly_cents": hourly or 0,
    }


def draft_for(assignment: Assignment) -> dict[str, Any] | None:
    """Her own draft; where one answer is all that is wanted, also what the last one left who gave the work back.

    With several answers wanted each is to be independent, and nobody sees another's.
    """
    if assignment.draft is not None or assignment.subtask.answers_wanted > 1 or assignment.subtask.gold:
        return assignment.draft
    return db.session.scalar(
        select(Assignment.draft)
        .where(
            Assignment.subtask_id == assignment.subtask_id,
            Assignment.state.in_((AssignmentState.EXPIRED, AssignmentState.SKIPPED)),
            Assignment.draft.is_not(None),
        )
        .order_by(Assignment.draft_saved_at.desc())
        .limit(1)
    )


def subtask_payload(subtask: Subtask) -> dict[str, Any]:
    task = subtask.task
    common = {
        "id": subtask.id,
        "task_id": task.id,
        "task_type": task.type,
        "instruction": task.instruction,
        "params": TASK_TYPES[task.type].labeler_params(task.params),
        "project": task.project.name if task.project else "",
        "simulated": bool(task.project and task.project.simulated),
    }
    return common | _DATA[task.type](subtask, storage())


def _drive(subtask: Subtask, store: Storage) -> dict[str, Any]:
    frames = db.session.scalars(
        select(Frame)
        .where(
            Frame.task_id == subtask.task_id,
            Frame.number >= subtask.window_start,
            Frame.number < subtask.window_stop,
        )
        .order_by(Frame.number)
    )
    window = {
        "start": subtask.window_start,
        "stop": subtask.window_stop,
        "frame_count": subtask.task.frames_total,
    }
    return {"frames": [_frame(frame, store) for frame in frames], "window": window, "ghosts": []}


def _frame(frame: Frame, store: Storage) -> dict[str, Any]:
    manifest = frame.manifest
    return {
        "index": frame.number,
        "timestamp": manifest.get("timestamp"),
        "points_url": store.link(frame.points_key),
        "points_count": frame.points_count,
        "device": manifest["device"],
        "gps": manifest.get("gps"),
        "radar": manifest.get("radar", []),
        "images": [_image(image, store) for image in manifest.get("images", [])],
    }


def _image(image: dict[str, Any], store: Storage) -> dict[str, Any]:
    """The image with a link in place of its key."""
    return {name: value for name, value in image.items() if name != "key"} | {"url": store.link(image["key"])}


def _picture(subtask: Subtask) -> dict[str, Any]:
    return dict(db.session.get_one(Frame, (subtask.task_id, 0)).manifest["images"][0])


def _boxes(subtask: Subtask, store: Storage) -> dict[str, Any]:
    image = _picture(subtask)
    return {"image": {"url": store.link(image["key"]), "width": image["width"], "height": image["height"]}}


def _category(subtask: Subtask, store: Storage) -> dict[str, Any]:
    params = subtask.task.params
    if params["attachment_type"] == "text":
        return {"content": {"type": "text", "text": params["attachment"]}}
    return {"content": {"type": "image", "url": store.link(_picture(subtask)["key"])}}


_DATA = {lidarannotation.NAME: _drive, imageannotation.NAME: _boxes, categorization.NAME: _category}
