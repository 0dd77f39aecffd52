"""/v1/task/<type>, its quote, and /v1/evaluation_tasks/<type>: an address for each type, as their bodies differ."""

from collections.abc import Callable
from functools import cache
from typing import Any

import flask
from marshmallow import Schema, fields

from marketplace import projects
from marketplace.api.blueprint import blueprint
from marketplace.api.body import read_object
from marketplace.auth import current_customer, current_mode
from marketplace.errors import InvalidInput
from marketplace.formats import expected_response
from marketplace.models import Task
from marketplace.pipeline import intake
from marketplace.schemas.shape import invalid
from marketplace.schemas.task import NewTask, Quoted, TaskSchema
from routing.task_types import TASK_TYPES

EXPECTED = "expected_response"


class EvaluationTask(Schema):
    """A task with a known answer."""

    id = fields.String()
    type = fields.String()
    project = fields.String(attribute="project.name")
    params = fields.Dict()
    expected_response = fields.Dict()


def read_new_task(task_type: str) -> dict[str, Any]:
    projects.check_task_type(task_type)
    return read_object(NewTask(), TASK_TYPES[task_type].Params())


def create_task(task_type: str) -> Task:
    """Send a task

    Its price is reserved from your funds at once: 402 if they do not suffice. With a unique_id the call can be repeated
    safely: a second task with it is refused with 409. A test key's task is completed at once, for nothing.
    """
    return intake.accept_task(current_customer(), current_mode(), task_type, read_new_task(task_type))


def quote_task(task_type: str) -> dict[str, Any]:
    """Ask what a task would cost (ours)

    Takes the same body as sending it, checks it in the same way and stores nothing.
    """
    return intake.quote(current_customer(), current_mode(), task_type, read_new_task(task_type))


def create_evaluation_task(task_type: str) -> dict[str, Any]:
    """Give a task with a known answer

    It measures the labelers of its project: its pieces are slipped in between other work. It costs nothing and is not
    delivered. The expected_response has the shape of a completed task's response; for a drive its annotations are the
    list itself that the response's file holds.
    """
    body = read_new_task(task_type)
    response = body.pop(EXPECTED, None)
    body.pop("initial_response", None)
    if not isinstance(response, dict):
        raise InvalidInput(f'Parameter is invalid, reason: "{EXPECTED}" is required', EXPECTED)
    customer, mode = current_customer(), current_mode()
    params = intake.checked_params(customer, mode, task_type, body)
    try:
        answer = expected_response.read(task_type, response, params)
    except ValueError as error:
        raise invalid(EXPECTED, str(error)) from error
    task = intake.accept_task(customer, mode, task_type, body, expected_answer=answer)
    return {"id": task.id, "type": task.type, "project": task.project, "params": task.params, EXPECTED: response}


@cache
def _body_of(task_type: str, **more: fields.Field[Any]) -> type[Schema]:
    """The whole body of a new task of this type: for the document only, the stages read its two halves."""
    kind = "Evaluation" if more else "New"
    name = f"{kind}{task_type.removesuffix('annotation').capitalize()}Task"
    parts = (NewTask, TASK_TYPES[task_type].Params)
    return type(name, parts, {"__doc__": f"A new {task_type} task.", **more})


def _add(
    rule: str, view: Callable[[str], Any], result: type[Schema], tags: list[str], **more: fields.Field[Any]
) -> None:
    """A documented address for each task type, and one that names the types there are for all other words."""
    answering = blueprint.response(200, result)(view)
    summary = (view.__doc__ or "").partition("\n")[0]
    for task_type in TASK_TYPES:
        content = {"application/json": {"schema": _body_of(task_type, **more)}}
        blueprint.add_url_rule(
            rule.replace("<task_type>", task_type),
            f"{view.__name__}_{task_type}",
            blueprint.doc(summary=f"{summary}: {task_type}", requestBody={"required": True, "content": content})(
                answering
            ),
            methods=["POST"],
            defaults={"task_type": task_type},
            tags=tags,
        )
    flask.Blueprint.add_url_rule(blueprint, rule, view.__name__, answering, methods=["POST"])


_add("/task/<task_type>", create_task, TaskSchema, ["Sending tasks"])
_add("/task/<task_type>/quote", quote_task, Quoted, ["Sending tasks"])
_add(
    "/evaluation_tasks/<task_type>",
    create_evaluation_task,
    EvaluationTask,
    ["Evaluation tasks"],
    expected_response=fields.Dict(
        required=True, metadata={"description": "The right answer, as the response of such a task would be."}
    ),
)
