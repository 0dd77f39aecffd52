"""Measured accuracy on its pages: a labeler's own, by steps, and an operator's view of anybody, as of now."""

from collections.abc import Sequence

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from marketplace import accuracy_steps
from marketplace.auth import current_labeler
from marketplace.clock import utc_now
from marketplace.models import AccuracyStep
from marketplace.reports import labelers as people
from marketplace.reports import measured
from marketplace.reports import work as done
from marketplace.reports.measured import Measured
from routing.task_types import TASK_TYPES

of_labeler = Blueprint("accuracy", __name__)
of_operator = Blueprint("accuracy", __name__)


@of_labeler.get("/accuracy")
def own() -> ResponseReturnValue:
    labeler = current_labeler()
    steps = accuracy_steps.steps_of(labeler.id)
    return render_template(
        "labeler/accuracy.html",
        found=[measured.read(of_type[-1].measured) for of_type in steps.values()],
        steps={task_type: of_type[-1] for task_type, of_type in steps.items()},
        charts={task_type: chart(of_type) for task_type, of_type in steps.items()},
        missing=sorted(done.qualified_types(labeler.id) - steps.keys()),
        answers_a_step=accuracy_steps.ANSWERS_A_STEP,
    )


@of_operator.get("/labelers/<labeler_id>/accuracy")
def of_anybody(labeler_id: str) -> ResponseReturnValue:
    labeler, now = people.find_labeler(labeler_id), utc_now()
    documents = [measured.document(labeler.id, task_type, now) for task_type in TASK_TYPES]
    steps = accuracy_steps.steps_of(labeler.id)
    return render_template(
        "operator/accuracy.html",
        labeler=labeler,
        found=[measured.read(one) for one in documents if one is not None],
        charts={task_type: chart(of_type) for task_type, of_type in steps.items()},
    )


def chart(steps: Sequence[AccuracyStep]) -> dict[str, object]:
    """The number over all, step by step, with its interval."""
    shown: list[Measured] = [measured.read(step.measured) for step in steps]
    estimates = [one.accuracy.estimate for one in shown]
    return {
        "x": {"label": "day", "kind": "time", "values": [int(step.at.timestamp()) for step in steps]},
        "y": {"label": "accuracy", "unit": "%"},
        "series": [
            {
                "label": "measured, with its 90% interval",
                "kind": "line" if len(steps) > 1 else "points",
                "values": [round(100 * one.mean, 1) for one in estimates],
                "low": [round(100 * one.low, 1) for one in estimates],
                "high": [round(100 * one.high, 1) for one in estimates],
            }
        ],
    }
