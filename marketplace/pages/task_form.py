"""The form of a new task: what was typed and uploaded, and the requests that it means."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict

from marketplace.errors import InvalidInput
from marketplace.ids import new_id
from marketplace.models import Project
from marketplace.pages.project_form import labels_of_params, lines, params_of_labels
from marketplace.reports.tasks import PAGE_IDS

TASKS_MAX = 200  # of one form; more come better through the API
TEXT_SEPARATOR = "---"


@dataclass(frozen=True)
class TaskForm:
    """`token` is made with the empty form: sending the same form twice makes its tasks once."""

    token: str
    attachments: str  # addresses, one a line; for texts the texts, with a line of three dashes between them
    labels: str  # one a line
    instruction: str
    unique_id: str
    batch: str
    callback_url: str
    priority: str
    answers: str
    attachment_type: str  # of a categorization: text or image

    @classmethod
    def of(cls, given: "MultiDict[str, str]", project: Project) -> "TaskForm":
        params = project.params
        return cls(
            token=given.get("token") or new_id(),
            attachments=given.get("attachments", "").strip(),
            labels=given.get("labels", "\n".join(labels_of_params(params))).strip(),
            instruction=given.get("instruction", str(params.get("instruction", ""))).strip(),
            unique_id=given.get("unique_id", "").strip(),
            batch=given.get("batch", "").strip(),
            callback_url=given.get("callback_url", "").strip(),
            priority=given.get("priority", "10"),
            answers=given.get("answers", "").strip(),
            attachment_type=given.get("attachment_type", "text"),
        )

    def with_attachments(self, urls: list[str]) -> "TaskForm":
        joined = "\n".join([*lines(self.attachments), *urls])
        return replace(self, attachments=joined)

    def bodies(self, project: Project) -> list[dict[str, Any]]:
        """One request for a drive; one for each attachment of the other types. Raises InvalidInput."""
        attachments = self._attachments(project.task_type)
        if not attachments:
            raise InvalidInput("Upload a file or paste an address; there is nothing to label yet.", "attachments")
        common = self._common(project)
        if project.task_type == "lidarannotation":
            return [common | {"attachments": attachments, "unique_id": self._unique_id(None)}]
        if len(attachments) > TASKS_MAX:
            raise InvalidInput(f"Not more than {TASKS_MAX} at once here; the API takes any number.", "attachments")
        several = len(attachments) > 1
        return [
            common | {"attachment": attachment, "unique_id": self._unique_id(k if several else None)}
            for k, attachment in enumerate(attachments)
        ]

    def _attachments(self, task_type: str) -> list[str]:
        if task_type == "categorization" and self.attachment_type == "text":
            texts = f"\n{self.attachments}\n".replace("\r\n", "\n").split(f"\n{TEXT_SEPARATOR}\n")
            return [text.strip() for text in texts if text.strip()]
        return lines(self.attachments)

    def _common(self, project: Project) -> dict[str, Any]:
        body: dict[str, Any] = {"project": project.name, "instruction": self.instruction}
        if lines(self.labels) != labels_of_params(project.params):
            body |= params_of_labels(project.task_type, lines(self.labels))
        if project.task_type == "categorization":
            body["attachment_type"] = self.attachment_type
        if self.answers:
            body["answers"] = _whole(self.answers, "answers")
        body["priority"] = _whole(self.priority, "priority")
        body |= {"batch": self.batch or None, "callback_url": self.callback_url or None}
        return body

    def _unique_id(self, number: int | None) -> str:
        own = self.unique_id or f"{PAGE_IDS}{self.token}"
        return own if number is None else f"{own}-{number + 1}"


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("Please give a whole number.", field)
    return int(text)


def uploads(files: Mapping[str, Any]) -> list[FileStorage]:
    """The chosen files, in the order of their names: frames of a drive are numbered."""
    found = [file for file in files.getlist("files") if file.filename]  # type: ignore[attr-defined]
    return sorted(found, key=lambda file: file.filename or "")


def field_of(path: str | None) -> str:
    """The form's field that a parameter's path belongs to."""
    word = (path or "").split("[")[0].split(".")[0]
    if word in {"attachment", "attachments", "file"}:
        return "attachments"
    if word in {"labels", "categories", "geometries"}:
        return "labels"
    known = {"instruction", "unique_id", "batch", "callback_url", "priority", "answers", "attachment_type"}
    return word if word in known else "form"
