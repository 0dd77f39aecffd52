"""Adaptive overlap for boxes, replayed on boxes_utexas: how many answers buy the quality of a fixed number.

20 images are gold: all their answers are bought, and they are the only truth that is learned from. The first two
answers of every image are bought; then one at a time, about everything or about the disputed objects only, as long as
the expected gain per effort exceeds a price that was fixed beforehand. An ask about some objects costs their share, at
least a fifth; what the labeler drew elsewhere is not seen. Labelers are measured after two answers, and at the end.
"Whole answers" never asks about a part; "routed" asks the best measured of the image's labelers next, instead of one
at random.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from benchmarks.crowd.box_sets import BoxSet, Crew, by_share, quality
from routing.consensus import boxes
from routing.consensus.asking import Ask, next_ask
from routing.consensus.boxes import SHAPE, Boxes, Joined, OnlineBoxes, Reliability
from routing.consensus.objects_fit import Learned

GOLD = 20
OPENING = 2
FIXED = (3, 5, 8)
PRICES = (0.005, 0.01, 0.02, 0.03)  # expected similarity per whole answer's effort, set before any run
REFERENCES = (5, 8)
WHOLE, ADAPTIVE, ROUTED = "adaptive, whole answers, price ", "adaptive, price ", "adaptive and routed, price "
POLICIES = (WHOLE, ADAPTIVE, ROUTED)


@dataclass(frozen=True)
class Bought:
    """What was asked of an image: answers, cut down to what each was asked about (none: everything), and its cost."""

    answers: list[tuple[str, Boxes, Boxes | None]]
    cost: float


def print_overlap(box_set: BoxSet, seeds: int) -> None:
    print(f"\nAdaptive overlap: {GOLD} gold images, counted; quality on the other images; {seeds} seeds: mean (sd)")
    runs = [replay(box_set, seed) for seed in range(seeds)]
    names = list(runs[0])
    print(f"{'':<38}{'answers':>16}{'with gold':>16}{'F1@.5':>16}{'F1 .5:.95':>16}")
    table = {name: np.array([run[name] for run in runs]) for name in names}
    for name, values in table.items():
        cells = [f"{m:.3f} ({s:.3f})" for m, s in zip(values.mean(axis=0), values.std(axis=0), strict=True)]
        print(f"{name:<38}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    print(
        "\nShare of a fixed number's answers, gold counted, at which the adaptive curve has its quality (F1@.5; .5:.95)"
    )
    for name, rule, n in itertools.product(POLICIES, ("groups of >= 50 %", "Labelyard"), REFERENCES):
        reference = f"fixed {n}, {rule}"
        shares = [[share_needed(run, name, reference, column) for column in (2, 3)] for run in runs]
        text = ["never" if np.isnan(s).any() else f"{np.mean(s):.2f} ({np.std(s):.2f})" for s in np.array(shares).T]
        print(f"{name.removesuffix(', price '):<26}{reference:<30}{text[0]:>16}{text[1]:>16}", flush=True)


def share_needed(run: dict[str, tuple[float, ...]], name: str, reference: str, column: int) -> float:
    """By interpolation between the prices; nan where none reaches it."""
    points = sorted((row[1], row[column]) for key, row in run.items() if key.startswith(name))
    cost, reached = np.array(points).T
    wanted = run[reference][column]
    best = np.maximum.accumulate(reached)
    if best[-1] < wanted:
        return float("nan")
    return float(np.interp(wanted, best, cost) / run[reference][1])


def replay(box_set: BoxSet, seed: int) -> dict[str, tuple[float, ...]]:
    """Rows by name: answers an image, the same with the gold's, F1@.5 and F1 .5:.95."""
    dice = np.random.default_rng(seed)
    shuffled = dice.permutation(sorted(box_set.answers)).tolist()
    gold, others = shuffled[:GOLD], shuffled[GOLD:]
    order = {task: dice.permutation(sorted(box_set.answers[task])).tolist() for task in others}
    crews = {task: {w: box_set.answers[task][w] for w in order[task]} for task in others}
    truth = {task: box_set.truth[task] for task in gold}
    full = {task: box_set.answers[task] for task in gold}
    rows: dict[str, tuple[float, ...]] = {}
    for n in FIXED:
        bought = {task: first(crew, n) for task, crew in crews.items()}
        learned = boxes.refit({**bought, **full}, truth, np.random.default_rng(seed))
        cost = float(np.mean([len(crew) for crew in bought.values()]))
        plain = {task: by_share(crew, 0.5) for task, crew in bought.items()}
        merged = {
            task: boxes.merge(list(crew.values()), [learned.of(w) for w in crew], learned.model)
            for task, crew in bought.items()
        }
        # A fixed number is asked of gold, too, so that counting it changes nothing.
        rows[f"fixed {n}, groups of >= 50 %"] = row(cost, cost, plain, box_set)
        rows[f"fixed {n}, Labelyard"] = row(cost, cost, {task: one.value for task, one in merged.items()}, box_set)
    opening = {task: first(crew, OPENING) for task, crew in crews.items()}
    learned = boxes.refit({**opening, **full}, truth, np.random.default_rng(seed))
    gold_answers = sum(len(crew) for crew in full.values())
    by_worth = {task: routed(crew, learned) for task, crew in crews.items()}
    for name, price in itertools.product(POLICIES, PRICES):
        bought_by = {
            task: buy(crew, learned, price, parts=name != WHOLE)
            for task, crew in (by_worth if name == ROUTED else crews).items()
        }
        rows[f"{name}{price}"] = adaptive(box_set, bought_by, full, truth, gold_answers, seed)
    return rows


