"""Customers' page of a project's labelers: the rule of who may work on it, who has, and whom the customer blocks."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import blocks, lanes
from marketplace.auth import current_customer, current_mode, current_user
from marketplace.errors import InvalidInput
from marketplace.models import Project
from marketplace.pages import tables
from marketplace.pages.rule_form import RuleForm
from marketplace.reports import crew as found_in
from marketplace.reports import projects
from marketplace.reports.crew import Member

blueprint = Blueprint("crew", __name__)


@blueprint.get("/projects/<project_word>/labelers")
def show(project_word: str) -> ResponseReturnValue:
    project = _own(project_word)
    if tables.wants_csv():
        return tables.csv_answer(f"labelers-{project.id}", COLUMNS, found_in.crew(project, tables.wish()).rows)
    return _page(project, RuleForm.of_project(project))


def _own(project_word: str) -> Project:
    return projects.own_project(current_customer(), current_mode(), project_word)


def _page(
    project: Project,
    form: RuleForm,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
) -> ResponseReturnValue:
    page = render_template(
        "customer/labelers.html",
        project=project,
        form=form,
        found=found_in.crew(project, tables.wish()),
        blocked=blocks.blocks_of(current_customer()),
        errors=errors or {},
        values=values or {},
    )
    return page, 400 if errors else 200


COLUMNS: tables.Columns[Member] = [
    ("labeler_id", lambda row: row.labeler_id),
    ("accepted", lambda row: row.accepted),
    ("rejected", lambda row: row.rejected),
    ("agreement", lambda row: row.agreement),
    ("last_submitted_at", lambda row: row.last_submitted_at),
    ("blocked_at", lambda row: row.blocked_at),
    ("reason", lambda row: row.reason),
]


@blueprint.post("/projects/<project_word>/labelers")
def set_rule(project_word: str) -> ResponseReturnValue:
    project, form = _own(project_word), RuleForm.of_request()
    try:
        lanes.set_rule(project, form.rule())
    except InvalidInput as error:
        return _page(project, form, {form.field_of(error): error.message})
    flash("Saved. It counts from the next claim on.")
    return redirect(url_for("customer.crew.show", project_word=project.id))


@blueprint.post("/projects/<project_word>/labelers/<labeler_id>/<any(block, unblock):what>")
def block(project_word: str, labeler_id: str, what: str) -> ResponseReturnValue:
    project, customer, reason = _own(project_word), current_customer(), request.form.get("reason", "")
    try:
        if what == "block":
            blocks.block(customer, labeler_id, reason, actor_id=current_user().id)
            flash(f"{labeler_id} gets nothing new of any project of yours.")
        else:
            blocks.unblock(customer, labeler_id, actor_id=current_user().id)
            flash(f"{labeler_id} may work for you again.")
    except InvalidInput as error:
        return _page(project, RuleForm.of_project(project), {labeler_id: error.message}, {labeler_id: reason})
    return redirect(url_for("customer.crew.show", project_word=project.id))
