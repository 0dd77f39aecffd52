"""Notes of the router's decisions as sentences: why another answer was asked, why one won, why a person decides.

`people` names those who may be named: an operator reads "Ana", everybody else "one labeler", and what was measured of
her. A note of an older version lacks numbers: what they would have said is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.explain.amounts import cases, percent, points, price
from marketplace.words import plural
from routing.overlap import Reason

Numbers = Mapping[str, Any]
People = Mapping[str, str]

VOTES_MAX = 6
MISTAKE_MIN = 0.1  # a confusion that is rarer explains nothing
DOUBT_MIN = 0.01
SOME = "one labeler"


@dataclass(frozen=True)
class Told:
    """A decision for a page: a few words, and the sentences that give its reasons."""

    title: str
    sentences: tuple[str, ...]


def told(kind: str, numbers: Numbers, people: People) -> Told:
    """A note in words; a kind without words of its own keeps its name."""
    if kind not in WORDS:
        return Told(kind.replace("_", " ").capitalize(), ())
    title, tell = WORDS[kind]
    return Told(title, tuple(sentence for sentence in tell(numbers, people) if sentence))


# The kinds of notes


def _asked_again(numbers: Numbers, people: People) -> list[str]:
    return [_why_again(numbers), _focus(numbers), *_votes(numbers, people, decided=False), _posterior(numbers)]


def _verdict(numbers: Numbers, people: People) -> list[str]:
    if numbers.get("source") == "review":
        return [_by_person(numbers, people)]
    return [
        _changed(numbers),
        *_votes(numbers, people, decided=True),
        _why_enough(numbers),
        _objects(numbers),
        _posterior(numbers),
    ]


def _in_review(numbers: Numbers, people: People) -> list[str]:
    below = numbers.get("review_below")
    limit = f", below the {percent(below)} under which a person decides" if below else ", too little to decide by it"
    return [
        f"The answers together give {_sure(numbers)}{limit}.",
        _why_enough(numbers),
        *_votes(numbers, people, decided=False),
        _objects(numbers),
        _posterior(numbers),
    ]


def _reopened(numbers: Numbers, people: People) -> list[str]:
    before, after = numbers.get("confidence_before"), numbers.get("confidence")
    first = "More has been learned of its labelers since it was decided, and its task was not delivered yet."
    if before is None:
        return [first]
    now = "" if after is None else f" and is {percent(after)} by what is known today"
    target = f", under the target of {percent(numbers['target'])}" if numbers.get("target") and now else ""
    changed = " Another answer is the more probable one now." if numbers.get("changed") else ""
    return [first, f"The confidence was {percent(before)}{now}{target}.{changed}"]


def _gold_graded(numbers: Numbers, people: People) -> list[str]:
    return [f"Compared with the known answer it is {percent(numbers['grade'])} right. It is paid like any other."]


def _gold_made(numbers: Numbers, people: People) -> list[str]:
    return ["What a reviewer decided of another subtask measures labelers who have not answered that."]


def _gold_doubted(numbers: Numbers, people: People) -> list[str]:
    return [
        f"{plural(int(numbers['answers']), 'answer')} by labelers who are measured to be accurate speak against its "
        f"truth, and those that do agree with each other by {percent(numbers['mutual'])}.",
        f"It is wrong with a probability of {percent(numbers['suspicion'])}. It is given to nobody until a person has "
        "decided.",
    ]


def _gold_overturned(numbers: Numbers, people: People) -> list[str]:
    before, grade = numbers.get("grade_before"), numbers.get("grade")
    was = "" if before is None else f" It had been graded {percent(before)}."
    if grade is None:
        return [f"The gold is retired, and what it had said of the labeler is taken back.{was}"]
    return [f"The gold was corrected. Compared with the right answer it is {percent(grade)} right.{was}"]


def _offered(numbers: Numbers, people: People) -> list[str]:
    who = people.get(numbers["labeler_id"], SOME)
    among = plural(int(numbers["considered"]), "labeler")
    return [
        f"The answer was reserved for {who} for a short while: of {among} at work whose answer would help, this one's "
        "was expected to mend most, by an accuracy that was drawn and not assumed."
    ]


WORDS: dict[str, tuple[str, Callable[[Numbers, People], Sequence[str]]]] = {
    "asked_again": ("Another answer was asked", _asked_again),
    "verdict": ("Decided", _verdict),
    "in_review": ("Sent to a reviewer", _in_review),
    "reopened": ("Opened again", _reopened),
    "gold_graded": ("Graded on gold", _gold_graded),
    "offered": ("Reserved for one labeler", _offered),
    "gold_made": ("Made gold of a reviewed subtask", _gold_made),
    "gold_doubted": ("The gold is in doubt", _gold_doubted),
    "gold_overturned": ("Graded anew", _gold_overturned),
}


# Reasons


def is_graded(numbers: Numbers) -> bool:
    """Whether answers are more or less alike, and not right or wrong."""
    return not numbers.get("posterior")


def _sure(numbers: Numbers) -> str:
    word = "an expected likeness to the truth of" if is_graded(numbers) else "a confidence of"
    return f"{word} {percent(numbers['confidence'])}"


def _answers(numbers: Numbers) -> str:
    return plural(int(numbers.get("answers", 1)), "answer")


def _why_again(numbers: Numbers) -> str:
    if numbers.get("reason") == Reason.TOO_FEW:
        minimum = int(numbers["minimum"])
        by_project = numbers.get("minimum_asked", minimum) is not None
        strangers = "" if by_project else " where nobody who answered is firmly known to be right"
        return f"At least {plural(minimum, 'answer')} are wanted{strangers}; there {_is(numbers)}."
    return f"After {_answers(numbers)} there is {_sure(numbers)}, {_under(numbers)}. {_trade(numbers, more=True)}"


def _is(numbers: Numbers) -> str:
    return f"{'is' if int(numbers.get('answers', 1)) == 1 else 'are'} {_answers(numbers)}"


def _under(numbers: Numbers) -> str:
    return f"under the project's target of {percent(numbers['target'])}"


def _trade(numbers: Numbers, *, more: bool) -> str:
    """What one more answer was expected to mend, against what it costs."""
    gain, worth = numbers["gain"], numbers["gain"] * numbers["error_cents"]
    brings = f"bring the answer {points(gain)} nearer to the truth"
    mends = brings if is_graded(numbers) else f"take {points(gain)} off the chance of an error"
    against = "more than its price of" if more else "less than its price of"
    return (
        f"One more was expected to {mends}, which is worth {price(worth)}: {against} {price(numbers['price_cents'])}."
    )


def _why_enough(numbers: Numbers) -> str:
    """Why no further answer was asked."""
    reason = numbers.get("reason")
    if reason == Reason.CONFIDENT:
        return f"After {_answers(numbers)} there is {_sure(numbers)}; {percent(numbers['target'])} was the target."
    if reason == Reason.PRICE:
        return f"After {_answers(numbers)} there is {_sure(numbers)}, {_under(numbers)}. {_trade(numbers, more=False)}"
    if reason == Reason.MAXIMUM:
        return f"There are as many answers as were reserved for: {plural(int(numbers['maximum']), 'answer')}."
    if reason == Reason.NOBODY:
        return "Nobody was left who may do this work and has not had it."
    return ""


def _focus(numbers: Numbers) -> str:
    asked = numbers.get("focus")
    if not asked:
        return ""
    disputed, settled = len(asked["disputed"]), len(asked["settled"])
    pay = asked.get("pay_cents")
    paid = f", for {price(pay)}" if pay else ""
    stands = f"{plural(settled, 'object stands', 'objects stand')} as they were found"
    return f"Only {plural(disputed, 'object')} in doubt {'is' if disputed == 1 else 'are'} asked about{paid}; {stands}."


def _by_person(numbers: Numbers, people: People) -> str:
    who = people.get(str(numbers.get("reviewer")), "A reviewer")
    if numbers.get("decision") == "fixed":
        return f"{who} put an answer right, and that counts. What a person decides is taken as certain."
    return f"{who} chose one of the answers, and that counts. What a person decides is taken as certain."


def _changed(numbers: Numbers) -> str:
    if "confidence_before" not in numbers:
        return ""
    before = numbers["confidence_before"]
    was = "" if before is None else f" Its confidence was {percent(before)}."
    return f"The labelers are known better than when it was first decided, and another answer counts now.{was}"


# Who said what


def _votes(numbers: Numbers, people: People, *, decided: bool) -> list[str]:
    votes: Mapping[str, Numbers] = numbers.get("votes") or {}
    value = numbers.get("value")
    listed = sorted(votes.items(), key=lambda vote: (vote[1].get("given") != value, -vote[1]["accuracy"], vote[0]))
    voices = [_voice(people.get(who, SOME), one, value, alone=len(votes) == 1) for who, one in listed[:VOTES_MAX]]
    left = len(listed) - len(voices)
    more = [f"{plural(left, 'more labeler')} answered, too."] if left else []
    summary = [_outcome(numbers, listed)] if decided and value is not None else []
    return [*summary, *voices, *more]


def _outcome(numbers: Numbers, listed: Sequence[tuple[str, Numbers]]) -> str:
    value = numbers["value"]
    if not isinstance(value, str) or not any("given" in one for _, one in listed):
        return ""
    count = sum(1 for _, one in listed if one.get("given") == value)
    said = f"{count} of {plural(len(listed), 'labeler')} said so"
    against = " and outweighed the others" if 0 < count * 2 <= len(listed) and len(listed) > 1 else ""
    nobody = "no labeler said so, but each of them is known to take it for what they said"
    return f"{quoted(value)} won with {percent(numbers['confidence'])}: {said if count else nobody}{against}."


def quoted(value: object) -> str:
    """A category, or several, in quotation marks."""
    return ", ".join(f"“{one}”" for one in value) if isinstance(value, list) else f"“{value}”"


def _voice(who: str, vote: Numbers, value: object, *, alone: bool) -> str:
    """One labeler's answer, and what it weighs."""
    name = f"{who[0].upper()}{who[1:]} ({_measure(vote)})"
    given = vote.get("given")
    if given is None:
        agreement = vote.get("agreement")
        if agreement is None or alone:
            return ""
        return f"The answer of {who} ({_measure(vote)}) agrees with it to {percent(agreement)}."
    # Of somebody hardly measured it is only what is usual.
    hit, mistake = (vote.get("hit"), vote.get("mistake")) if vote.get("measured", True) else (None, None)
    if given == value and hit is not None:
        return f"{name} said {quoted(given)}, and recognises it in {cases(hit)} cases."
    if given != value and mistake is not None and mistake >= MISTAKE_MIN:
        return f"{name} said {quoted(given)}, and takes {quoted(value)} for it in {cases(mistake)} cases."
    return f"{name} said {quoted(given)}."