def routed(crew: Crew, learned: Learned[Reliability]) -> Crew:
    """The opening as it came, then the best measured first."""

    def worth(labeler: str) -> float:
        known = learned.of(labeler)
        return known.recall * known.precision

    names = list(crew)
    order = names[:OPENING] + sorted(names[OPENING:], key=worth, reverse=True)
    return {labeler: crew[labeler] for labeler in order}


def first(crew: Crew, n: int) -> Crew:
    return dict(list(crew.items())[:n])


def row(cost: float, with_gold: float, found: dict[str, Boxes], box_set: BoxSet) -> tuple[float, ...]:
    reached = quality(found, box_set.truth)
    return cost, with_gold, reached.f1, reached.f1_mean


def adaptive(
    box_set: BoxSet,
    bought: dict[str, Bought],
    full: dict[str, Crew],
    truth: dict[str, Boxes],
    gold_answers: int,
    seed: int,
) -> tuple[float, ...]:
    # A part of an answer would look like misses elsewhere: labelers are measured by their whole ones.
    whole = {task: {w: a for w, a, looked in one.answers if looked is None} for task, one in bought.items()}
    learned = boxes.refit({**whole, **full}, truth, np.random.default_rng(seed))
    found = {task: assembled(one.answers, learned).merged.value for task, one in bought.items()}
    spent = sum(one.cost for one in bought.values())
    images = len(bought) + len(full)
    return row(spent / len(bought), (spent + gold_answers) / images, found, box_set)


def buy(crew: Crew, learned: Learned[Reliability], price: float, *, parts: bool) -> Bought:
    """Answers in the order of the crew, as long as they are worth it; `parts`: to disputed objects only, too."""
    answers: list[tuple[str, Boxes, Boxes | None]] = []
    cost = 0.0
    for labeler, answer in crew.items():
        ask, joined = Ask(None, 1.0, 1.0), None
        if len(answers) >= OPENING:
            joined = assembled(answers, learned)
            ask = next_ask(joined.candidates) if parts else Ask(None, joined.candidates.gain, 1.0)
            if ask.rate < price:
                break
        looked = None
        if joined is not None and ask.places is not None:
            looked = SHAPE.pick(joined.places, ask.places)
            answer = part_of(answer, joined.places, ask.places)
        answers.append((labeler, answer, looked))
        cost += ask.share
    return Bought(answers, cost)


def assembled(answers: list[tuple[str, Boxes, Boxes | None]], learned: Learned[Reliability]) -> Joined[Boxes]:
    online = OnlineBoxes(learned.model)
    for labeler, answer, looked in answers:
        online.add(answer, learned.of(labeler), looked)
    return online.joined()


def part_of(answer: Boxes, places: Boxes, asked: tuple[int, ...]) -> Boxes:
    """What of an answer is around the asked places: boxes that are nearest to one of them."""
    near = SHAPE.near(answer, places)
    if not near.size:
        return SHAPE.pick(answer, [])
    nearest = near.argmax(axis=1)
    shown = [k for k, at in enumerate(nearest.tolist()) if at in asked and near[k, at] >= SHAPE.alike]
    return SHAPE.pick(answer, shown)
