"""How a subtask came to its verdict: everything that happened to it, in the order of time and in words.

Operators read names. Customers, labelers and reviewers do not: "one labeler", with what was measured of her.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from marketplace.db import db
from marketplace.explain.claims import of_claim
from marketplace.explain.decisions import People, quoted, told
from marketplace.models import (
    Assignment,
    AssignmentState,
    Labeler,
    Lane,
    Project,
    Review,
    RoutingNote,
    Subtask,
    SubtaskState,
    Task,
    User,
)
from marketplace.reports.answers import numbers_of
from marketplace.reports.listing import find_row
from marketplace.reports.tasks import subtasks_of
from marketplace.words import duration, plural

OBJECTS_MAX = 200
FIRST_QUALITIES = 3  # of an answer's numbers, as many as a line has room for


@dataclass(frozen=True)
class Event:
    """One thing that happened; `kind` is the note's, or opened, claimed, answered, ended, reviewed."""

    at: datetime
    kind: str
    title: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A subtask with where it belongs."""

    subtask: Subtask
    task: Task
    lane: Lane
    project: Project

    @property
    def frames(self) -> tuple[int, int] | None:
        """The first and the last."""
        if self.subtask.window_start is None or self.subtask.window_stop is None:
            return None
        return self.subtask.window_start, self.subtask.window_stop - 1


def find_place(subtask_id: str) -> Place:
    columns: list[Any] = [Subtask, Task, Lane, Project]
    one = (
        select(*columns)
        .join(Task, Task.id == Subtask.task_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Subtask.id == subtask_id)
    )
    return Place(*find_row(one, "There is no subtask with this id."))


# An operator's story


def story_of(place: Place) -> list[Event]:
    """All that happened to a subtask, with names."""
    subtask = place.subtask
    held = assignments_of(subtask.id)
    people = _names(held) | _reviewers(held)
    events = [_opened(place)]
    for assignment in held:
        events += _of_assignment(assignment)
    events += _reviews(held, people)
    authors = {one.id: one.labeler.name for one in held}
    for note in notes_of([subtask.id, *authors]):
        event = decision(note, people)
        whose = authors.get(note.subject_id)
        events.append(replace(event, title=f"{whose}: {event.title.lower()}") if whose else event)
    # What happened in one moment is told in the order of its making: an answer, then what follows from it.
    return sorted(events, key=lambda event: (event.kind != "opened", event.at))


def assignments_of(subtask_id: str) -> list[Assignment]:
    wanted = select(Assignment).where(Assignment.subtask_id == subtask_id).order_by(Assignment.claimed_at)
    return list(db.session.scalars(wanted))


def notes_of(subject_ids: Sequence[str]) -> list[RoutingNote]:
    """In the order in which they were written."""
    wanted = select(RoutingNote).where(RoutingNote.subject_id.in_(subject_ids)).order_by(RoutingNote.id)
    return list(db.session.scalars(wanted))


def decision(note: RoutingNote, people: People) -> Event:
    words = told(note.kind, note.numbers, people)
    return Event(note.at, note.kind, words.title, words.sentences)


def _names(held: Iterable[Assignment]) -> dict[str, str]:
    ids = {one.labeler_id for one in held}
    rows = db.session.execute(select(Labeler.id, Labeler.name).where(Labeler.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def _reviewers(held: Iterable[Assignment]) -> dict[str, str]:
    decided = select(Review.reviewer_id).where(Review.assignment_id.in_([one.id for one in held]))
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(decided)))
    return {row[0]: row[1] for row in rows}


def _opened(place: Place) -> Event:
    subtask = place.subtask
    if subtask.gold:
        sentence = "Its right answer is known: it is given out now and then to measure, and paid like any other."
    else:
        most = plural(subtask.answers_wanted, "answer")
        takes = duration(subtask.effort_seconds)
        sentence = f"Reserved for: at most {most}, of {takes} each. As many are asked as are worth their price."
    return Event(subtask.created_at, "opened", "Opened", (sentence,))


def _of_assignment(one: Assignment) -> list[Event]:
    who = one.labeler.name
    # The column comes with the migration of matching; an older assignment has no reason.
    events = [
        Event(one.claimed_at, "claimed", f"{who} claimed it", (*of_claim(getattr(one, "why", None)), *_about(one)))
    ]
    if one.submitted_at is not None:
        events.append(Event(one.submitted_at, "answered", f"{who} answered", (_what_answered(one),)))
    ended = {
        AssignmentState.SKIPPED: ("skipped it", one.reason),
        AssignmentState.REJECTED: ("was rejected", one.reason),
        AssignmentState.EXPIRED: ("lost the lease by time", "The draft is kept."),
        AssignmentState.CANCELED: ("was let go", "The customer withdrew the task."),
    }.get(one.state)
    if ended is not None:
        at = one.closed_at or one.submitted_at or one.lease_expires_at
        events.append(Event(at, "ended", f"{who} {ended[0]}", (ended[1],) if ended[1] else ()))
    return events


def _about(one: Assignment) -> tuple[str, ...]:
    if one.focus is None:
        return ()
    return (f"Asked about {plural(len(one.focus['disputed']), 'object')} in doubt; the others stood.",)


def _what_answered(one: Assignment) -> str:
    found = answer_in_words(one.answer or {})
    return f"{found}, in {duration(one.active_seconds)} of active time."


def answer_in_words(answer: dict[str, Any]) -> str:
    """What an answer holds, in a few words: a category, or how much was drawn."""
    if "category" in answer:
        return quoted(answer["category"])
    quantities = list(numbers_of(answer).items())[:FIRST_QUALITIES]
    return ", ".join(f"{value} {name}" for name, value in quantities) or "Nothing"


def _reviews(held: Sequence[Assignment], people: People) -> list[Event]:
    authors = {one.id: one.labeler.name for one in held}
    rows = db.session.scalars(select(Review).where(Review.assignment_id.in_(list(authors))).order_by(Review.created_at))
    return [_review(one, people.get(one.reviewer_id, "A reviewer"), authors[one.assignment_id]) for one in rows]


def _review(one: Review, reviewer: str, author: str) -> Event:
    title = f"{reviewer}: the answer of {author} is {one.decision.value}"
    return Event(one.created_at, "reviewed", title, (one.reason,) if one.reason else ())


# What is shown beside it


@dataclass(frozen=True)
class ObjectRow:
    """An object of the verdict and how sure it is; `firm` where that reaches the target."""

    id: str
    label: str
    confidence: float
    firm: bool


def objects_of(subtask: Subtask, notes: Sequence[RoutingNote]) -> list[ObjectRow]:
    """The objects of the newest decision, the most doubtful first."""
    with_objects = [note.numbers for note in notes if note.numbers.get("objects")]
    if not with_objects:
        return []
    newest = with_objects[-1]
    answer: Mapping[str, Any] = subtask.verdict or (subtask.focus or {}).get("answer") or {}
    drawn = [*answer.get("tracks", []), *answer.get("annotations", [])]
    labels = {one["id"]: str(one["label"]) for one in drawn}
    sure = sorted(newest["objects"].items(), key=lambda item: item[1])[:OBJECTS_MAX]
    return [ObjectRow(name, labels.get(name, "–"), one, one >= newest["target"]) for name, one in sure]


# What others than operators read


def why_in_review(subtask_id: str, answers: Sequence[Assignment]) -> Event | None:
    """Why a person has to decide; the labelers are named by the number of their answer."""
    people = {one.labeler_id: f"the author of answer {number}" for number, one in enumerate(answers, 1)}
    sent = [note for note in notes_of([subtask_id]) if note.kind == "in_review"]
    return decision(sent[-1], people) if sent else None


@dataclass(frozen=True)
class Decided:
    """A subtask as its customer sees it: how many answers there are, and each decision with its reasons."""

    subtask: Subtask
    answers: int
    events: list[Event]


def decided(task: Task, limit: int = 500) -> list[Decided]:
    """What was decided of each subtask and why, without names, in the order of the task."""
    rows = subtasks_of(task, limit)
    events: dict[str, list[Event]] = {row.subtask.id: [] for row in rows}
    for note in notes_of(list(events)):
        events[note.subject_id].append(decision(note, {}))
    return [Decided(row.subtask, row.submitted + row.accepted, events[row.subtask.id]) for row in rows]


def in_short(found: Sequence[Decided]) -> str:
    """How a task was decided, in a sentence: how many answers were enough, and for how much of it."""
    closed = [one for one in found if one.subtask.state is SubtaskState.RESOLVED]
    if not closed:
        return "Nothing is decided yet."
    by_count = Counter(one.answers for one in closed)
    parts = [
        f"{plural(count, 'subtask')} by {plural(answers, 'answer')}" for answers, count in sorted(by_count.items())
    ]
    asked = sum(1 for one in closed if any(event.kind == "asked_again" for event in one.events))
    again = f" Of {plural(asked, 'subtask')} a further answer was asked, since it was worth its price." if asked else ""
    return f"Decided: {', '.join(parts)}.{again}"
