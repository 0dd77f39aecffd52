"""Decisions in words: by examples, and as laws: no note without words, no number without its unit, no name too many."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.explain import measures
from marketplace.explain.amounts import cases, percent, points, price, size
from marketplace.explain.claims import of_claim
from marketplace.explain.decisions import WORDS, told
from routing.overlap import Reason

MARKETPLACE = Path(__file__).resolve().parents[2] / "marketplace"
CLASSES = ["bicycle", "motorcycle", "car"]


def votes(*given: str, hit: float = 0.9, mistake: float = 0.3) -> dict[str, Any]:
    weights = ({"hit": hit} if name == "bicycle" else {"mistake": mistake} for name in given)
    return {
        f"l{n}": {"accuracy": 0.91 - n / 10, "measured": True, "agreement": 1.0, "given": name} | weight
        for n, (name, weight) in enumerate(zip(given, weights, strict=True))
    }


def numbers(**more: Any) -> dict[str, Any]:
    return {
        "confidence": 0.81,
        "target": 0.95,
        "reason": "doubt",
        "gain": 0.07,
        "price_cents": 4.0,
        "error_cents": 500.0,
        "minimum": 1,
        "minimum_asked": None,
        "maximum": 5,
        "review_below": 0.7,
        "answers": 2,
        "value": "bicycle",
        "votes": votes("bicycle", "motorcycle"),
        "posterior": {"bicycle": 0.81, "motorcycle": 0.18, "car": 0.01},
        "objects": {},
    } | more


PEOPLE = {"l0": "Chen", "l1": "Ana", "l2": "Ben", "r": "Rita"}


def text(kind: str, people: dict[str, str] | None = None, **more: Any) -> str:
    return " ".join(told(kind, numbers(**more), PEOPLE if people is None else people).sentences)


# Examples


def test_another_answer_is_asked_because_it_is_worth_its_price() -> None:
    assert text("asked_again", votes={}).startswith(
        "After 2 answers there is a confidence of 81%, under the project's target of 95%. One more was expected to "
        "take 7 percentage points off the chance of an error, which is worth $0.35: more than its price of $0.04."
    )


def test_strangers_are_not_enough_alone() -> None:
    said = text("asked_again", reason="too few answers", answers=1, minimum=2, votes={}, posterior={})
    assert said == (
        "At least 2 answers are wanted where nobody who answered is firmly known to be right; there is 1 answer."
    )
    assert "firmly" not in text("asked_again", reason="too few answers", minimum=2, minimum_asked=2)


def test_only_what_is_in_doubt_is_asked_again() -> None:
    focus = {"settled": ["a", "b", "c"], "disputed": ["d"], "pay_cents": 12}
    said = text("asked_again", posterior={}, focus=focus)
    assert "Only 1 object in doubt is asked about, for $0.12; 3 objects stand as they were found." in said
    assert "bring the answer 7 percentage points nearer to the truth" in said


def test_one_outweighs_two() -> None:
    said = text(
        "verdict", votes=votes("bicycle", "motorcycle", "motorcycle"), confidence=0.97, reason="confident", answers=3
    )
    assert said.startswith(
        "“bicycle” won with 97%: 1 of 3 labelers said so and outweighed the others. "
        "Chen (measured accuracy 91%) said “bicycle”, and recognises it in 9 of 10 cases. "
        "Ana (measured accuracy 81%) said “motorcycle”, and takes “bicycle” for it in 3 of 10 cases."
    )
    assert "After 3 answers there is a confidence of 97%; 95% was the target." in said


def test_a_person_decides_and_what_is_learned_later_opens_again() -> None:
    assert text("verdict", source="review", decision="fixed", reviewer="r").startswith("Rita put an answer right")
    assert text("verdict", source="review", decision="accepted", reviewer="x").startswith("A reviewer chose one")
    said = text("reopened", confidence_before=0.97, changed=True)
    assert "The confidence was 97% and is 81% by what is known today, under the target of 95%." in said
    assert "Another answer is the more probable one now." in said
    assert "below the 70% under which a person decides" in text("in_review", reason="nobody left to ask")


def test_a_note_of_before_says_what_it_can() -> None:
    old = {"confidence": 0.9, "target": 0.95, "reason": "maximum", "maximum": 3, "answers": 3, "gain": 0.0}
    old |= {"votes": {"l0": {"accuracy": 0.9, "agreement": 1.0}, "l1": {"accuracy": 0.8, "agreement": 0.97}}}
    old |= {"posterior": {"dog": 0.1, "cat": 0.9}}
    assert told("verdict", old, PEOPLE).sentences == (
        "The answer of Chen (measured accuracy 90%) agrees with it to 100%.",
        "The answer of Ana (measured accuracy 80%) agrees with it to 97%.",
        "There are as many answers as were reserved for: 3 answers.",
        "How probable each is: “cat” 90%, “dog” 10%.",
    )


def test_a_skill_reads_as_people_say_it() -> None:
    said = {facet: measures.sentence(facet, mean) for facet, mean in (("recall", 0.9), ("precision", 0.95))}
    assert said == {
        "recall": "finds 9 of 10 objects",
        "precision": "gives something that is not there in 1 in 20 cases",
    }
    assert measures.sentence("place_m", 0.1234) == "places them within 0.12 m, typically"
    assert measures.sentence("heading_deg", 3.04) == "turns them within 3.0°, typically"
    assert measures.sentence("class:bus", 0.31) == "recognises “bus” in 3 of 10 cases"


def test_a_claim_tells_the_match() -> None:
    why = {"by": "match", "accuracy": 0.9, "gain": 0.2, "advantage": 1.25, "urgency": 1.0, "chance": 0.3, "lanes": 4}
    assert of_claim(why) == (
        "It was the best match of what was open.",
        "With an accuracy of 90%, as drawn from what is known, the answer was expected to mend 20 percentage points, "
        "25% more than a typical labeler's here.",
        "The customer's turn came with a chance of 30%, among 4 lanes with work.",
    )
    assert of_claim({"by": "gold"}) == ("It is gold: given by chance, to measure.",) and of_claim(None) == ()


# Laws


def kinds_written() -> set[str]:
    """The kinds of all notes that the program writes, from its syntax trees."""
    found = set()
    for path in MARKETPLACE.rglob("*.py"):
        if "notes import note" not in path.read_text() and "import notes" not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"note", "notes.note"}:
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno} has a kind without a name"
                found.add(node.args[0].value)
    return found


def test_every_kind_of_note_has_words_and_no_words_are_left_over() -> None:
    assert kinds_written() == set(WORDS)


def bare_numbers(sentence: str) -> Iterator[str]:
    """Numbers that stand without a unit; what is quoted is somebody's own word."""
    plain = re.sub(r"“[^”]*”", "it", sentence)
    for found in re.finditer(r"\$?\d[\d.,]*\d|\$?\d", plain):
        after = plain[found.end() :]
        if not found.group().startswith("$") and not re.match(UNITS, after):
            yield f"{found.group()} in: {sentence}"


