"""Strict F1 of marked segments on spans_ner: the merge beside votes on tokens and crowd-kit's Dawid-Skene on tokens.

Micro over all segments of a split: borders and label must be right. All constants of the merge were chosen on the val
split.
"""

import csv
import gzip
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.crowd.peers import PeerFailed, Peers, PeerTooSlow
from benchmarks.crowd.sets import Options
from routing.consensus import span_refit, spans
from routing.consensus.graded import calibration_gap
from routing.consensus.spans import Span

LIMIT_SECONDS = 300
LABELS = ("LOC", "MISC", "ORG", "PER")

Tasks = dict[str, list[tuple[str, tuple[Span, ...]]]]
Found = Mapping[str, Sequence[Span]]


@dataclass(frozen=True)
class Split:
    name: str
    tasks: Tasks
    truth: dict[str, tuple[Span, ...]]
    tokens: dict[str, int]


def read(folder: Path, name: str) -> Split:
    marked: dict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(folder / "labels.csv", name):
        one = marked[row["task"]][row["worker"]]
        if row["type"]:
            one.append(Span(int(row["start"]), int(row["end"]), row["type"]))
    truth: dict[str, list[Span]] = defaultdict(list)
    for row in _rows(folder / "truth.csv", name):
        truth[row["task"]].append(Span(int(row["start"]), int(row["end"]), row["type"]))
    with gzip.open(folder / "docs.csv.gz", "rt", encoding="utf-8", newline="") as file:
        tokens = {row["task"]: int(row["n_tokens"]) for row in csv.DictReader(file) if row["split"] == name}
    tasks = {task: [(who, tuple(sorted(one))) for who, one in by.items()] for task, by in sorted(marked.items())}
    return Split(name, tasks, {task: tuple(sorted(truth[task])) for task in tasks}, tokens)


def _rows(path: Path, split: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def scores(truth: Found, found: Found) -> tuple[float, float, float]:
    """F1, precision and recall over all documents."""
    hits = sum(len(set(truth[task]) & set(found[task])) for task in truth)
    drawn, there = sum(len(found[task]) for task in truth), sum(map(len, truth.values()))
    return 2 * hits / (drawn + there), hits / max(1, drawn), hits / there


def both_splits(options: Options) -> tuple[Split, Split] | None:
    """Val and test; None, and a line that says so, where they are not among the sets."""
    folder = options.data / "spans_ner"
    if not folder.is_dir() or (options.sets and folder.name not in options.sets):
        print("skipped: no folder spans_ner among the sets")
        return None
    return read(folder, "val"), read(folder, "test")


def main(options: Options) -> None:
    both = both_splits(options)
    if both is None:
        return
    val, test = both
    print("Strict F1 of segments, all answers (4.9 a document); seconds of CPU")
    print(f"{'split':<6}{'method':<34}{'F1':>7}{'precision':>11}{'recall':>8}{'seconds':>9}")
    with Peers() as peers:
        for split in (val, test):
            print_split(split, peers)
    print_confidence(val, test)


def print_split(split: Split, peers: Peers) -> None:
    def line(method: str, found: Found, seconds: float) -> None:
        f1, precision, recall = scores(split.truth, found)
        print(f"{split.name:<6}{method:<34}{f1:>7.4f}{precision:>11.4f}{recall:>8.4f}{seconds:>9.2f}", flush=True)

    try:
        for method in ("majority", "dawid_skene"):
            found, seconds = on_tokens(split, method, peers)
            line(f"crowd-kit {method} on tokens", found, seconds)
    except (PeerFailed, PeerTooSlow) as error:
        print(f"{split.name:<6}crowd-kit: {error}")
    nobody = [spans.Reliability()] * 100
    started = time.process_time()
    usual = {t: spans.merge([a for _, a in some], nobody[: len(some)]).value for t, some in split.tasks.items()}
    line("Labelyard, nothing known of anyone", usual, time.process_time() - started)
    started = time.process_time()
    fitted = span_refit.refit(split.tasks)
    line("Labelyard, full refit", {t: one.value for t, one in fitted.merged.items()}, time.process_time() - started)


def on_tokens(split: Split, method: str, peers: Peers) -> tuple[dict[str, set[Span]], float]:
    """A method for classes on every token's tag (begin, inside, out), tokens independent of each other."""
    task, worker, label, starts = [], [], [], {}
    numbers: dict[str, int] = {}
    total = 0
    for name, answers in split.tasks.items():
        count = starts[name] = total
        total += split.tokens[name]
        for who, answer in answers:
            tags = np.zeros(split.tokens[name], np.int64)
            for span in answer:
                tags[span.start] = 1 + 2 * LABELS.index(span.label)
                tags[span.start + 1 : span.stop] = 2 + 2 * LABELS.index(span.label)
            task.append(np.arange(count, total))
            worker.append(np.full(len(tags), numbers.setdefault(who, len(numbers))))
            label.append(tags)
    joined = {
        "task": np.concatenate(task),
        "worker": np.concatenate(worker),
        "label": np.concatenate(label),
    }
    found, took = peers.run(method, LIMIT_SECONDS, tasks=total, classes=1 + 2 * len(LABELS), **joined)
    chosen = found["chosen"]
    names = {name: _spans(chosen[at : at + split.tokens[name]].tolist()) for name, at in starts.items()}
    return names, took["cpu_seconds"]


def _spans(tags: Sequence[int]) -> set[Span]:
    """An inside tag goes on the same label's segment, and else begins one."""
    found: set[Span] = set()
    start, open_label = 0, -1
    for at, tag in enumerate([*tags, 0]):
        label = (tag - 1) // 2 if tag else -1
        if open_label >= 0 and (label != open_label or tag % 2):
            found.add(Span(start, at, LABELS[open_label]))
            open_label = -1
        if label >= 0 and open_label < 0:
            start, open_label = at, label
    return found


def print_confidence(*splits: Split) -> None:
    print("\nStated and achieved, mean gap over 10 bins of equal size; the defaults were fitted on val")
    print(
        f"{'split':<6}{'answers':>8}{'F1 said':>9}{'achieved':>10}{'gap':>7}{'segments said':>15}{'right':>7}{'gap':>7}"
    )
    for split in splits:
        known = span_refit.refit(split.tasks)
        for answers in (2, 3, 9):
            merged = {
                task: spans.merge(
                    [answer for _, answer in some[:answers]],
                    [known.reliability[who] for who, _ in some[:answers]],
                    known.crowd,
                )
                for task, some in split.tasks.items()
            }
            stated = np.array([one.confidence for one in merged.values()])
            achieved = np.array([spans.similarity(one.value, split.truth[task]) for task, one in merged.items()])
            parts = np.array([part for one in merged.values() for part in one.parts])
            right = np.array([float(s in split.truth[task]) for task, one in merged.items() for s in one.value])
            print(
                f"{split.name:<6}{'all' if answers == 9 else answers:>8}{stated.mean():>9.3f}{achieved.mean():>10.3f}"
                f"{calibration_gap(stated, achieved):>7.3f}{parts.mean():>15.3f}{right.mean():>7.3f}"
                f"{calibration_gap(parts, right):>7.3f}"
            )
