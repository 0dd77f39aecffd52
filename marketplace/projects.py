"""Making and finding a customer's projects and batches, and the versions of a project's parameters."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import Conflict, InvalidInput
from marketplace.ids import new_id
from marketplace.models import Batch, BatchStatus, Customer, KeyMode, Project
from routing.task_types import TASK_TYPES

# What a project says about confidence and price; none is what routing/overlap.py says.
WANTED = ("target_confidence", "answers_min", "error_cost_cents")


def check_task_type(task_type: str) -> None:
    if task_type not in TASK_TYPES:
        raise InvalidInput(f'"{task_type}" is not a task type here; there are {", ".join(TASK_TYPES)}.', "type")


def find_project(customer: Customer, mode: KeyMode, name: str) -> Project | None:
    return db.session.scalar(
        select(Project).where(Project.customer_id == customer.id, Project.mode == mode, Project.name == name)
    )


def find_batch(customer: Customer, mode: KeyMode, name: str) -> Batch | None:
    return db.session.scalar(
        select(Batch).where(Batch.customer_id == customer.id, Batch.mode == mode, Batch.name == name)
    )


def create_project(
    customer: Customer,
    mode: KeyMode,
    name: str,
    task_type: str,
    params: dict[str, Any] | None = None,
    *,
    hourly_rate_cents: int | None = None,
    simulated: bool = False,
    staged: bool = False,
    **wanted: Any,
) -> Project:
    """A new project; raises Conflict if the name is taken. `wanted`: some of `WANTED`."""
    check_task_type(task_type)
    params = params or {}
    row = {
        "id": new_id(),
        "customer_id": customer.id,
        "mode": mode,
        "name": name,
        "task_type": task_type,
        "params": params,
        "param_history": [_version(0, params)],
        "hourly_rate_cents": hourly_rate_cents or settings().hourly_rate_cents,
        "simulated": simulated,
        "staged": staged,
        **{name: wanted.get(name) for name in WANTED},
        "created_at": utc_now(),
    }
    # Two creates of one name at once: the unique constraint lets one through, and neither breaks its transaction.
    created: Project | None = db.session.scalar(insert(Project).values(row).on_conflict_do_nothing().returning(Project))
    if created is None:
        raise Conflict(f'A project named "{name}" exists.', "name")
    return created


def default_name(task_type: str) -> str:
    return f"default-{task_type}"


def default_project(customer: Customer, mode: KeyMode, task_type: str) -> Project:
    """Where tasks go that name no project."""
    name = default_name(task_type)
    project = find_project(customer, mode, name)
    if project is None:
        try:
            project = create_project(customer, mode, name, task_type)
        except Conflict:
            project = find_project(customer, mode, name)
    assert project is not None
    if project.task_type != task_type:
        raise InvalidInput(f'The project "{name}" is of type {project.task_type}; please name another one.', "project")
    return project


def set_params(project: Project, params: dict[str, Any], *, patch: bool) -> None:
    """Append a version: the given parameters alone, or laid over the present ones."""
    project.params = project.params | params if patch else params
    number = project.param_history[-1]["version"] + 1 if project.param_history else 0
    project.param_history = [*project.param_history, _version(number, project.params)]


def set_wanted(project: Project, wanted: dict[str, Any]) -> None:
    """Change what is given of `WANTED`; it counts from the next verdict on."""
    for name in WANTED:
        if name in wanted:
            setattr(project, name, wanted[name])


def params_of_version(project: Project, number: int) -> dict[str, Any]:
    for version in project.param_history:
        if version["version"] == number:
            return dict(version["params"])
    raise InvalidInput(f"The project has no version {number} of its parameters.", "project_param_version")


def _version(number: int, params: dict[str, Any]) -> dict[str, Any]:
    version: dict[str, Any] = {"version": number, "created_at": f"{utc_now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"}
    if isinstance(params.get("instruction"), str):
        version["instruction"] = params["instruction"]
    return version | {"params": params}


def create_batch(
    project: Project, name: str, *, callback: str | None, metadata: dict[str, Any], staging: bool
) -> Batch:
    """A new batch, worked at once unless it is staged until it is finalized; raises Conflict if the name is taken."""
    row = {
        "id": new_id(),
        "customer_id": project.customer_id,
        "mode": project.mode,
        "project_id": project.id,
        "name": name,
        "status": BatchStatus.STAGING if staging else BatchStatus.IN_PROGRESS,
        "callback": callback,
        "metadata": metadata,
        "created_at": utc_now(),
    }
    created: Batch | None = db.session.scalar(insert(Batch).values(row).on_conflict_do_nothing().returning(Batch))
    if created is None:
        raise Conflict(f'A batch named "{name}" exists.', "name")
    return created
