"""accept_task: check what a customer sends, quote it, reserve its price and store it."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace import files, forecasts, projects
from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import DuplicateUniqueId, InvalidInput, WrongState
from marketplace.ids import new_id
from marketplace.models import Batch, BatchStatus, Customer, KeyMode, Project, Task, TaskStage, TaskStatus
from marketplace.pipeline import closing, ingest
from marketplace.queue import enqueue
from marketplace.schemas.shape import invalid, read
from marketplace.schemas.task import PRIORITY_OF_URGENCY, NewTask
from payouts import postings, pricing
from payouts.errors import InsufficientFunds
from routing.task_types import TASK_TYPES
from routing.types import Piece, Window

log = logging.getLogger(__name__)

DEFAULT_PRIORITY = 10
URL_SCHEMES = ("http://", "https://", files.SCHEME)
# What a project's parameters cannot say for its tasks: where they belong and which one is which.
OF_ONE_TASK = {"project", "batch", "unique_id", "project_param_version"}


@dataclass(frozen=True)
class Order:
    """A checked request: what every task has, what is of its type, where it belongs and what it costs."""

    task_type: str
    common: dict[str, Any]
    params: dict[str, Any]
    param_version: int | None
    project: Project | None  # none: the default project of the type, made when the task is accepted
    batch: Batch | None
    pieces: list[Piece]
    answers: int
    hourly_rate_cents: int
    price: pricing.Quote


def accept_task(
    customer: Customer,
    mode: KeyMode,
    task_type: str,
    body: dict[str, Any],
    *,
    expected_answer: dict[str, Any] | None = None,
) -> Task:
    """Store a task with its price reserved, all or nothing; its work goes on in jobs.

    With an `expected_answer` the task is gold: it measures labelers, costs nothing and is not delivered. A test task is
    completed at once. Raises InvalidInput, DuplicateUniqueId or InsufficientFunds.
    """
    order = _check(customer, mode, task_type, body)
    task_id, gold = new_id(), expected_answer is not None
    if expected_answer is not None:
        expected_answer = _check_expected(task_type, order.params, expected_answer)
    _refuse_duplicate(customer, mode, order.common.get("unique_id"))
    cents = 0 if gold or mode is KeyMode.TEST else order.price.total_cents
    if cents:
        _reserve(customer, mode, task_id, cents, order.common.get("unique_id"))
    batch = None if gold else _open_batch(order.batch, closes_at_once=mode is KeyMode.TEST)
    task = _store(customer, mode, task_id, order, batch, cents, expected_answer)
    if mode is KeyMode.TEST:
        answer = expected_answer or TASK_TYPES[task_type].empty_answer(task.params)
        closing.complete(task, answer, {"test": True})
    else:
        enqueue(ingest.ingest_task, task.id)
    log.info("task accepted", extra={"task_id": task.id, "type": task_type, "cents": cents})
    return task


def quote(customer: Customer, mode: KeyMode, task_type: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the task would cost, by the same checks as if it were sent; nothing is stored."""
    order = _check(customer, mode, task_type, body)
    return {
        "subtasks": len(order.pieces),
        "answers": order.answers,
        "effort_seconds": sum(piece.effort_seconds for piece in order.pieces),
        "hourly_rate_cents": order.hourly_rate_cents,
        "labor_cents": order.price.labor_cents,
        "fee_cents": order.price.fee_cents,
        "total_cents": order.price.total_cents,
        "currency": "USD",
        "range": forecasts.of_order(
            order.task_type,
            order.params,
            order.project,
            order.price,
            [piece.effort_seconds for piece in order.pieces],
            order.answers,
        ),
    }


def checked_params(customer: Customer, mode: KeyMode, task_type: str, body: dict[str, Any]) -> dict[str, Any]:
    """What is of the task's type in a request, with the project's parameters and the defaults filled in."""
    return _check(customer, mode, task_type, body).params


def cancel_task(task: Task, *, clear_unique_id: bool) -> None:
    """Withdraw a task on which no labeler has begun; raises WrongState."""
    closing.lock_task(task.id)
    if task.status is not TaskStatus.PENDING:
        raise WrongState(f"Only a pending task can be canceled; this one is {task.status}.")
    if task.work_started:
        raise WrongState("This task can no longer be canceled: its work has started.")
    closing.cancel(task)
    if clear_unique_id:
        task.unique_id = None


# Checking


