"""An assignment with the piece of work that it is about, as its labeler sees it: one flat row, by the driver alone.

Every claim ends with one; the statement that takes a slot returns it, so that nothing is read again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from marketplace.db import db, fetch_rows
from marketplace.errors import NotFound


class Piece(NamedTuple):
    """What is shown of a subtask, of its task and of its project."""

    subtask_id: str
    window_start: int | None
    window_stop: int | None
    task_id: str
    task_type: str
    instruction: str
    params: dict[str, Any]
    currency: str
    frames_total: int
    project: str
    simulated: bool


class Held(NamedTuple):
    """What is shown of an assignment, named as the model names it."""

    id: str
    epoch: int
    state: str
    claimed_at: datetime
    lease_expires_at: datetime
    submitted_at: datetime | None
    closed_at: datetime | None
    draft_saved_at: datetime | None
    active_seconds: int
    pay_cents: int
    expected_seconds: int
    reason: str | None
    appeal: str | None
    draft: dict[str, Any] | None
    focus: dict[str, Any] | None
    piece: Piece

    @property
    def subtask_id(self) -> str:
        return self.piece.subtask_id


_OWN_COLUMNS = Held._fields[:-1]
PIECE_COLUMNS = """
    t.id, t.window_start, t.window_stop, task.id, task.type, task.instruction, task.params, task.currency,
    task.frames_total, project.name, project.simulated
"""
PIECE = """
    subtask t JOIN task ON task.id = t.task_id JOIN lane ON lane.id = t.lane_id
    JOIN project ON project.id = lane.project_id
"""
COLUMNS = f"{', '.join(f'a.{name}' for name in _OWN_COLUMNS)}, {PIECE_COLUMNS}"  # `a` is the assignment
_OWN = f"""
SELECT {COLUMNS} FROM assignment a JOIN ({PIECE}) ON t.id = a.subtask_id WHERE a.id = %(id)s AND a.labeler_id = %(me)s
"""  # noqa: S608  (our own words only)
_PIECE = f"SELECT {PIECE_COLUMNS} FROM {PIECE} WHERE t.id = %(id)s"  # noqa: S608


def from_row(row: Sequence[Any]) -> Held:
    """Of `COLUMNS`."""
    count = len(_OWN_COLUMNS)
    return Held._make([*row[:count], Piece._make(row[count:])])


def own(labeler_id: str, assignment_id: str) -> Held:
    """The labeler's assignment as it is now; raises NotFound for a foreign one."""
    db.session.flush()
    rows = fetch_rows(_OWN, {"id": assignment_id, "me": labeler_id})
    if not rows:
        raise NotFound("You have no assignment with this id.")
    return from_row(rows[0])


def piece(subtask_id: str) -> Piece:
    [row] = fetch_rows(_PIECE, {"id": subtask_id})
    return Piece(*row)
