"""Where routing and adaptive overlap are known to fail: each case on a simulated crowd whose truth is known.

What the consensus alone makes of such crowds is in test_consensus_failures.py; here the real router works with them.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from routing import matching
from routing.consensus import classes
from routing.consensus.labels import Labels
from routing.consensus.promise import part, promises
from routing.matching import Available, offer_to
from routing.overlap import Terms
from routing.simulation import Job, Outcome, Worker, run
from routing.skill import Skill

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEK = 7 * 86_400.0


def terms(*, target: float = 0.9, maximum: int = 7, minimum: int | None = None) -> Terms:
    return Terms(target, maximum, 1.0, np.inf, minimum)


def fooled(seed: int, *, golds: int = 0, minimum: int = 1) -> tuple[float, float]:
    """Ten labelers, six of whom see the same wrong thing in a third of the tasks; labels asked one by one until 0.9 is
    promised. Returns accuracy on what is no gold, and labels a task."""
    rng = np.random.default_rng(seed)
    tasks = 300
    truth, lure = rng.integers(2, size=tasks), rng.random(tasks) < 0.35
    worker = np.concatenate([rng.permutation(10) for _ in range(tasks)])
    task = np.repeat(np.arange(tasks), 10)
    wrong = rng.random(len(task)) < np.where((worker < 6) & lure[task], 0.8, 0.05)
    gold = np.full(tasks, -1)
    gold[:golds] = truth[:golds]
    labels = Labels(task, worker, truth[task] ^ wrong, tasks, 10, 2, gold)
    place, folds = np.arange(len(task)) % 10, part(labels.known, rng)
    count = np.full(tasks, minimum)
    for _ in range(10):
        found = promises(labels, place < count[task], folds)
        count += (found.confidence < 0.9) & (count < 10)
    judged = np.arange(golds, tasks)
    return float((found.posterior.argmax(axis=1) == truth)[judged].mean()), float(count[judged].mean())


def test_errors_in_common_are_stopped_at_early_without_gold_and_gold_or_a_higher_minimum_helps() -> None:
    blind = np.mean([fooled(seed) for seed in range(4)], axis=0)
    more = np.mean([fooled(seed, minimum=6) for seed in range(4)], axis=0)
    seeing = np.mean([fooled(seed, golds=60) for seed in range(4)], axis=0)
    assert blind[0] < 0.85
    assert seeing[0] > blind[0] + 0.08
    assert more[0] > blind[0] - 0.02 and more[1] >= 6


def test_a_class_that_is_easily_overlooked_is_still_found_by_who_is_known_to_see_it() -> None:
    """One-coin accuracy would call the second labeler worse; her confusion says that her rare claim is worth most."""
    overlooks = classes.Voter(0.85, {(0, 0): 69.0, (0, 1): 1.0, (1, 0): 15.0, (1, 1): 15.0})
    coin = classes.Voter(0.85)
    said = [0, 0, 1]
    assert classes.posterior(said, [overlooks] * 3, [0, 1])[1] > 0.5 > classes.posterior(said, [coin] * 3, [0, 1])[1]


def test_with_few_labels_of_each_labeler_what_is_usual_of_all_decides_who_is_asked() -> None:
    """Two lucky answers are not four hundred: a veteran of 95 % is asked more often than anyone who was right twice."""
    lucky = Skill().observe(1, 1, NOON).observe(1, 1, NOON)
    crowd = [Available("veteran", 380.0, 20.0), *(Available(f"lucky{k}", lucky.alpha, lucky.beta) for k in range(3))]
    rng = np.random.default_rng(1)
    accuracy = {"veteran": 0.95, "lucky0": 0.7, "lucky1": 0.7, "lucky2": 0.7}
    drawn = Counter(offer_to(crowd, 2, 0.8, 1_000, rng)[0][0] for _ in range(2_000))
    mean = sum(accuracy[name] * count for name, count in drawn.items()) / 2_000
    assert lucky.mean < 0.9  # and not 1, as the plain share would be
    assert drawn["veteran"] > max(drawn[f"lucky{k}"] for k in range(3))
    assert mean > np.mean(list(accuracy.values())) + 0.03


def ranks_first(best: Skill, others: Skill) -> bool:
    return best.mean > others.mean


def test_the_best_labeler_who_degrades_loses_her_rank_within_thirty_gold_answers() -> None:
    """200 right answers in the half year before, then 40 % right: what is old fades, so the fall shows in weeks."""
    best, others = Skill(), Skill()
    for day in range(180):
        at = NOON + timedelta(days=day)
        best, others = best.observe(0.97, 1.1, at), others.observe(0.85, 1.1, at)
    assert ranks_first(best, others)
    lost = 0
    for lost in range(1, 200):
        at = NOON + timedelta(days=180 + lost)
        best, others = best.observe(0.4, 1.0, at), others.observe(0.85, 1.0, at)
        if not ranks_first(best, others):
            break
    assert lost <= 30
    # Without fading the old praise would last longer.
    assert 30 < (0.97 - 0.85) * 180 * 1.1 / (0.85 - 0.4)


def test_a_spammer_who_copies_others_is_revealed_by_gold_and_asked_less() -> None:
    """She sends what most say, so agreement flatters her; on gold, which nobody answered before her, she guesses."""
    agreement, honest = Skill(), Skill()
    for _ in range(100):
        agreement, honest = agreement.observe(0.95, 0.3, NOON), honest.observe(0.85, 0.3, NOON)
    assert agreement.mean > honest.mean
    for _ in range(15):
        agreement, honest = agreement.observe(0.5, 1.0, NOON), honest.observe(0.85, 1.0, NOON)
    assert agreement.mean < honest.mean
    rng = np.random.default_rng(2)
    crowd = [Available("copies", agreement.alpha, agreement.beta), Available("honest", honest.alpha, honest.beta)]
    first = Counter(offer_to(crowd, 3, 0.7, 100, rng)[0][0] for _ in range(500))
    assert first["honest"] > first["copies"]


def locked_in() -> tuple[list[Worker], Job]:
    """The router's first impression is wrong: a mediocre labeler had luck, and the best one a bad start."""
    rng = np.random.default_rng(3)
    wrongly_first, wrongly_last = Skill(13.0, 1.0, NOON), Skill(5.0, 3.0, NOON)
    crowd = [
        Worker("lucky", 0.6, pause_seconds=20.0, skill=wrongly_first),
        Worker("best", 0.97, pause_seconds=20.0, skill=wrongly_last),
        *(Worker(f"usual{k}", 0.75, pause_seconds=20.0) for k in range(4)),
    ]
    job = Job(1, "a", rng.integers(3, size=500).tolist(), 3, terms(maximum=3), gold=rng.integers(3, size=60).tolist())
    return crowd, job


