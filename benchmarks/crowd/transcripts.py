"""Word error rates on CrowdSpeech: the merge of transcripts, crowd-kit's ROVER in the same run, published outputs.

Judged in small letters without punctuation, errors of all recordings by words of all recordings. All constants of the
merge were chosen on the two dev splits.
"""

import csv
import gzip
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.crowd.peers import PeerFailed, Peers, PeerTooSlow
from benchmarks.crowd.sets import Options
from routing.consensus import transcripts
from routing.consensus.edit_distance import distance
from routing.consensus.graded import calibration_gap

SPLITS = ("dev-clean", "dev-other", "test-clean", "test-other")
LIMIT_SECONDS = 900
ADDED = 300  # words and answers of the timing of one answer


@dataclass(frozen=True)
class Split:
    """`tasks`: recording to (labeler, transcript) pairs; `truth`: recording to what was said."""

    name: str
    tasks: Mapping[str, Sequence[tuple[str, str]]]
    truth: Mapping[str, str]
    published: Mapping[str, Mapping[str, str]]


def plain(text: str) -> list[str]:
    return re.sub("[^a-z' ]", "", text.lower().replace("-", " ")).split()


def word_errors(truth: Mapping[str, str], found: Mapping[str, str]) -> float:
    """Percent; a recording without a transcript counts all its words."""
    wrong = sum(distance(plain(said), plain(found.get(task, ""))) for task, said in truth.items())
    return 100 * wrong / sum(len(plain(said)) for said in truth.values())


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path, name: str) -> Split:
    tasks: dict[str, list[tuple[str, str]]] = {}
    for row in rows(folder / f"{name}.labels.csv.gz"):
        tasks.setdefault(row["task"], []).append((row["worker"], row["text"]))
    truth = {row["task"]: row["truth"] for row in rows(folder / f"{name}.truth.csv.gz")}
    outputs = rows(folder / f"{name}.peer_outputs.csv.gz")
    columns = [column for column in outputs[0] if column != "task"]
    return Split(name, tasks, truth, {c: {row["task"]: row[c] for row in outputs} for c in columns})


def all_splits(options: Options) -> list[Split]:
    """None, and a line that says so, where they are not among the sets."""
    folder = options.data / "text_crowdspeech"
    if not folder.is_dir() or (options.sets and folder.name not in options.sets):
        print("skipped: no folder text_crowdspeech among the sets")
        return []
    return [read(folder, name) for name in SPLITS]


def main(options: Options) -> None:
    splits = all_splits(options)
    if not splits:
        return
    print("Word error rate in percent, 7 transcripts a recording; time is CPU time of the whole split.")
    print(f"{'split':<12}{'method':<28}{'WER':>8}{'errors to ROVER':>17}{'recordings/s':>14}")
    with Peers() as peers:
        for split in splits:
            print_split(split, peers)
        print_confidence(splits)
        print_added(splits[0])


def print_split(split: Split, peers: Peers) -> None:
    try:
        found, seconds = rover(split.tasks, peers)
        base = word_errors(split.truth, found)
        print(line(split.name, "crowd-kit ROVER", base, base, len(split.tasks) / seconds))
    except (PeerFailed, PeerTooSlow) as error:
        print(f"{split.name:<12}crowd-kit ROVER: {error}")
        base = float("nan")
    for name, texts in split.published.items():
        print(
            line(split.name, f"published {name.removesuffix('_result').upper()}", word_errors(split.truth, texts), base)
        )
    started = time.process_time()
    fitted = transcripts.refit(split.tasks)
    seconds = time.process_time() - started
    merged = {task: one.value for task, one in fitted.merged.items()}
    wer = word_errors(split.truth, merged)
    print(line(split.name, "Labelyard, full refit", wer, base, len(split.tasks) / seconds), flush=True)


def line(split: str, method: str, wer: float, base: float, speed: float | None = None) -> str:
    shown = f"{split:<12}{method:<28}{wer:>8.2f}{100 * (wer / base - 1):>+16.1f}%"
    return shown if speed is None else f"{shown}{speed:>14.0f}"


def rover(tasks: Mapping[str, Sequence[tuple[str, str]]], peers: Peers) -> tuple[dict[str, str], float]:
    """crowd-kit's ROVER on the plain words, and its CPU seconds."""
    names = list(tasks)
    table = [(at, who, " ".join(plain(text))) for at, task in enumerate(names) for who, text in tasks[task]]
    found, took = peers.run(
        "rover",
        LIMIT_SECONDS,
        task=np.array([row[0] for row in table]),
        worker=np.array([row[1] for row in table]),
        text=np.array([row[2] for row in table]),
    )
    pairs = zip(found["task"].tolist(), found["text"].tolist(), strict=True)
    return {names[at]: text for at, text in pairs}, took["cpu_seconds"]


def print_confidence(splits: Sequence[Split]) -> None:
    print("\nStated and achieved, mean gap over 10 bins of equal size; the defaults were fitted on the dev splits")
    print(
        f"{'split':<12}{'answers':>8}{'1 - WER said':>14}{'achieved':>10}{'gap':>7}"
        f"{'words said':>13}{'right':>8}{'gap':>7}"
    )
    for split in splits:
        known = transcripts.refit(split.tasks)
        for answers in (2, 3, 5, 7):
            print_gap(split, known, answers)


def print_gap(split: Split, known: transcripts.Refit, answers: int) -> None:
    merged = {
        task: transcripts.merge(
            [text for _, text in some[:answers]], [known.reliability[who] for who, _ in some[:answers]]
        )
        for task, some in split.tasks.items()
    }
    stated = np.array([one.confidence for one in merged.values()])
    errors = [transcripts.word_error_rate(split.truth[task], one.value) for task, one in merged.items()]
    achieved = np.maximum(0, 1 - np.array(errors))
    words = np.array([part for one in merged.values() for part in one.parts])
    right = np.array([r for task, one in merged.items() for r in transcripts.right_words(split.truth[task], one.value)])
    print(
        f"{split.name:<12}{answers:>8}{stated.mean():>14.3f}{achieved.mean():>10.3f}"
        f"{calibration_gap(stated, achieved):>7.3f}"
        f"{words.mean():>13.3f}{right.mean():>8.3f}{calibration_gap(words, right):>7.3f}"
    )


def print_added(split: Split) -> None:
    """One answer more, and the merge asked for after each, of recordings of 25 to 35 words."""
    long = [task for task, said in split.truth.items() if 25 <= len(plain(said)) <= 35][:ADDED]
    adds: list[float] = []
    merges: list[float] = []
    for task in long:
        online = transcripts.OnlineTranscript()
        for _, text in split.tasks[task]:
            adds.append(timed(lambda online=online, text=text: online.add(text, transcripts.Reliability())))
            merges.append(timed(online.merged))
    print(f"\nOne answer of some 30 words more, ms of CPU, p50 / p99 ({len(adds)} answers)")
    for name, times in (("add", adds), ("merged", merges)):
        print(f"{name:<10}{np.percentile(times, 50):.3f} / {np.percentile(times, 99):.3f}")


def timed(act: Callable[[], object]) -> float:
    started = time.process_time_ns()
    act()
    return (time.process_time_ns() - started) / 1e6