UNITS = r"%| (more )?(answer|object|labeler|percentage point|of \d|in \d|cases)"
share = st.floats(0, 1)


@st.composite
def any_numbers(draw: st.DrawFn) -> dict[str, Any]:
    answers = draw(st.integers(1, 9))
    people = [f"p{n}" for n in range(answers)]
    graded = draw(st.booleans())
    vote = {"accuracy": share, "measured": st.booleans(), "agreement": share}
    classes = vote | {"given": st.sampled_from(CLASSES), "hit": share, "mistake": share}
    each = st.fixed_dictionaries(vote if graded else classes)
    count = st.integers(1, 6)
    ids = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)
    return draw(
        st.fixed_dictionaries(
            {
                "confidence": share,
                "target": share,
                "reason": st.sampled_from([one.value for one in Reason]),
                "gain": share,
                "price_cents": st.floats(0, 1e4),
                "error_cents": st.floats(0, 1e6),
                "minimum": count,
                "minimum_asked": st.none() | count,
                "maximum": count,
                "review_below": share,
                "answers": st.just(answers),
                "value": st.none() if graded else st.sampled_from(CLASSES),
                "votes": st.fixed_dictionaries(dict.fromkeys(people, each)),
                "posterior": st.just({}) if graded else st.fixed_dictionaries(dict.fromkeys(CLASSES, share)),
                "objects": st.dictionaries(st.sampled_from("abcdef"), share),
                "source": st.sampled_from(["agreement", "review"]),
                "decision": st.sampled_from(["accepted", "fixed"]),
                "reviewer": st.just("r"),
                "focus": st.none()
                | st.fixed_dictionaries({"settled": ids, "disputed": ids, "pay_cents": st.integers(0, 500)}),
                "changed": st.booleans(),
                "confidence_before": st.none() | share,
                "grade": share,
                "grade_before": st.none() | share,
                "suspicion": share,
                "mutual": share,
                "labeler_id": st.just("p0"),
                "considered": count,
            }
        )
    )


@pytest.mark.parametrize("kind", sorted(WORDS))
@settings(max_examples=40)
@given(found=any_numbers())
def test_every_number_has_its_unit_and_nobody_is_named_to_others(kind: str, found: dict[str, Any]) -> None:
    for people in ({}, {f"p{n}": f"Name{chr(65 + n)}" for n in range(9)} | {"r": "Rita"}):
        said = told(kind, found, people).sentences
        assert said, "there is always something to say"
        for sentence in said:
            assert sentence[0].isupper() or sentence[0] in "“0123456789", sentence
            assert sentence.endswith("."), sentence
            assert "None" not in sentence and "nan" not in sentence
            assert list(bare_numbers(sentence)) == []
            if not people:
                assert not re.search(r"Name[A-I]|Rita|\bp\d\b", sentence), "an id or a name got out"


@given(share)
def test_shares_keep_their_side_and_their_order(found: float) -> None:
    assert (percent(found) == "100%") == (found == 1) and (percent(found) == "0%") == (found == 0)
    assert re.fullmatch(r"\d+ of \d+|1 in \d+|nearly all|hardly any", cases(found))
    assert points(found) and price(found * 1000).removeprefix("less than ").startswith("$")


@given(st.floats(0.001, 1000))
def test_a_size_is_given_to_two_figures(found: float) -> None:
    assert float(size(found, "m").removesuffix(" m")) == pytest.approx(found, rel=0.051)
