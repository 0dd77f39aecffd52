"""The form of who may work on a project: what was typed, and the rule that it means."""

import re
from dataclasses import dataclass
from typing import Any

from flask import request

from marketplace import lanes
from marketplace.errors import InvalidInput
from marketplace.models import Project

ACCURACY_MIN_PERCENT, ACCURACY_MAX_PERCENT = 30, 94
KINDS = {"languages": "language", "certificates": "certificate", "trainings": "training", "teams": "team"}


@dataclass(frozen=True)
class RuleForm:
    languages: str  # words with commas between, here and below
    certificates: str
    trainings: str
    teams: str
    countries: str
    exam: bool
    accuracy: str  # percent; empty asks for none
    trial_answers: str  # empty is as many as it takes

    @classmethod
    def of_request(cls) -> "RuleForm":
        given = request.form
        words = {name: given.get(name, "").strip() for name in (*KINDS, "countries")}
        accuracy = given.get("accuracy", "").strip().removesuffix("%").strip()
        return cls(
            **words, exam="exam" in given, accuracy=accuracy, trial_answers=given.get("trial_answers", "").strip()
        )

    @classmethod
    def of_project(cls, project: Project) -> "RuleForm":
        rule = project.labelers
        words = {
            name: ", ".join(word.partition(":")[2] for word in rule["requires"] if word.startswith(f"{kind}:"))
            for name, kind in KINDS.items()
        }
        accuracy = "" if rule["accuracy_min"] is None else f"{100 * rule['accuracy_min']:g}"
        is_usual = rule["trial_answers"] == lanes.usual_trial_answers(rule["accuracy_min"])
        return cls(
            **words,
            countries=", ".join(rule["countries"]),
            exam=rule["exam"],
            accuracy=accuracy,
            trial_answers="" if is_usual else str(rule["trial_answers"]),
        )

    def rule(self) -> dict[str, Any]:
        """Raises InvalidInput, by the field of the form."""
        rule: dict[str, Any] = {
            "requires": [f"{kind}:{word}" for name, kind in KINDS.items() for word in _words(getattr(self, name))],
            "countries": _words(self.countries),
            "exam": self.exam,
            "accuracy_min": self._accuracy_min(),
        }
        rule["trial_answers"] = None
        if self.trial_answers:
            number = int(self.trial_answers) if re.fullmatch(r"[0-9]{1,2}", self.trial_answers) else 0
            if not 1 <= number <= lanes.TRIAL_ANSWERS_MAX:
                message = f"Please give a number from 1 to {lanes.TRIAL_ANSWERS_MAX}, or nothing."
                raise InvalidInput(message, "trial_answers")
            rule["trial_answers"] = number
        return rule

    def _accuracy_min(self) -> float | None:
        if not self.accuracy:
            return None
        percent = float(self.accuracy) if re.fullmatch(r"\d{1,2}(\.\d{1,2})?", self.accuracy) else 0.0
        if not ACCURACY_MIN_PERCENT <= percent <= ACCURACY_MAX_PERCENT:
            bounds = f"from {ACCURACY_MIN_PERCENT} to {ACCURACY_MAX_PERCENT}"
            raise InvalidInput(f"Please give percent, {bounds}, or nothing.", "accuracy")
        return round(percent / 100, 4)

    def field_of(self, error: InvalidInput) -> str:
        """The form's field at fault."""
        if error.field != "requires":
            return {"accuracy_min": "accuracy"}.get(error.field or "", error.field or "languages")
        said = [name for name, kind in KINDS.items() if f'"{kind}:' in error.message]
        return said[0] if said else "languages"


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.replace("\n", ",").split(",") if word.strip()]
