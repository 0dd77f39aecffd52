"""An assignment as labelers' tools get it: the lease, the pay, and all that the subtask needs, by signed links.

The same for gold as for any other subtask: nothing in it may tell them apart.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from marketplace.db import db, fetch_rows
from marketplace.models import Assignment, Frame
from marketplace.storage import storage
from payouts.pricing import hourly_cents
from routing.task_types import TASK_TYPES, imageannotation, lidarannotation

# By the driver alone, and the columns that are shown: every claim ends here.
_SUBTASK = """
SELECT task.id, task.type, task.instruction, task.params, task.currency, task.frames_total, subtask.window_start,
       subtask.window_stop, project.name, project.simulated
FROM subtask JOIN task ON task.id = subtask.task_id JOIN lane ON lane.id = subtask.lane_id
JOIN project ON project.id = lane.project_id WHERE subtask.id = %(subtask_id)s
"""


class _Row(NamedTuple):
    id: str
    type: str
    instruction: str
    params: dict[str, Any]
    currency: str
    frames_total: int
    window_start: int | None
    window_stop: int | None
    name: str
    simulated: bool


def assignment_payload(assignment: Assignment) -> dict[str, Any]:
    """All of it; `assignment_summary` is the short form for lists."""
    row = _row(assignment.subtask_id)
    return assignment_summary(assignment, row.type, row.name, row.currency) | {
        "subtask": _subtask(assignment.subtask_id, row) | {"focus": _focus(assignment.focus)},
        # Who is asked about a part begins with the whole as it stands.
        "draft": assignment.draft or (assignment.focus or {}).get("answer"),
    }


def subtask_payload(subtask_id: str) -> dict[str, Any]:
    """What a labeler sees of a subtask, for whoever looks at its answers."""
    return _subtask(subtask_id, _row(subtask_id))


def _row(subtask_id: str) -> _Row:
    [found] = fetch_rows(_SUBTASK, {"subtask_id": subtask_id})
    return _Row(*found)


def _subtask(subtask_id: str, row: _Row) -> dict[str, Any]:
    return {
        "id": subtask_id,
        "task_id": row.id,
        "task_type": row.type,
        "instruction": row.instruction,
        "params": TASK_TYPES[row.type].labeler_params(row.params),
        "project": row.name,
        "simulated": row.simulated,
        **_data(row),
    }


def _focus(focus: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ids of the draft's objects that stand, and of those that the labeler is asked about."""
    if focus is None:
        return None
    disputed = focus["disputed"]
    text = f"Check {'this object' if len(disputed) == 1 else f'these {len(disputed)} objects'}; the others stand."
    return {"settled": focus["settled"], "disputed": disputed, "text": text}


def assignment_summary(assignment: Assignment, task_type: str, project: str, currency: str) -> dict[str, Any]:
    seconds = assignment.expected_seconds
    return {
        "id": assignment.id,
        "epoch": assignment.epoch,
        "state": assignment.state.value,
        "task_type": task_type,
        "project": project,
        "subtask_id": assignment.subtask_id,
        "claimed_at": moment(assignment.claimed_at),
        "lease_expires_at": moment(assignment.lease_expires_at),
        "submitted_at": moment(assignment.submitted_at),
        "closed_at": moment(assignment.closed_at),
        "draft_saved_at": moment(assignment.draft_saved_at),
        "active_seconds": assignment.active_seconds,
        "pay": {
            "amount_cents": assignment.pay_cents,
            "currency": currency,
            "expected_seconds": seconds,
            "hourly_cents": hourly_cents(assignment.pay_cents, seconds) or 0,
        },
        "reason": assignment.reason,
        "appeal": assignment.appeal,
    }


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# The data of a subtask, by its type


def _data(row: _Row) -> dict[str, Any]:
    if row.type == lidarannotation.NAME:
        return _drive(row)
    if row.type == imageannotation.NAME:
        return {"image": _picture(row.id)}
    kind = row.params.get("attachment_type")
    if kind == "image":
        return {"content": {"type": "image", "url": _picture(row.id)["url"]}}
    return {"content": {"type": "text", "text": row.params["attachment"]}}


def _drive(row: _Row) -> dict[str, Any]:
    start, stop = row.window_start or 0, row.window_stop or row.frames_total
    rows = db.session.execute(
        select(Frame.number, Frame.points_key, Frame.points_count, Frame.manifest)
        .where(Frame.task_id == row.id, Frame.number >= start, Frame.number < stop)
        .order_by(Frame.number)
    )
    return {
        "frames": [_frame(*row) for row in rows],
        "window": {"start": start, "stop": stop, "frame_count": row.frames_total},
        # Tracks of finished neighbours, to begin from, would make the seam's agreement tell nothing.
        "ghosts": [],
    }


def _frame(number: int, points_key: str, points_count: int, manifest: dict[str, Any]) -> dict[str, Any]:
    link = storage().link
    images = [
        {"url": link(image["key"])} | {name: value for name, value in image.items() if name != "key"}
        for image in manifest.get("images", [])
    ]
    return {
        "index": number,
        "timestamp": manifest.get("timestamp"),
        "points_url": link(points_key),
        "points_count": points_count,
        "device": manifest.get("device"),
        "gps": manifest.get("gps"),
        "radar": manifest.get("radar", []),
        "images": images,
    }


def _picture(task_id: str) -> dict[str, Any]:
    """The one image of a task."""
    manifest = db.session.scalars(select(Frame.manifest).where(Frame.task_id == task_id, Frame.number == 0)).one()
    image = manifest["images"][0]
    return {"url": storage().link(image["key"]), "width": image["width"], "height": image["height"]}