def offered_at_last(outcome: Outcome, name: str) -> int:
    """How many second answers of the last half of the work were hers: whom the router chose for what was in doubt."""
    place: Counter[int] = Counter()
    found = []
    for one in sorted((one for one in outcome.answers if not one.is_gold), key=lambda one: one.claimed_at):
        place[one.subtask] += 1
        if place[one.subtask] == 2:
            found.append(one.labeler_id)
    return found[len(found) // 2 :].count(name)


def test_a_wrong_first_ranking_is_unlearned_by_the_router() -> None:
    crowd, job = locked_in()
    outcome = run(crowd, [job], np.random.default_rng(4), WEEK)
    assert outcome.skill["best"].mean > outcome.skill["lucky"].mean
    assert offered_at_last(outcome, "best") > 1.5 * offered_at_last(outcome, "lucky")


@pytest.mark.parametrize(("explores", "learns"), [(True, True), (False, False)])
def test_without_exploration_a_wrong_ranking_locks_in_and_with_thompson_it_does_not(
    explores: bool, learns: bool
) -> None:
    """Who is never asked is never measured: two labelers, one answer each time, each grade known."""
    rng = np.random.default_rng(7)
    known = {"good but unlucky": Skill(4.0, 2.0), "fair and first": Skill(8.0, 2.0)}
    accuracy = {"good but unlucky": 0.95, "fair and first": 0.78}
    asked: Counter[str] = Counter()
    for _ in range(400):
        if explores:
            crowd = [Available(name, one.alpha, one.beta) for name, one in known.items()]
            who = offer_to(crowd, 2, 0.7, 10_000, rng)[0][0]
        else:
            who = max(known, key=lambda name: matching.gain(known[name].mean, 2, 0.7))
        asked[who] += 1
        known[who] = known[who].observe(float(rng.random() < accuracy[who]), 1.0, NOON)
    assert (asked["good but unlucky"] > 200) is learns


def test_the_best_is_asked_no_more_than_her_cap() -> None:
    rng = np.random.default_rng(8)
    crowd = [Worker("best", 0.99, skill=Skill(99.0, 1.0, NOON)), *(Worker(f"w{k}", 0.8) for k in range(5))]
    truth = rng.integers(3, size=80).tolist()
    free = run(crowd, [Job(1, "a", truth, 3, terms())], np.random.default_rng(9), WEEK)
    capped = run(crowd, [Job(1, "a", truth, 3, terms(), answers_max=20)], np.random.default_rng(9), WEEK)
    assert free.loads()["best"] > 20
    assert max(capped.loads().values()) == capped.loads()["best"] == 20
