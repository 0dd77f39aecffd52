"""What a labeler is told of her own work: why she saw it and what became of it.

The words depend on nothing that differs between gold and other work: on the kind of work, on what she was asked about,
and on the assignment's state. Why she really got it is kept with the assignment, and only an operator reads that.
"""

from collections.abc import Mapping
from typing import Any

from marketplace.models import AssignmentState
from marketplace.words import plural, task_type

SEEN = (
    "You are qualified for this kind of work ({kind}), and when you asked it was the best match of what was open to "
    "you: what is urgent and what you are measurably good at comes first, and chance has a part, so that everybody "
    "gets some of everything. Some pieces are given out to measure; they look and pay like all others."
)
ENDED = {
    AssignmentState.SUBMITTED: "It waits: others may be asked the same, or a person looks at it. Then it is paid.",
    AssignmentState.ACCEPTED: (
        "Your answer was accepted when the piece was decided, and it is paid, whether or not it was the one that "
        "counted. How it compares is part of your measured accuracy, in steps of several answers."
    ),
    AssignmentState.REJECTED: "A reviewer looked at it and rejected it; the reason stands beside it.",
    AssignmentState.EXPIRED: "Its time ran out before you submitted it. The draft is kept.",
    AssignmentState.SKIPPED: "You gave it back, and it went to somebody else.",
    AssignmentState.CANCELED: "The customer withdrew the task before the piece was decided.",
}


def why_seen(kind: str, focus: Mapping[str, Any] | None) -> str:
    """`focus` is the assignment's: part of a piece may be asked about, which she has seen in the workbench."""
    said = SEEN.format(kind=task_type(kind))
    if not focus or not focus.get("disputed"):
        return said
    return f"{said} You were asked about {plural(len(focus['disputed']), 'part')} on which earlier answers differ."


def why_ended(state: AssignmentState) -> str | None:
    return ENDED.get(state)
