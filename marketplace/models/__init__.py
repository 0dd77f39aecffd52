"""The tables, one file per aggregate; states are StrEnums with their allowed moves beside them."""

from marketplace.models.assignment import Assignment, AssignmentState, Review, ReviewDecision
from marketplace.models.audit import AuditEvent
from marketplace.models.customer import ApiKey, Customer, KeyMode
from marketplace.models.deliverable import CallbackAttempt, CallbackState, Deliverable
from marketplace.models.file import File
from marketplace.models.labeler import (
    Block,
    Labeler,
    LabelerState,
    LabelerToken,
    Qualification,
    SkillRecord,
    Trial,
    TrialState,
)
from marketplace.models.note import RoutingNote
from marketplace.models.project import Batch, BatchStatus, Project
from marketplace.models.skill import AccuracyStep, ProjectFit, SkillPopulation, SkillStatistic, Source
from marketplace.models.subtask import Lane, Slot, SlotState, Standing, Subtask, SubtaskState
from marketplace.models.task import Frame, Task, TaskStage, TaskStatus
from marketplace.models.user import Role, User, UserSession

__all__ = [
    "AccuracyStep",
    "ApiKey",
    "Assignment",
    "AssignmentState",
    "AuditEvent",
    "Batch",
    "BatchStatus",
    "Block",
    "CallbackAttempt",
    "CallbackState",
    "Customer",
    "Deliverable",
    "File",
    "Frame",
    "KeyMode",
    "Labeler",
    "LabelerState",
    "LabelerToken",
    "Lane",
    "Project",
    "ProjectFit",
    "Qualification",
    "Review",
    "ReviewDecision",
    "Role",
    "RoutingNote",
    "SkillPopulation",
    "SkillRecord",
    "SkillStatistic",
    "Slot",
    "SlotState",
    "Source",
    "Standing",
    "Subtask",
    "SubtaskState",
    "Task",
    "TaskStage",
    "TaskStatus",
    "Trial",
    "TrialState",
    "User",
    "UserSession",
]
