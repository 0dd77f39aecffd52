"""The plain values that the core takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from routing.skill import Profile

Answer = dict[str, Any]  # checked against its task type's schema at the edge
Params = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """Frames [start, stop) of a drive."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.stop

    def overlap(self, other: "Window") -> "Window":
        start = max(self.start, other.start)
        return Window(start, max(start, min(self.stop, other.stop)))


@dataclass(frozen=True)
class Piece:
    """One subtask to be: its place in the task, its frames if the task has any, and what it takes."""

    index: int
    window: Window | None
    effort_seconds: int


@dataclass(frozen=True)
class Problem:
    """What is wrong with an answer, and where: `tracks[3].cuboids[0].yaw`."""

    path: str
    message: str


@dataclass(frozen=True)
class Vote:
    """One labeler's answer; `weight` is its author's measured accuracy, 0 to 1, `profile` all that is known of her."""

    labeler_id: str
    answer: Answer
    weight: float
    profile: Profile | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer that counts, how sure it is (0 to 1), and each labeler's agreement with it.

    `objects`: the confidence of each object in the answer, by its id, where there are objects. `posterior`: of what is
    decided, or of the most doubtful decision, the probability of each outcome; none for graded kinds. `gain`: by how
    much one more answer is expected to raise the confidence, where the consensus of the kind can tell.
    """

    answer: Answer
    confidence: float
    scores: Mapping[str, float]
    objects: Mapping[str, float] = field(default_factory=dict)
    posterior: Mapping[str, float] = field(default_factory=dict)
    gain: float | None = None


@dataclass(frozen=True)
class Assembled:
    """A whole task's answer, and the report of how its pieces were joined."""

    answer: Answer
    report: dict[str, Any]
