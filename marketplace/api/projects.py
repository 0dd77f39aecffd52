"""/v1/projects."""

from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from marketplace import lanes, projects
from marketplace.api.blueprint import blueprint
from marketplace.auth import current_customer, current_mode
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import Project
from marketplace.schemas.project import NewParams, NewProject, ProjectQuery, ProjectSchema
from marketplace.schemas.shape import invalid, wrong
from marketplace.schemas.task import NewTask
from routing.task_types import TASK_TYPES

TAGS = ["Projects"]


def own_project(name: str) -> Project:
    project = projects.find_project(current_customer(), current_mode(), name)
    if project is None:
        raise NotFound("Project with that name not found.")
    return project


def check_params(task_type: str, params: dict[str, Any]) -> None:
    """Refuse at once what every task of the project would be refused for; what is required may come with the task."""
    known = {**NewTask().fields, **TASK_TYPES[task_type].Params().fields}
    for name, value in params.items():
        if name in known and value is not None:
            try:
                known[name].deserialize(value)
            except ValidationError as error:
                raise wrong(error, f"params.{name}") from error


@blueprint.route("/projects", methods=["POST"], tags=TAGS)
@blueprint.arguments(NewProject)
@blueprint.response(200, ProjectSchema)
def create_project(new: dict[str, Any]) -> Project:
    """Create a project

    A name that is taken is refused with 409.
    """
    projects.check_task_type(new["type"])
    check_params(new["type"], new["params"])
    project = projects.create_project(
        current_customer(),
        current_mode(),
        new["name"],
        new["type"],
        new["params"],
        hourly_rate_cents=new.get("hourly_rate_cents"),
        staged=new["rapid"] or new["studio"],
        **{name: new[name] for name in projects.WANTED if name in new},
    )
    _set_rule(project, new.get("labelers"))
    return project


def _set_rule(project: Project, rule: dict[str, Any] | None) -> None:
    if rule:
        try:
            lanes.set_rule(project, rule)
        except InvalidInput as error:
            raise invalid(f"labelers.{error.field}", error.message) from error


@blueprint.route("/projects", tags=TAGS)
@blueprint.arguments(ProjectQuery, location="query")
@blueprint.response(200, ProjectSchema(many=True))
def list_projects(query: dict[str, Any]) -> list[Project]:
    """List all projects, newest first"""
    own = select(Project).where(Project.customer_id == current_customer().id, Project.mode == current_mode())
    if "archived" in query:
        own = own.where(Project.archived_at.is_not(None) if query["archived"] else Project.archived_at.is_(None))
    return list(db.session.scalars(own.order_by(Project.id.desc()).options(selectinload(Project.lanes))))


@blueprint.route("/projects/<path:name>", tags=TAGS)
@blueprint.response(200, ProjectSchema)
def get_project(name: str) -> Project:
    """Get a project by its name"""
    return own_project(name)


@blueprint.route("/projects/<path:name>/setParams", methods=["POST"], tags=TAGS)
@blueprint.arguments(NewParams)
@blueprint.response(200, ProjectSchema)
def set_project_params(new: dict[str, Any], name: str) -> Project:
    """Set a project's parameters

    Appends a version. Tasks that exist keep what they were sent with.
    """
    project = own_project(name)
    patch, rule = new.pop("patch"), new.pop("labelers", None)
    wanted = {name: new.pop(name) for name in projects.WANTED if name in new}
    check_params(project.task_type, new)
    db.session.refresh(project, with_for_update=True)  # two versions at once must not get one number
    projects.set_wanted(project, wanted)
    _set_rule(project, rule)
    if new or not (wanted or rule):
        projects.set_params(project, new, patch=patch)
    return project
