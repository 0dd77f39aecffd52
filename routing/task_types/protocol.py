"""What a task type is: a module with these names."""

from collections.abc import Sequence
from typing import Any, Protocol

from marshmallow import Schema

from routing.skill import Observation
from routing.types import Answer as AnswerDict
from routing.types import Assembled, Piece, Problem, Verdict, Vote, Window
from routing.types import Params as ParamsDict


class TaskType(Protocol):
    """Checked by mypy against each module of the registry; the law tests cover the rest.

    Laws: `assemble` of the perfect answers to `split`'s pieces is the whole answer; `agreement` is symmetric, within 0
    to 1, and 1 for equal answers; `merge` of one vote gives its answer.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802  (a module's constants read as read-only attributes)

    @property
    def OBJECTS(self) -> str:  # noqa: N802
        """The key of an answer's list of objects, each with an id; empty for an answer without objects."""
        ...

    @property
    def Params(self) -> type[Schema]:  # noqa: N802
        """What the customer sends; fills in the defaults."""
        ...

    @property
    def Answer(self) -> type[Schema]:  # noqa: N802
        """What the labeler submits: its shape; the rules are in check_answer."""
        ...

    def answer_json_schema(self) -> dict[str, Any]:
        """The published JSON Schema of an answer."""
        ...

    def labeler_params(self, params: ParamsDict) -> dict[str, Any]:
        """The part of the parameters that a labeler sees, in one normal form."""
        ...

    def split(self, params: ParamsDict, frame_count: int | None) -> list[Piece]:
        """Cut a task into subtasks, each with its expected effort in active seconds."""
        ...

    def answers_wanted(self, params: ParamsDict) -> int:
        """How many answers are asked at most: what is reserved for."""
        ...

    def classes(self, params: ParamsDict) -> tuple[str, ...]:
        """The classes of which one is given, each time; empty where that is not what is asked."""
        ...

    def check_answer(self, answer: AnswerDict, params: ParamsDict, window: Window | None) -> list[Problem]:
        """What is wrong with an answer whose shape is right; empty if nothing is."""
        ...

    def empty_answer(self, params: ParamsDict) -> AnswerDict:
        """A valid answer without any work in it: what test-mode tasks are completed with."""
        ...

    def within(self, answer: AnswerDict, window: Window | None) -> AnswerDict:
        """The part of a whole answer that belongs to a window: the truth of a gold subtask."""
        ...

    def agreement(self, a: AnswerDict, b: AnswerDict) -> float: ...

    def merge(self, votes: Sequence[Vote]) -> Verdict: ...

    def grade(self, answer: AnswerDict, truth: AnswerDict) -> float:
        """How right an answer is, 0 to 1."""
        ...

    def same_objects(self, a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
        """Places of those objects of `a` and of `b` that are one thing, each at most once."""
        ...

    def observations(self, answer: AnswerDict, truth: AnswerDict) -> list[Observation]:
        """What an answer shows of its author, facet by facet; "accuracy" is always among them."""
        ...

    def seam_agreement(self, a: AnswerDict, window_a: Window, b: AnswerDict, window_b: Window) -> float | None:
        """Agreement on the frames that both windows saw; none where there is nothing to compare."""
        ...

    def assemble(self, pieces: Sequence[tuple[Piece, AnswerDict]], namespace: str) -> Assembled:
        """Rejoin the answers; `namespace` makes the ids of different tasks differ."""
        ...
