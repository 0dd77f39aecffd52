"""A customer's task: its way down the pipeline in numbers, its deliverable, its callbacks."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import exports
from marketplace.auth import current_customer, current_mode
from marketplace.clock import utc_now
from marketplace.errors import NotFound
from marketplace.models import TaskStatus
from marketplace.pages import tables
from marketplace.pipeline import deliver, intake
from marketplace.reports import explanations
from marketplace.reports import tasks as found_in
from marketplace.reports.tasks import SubtaskRow

blueprint = Blueprint("tasks", __name__)


@blueprint.get("/tasks")
def find() -> ResponseReturnValue:
    """The search of the header line: a task's id, or the customer's own id for it."""
    word = request.args.get("q", "").strip()
    if not word:
        return redirect(url_for("customer.projects"))
    task = found_in.own_task(current_customer(), current_mode(), word)
    return redirect(url_for("customer.tasks.show", task_word=task.id))


@blueprint.get("/tasks/<task_word>")
def show(task_word: str) -> ResponseReturnValue:
    task = found_in.own_task(current_customer(), current_mode(), task_word)
    subtasks = found_in.subtasks_of(task)
    if tables.wants_csv():
        return tables.csv_answer(f"subtasks-{task.id}", SUBTASK_COLUMNS, subtasks)
    now = utc_now()
    frames, gaps = found_in.frames_of(task)
    newest = found_in.deliverable_of(task) if task.status is TaskStatus.COMPLETED else None
    return render_template(
        "customer/task.html",
        task=task,
        step=found_in.step_of(task, now),
        now=now,
        page_ids=found_in.PAGE_IDS,
        subtasks=subtasks,
        frames=frames,
        gaps=gaps,
        callbacks=found_in.callbacks_of(task),
        deliverable=newest,
        seams=found_in.seams_of(newest) if newest else [],
        downloads=list(exports.formats_of(task.type).items()),
        decided=explanations.in_short(explanations.decided(task)),
    )


@blueprint.get("/tasks/<task_word>/decisions")
def decisions(task_word: str) -> ResponseReturnValue:
    task = found_in.own_task(current_customer(), current_mode(), task_word)
    decided = explanations.decided(task)
    return render_template(
        "customer/decisions.html", task=task, decided=decided, in_short=explanations.in_short(decided)
    )


SUBTASK_COLUMNS: tables.Columns[SubtaskRow] = [
    ("subtask", lambda row: row.subtask.position),
    ("first_frame", lambda row: row.subtask.window_start),
    ("last_frame", lambda row: row.subtask.window_stop - 1 if row.subtask.window_stop else None),
    ("state", lambda row: row.subtask.state.value),
    ("answers_wanted", lambda row: row.subtask.answers_wanted),
    ("claimed", lambda row: row.claimed),
    ("submitted", lambda row: row.submitted),
    ("accepted", lambda row: row.accepted),
    ("confidence", lambda row: row.subtask.confidence),
    ("pay", lambda row: tables.amount(row.subtask.pay_cents)),
]


@blueprint.get("/tasks/<task_word>/deliverable")
def deliverable(task_word: str) -> ResponseReturnValue:
    task = found_in.own_task(current_customer(), current_mode(), task_word)
    export = exports.export(task, request.args.get("format", "scale"))
    return Response(
        export.content,
        mimetype=export.mime_type,
        headers={"Content-Disposition": f'attachment; filename="{export.name}"'},
    )


@blueprint.post("/tasks/<task_word>/cancel")
def cancel(task_word: str) -> ResponseReturnValue:
    task = found_in.own_task(current_customer(), current_mode(), task_word)
    intake.cancel_task(task, clear_unique_id=bool(request.form.get("clear_unique_id")))
    flash("The task is canceled; its reserve is back in your funds.")
    return redirect(url_for("customer.tasks.show", task_word=task.id))


@blueprint.post("/tasks/<task_word>/callbacks/<callback_id>/send")
def send_again(task_word: str, callback_id: str) -> ResponseReturnValue:
    task = found_in.own_task(current_customer(), current_mode(), task_word)
    if callback_id not in {callback.id for callback in found_in.callbacks_of(task)}:
        raise NotFound("This task has no callback with this id.")
    deliver.send_again(callback_id)
    flash("The callback is on its way again.")
    return redirect(url_for("customer.tasks.show", task_word=task.id, _anchor="callbacks"))
