"""Trials: who lacks only what gold can show may begin one; it ends when its outcome is certain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from routing.qualification import Access, Record, Rule, least_answers, resolve
from routing.skill import Skill
from routing.trials import ATTEMPTS_MAX, Outcome, Place, Refusal, Terms, Tried, exam_of, may_begin, outcome

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACE = Place(9, "categorization", 50)
RULE = Rule(accuracy_min=0.8, trial_answers=10)
NEW = Record(may_do_type=True)


def begun(
    rule: Rule, record: Record, skill: Skill, place: Place = PLACE, tried: Tried | None = None
) -> Terms | Refusal:
    return may_begin(rule, record, skill, place, tried or Tried(), NOON)


def record_of(skill: Skill) -> Record:
    return replace(NEW, accuracy=skill.mean, accuracy_low=skill.lower, evidence=skill.evidence)


def test_what_a_trial_can_show_and_what_it_cannot() -> None:
    exam = Rule(frozenset({exam_of(9)}))
    assert begun(RULE, NEW, Skill()) == Terms(10)
    assert begun(exam, NEW, Skill()) == Terms(5, ("exam:9",))
    assert begun(exam, Record(False), Skill()) == Terms(5, ("exam:9", "type:categorization"))
    for rule, record, code in (
        (Rule(frozenset({exam_of(8)})), NEW, "exam"),
        (Rule(frozenset({"team:north"})), NEW, "team"),
        (RULE, replace(NEW, blocked=True), "block"),
        (Rule(), NEW, "open"),
    ):
        refused = begun(rule, record, Skill())
        assert isinstance(refused, Refusal) and refused.code == code


def test_gold_attempts_and_time_bound_a_trial() -> None:
    for place, tried, code in (
        (replace(PLACE, gold_left=9), Tried(), "no_gold"),
        (PLACE, Tried(ATTEMPTS_MAX), "attempts"),
        (PLACE, Tried(1, NOON + timedelta(days=1)), "retry"),
    ):
        refused = begun(RULE, NEW, Skill(), place, tried)
        assert isinstance(refused, Refusal) and refused.code == code
    assert begun(RULE, NEW, Skill(), tried=Tried(1, NOON)) == Terms(10)


def test_who_could_not_be_let_in_by_right_answers_alone_is_told_so() -> None:
    poor, unlucky = Skill(14.0, 11.0, NOON), Skill(9.0, 2.0, NOON)
    refused = begun(RULE, record_of(poor), poor)
    assert isinstance(refused, Refusal) and refused.code == "accuracy" and "Not even 20" in refused.text
    longer = begun(RULE, record_of(unlucky), unlucky)
    assert isinstance(longer, Terms) and longer.answers > RULE.trial_answers - 6 + 1
    assert (
        unlucky.observe(1.0, longer.answers, NOON).lower >= 0.8 > unlucky.observe(1.0, longer.answers - 1, NOON).lower
    )


@given(st.floats(0.3, 0.97), st.integers(0, 40))
def test_the_least_answers_are_just_enough(asked: float, more: int) -> None:
    least = least_answers(asked)
    assert Skill(4.0 + least + more, 1.0).lower >= asked - 1e-9
    assert least == 1 or Skill(4.0 + least - 1, 1.0).lower < asked


@given(st.lists(st.sampled_from([0.0, 0.6, 1.0]), max_size=12), st.booleans(), st.booleans())
def test_an_outcome_never_changes_and_passing_opens_the_lane(
    grades: list[float], is_exam: bool, asks_accuracy: bool
) -> None:
    rule = Rule(accuracy_min=0.8 if asks_accuracy else None, trial_answers=10)
    terms = Terms(10, (exam_of(9),) if is_exam else ())
    skill, decided = Skill(updated_at=NOON), []
    for count, grade in enumerate(grades, 1):
        skill = skill.observe(grade, 1.0, NOON)
        decided.append(outcome(terms, grades[:count], rule, record_of(skill), skill, NOON))
        if decided[-1] is not Outcome.OPEN:
            break
        assert count < terms.answers, "it ends with its last answer"
    if decided and decided[-1] is Outcome.PASSED:
        assert resolve(rule, record_of(skill)).access is Access.OPEN
        assert not is_exam or sum(grades[: len(decided)]) >= 0.8 * len(decided) - 1e-9