def _measure(vote: Numbers) -> str:
    accuracy = percent(vote["accuracy"])
    return (
        f"measured accuracy {accuracy}" if vote.get("measured", True) else f"hardly measured yet, taken for {accuracy}"
    )


def _posterior(numbers: Numbers) -> str:
    found: Mapping[str, float] = numbers.get("posterior") or {}
    ordered = sorted(found.items(), key=lambda item: -item[1])  # JSON in the database has an order of its own
    shown = [f"{quoted(name)} {percent(sure)}" for name, sure in ordered if sure >= DOUBT_MIN and name]
    if len(shown) < 2:
        return ""
    if set(found) == {"yes", "no"}:
        sides = ", ".join(f"{name} {percent(sure)}" for name, sure in found.items())
        return f"Of the categories, whether the most doubtful one applies: {sides}."
    return f"How probable each is: {', '.join(shown)}."


def _objects(numbers: Numbers) -> str:
    sure = list((numbers.get("objects") or {}).values())
    if not sure:
        return ""
    target = numbers["target"]
    firm = sum(1 for one in sure if one >= target)
    rest = f"; the most doubtful has {percent(min(sure))}" if firm < len(sure) else ""
    return f"{firm} of {plural(len(sure), 'object')} reach the target of {percent(target)}{rest}."
