"""Operators' pages of single pieces of work: a lane's subtasks, a task's, and the whole story of one."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import Assignment, Lane, Subtask, SubtaskState, Task
from marketplace.pages import tables
from marketplace.reports import absence, explanations
from marketplace.reports import queues as yard
from marketplace.reports import tasks as found_in
from marketplace.reports.accuracy import accuracies
from marketplace.reports.queues import PieceRow

blueprint = Blueprint("subtasks", __name__)


@blueprint.get("/find")
def find() -> ResponseReturnValue:
    """The search of the header line: the id of a task, a subtask or an assignment."""
    word = request.args.get("q", "").strip()
    if not word:
        return redirect(url_for("operator.queues"))
    if db.session.get(Subtask, word) is not None:
        return redirect(url_for("operator.subtasks.show", subtask_id=word))
    assignment = db.session.get(Assignment, word)
    if assignment is not None:
        return redirect(url_for("operator.subtasks.show", subtask_id=assignment.subtask_id))
    if db.session.get(Task, word) is not None:
        return redirect(url_for("operator.subtasks.task", task_id=word))
    raise NotFound(f'There is no task, subtask or assignment "{word}".')


@blueprint.get("/queues/<int:lane_id>")
def lane(lane_id: int) -> ResponseReturnValue:
    found_lane = db.session.get(Lane, lane_id)
    if found_lane is None:
        raise NotFound("There is no such lane.")
    found = yard.pieces_of(lane_id, tables.wish(), tables.chosen(SubtaskState))
    if tables.wants_csv():
        return tables.csv_answer(f"lane-{lane_id}", PIECE_COLUMNS, found.rows)
    return render_template("operator/lane.html", lane=found_lane, found=found)


PIECE_COLUMNS: tables.Columns[PieceRow] = [
    ("subtask_id", lambda row: row.subtask.id),
    ("task_id", lambda row: row.subtask.task_id),
    ("position", lambda row: row.subtask.position),
    ("gold", lambda row: "yes" if row.subtask.gold else "no"),
    ("state", lambda row: row.subtask.state.value),
    ("answers_wanted", lambda row: row.subtask.answers_wanted),
    ("answers", lambda row: row.answers),
    ("confidence", lambda row: row.subtask.confidence),
    ("created_at", lambda row: row.subtask.created_at),
    ("resolved_at", lambda row: row.subtask.resolved_at),
]


@blueprint.get("/tasks/<task_id>")
def task(task_id: str) -> ResponseReturnValue:
    found = db.session.get(Task, task_id)
    if found is None:
        raise NotFound("There is no task with this id.")
    return render_template("operator/task.html", task=found, subtasks=found_in.subtasks_of(found))


@blueprint.get("/subtasks/<subtask_id>")
def show(subtask_id: str) -> ResponseReturnValue:
    place = explanations.find_place(subtask_id)
    held = explanations.assignments_of(subtask_id)
    measured = accuracies(one.labeler_id for one in held)
    word = request.args.get("labeler", "").strip()
    return render_template(
        "operator/subtask.html",
        place=place,
        story=explanations.story_of(place),
        held=held,
        given={one.id: explanations.answer_in_words(one.answer) for one in held if one.answer is not None},
        accuracy={
            who: next((one for one in found if one.task_type == place.task.type), None)
            for who, found in measured.items()
        },
        objects=explanations.objects_of(place.subtask, explanations.notes_of([subtask_id])),
        word=word,
        absence=absence.of(place, word) if word else None,
    )
