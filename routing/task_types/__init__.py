"""The task types: a module each, and a line here."""

from routing.task_types import categorization, imageannotation, lidarannotation
from routing.task_types.protocol import TaskType

TASK_TYPES: dict[str, TaskType] = {
    lidarannotation.NAME: lidarannotation,
    imageannotation.NAME: imageannotation,
    categorization.NAME: categorization,
}