def _check(customer: Customer, mode: KeyMode, task_type: str, body: dict[str, Any]) -> Order:
    projects.check_task_type(task_type)
    own = read(NewTask(), body)
    batch = _find_batch(customer, mode, own.get("batch"))
    project = _find_project(customer, mode, task_type, own.get("project"), batch)
    inherited, version = _inherited(project, own.get("project_param_version"))
    merged = read(NewTask(), inherited | {key: value for key, value in body.items() if value is not None})
    common = {name: merged.pop(name) for name in NewTask().fields if name in merged}
    params = read(TASK_TYPES[task_type].Params(), merged)
    _check_attachments(customer, mode, params)
    pieces = TASK_TYPES[task_type].split(params, _frame_count(params))
    answers = TASK_TYPES[task_type].answers_wanted(params)
    rate = project.hourly_rate_cents if project else settings().hourly_rate_cents
    efforts = [piece.effort_seconds for piece in pieces]
    price = pricing.quote(efforts, answers=answers, hourly_rate_cents=rate, fee_percent=settings().fee_percent)
    return Order(task_type, common, params, version, project, batch, pieces, answers, rate, price)


def _check_expected(task_type: str, params: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """A right answer must be one that a labeler could give."""
    answer = read(TASK_TYPES[task_type].Answer(), expected, inside="expected_response")
    frames = _frame_count(params)
    window = None if frames is None else Window(0, frames)
    for problem in TASK_TYPES[task_type].check_answer(answer, params, window):
        raise invalid(f"expected_response.{problem.path}", problem.message)
    return answer


def _find_batch(customer: Customer, mode: KeyMode, name: str | None) -> Batch | None:
    if name is None:
        return None
    batch = projects.find_batch(customer, mode, name)
    if batch is None:
        raise InvalidInput(f'Parameter is invalid, reason: there is no batch named "{name}"', "batch")
    return batch


def _find_project(
    customer: Customer, mode: KeyMode, task_type: str, name: str | None, batch: Batch | None
) -> Project | None:
    project = projects.find_project(customer, mode, name) if name is not None else batch.project if batch else None
    if name is not None and project is None:
        raise InvalidInput(f'Parameter is invalid, reason: there is no project named "{name}"', "project")
    if project is None:
        project = projects.find_project(customer, mode, projects.default_name(task_type))
    if project is None:
        return None
    if batch is not None and batch.project_id != project.id:
        raise InvalidInput(f'The batch "{batch.name}" belongs to the project "{batch.project.name}".', "batch")
    if project.task_type != task_type:
        raise InvalidInput(f'The project "{project.name}" is for {project.task_type} tasks.', "project")
    if project.archived_at is not None:
        raise InvalidInput(f'The project "{project.name}" is archived.', "project")
    return project


def _inherited(project: Project | None, version: int | None) -> tuple[dict[str, Any], int | None]:
    """The parameters that a project gives its tasks, and their version."""
    if project is None:
        if version is not None:
            raise invalid("project_param_version", "only the parameters of a project have versions.")
        return {}, None
    params = dict(project.params) if version is None else projects.params_of_version(project, version)
    newest = project.param_history[-1]["version"] if project.param_history else None
    kept = {key: value for key, value in params.items() if key not in OF_ONE_TASK}
    return kept, newest if version is None else version


def _frame_count(params: Mapping[str, Any]) -> int | None:
    return len(params["attachments"]) if "attachments" in params else None


def _check_attachments(customer: Customer, mode: KeyMode, params: Mapping[str, Any]) -> None:
    """What can be said of attachments without fetching them: the scheme, and that our files are the customer's."""
    addresses = dict(_addresses(params))
    if len(addresses) > settings().frames_max:
        raise InvalidInput(f"Not more than {settings().frames_max} frames a task.", "attachments")
    for path, url in addresses.items():
        if not url.startswith(URL_SCHEMES):
            raise InvalidInput(
                f'Parameter is invalid, reason: "{path}" must begin with http://, https:// or {files.SCHEME}', path
            )
    _refuse_repeated(addresses)
    ours = {path: url for path, url in addresses.items() if url.startswith(files.SCHEME)}
    missing = files.missing(customer, mode, ours.values())
    for path, url in ours.items():
        if url in missing:
            raise InvalidInput(f'Parameter is invalid, reason: "{path}": you have no file {url}', path)


def _refuse_repeated(addresses: Mapping[str, str]) -> None:
    """A frame stands once in its drive: an address that is there twice means that another was left out."""
    first: dict[str, str] = {}
    for path, url in addresses.items():
        if first.setdefault(url, path) != path:
            raise invalid(path, f"this is {first[url]} once more; each frame is listed once, in the order of time")


def _addresses(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The attachments that are addresses, each with its path in the request."""
    if "attachments" in params:
        yield from ((f"attachments[{k}]", url) for k, url in enumerate(params["attachments"]))
    elif params.get("attachment_type") != "text":
        yield "attachment", params["attachment"]


# Storing


def _refuse_duplicate(customer: Customer, mode: KeyMode, unique_id: str | None) -> None:
    other = task_of_unique_id(customer, mode, unique_id) if unique_id is not None else None
    if other is not None:
        raise duplicate(unique_id, other)


def task_of_unique_id(customer: Customer, mode: KeyMode, unique_id: str) -> str | None:
    """The id of the task that has this unique_id."""
    return db.session.scalar(select(Task.id).filter_by(customer_id=customer.id, mode=mode, unique_id=unique_id))


def duplicate(unique_id: str | None, task_id: str | None) -> DuplicateUniqueId:
    message = f'The unique_id ("{unique_id}") is already used for a different task ({task_id}).'
    return DuplicateUniqueId(message, "unique_id")


def _reserve(customer: Customer, mode: KeyMode, task_id: str, cents: int, unique_id: str | None) -> None:
    """Reserve, before the row is stored: the customer's funds are locked first in every stage that moves them."""
    try:
        postings.reserve(cast(Any, db.session), customer.id, task_id, cents)
    except InsufficientFunds:
        # Its twin may have won, with the last of the funds: then the answer is "duplicate", so that a retry can tell.
        _refuse_duplicate(customer, mode, unique_id)
        raise


def _open_batch(batch: Batch | None, *, closes_at_once: bool) -> Batch | None:
    """Keep the batch from completing until this task is in it; one that had completed is open again.

    The lock is shared, as creates run side by side. It is exclusive from the start for a task that will complete the
    batch itself, and to reopen one: a lock that two hold and both want to raise is a deadlock.
    """
    if batch is None:
        return None
    still_open = select(Batch.id).where(Batch.id == batch.id, Batch.status != BatchStatus.COMPLETED)
    if closes_at_once or db.session.scalar(still_open.with_for_update(read=True)) is None:
        db.session.refresh(batch, with_for_update=True)
    if batch.status is BatchStatus.COMPLETED:
        batch.status, batch.completed_at = BatchStatus.IN_PROGRESS, None
    return batch


def _store(
    customer: Customer,
    mode: KeyMode,
    task_id: str,
    order: Order,
    batch: Batch | None,
    cents: int,
    expected_answer: dict[str, Any] | None,
) -> Task:
    project = order.project or projects.default_project(customer, mode, order.task_type)
    common, now = order.common, utc_now()
    row = {
        "id": task_id,
        "customer_id": customer.id,
        "mode": mode,
        "project_id": project.id,
        "batch_id": batch.id if batch else None,
        "type": order.task_type,
        "status": TaskStatus.PENDING,
        "stage": TaskStage.RECEIVED,
        "params": order.params,
        "param_version": order.param_version,
        "instruction": common.get("instruction", ""),
        "metadata": common.get("metadata", {}),
        "callback_url": common.get("callback_url"),
        "unique_id": common.get("unique_id"),
        "clear_unique_id_on_error": common["clear_unique_id_on_error"],
        "tags": common.get("tags", []),
        "priority": _priority(common),
        "audits": [],
        "work_started": False,
        "expected_answer": expected_answer,
        "quote_cents": cents,
        "currency": "USD",
        "frames_total": _frame_count(order.params) or 0,
        "frames_ready": 0,
        "created_at": now,
        "updated_at": now,
    }
    # Two creates with one unique_id at once: the index lets one through, and the other has moved no money either.
    stored: Task | None = db.session.scalar(insert(Task).values(row).on_conflict_do_nothing().returning(Task))
    if stored is None:
        raise duplicate(common.get("unique_id"), task_of_unique_id(customer, mode, common["unique_id"]))
    return stored


def _priority(common: Mapping[str, Any]) -> int:
    if "priority" in common:
        return int(common["priority"])
    return PRIORITY_OF_URGENCY.get(common.get("urgency", ""), DEFAULT_PRIORITY)
