"""Customers' pages: projects, their progress and money; tasks and keys are nested below."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import projects as making
from marketplace.auth import current_customer, current_mode, settings
from marketplace.clock import utc_now
from marketplace.errors import Conflict, InvalidInput
from marketplace.models import TaskStatus
from marketplace.pages import crew, keys, new_task, tables, tasks
from marketplace.pages.project_form import ProjectForm
from marketplace.reports import projects as found_in
from marketplace.reports.projects import AnswersOverTime, ProjectRow
from marketplace.reports.tasks import TaskRow, tasks_of
from routing.task_types import TASK_TYPES

blueprint = Blueprint("customer", __name__)
blueprint.register_blueprint(tasks.blueprint)
blueprint.register_blueprint(new_task.blueprint)
blueprint.register_blueprint(keys.blueprint)
blueprint.register_blueprint(crew.blueprint)


@blueprint.get("/projects")
def projects() -> ResponseReturnValue:
    customer, mode = current_customer(), current_mode()
    found = found_in.projects_of(customer, mode, tables.wish())
    if tables.wants_csv():
        return tables.csv_answer("projects", PROJECT_COLUMNS, found.rows)
    return render_template(
        "customer/projects.html", found=found, money=found_in.money_of(customer, mode), customer_id=customer.id
    )


PROJECT_COLUMNS: tables.Columns[ProjectRow] = [
    ("project", lambda row: row.project.name),
    ("task_type", lambda row: row.project.task_type),
    ("simulated", lambda row: "yes" if row.project.simulated else "no"),
    ("tasks", lambda row: row.counts.total),
    ("completed", lambda row: row.counts.completed),
    ("pending", lambda row: row.counts.pending),
    ("error", lambda row: row.counts.error),
    ("canceled", lambda row: row.counts.canceled),
    ("reserve", lambda row: tables.amount(row.reserve_cents)),
    ("last_task_at", lambda row: row.last_task_at),
    ("created_at", lambda row: row.project.created_at),
]


@blueprint.route("/projects/new", methods=["GET", "POST"])
def new_project() -> ResponseReturnValue:
    form = ProjectForm.of_request(rate_cents=settings().hourly_rate_cents)
    if request.method == "POST":
        try:
            project = making.create_project(
                current_customer(),
                current_mode(),
                form.name,
                form.task_type,
                form.params(),
                hourly_rate_cents=form.hourly_rate_cents(),
                **form.wanted(),
            )
            flash(f'The project "{project.name}" is open. Send its first task.')
            return redirect(url_for("customer.new_task.new", project_word=project.id))
        except (InvalidInput, Conflict) as error:
            page = _new_project_page(form, {error.field or "name": error.message})
            return page, 400
    return _new_project_page(form, {})


def _new_project_page(form: ProjectForm, errors: dict[str, str]) -> str:
    return render_template("customer/new_project.html", form=form, errors=errors, task_types=list(TASK_TYPES))


@blueprint.get("/projects/<project_word>")
def project(project_word: str) -> ResponseReturnValue:
    customer, mode = current_customer(), current_mode()
    project = found_in.own_project(customer, mode, project_word)
    batch, words = request.args.get("batch", ""), request.args.get("q", "").strip()
    found = tasks_of(project, tables.wish(), status=tables.chosen(TaskStatus), batch=batch, words=words)
    if tables.wants_csv():
        return tables.csv_answer(f"tasks-{project.id}", TASK_COLUMNS, found.rows)
    now = utc_now()
    over_time = found_in.answers_over_time(project, now)
    return render_template(
        "customer/project.html",
        project=project,
        found=found,
        batch=batch,
        words=words,
        batches=found_in.batches_of(project),
        progress=found_in.progress_of(project, now),
        money=found_in.money_of(customer, mode),
        chart=_answers_chart(over_time) if over_time else None,
    )


TASK_COLUMNS: tables.Columns[TaskRow] = [
    ("task_id", lambda row: row.task.id),
    ("unique_id", lambda row: row.task.unique_id),
    ("batch", lambda row: row.batch),
    ("status", lambda row: row.task.status.value),
    ("frames", lambda row: row.task.frames_total),
    ("subtasks", lambda row: row.subtasks),
    ("subtasks_resolved", lambda row: row.resolved),
    ("price", lambda row: tables.amount(row.task.quote_cents)),
    ("created_at", lambda row: row.task.created_at),
    ("completed_at", lambda row: row.task.completed_at),
]


def _answers_chart(found: AnswersOverTime) -> dict[str, object]:
    return {
        "x": {"label": found.unit, "kind": "time", "values": [int(start.timestamp()) for start in found.starts]},
        "y": {"label": f"accepted answers per {found.unit}", "zero": True},
        "series": [{"label": "accepted answers", "kind": "bars", "values": found.counts}],
    }
