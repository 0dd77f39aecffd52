"""Categorization: a text or an image gets one category, or several."""

from collections.abc import Sequence
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from routing import skill
from routing.consensus import classes as consensus
from routing.consensus.classes import Voter
from routing.skill import Observation, confusion_facet
from routing.task_types.params import CHOICES_MAX, Label, TaskParams, label_name, leaves, unique_labels
from routing.types import Answer as AnswerDict
from routing.types import Assembled, Piece, Problem, Verdict, Vote, Window
from routing.types import Params as ParamsDict

NAME = "categorization"
OBJECTS = ""
TEXT_SECONDS, IMAGE_SECONDS, CHARACTERS_PER_SECOND = 6, 6, 20
ANSWERS = 3


class Params(TaskParams):
    attachment = fields.String(
        required=True,
        validate=validate.Length(1, 50_000),
        metadata={"description": "The text itself, or the address of the image or website."},
    )
    attachment_type = fields.String(load_default="text", validate=validate.OneOf(["text", "image", "website"]))
    categories = fields.List(
        Label(), required=True, validate=[validate.Length(2, CHOICES_MAX), lambda labels: unique_labels(labels)]
    )
    allow_multiple = fields.Boolean(load_default=False, metadata={"description": "More than one may apply."})
    answers = fields.Integer(
        load_default=ANSWERS,
        strict=True,
        validate=validate.Range(1, 15),
        metadata={"description": "How many labelers are asked at most."},
    )


class Category(fields.Field[Any]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            return value
        raise ValidationError("Must be a category, or a list of categories.")


class Answer(Schema):
    class Meta:
        unknown = RAISE

    category = Category(required=True)


def answer_json_schema() -> dict[str, Any]:
    word = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["category"],
        "additionalProperties": False,
        "properties": {
            "category": {"oneOf": [word, {"type": "array", "items": word, "minItems": 1, "uniqueItems": True}]}
        },
    }


def labeler_params(params: ParamsDict) -> dict[str, Any]:
    categories = [
        {"choice": label_name(c)} | ({"description": c["description"]} if c.get("description") else {})
        if isinstance(c, dict)
        else c
        for c in params["categories"]
        if not (isinstance(c, dict) and c.get("subchoices"))
    ]
    nested = [n for n in leaves(params["categories"]) if n not in {label_name(c) for c in categories}]
    return {"categories": categories + nested, "allow_multiple": params["allow_multiple"]}


