"""An assignment as labelers' tools get it: the lease, the pay, and all that the subtask needs, by signed links.

The same for gold as for any other subtask: nothing in it may tell them apart.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from marketplace.db import db
from marketplace.held import Held, Piece
from marketplace.held import piece as piece_of
from marketplace.models import Assignment, Frame
from marketplace.storage import storage
from payouts.pricing import hourly_cents
from routing.task_types import TASK_TYPES, imageannotation, lidarannotation


def assignment_payload(held: Held) -> dict[str, Any]:
    """All of it; `assignment_summary` is the short form for lists."""
    piece = held.piece
    return assignment_summary(held, piece.task_type, piece.project, piece.currency) | {
        "subtask": _subtask(piece) | {"focus": _focus(held.focus)},
        # Who is asked about a part begins with the whole as it stands.
        "draft": held.draft or (held.focus or {}).get("answer"),
    }


def subtask_payload(subtask_id: str) -> dict[str, Any]:
    """What a labeler sees of a subtask, for whoever looks at its answers."""
    return _subtask(piece_of(subtask_id))


def _subtask(piece: Piece) -> dict[str, Any]:
    return {
        "id": piece.subtask_id,
        "task_id": piece.task_id,
        "task_type": piece.task_type,
        "instruction": piece.instruction,
        "params": TASK_TYPES[piece.task_type].labeler_params(piece.params),
        "project": piece.project,
        "simulated": piece.simulated,
        **_data(piece),
    }


def _focus(focus: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ids of the draft's objects that stand, and of those that the labeler is asked about."""
    if focus is None:
        return None
    disputed = focus["disputed"]
    text = f"Check {'this object' if len(disputed) == 1 else f'these {len(disputed)} objects'}; the others stand."
    return {"settled": focus["settled"], "disputed": disputed, "text": text}


def assignment_summary(assignment: Assignment | Held, task_type: str, project: str, currency: str) -> dict[str, Any]:
    seconds = assignment.expected_seconds
    return {
        "id": assignment.id,
        "epoch": assignment.epoch,
        "state": str(assignment.state),
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


def _data(piece: Piece) -> dict[str, Any]:
    if piece.task_type == lidarannotation.NAME:
        return _drive(piece)
    if piece.task_type == imageannotation.NAME:
        return {"image": _picture(piece.task_id)}
    kind = piece.params.get("attachment_type")
    if kind == "image":
        return {"content": {"type": "image", "url": _picture(piece.task_id)["url"]}}
    return {"content": {"type": "text", "text": piece.params["attachment"]}}


def _drive(piece: Piece) -> dict[str, Any]:
    start, stop = piece.window_start or 0, piece.window_stop or piece.frames_total
    rows = db.session.execute(
        select(Frame.number, Frame.points_key, Frame.points_count, Frame.manifest)
        .where(Frame.task_id == piece.task_id, Frame.number >= start, Frame.number < stop)
        .order_by(Frame.number)
    )
    return {
        "frames": [_frame(*row) for row in rows],
        "window": {"start": start, "stop": stop, "frame_count": piece.frames_total},
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
