"""Qualification: a rule is met or says in words what is missing; a lack of evidence leads to a trial, not to a no."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from routing.qualification import Access, Record, Rule, resolve

RULE = Rule(frozenset({"language:fr", "team:north"}), frozenset({"FR", "BE"}), accuracy_min=0.8)
GOOD = Record(True, frozenset({"language:fr", "team:north", "exam:9"}), "BE", False, 0.93, 0.85, 20.0)


def kinds(rule: Rule, record: Record) -> list[str]:
    return [one.kind for one in resolve(rule, record).unmet]


def test_who_meets_the_rule_is_let_in() -> None:
    assert resolve(RULE, GOOD) == resolve(Rule(), Record(True))
    assert resolve(RULE, GOOD).access is Access.OPEN


def test_each_requirement_is_named_when_it_is_not_met() -> None:
    assert kinds(RULE, replace(GOOD, may_do_type=False)) == ["task_type"]
    assert kinds(RULE, replace(GOOD, credentials=frozenset())) == ["language", "team"]
    assert kinds(RULE, replace(GOOD, country="US")) == ["country"]
    assert kinds(RULE, replace(GOOD, blocked=True)) == ["block"]
    assert kinds(RULE, replace(GOOD, accuracy_low=0.79)) == ["accuracy"]
    assert resolve(RULE, replace(GOOD, accuracy_low=0.79)).access is Access.CLOSED


def test_who_lacks_only_evidence_gets_a_trial_and_who_lacks_more_does_not() -> None:
    newcomer = replace(GOOD, accuracy=None, accuracy_low=None, evidence=0.0)
    assert resolve(RULE, newcomer).access is Access.TRIAL
    assert resolve(RULE, replace(newcomer, blocked=True)).access is Access.CLOSED
    lucky = replace(GOOD, evidence=2.0, accuracy_low=0.81)
    assert resolve(RULE, lucky).access is Access.TRIAL


@given(
    st.frozensets(st.sampled_from(["language:fr", "team:north", "exam:9"])),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 50),
)
def test_open_means_nothing_is_unmet_and_closed_always_says_why(
    credentials: frozenset[str], blocked: bool, low: float, evidence: float
) -> None:
    record = replace(GOOD, credentials=credentials, blocked=blocked, accuracy_low=low, evidence=evidence)
    resolved = resolve(RULE, record)
    assert (resolved.access is Access.OPEN) == (not resolved.unmet)
    assert all(one.text.endswith(".") for one in resolved.unmet)