def split(params: ParamsDict, frame_count: int | None) -> list[Piece]:
    effort = IMAGE_SECONDS
    if params["attachment_type"] == "text":
        effort = TEXT_SECONDS + min(600, len(params["attachment"]) // CHARACTERS_PER_SECOND)
    return [Piece(0, None, effort)]


def answers_wanted(params: ParamsDict) -> int:
    return int(params["answers"])


def classes(params: ParamsDict) -> tuple[str, ...]:
    return () if params["allow_multiple"] else tuple(leaves(params["categories"]))


def check_answer(answer: AnswerDict, params: ParamsDict, window: Window | None) -> list[Problem]:
    names = leaves(params["categories"])
    given = answer["category"]
    if isinstance(given, list) != params["allow_multiple"]:
        form = "takes a list of categories." if params["allow_multiple"] else "takes one category, not a list."
        return [Problem("category", form)]
    chosen = given if isinstance(given, list) else [given]
    if not chosen:
        return [Problem("category", "is empty; choose at least one.")]
    if len(set(chosen)) < len(chosen):
        return [Problem("category", "names a category twice.")]
    unknown = [c for c in chosen if c not in names]
    return [Problem("category", f"{unknown[0]!r} is not one of {', '.join(names)}.")] if unknown else []


def empty_answer(params: ParamsDict) -> AnswerDict:
    first = leaves(params["categories"])[0]
    return {"category": [first] if params["allow_multiple"] else first}


def within(answer: AnswerDict, window: Window | None) -> AnswerDict:
    return answer


def agreement(a: AnswerDict, b: AnswerDict) -> float:
    """1 for the same category; of several the shared part (Jaccard)."""
    one, two = _as_set(a), _as_set(b)
    return len(one & two) / len(one | two) if one | two else 1.0


def merge(votes: Sequence[Vote]) -> Verdict:
    """The most probable category; where several are allowed, each by its own vote.

    Whoever stands alone is as right as she usually is.
    """
    if any(isinstance(vote.answer["category"], list) for vote in votes):
        answer, confidence, posterior = _merge_sets(votes)
    else:
        answer, confidence, posterior = _merge_classes(votes)
    if len(votes) == 1:
        confidence = _voter(votes[0]).accuracy
    scores = {vote.labeler_id: agreement(vote.answer, answer) for vote in votes}
    return Verdict(answer, confidence, scores, posterior=posterior)


Merge = tuple[AnswerDict, float, dict[str, float]]


def _merge_classes(votes: Sequence[Vote]) -> Merge:
    labels = [vote.answer["category"] for vote in votes]
    known = votes[0].profile.classes if votes[0].profile else None
    # How many classes there are the votes do not say; one more than was voted for is cautious.
    names = list(known.names) if known else [*sorted(set(labels)), ""]
    prior = dict(zip(names, known.prior.tolist(), strict=True)) if known else None
    voters = [_voter(vote) for vote in votes]
    posterior = {str(name): p for name, p in consensus.posterior(labels, voters, names, prior).items()}
    # What all say counts, whatever is likely; that nobody said the right one is no answer.
    candidates = sorted(set(labels)) if not known or len(set(labels)) == 1 else known.names
    best = max(candidates, key=lambda name: posterior[name])
    return {"category": best}, posterior[best], posterior


def _voter(vote: Vote) -> Voter:
    """What was measured of the author: her accuracy and her confusion, or the vote's weight alone."""
    if vote.profile is None:
        return Voter(min(0.99, max(0.05, vote.weight)))
    names = vote.profile.classes.names if vote.profile.classes else ()
    counts = skill.counts(vote.profile.local, names)
    seen = {(names[t], names[g]): float(counts[t, g]) for t, g in zip(*counts.nonzero(), strict=True)}
    return Voter(min(0.99, max(0.05, vote.profile.accuracy.mean)), seen)


def _merge_sets(votes: Sequence[Vote]) -> Merge:
    sets = [_as_set(vote.answer) for vote in votes]
    voters = [Voter(_voter(vote).accuracy) for vote in votes]
    chosen, doubtful = [], {"yes": 1.0, "no": 0.0}
    for name in dict.fromkeys(name for vote in votes for name in vote.answer["category"]):
        by_outcome = consensus.posterior([name in one for one in sets], voters, [True, False])
        if by_outcome[True] >= 0.5:
            chosen.append(name)
        if max(by_outcome.values()) < max(doubtful.values()):
            doubtful = {"yes": by_outcome[True], "no": by_outcome[False]}
    confidence = max(doubtful.values())
    if not chosen:  # at least one is always asked for
        best = max(range(len(votes)), key=lambda k: voters[k].accuracy)
        chosen, confidence = list(votes[best].answer["category"]), 0.0
    return {"category": chosen}, confidence, doubtful


def _as_set(answer: AnswerDict) -> set[str]:
    category = answer["category"]
    return set(category) if isinstance(category, list) else {category}


def grade(answer: AnswerDict, truth: AnswerDict) -> float:
    return agreement(answer, truth)


def same_objects(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    return []


def observations(answer: AnswerDict, truth: AnswerDict) -> list[Observation]:
    seen = [Observation("accuracy", agreement(answer, truth))]
    given, right = answer["category"], truth["category"]
    if isinstance(given, str) and isinstance(right, str):
        seen += [Observation(f"class:{right}", float(given == right)), Observation(confusion_facet(right, given), 1.0)]
        return seen
    for name in _as_set(truth):
        seen.append(Observation(f"class:{name}", float(name in _as_set(answer))))
    found = len(_as_set(answer) & _as_set(truth))
    seen.append(Observation("recall", found / len(_as_set(truth))))
    return [*seen, Observation("precision", found / len(_as_set(answer)))]


def seam_agreement(a: AnswerDict, window_a: Window, b: AnswerDict, window_b: Window) -> float | None:
    return None


def assemble(pieces: Sequence[tuple[Piece, AnswerDict]], namespace: str) -> Assembled:
    return Assembled(pieces[0][1], {})
