"""What waits for a reviewer, with where it belongs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import (
    Assignment,
    Frame,
    Lane,
    Project,
    Review,
    Subtask,
    User,
)
from marketplace.storage import storage


@dataclass(frozen=True)
class Reviewed:
    """A subtask with its answers, the newest last."""

    subtask: Subtask
    task_type: str
    project: str
    simulated: bool
    assignments: list[Assignment]

    @property
    def waiting_since(self) -> datetime:
        """The last answer is what sent it here."""
        times = [one.submitted_at for one in self.assignments if one.submitted_at]
        return max(times, default=self.subtask.created_at)

    @property
    def frames(self) -> str:
        if self.subtask.window_start is None or self.subtask.window_stop is None:
            return ""
        return f"{self.subtask.window_start} to {self.subtask.window_stop - 1}"


def described(subtasks: Iterable[Subtask]) -> list[Reviewed]:
    """The subtasks with project and answers, in the order given."""
    wanted = list(subtasks)
    ids = [subtask.id for subtask in wanted]
    columns: list[Any] = [Subtask.id, Lane.task_type, Project.name, Project.simulated]
    places: dict[str, Any] = {
        row[0]: tuple(row[1:])
        for row in db.session.execute(
            select(*columns)
            .join(Lane, Lane.id == Subtask.lane_id)
            .join(Project, Project.id == Lane.project_id)
            .where(Subtask.id.in_(ids))
        )
    }
    answers: dict[str, list[Assignment]] = {one: [] for one in ids}
    for assignment in db.session.scalars(
        select(Assignment)
        .where(Assignment.subtask_id.in_(ids), Assignment.answer.is_not(None))
        .order_by(Assignment.submitted_at)
    ):
        answers[assignment.subtask_id].append(assignment)
    found = []
    for subtask in wanted:
        task_type, project, simulated = places[subtask.id]
        found.append(Reviewed(subtask, task_type, project, simulated, answers[subtask.id]))
    return found


def find_subtask(subtask_id: str) -> Reviewed:
    subtask = db.session.get(Subtask, subtask_id)
    if subtask is None:
        raise NotFound("There is no subtask with this id.")
    return described([subtask])[0]


def layers_of(row: Reviewed) -> list[dict[str, Any]]:
    """Every answer by its number and labeler, as on the review's page; before them the one that counts, if one does."""
    layers = [
        {"name": f"{number}. {one.labeler.name}", "state": one.state.value.replace("_", " "), "answer": one.answer}
        for number, one in enumerate(row.assignments, 1)
    ]
    if row.subtask.gold:
        layers.insert(0, {"name": "The truth so far", "state": "gold", "answer": row.subtask.truth})
    if row.subtask.verdict is not None:
        layers.insert(0, {"name": "What counts", "state": "the verdict", "answer": row.subtask.verdict})
    return layers


@dataclass(frozen=True)
class PastReview:
    review: Review
    reviewer: str


def reviews_of_subtask(subtask_id: str) -> list[PastReview]:
    rows = db.session.execute(
        select(Review, User.name)
        .join(Assignment, Assignment.id == Review.assignment_id)
        .outerjoin(User, User.id == Review.reviewer_id)
        .where(Assignment.subtask_id == subtask_id)
        .order_by(Review.created_at)
    )
    return [PastReview(review, name or review.reviewer_id) for review, name in rows]


@dataclass(frozen=True)
class Shown:
    """What the labelers looked at: a text, or the pictures of the window's middle frame."""

    text: str
    pictures: list[tuple[str, str]]  # the camera, the address


def shown_in(subtask: Subtask) -> Shown:
    start, stop = subtask.window_start or 0, subtask.window_stop or 1
    wanted = select(Frame.manifest).where(Frame.task_id == subtask.task_id, Frame.number == (start + stop - 1) // 2)
    images = (db.session.scalar(wanted) or {}).get("images", [])
    text = "" if images else str(subtask.task.params.get("attachment", ""))
    return Shown(text, [(one["camera"], storage().link(one["key"])) for one in images])


def points_in(subtask: Subtask) -> int:
    """Lidar points in the subtask's frames: how much there was to look at."""
    return int(
        db.session.scalar(
            select(func.coalesce(func.sum(Frame.points_count), 0)).where(
                Frame.task_id == subtask.task_id,
                Frame.number >= (subtask.window_start or 0),
                Frame.number < (subtask.window_stop or 0),
            )
        )
        or 0
    )
