"""Sending a task from the browser: fill in, see the price, send."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import files
from marketplace.app import manages_transactions
from marketplace.auth import current_customer, current_mode
from marketplace.db import transaction
from marketplace.errors import DuplicateUniqueId, InvalidInput, LabelyardError
from marketplace.models import Project, Task
from marketplace.pages.task_form import TaskForm, field_of, uploads
from marketplace.pipeline import intake
from marketplace.reports.projects import batches_of, money_of, own_project
from marketplace.words import money, plural
from payouts.errors import InsufficientFunds

blueprint = Blueprint("new_task", __name__)


@dataclass(frozen=True)
class Price:
    """What all tasks of a form cost together."""

    tasks: int
    subtasks: int
    answers: int
    effort_seconds: int
    labor_cents: int
    fee_cents: int
    total_cents: int
    hourly_rate_cents: int


@blueprint.get("/projects/<project_word>/tasks/new")
def new(project_word: str) -> ResponseReturnValue:
    project = own_project(current_customer(), current_mode(), project_word)
    return _page(project, TaskForm.of(request.form, project))


@blueprint.post("/projects/<project_word>/tasks/new")
@manages_transactions
def send(project_word: str) -> ResponseReturnValue:
    """Keep the uploads, then show the price, or send what was quoted at the price that was shown."""
    with transaction():
        project = own_project(current_customer(), current_mode(), project_word)
        form = TaskForm.of(request.form, project)
    try:
        form = _with_uploads(form)
        with transaction():
            price = _price(project, form)
        if request.form.get("quoted_cents") != str(price.total_cents) or uploads(request.files):
            return _answer(project, form, price=price)
        with transaction():
            sent = [_accept(project, body) for body in form.bodies(project)]
            return _sent(project, sent, price)
    except DuplicateUniqueId as error:
        return _already_sent(project, form, error)
    except InsufficientFunds as error:
        lacking = f"This needs {money(error.needed_cents)}, and {money(error.available_cents)} is in your funds."
        return _answer(project, form, errors={"form": lacking})
    except LabelyardError as error:
        return _answer(project, form, errors={field_of(error.field): error.message})


def _with_uploads(form: TaskForm) -> TaskForm:
    """Blobs first, outside of any transaction; their addresses then stand in the form and are not lost."""
    urls = []
    for upload in uploads(request.files):
        content, name = upload.read(), upload.filename or "upload"
        try:
            key = files.put_content(current_customer().id, content, name)
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error.message}", "attachments") from error
        with transaction():
            file = files.record_file(
                current_customer(), current_mode(), key, size=len(content), name=name, mime_type=upload.mimetype
            )
            urls.append(files.file_url(file))
    return form.with_attachments(urls) if urls else form


def _price(project: Project, form: TaskForm) -> Price:
    quotes = [_quote(project, body) for body in form.bodies(project)]

    def total(name: str) -> int:
        return sum(quote[name] for quote in quotes)

    return Price(
        tasks=len(quotes),
        subtasks=total("subtasks"),
        answers=sum(quote["subtasks"] * quote["answers"] for quote in quotes),
        effort_seconds=total("effort_seconds"),
        labor_cents=total("labor_cents"),
        fee_cents=total("fee_cents"),
        total_cents=total("total_cents"),
        hourly_rate_cents=quotes[0]["hourly_rate_cents"],
    )


def _quote(project: Project, body: dict[str, Any]) -> dict[str, Any]:
    return intake.quote(current_customer(), current_mode(), project.task_type, body)


def _accept(project: Project, body: dict[str, Any]) -> Task:
    return intake.accept_task(current_customer(), current_mode(), project.task_type, body)


def _sent(project: Project, sent: list[Task], price: Price) -> ResponseReturnValue:
    flash(f"{plural(len(sent), 'task')} sent; {money(price.total_cents)} is reserved.", "good")
    if len(sent) == 1:
        return redirect(url_for("customer.tasks.show", task_word=sent[0].id))
    return redirect(url_for("customer.project", project_word=project.id))


def _already_sent(project: Project, form: TaskForm, error: DuplicateUniqueId) -> ResponseReturnValue:
    """The same form again, by a double click or a reload, leads to what it made the first time."""
    if form.unique_id:
        return _answer(project, form, errors={"unique_id": error.message})
    flash("This form was sent already; nothing was sent twice.", "warn")
    return redirect(url_for("customer.project", project_word=project.id))


def _answer(
    project: Project, form: TaskForm, *, price: Price | None = None, errors: dict[str, str] | None = None
) -> ResponseReturnValue:
    with transaction():
        return _page(project, form, price=price, errors=errors), 400 if errors else 200


def _page(project: Project, form: TaskForm, *, price: Price | None = None, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "customer/new_task.html",
        project=project,
        form=form,
        price=price,
        errors=errors or {},
        money=money_of(current_customer(), current_mode()),
        batches=batches_of(project),
    )
