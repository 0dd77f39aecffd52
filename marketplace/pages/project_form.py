"""The form of a new project: what was typed, and the parameters that it means."""

import re
from dataclasses import dataclass
from typing import Any

from flask import request

from marketplace.errors import InvalidInput

RATE_MIN_CENTS, RATE_MAX_CENTS = 100, 50_000
NAME_CHARACTERS_MAX = 200
TARGET_MIN_PERCENT, TARGET_MAX_PERCENT = 50, 99.9
ANSWERS_MIN_MAX = 15


@dataclass(frozen=True)
class ProjectForm:
    name: str
    task_type: str
    labels: str  # one a line
    instruction: str
    hourly_rate: str  # dollars
    target: str  # percent; empty is the usual
    answers_min: str  # empty is as many as it takes

    @classmethod
    def of_request(cls, *, rate_cents: int) -> "ProjectForm":
        given = request.form
        return cls(
            name=given.get("name", "").strip(),
            task_type=given.get("task_type", "lidarannotation"),
            labels=given.get("labels", ""),
            instruction=given.get("instruction", "").strip(),
            hourly_rate=given.get("hourly_rate", f"{rate_cents / 100:.2f}").strip(),
            target=given.get("target", "").strip().removesuffix("%").strip(),
            answers_min=given.get("answers_min", "").strip(),
        )

    def params(self) -> dict[str, Any]:
        """What every task of the project inherits; raises InvalidInput."""
        if not 1 <= len(self.name) <= NAME_CHARACTERS_MAX:
            raise InvalidInput(f"Please give a name of at most {NAME_CHARACTERS_MAX} characters.", "name")
        params = params_of_labels(self.task_type, lines(self.labels)) if lines(self.labels) else {}
        return params | ({"instruction": self.instruction} if self.instruction else {})

    def wanted(self) -> dict[str, Any]:
        """How sure answers must be and how many are asked at least; raises InvalidInput."""
        wanted: dict[str, Any] = {}
        if self.target:
            percent = float(self.target) if re.fullmatch(r"\d{1,2}(\.\d{1,2})?", self.target) else 0.0
            if not TARGET_MIN_PERCENT <= percent <= TARGET_MAX_PERCENT:
                raise InvalidInput(
                    f"Please give percent, from {TARGET_MIN_PERCENT} to {TARGET_MAX_PERCENT}, or nothing.", "target"
                )
            wanted["target_confidence"] = round(percent / 100, 4)
        if self.answers_min:
            number = int(self.answers_min) if re.fullmatch(r"[0-9]{1,2}", self.answers_min) else 0
            if not 1 <= number <= ANSWERS_MIN_MAX:
                raise InvalidInput(f"Please give a number from 1 to {ANSWERS_MIN_MAX}, or nothing.", "answers_min")
            wanted["answers_min"] = number
        return wanted

    def hourly_rate_cents(self) -> int:
        found = re.fullmatch(r"\$?(\d{1,4})(?:\.(\d{1,2}))?", self.hourly_rate)
        cents = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else 0
        if not RATE_MIN_CENTS <= cents <= RATE_MAX_CENTS:
            raise InvalidInput(
                f"Please give dollars an hour, from {RATE_MIN_CENTS // 100} to {RATE_MAX_CENTS // 100}, as 18.00.",
                "hourly_rate",
            )
        return cents


def lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def params_of_labels(task_type: str, labels: list[str]) -> dict[str, Any]:
    """The taxonomy where each task type's parameters have it."""
    if task_type == "categorization":
        return {"categories": labels}
    if task_type == "imageannotation":
        return {"geometries": {"box": {"objects_to_annotate": labels}}}
    return {"labels": labels}


def labels_of_params(params: dict[str, Any]) -> list[str]:
    """The other way round, for a form that starts from a project's parameters."""
    box = (params.get("geometries") or {}).get("box") or {}
    found = params.get("labels") or params.get("categories") or box.get("objects_to_annotate") or []
    return [label if isinstance(label, str) else str(label.get("choice", label.get("label"))) for label in found]
