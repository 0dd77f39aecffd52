"""Only the doubtful words of a recording are asked again: which passages they are in, and how answers are put back."""

from collections.abc import Sequence
from dataclasses import replace

from routing.consensus.edit_distance import NONE, align
from routing.consensus.graded import disputed
from routing.consensus.merged import Merged
from routing.consensus.words import joined, words

CONTEXT = 1  # words before and after a doubtful one that are heard along

Passage = tuple[int, int]  # [first, stop) of the words of a transcript


def passages(merged: Merged[str], threshold: float, context: int = CONTEXT) -> list[Passage]:
    """Where words are less sure than `threshold`, with their context; passages that touch are one."""
    found: list[Passage] = []
    for at in disputed(merged, threshold):
        first, stop = max(0, at - context), min(len(merged.parts), at + 1 + context)
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((first, stop))
    return found


def excerpt(value: str, answer: str, passage: Passage) -> str:
    """What `answer`, of the whole recording, says where `value` has this passage."""
    said, given = words(value), words(answer)
    first, stop = passage
    inside = []
    place = 0  # the word of the value that is next
    for i, j in align([word.key for word in said], [word.key for word in given]):
        if i == NONE:
            # What stands at the edge of a passage belongs to it only where the text ends there too.
            within = (first < place or first == 0) and (place < stop or stop == len(said))
        else:
            within, place = first <= i < stop, i + 1
        if within and j != NONE:
            inside.append(given[j])
    return joined(inside)


def with_passage(merged: Merged[str], passage: Passage, heard: Merged[str]) -> Merged[str]:
    """The transcript with this passage as it was heard again; `confidence` moves as its words' do."""
    first, stop = passage
    before = words(merged.value)
    value = joined([*before[:first], *words(heard.value), *before[stop:]])
    parts = (*merged.parts[:first], *heard.parts, *merged.parts[stop:])
    doubt = sum(1 - p for p in parts) - sum(1 - p for p in merged.parts)
    confidence = min(1.0, max(0.0, merged.confidence - doubt / max(1, len(parts))))
    return replace(merged, value=value, parts=parts, confidence=confidence)


def share_asked(merged: Merged[str], asked: Sequence[Passage]) -> float:
    """How much of the recording the passages are, in words."""
    return sum(stop - first for first, stop in asked) / max(1, len(merged.parts))
