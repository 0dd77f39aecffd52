"""What one more labeler is best asked about: everything, or a few objects that are in dispute, by gain per effort."""

from dataclasses import dataclass

import numpy as np

from routing.consensus.objects import Candidates
from routing.overlap import EFFORT_SHARE_MIN


@dataclass(frozen=True)
class Ask:
    """`places`: the candidates to ask about, in order; none is the whole subtask.

    `gain` is the expected rise of the similarity to the truth, `share` what it takes of the whole subtask's effort.
    """

    places: tuple[int, ...] | None
    gain: float
    share: float

    @property
    def rate(self) -> float:
        """Gain per whole answer's effort: what the stop rule compares with a price."""
        return self.gain / self.share


def next_ask(found: Candidates, share_min: float = EFFORT_SHARE_MIN) -> Ask:
    """The ask with the highest gain per effort; only the whole subtask can show what nobody drew so far."""
    whole = Ask(None, found.gain, 1.0)
    if not len(found.gains):
        return whole
    order = np.argsort(-found.gains, kind="stable")
    count = np.arange(1, len(order) + 1)
    share = np.clip(count / max(1, len(found.kept)), share_min, 1.0)
    gain = np.cumsum(found.gains[order])
    best = int((gain / share).argmax())
    part = Ask(tuple(sorted(order[: best + 1].tolist())), float(gain[best]), float(share[best]))
    return part if part.rate > whole.rate else whole
