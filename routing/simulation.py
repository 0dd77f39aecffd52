"""The router against simulated or replayed labelers under a virtual clock: what a world of work would cost and take.

Nothing is imitated that the product decides: `matching` ranks and offers, `gold` is slipped in, `consensus.classes`
merges with the measured skills, and `overlap` asks again. Simulated are only people and time: a queue of events in
which labelers come, look for work, answer by their accuracy or confusion (or as they really did), rest and go. There is
no clock and no chance but `rng`, so one seed gives one outcome.
"""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from routing import gold, matching
from routing.consensus import classes as consensus
from routing.consensus.classes import Voter
from routing.overlap import AHEAD_MAX, TRUSTED_LOWER_BOUND, Choice, Terms, another_answer, class_gain, opening
from routing.skill import WEIGHTS, Skill, Source

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
OFFER_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 30.0  # of a labeler for whom there is nothing
OFFER_LOAD_MAX = 1_000
ACCURACY_MIN, ACCURACY_MAX = 0.05, 0.99


@dataclass(frozen=True)
class Worker:
    """A labeler: `accuracy` is true and unknown to the router, which begins with `skill`.

    `confusion` (truth, given) instead of the accuracy where it is not the same for all classes; `speed`: seconds she
    takes per second of effort; the pause after an answer, her sessions and the breaks between are exponential with
    these means.
    """

    labeler_id: str
    accuracy: float
    speed: float = 1.0
    pause_seconds: float = 0.0
    arrives_seconds: float = 0.0
    session_seconds: float = np.inf
    break_seconds: float = 0.0
    skill: Skill = field(default_factory=Skill)
    confusion: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Job:
    """A project's work: the (unknown) class of each subtask, that of its gold, and its terms.

    `replayed`: (labeler, subtask) to the class that she really gave: nobody else is asked.
    """

    job_id: int
    customer_id: str
    truth: Sequence[int]
    classes: int
    terms: Terms
    effort_seconds: int = 30
    share: float = 1.0
    rank: int = 0
    created_seconds: float = 0.0
    turnaround_seconds: float = 86_400.0
    gold: Sequence[int] = ()
    answers_max: int | None = None  # of one labeler
    replayed: Mapping[tuple[str, int], int] | None = None


@dataclass(frozen=True)
class Given:
    """One answer: when it was taken and given, by whom, to what, and how long its slot had been open."""

    claimed_at: float
    at: float
    labeler_id: str
    job_id: int
    subtask: int
    given: int
    is_gold: bool
    cents: float
    waited: float


@dataclass(frozen=True)
class Outcome:
    """What came of it. `closed` and `verdict` by (job, subtask): when it was finished, and as what."""

    answers: tuple[Given, ...]
    closed: Mapping[tuple[int, int], float]
    verdict: Mapping[tuple[int, int], int]
    confidence: Mapping[tuple[int, int], float]
    skill: Mapping[str, Skill]

    def cents(self, job_id: int, *, is_gold: bool = False) -> float:
        return sum(one.cents for one in self.answers if one.job_id == job_id and one.is_gold == is_gold)

    def accuracy(self, job: Job) -> float:
        """Of what was finished; NaN where nothing was."""
        right = [self.verdict[key] == job.truth[key[1]] for key in self.closed if key[0] == job.job_id]
        return float(np.mean(right)) if right else np.nan

    def finished_seconds(self, job: Job) -> float:
        """When the last subtask was; infinite where one is not."""
        ends = [at for (job_id, _), at in self.closed.items() if job_id == job.job_id]
        return max(ends, default=0.0) if len(ends) == len(job.truth) else np.inf

    def loads(self) -> Counter[str]:
        return Counter(one.labeler_id for one in self.answers if not one.is_gold)


@dataclass
class _Subtask:
    opened_at: float
    wanted: int
    answers: list[tuple[str, int]] = field(default_factory=list)
    holders: set[str] = field(default_factory=set)
    confidence: float | None = None
    reserved_for: str = ""
    reserved_until: float = 0.0

    def is_open(self, labeler_id: str, now: float) -> bool:
        if not self.wanted or labeler_id in self.holders or any(one == labeler_id for one, _ in self.answers):
            return False
        return self.reserved_for in ("", labeler_id) or now >= self.reserved_until


@dataclass
class _Person:
    worker: Worker
    skill: Skill
    leaves_at: float
    is_here: bool = False
    real: int = 0
    gold: int = 0
    seen_gold: set[tuple[int, int]] = field(default_factory=set)
    load: Counter[int] = field(default_factory=Counter)
    offers: deque[tuple[int, int]] = field(default_factory=deque)


Work = tuple[int, int, bool]  # job, subtask, whether it is gold


def run(
    workers: Sequence[Worker],
    jobs: Sequence[Job],
    rng: np.random.Generator,
    until_seconds: float,
    look_again_seconds: float = LOOK_AGAIN_SECONDS,
) -> Outcome:
    """Let the workers work until all is finished, or until then."""
    return _World(workers, jobs, rng, look_again_seconds).run(until_seconds)


class _World:
    def __init__(
        self, workers: Sequence[Worker], jobs: Sequence[Job], rng: np.random.Generator, look_again_seconds: float
    ) -> None:
        self.look_again_seconds = look_again_seconds
        self.rng, self.jobs = rng, {job.job_id: job for job in jobs}
        self.people = {one.labeler_id: _Person(one, one.skill, np.inf) for one in workers}
        self.subtasks = {
            job.job_id: [
                _Subtask(job.created_seconds, opening(job.terms.minimum, job.terms.maximum)) for _ in job.truth
            ]
            for job in jobs
        }
        self.queues = {job.job_id: list(range(len(job.truth))) for job in jobs}
        self.answered_gold: Counter[tuple[int, int]] = Counter()
        self.answers: list[Given] = []
        self.closed: dict[tuple[int, int], float] = {}
        self.verdict: dict[tuple[int, int], int] = {}
        self.confidence: dict[tuple[int, int], float] = {}
        self.events: list[tuple[float, int, str, Work | None, float, float]] = []
        self.count = 0

    def run(self, until_seconds: float) -> Outcome:
        unfinished = sum(len(job.truth) for job in self.jobs.values())
        for one in self.people.values():
            self._later(one.worker.arrives_seconds, one.worker.labeler_id)
        while self.events and len(self.closed) < unfinished:
            now, _, who, work, claimed_at, waited = heapq.heappop(self.events)
            if now > until_seconds:
                break
            person = self.people[who]
            if work is not None:
                self._answer(person, work, now, claimed_at, waited)
                self._rest(person, now)
            else:
                self._look(person, now)
        skills = {who: one.skill for who, one in self.people.items()}
        return Outcome(tuple(self.answers), self.closed, self.verdict, self.confidence, skills)

    def _later(self, at: float, who: str, work: Work | None = None, claimed_at: float = 0, waited: float = 0) -> None:
        self.count += 1  # of two events at one moment the first planned is first
        heapq.heappush(self.events, (at, self.count, who, work, claimed_at, waited))

    # Looking for work

    def _look(self, person: _Person, now: float) -> None:
        worker = person.worker
        if not person.is_here:
            person.is_here = True
            person.leaves_at = now + (
                self.rng.exponential(worker.session_seconds) if np.isfinite(worker.session_seconds) else np.inf
            )
        found = self._find(person, now)
        if found is None:
            self._later(now + self.look_again_seconds, worker.labeler_id)
            return
        job = self.jobs[found[0]]
        waited = 0.0
        if not found[2]:
            subtask = self.subtasks[job.job_id][found[1]]
            waited = now - max(subtask.opened_at, worker.arrives_seconds)
            subtask.wanted -= 1
            subtask.holders.add(worker.labeler_id)
            subtask.reserved_for = ""
            if not subtask.wanted:
                self.queues[job.job_id].remove(found[1])
        self._later(now + job.effort_seconds * worker.speed, worker.labeler_id, found, now, waited)

    def _find(self, person: _Person, now: float) -> Work | None:
        reserved = self._reserved(person, now)
        if reserved is not None:
            return reserved
        heads = dict(self._heads(person, now))
        if not heads:
            return None
        typical = float(np.mean([one.skill.mean for one in self.people.values()]))
        ranked = matching.rank(
            [self._candidate(self.jobs[j], at, person, typical, now) for j, at in heads.items()], self.rng
        )
        job = self.jobs[ranked[0].candidate.lane_id]
        return self._gold(job, person) or (job.job_id, heads[job.job_id], False)

    def _reserved(self, person: _Person, now: float) -> Work | None:
        """What is reserved for her and still to be had, the oldest offer first."""
        while person.offers:
            job_id, at = person.offers.popleft()
            subtask = self.subtasks[job_id][at]
            is_hers = subtask.reserved_for == person.worker.labeler_id and now < subtask.reserved_until
            if is_hers and self._is_open(self.jobs[job_id], at, person, now):
                return job_id, at, False
        return None

    def _heads(self, person: _Person, now: float) -> Iterator[tuple[int, int]]:
        """Of every job that she may work on the first subtask that she may have."""
        for job in self.jobs.values():
            free = (at for at in self.queues[job.job_id] if self._is_open(job, at, person, now))
            first = next(free, None)
            if first is not None:
                yield job.job_id, first

    def _is_open(self, job: Job, at: int, person: _Person, now: float) -> bool:
        return (
            now >= job.created_seconds
            and self._may(job, at, person)
            and self.subtasks[job.job_id][at].is_open(person.worker.labeler_id, now)
        )

    def _may(self, job: Job, at: int, person: _Person) -> bool:
        """Whether she has not reached her cap there and, of a replay, whether she has an answer to it."""
        if job.answers_max is not None and person.load[job.job_id] >= job.answers_max:
            return False
        return job.replayed is None or (person.worker.labeler_id, at) in job.replayed

    def _candidate(self, job: Job, at: int, person: _Person, typical: float, now: float) -> matching.Candidate:
        subtask = self.subtasks[job.job_id][at]
        return matching.Candidate(
            lane_id=job.job_id,
            slot_id=at,
            customer_id=job.customer_id,
            rank=job.rank,
            effort_seconds=job.effort_seconds,
            age_seconds=now - subtask.opened_at,
            share=job.share,
            turnaround_seconds=job.turnaround_seconds,
            alpha=person.skill.alpha,
            beta=person.skill.beta,
            typical=typical,
            classes=job.classes,
            confidence=subtask.confidence,
        )

    def _gold(self, job: Job, person: _Person) -> Work | None:
        """A gold subtask in the place of the real one, where it is due and there is one that she has not seen."""
        left = [at for at in range(len(job.gold)) if (job.job_id, at) not in person.seen_gold]
        if not left or not gold.is_due(seen_real=person.real, seen_gold=person.gold, skill=person.skill, rng=self.rng):
            return None
        items = [gold.GoldItem(str(at), (str(job.gold[at]),), self.answered_gold[job.job_id, at]) for at in left]
        chosen = gold.choose(items, {"": (person.skill.alpha, person.skill.beta)}, {}, self.rng)
        person.seen_gold.add((job.job_id, int(chosen.subtask_id)))
        return job.job_id, int(chosen.subtask_id), True

    # Answering

    def _answer(self, person: _Person, work: Work, now: float, claimed_at: float, waited: float) -> None:
        job, who = self.jobs[work[0]], person.worker.labeler_id
        given = self._given(job, work, person.worker)
        self.answers.append(Given(claimed_at, now, who, *work[:2], given, work[2], job.terms.price_cents, waited))
        if work[2]:
            self.answered_gold[work[:2]] += 1
            person.gold, person.real = person.gold + 1, 0
            person.skill = person.skill.observe(float(given == job.gold[work[1]]), WEIGHTS[Source.GOLD], _time(now))
            return
        person.real += 1
        person.load[job.job_id] += 1
        subtask = self.subtasks[job.job_id][work[1]]
        subtask.holders.discard(who)
        subtask.answers.append((who, given))
        if not subtask.wanted and not subtask.holders:
            self._resolve(job, work[1], now)

    def _given(self, job: Job, work: Work, worker: Worker) -> int:
        truth = int((job.gold if work[2] else job.truth)[work[1]])
        if job.replayed is not None and not work[2]:
            return job.replayed[worker.labeler_id, work[1]]
        if worker.confusion is not None:
            return int(self.rng.choice(job.classes, p=worker.confusion[truth]))
        if self.rng.random() < worker.accuracy:
            return truth
        return int((truth + self.rng.integers(1, job.classes)) % job.classes)

    def _resolve(self, job: Job, at: int, now: float) -> None:
        """The verdict of the answers so far; if one more is asked, it is offered to the best of those who are here."""
        subtask = self.subtasks[job.job_id][at]
        voters = [Voter(_clipped(self.people[who].skill.mean)) for who, _ in subtask.answers]
        found = consensus.posterior([given for _, given in subtask.answers], voters, range(job.classes))
        posterior = [found[k] for k in range(job.classes)]
        subtask.confidence = max(posterior)
        if self._choice(job, at, posterior).again:
            subtask.wanted, subtask.opened_at = 1, now
            self.queues[job.job_id].insert(0, at)
            self._offer(job, at, now)
            return
        self.closed[job.job_id, at] = now
        self.verdict[job.job_id, at] = int(np.argmax(posterior))
        self.confidence[job.job_id, at] = subtask.confidence
        if len(subtask.answers) > 1:
            weight = WEIGHTS[Source.AGREEMENT] * subtask.confidence
            for who, given in subtask.answers:
                one = self.people[who]
                one.skill = one.skill.observe(min(1.0, posterior[given]), weight, _time(now))

    def _choice(self, job: Job, at: int, posterior: list[float]) -> Choice:
        subtask = self.subtasks[job.job_id][at]
        count = len(subtask.answers)
        left = self._who_may(job, at)
        gain = 0.0
        if max(posterior) < job.terms.target and left and count < job.terms.maximum:
            usual = _clipped(float(np.mean([one.skill.mean for one in left])))
            confusion = np.full((job.classes, job.classes), (1 - usual) / (job.classes - 1))
            np.fill_diagonal(confusion, usual)
            gain = class_gain(posterior, confusion, min(AHEAD_MAX, job.terms.maximum - count))
        skills = [self.people[who].skill for who, _ in subtask.answers]
        return another_answer(
            max(posterior),
            job.terms,
            answered=count,
            gain=gain,
            trusted=any(one.evidence > 0 and one.lower >= TRUSTED_LOWER_BOUND for one in skills),
            anybody=bool(left),
        )

    def _who_may(self, job: Job, at: int) -> list[_Person]:
        done = {who for who, _ in self.subtasks[job.job_id][at].answers}
        return [one for who, one in self.people.items() if who not in done and self._may(job, at, one)]

    def _offer(self, job: Job, at: int, now: float) -> None:
        here = [
            matching.Available(one.worker.labeler_id, one.skill.alpha, one.skill.beta, one.load[job.job_id])
            for one in self._who_may(job, at)
            if one.is_here
        ]
        subtask = self.subtasks[job.job_id][at]
        offered = matching.offer_to(here, job.classes, subtask.confidence, job.answers_max or OFFER_LOAD_MAX, self.rng)
        if offered:
            subtask.reserved_for, subtask.reserved_until = offered[0][0], now + OFFER_SECONDS
            self.people[offered[0][0]].offers.append((job.job_id, at))

    def _rest(self, person: _Person, now: float) -> None:
        worker = person.worker
        if now >= person.leaves_at:
            person.is_here = False
            self._later(now + self.rng.exponential(worker.break_seconds), worker.labeler_id)
        else:
            self._later(now + self.rng.exponential(worker.pause_seconds), worker.labeler_id)


def _clipped(accuracy: float) -> float:
    return min(ACCURACY_MAX, max(ACCURACY_MIN, accuracy))


def _time(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


# What came of several customers and many labelers


def by_decile(loads: Mapping[str, int], workers: Sequence[Worker]) -> NDArray[np.float64]:
    """(10,): the share of the answers by each tenth of the labelers, the busiest first."""
    counts = -np.sort(-np.array([loads.get(one.labeler_id, 0) for one in workers], float))
    parts = np.array([part.sum() for part in np.array_split(counts, 10)])
    return np.asarray(parts / max(1.0, parts.sum()))


def waits(outcome: Outcome, jobs: Sequence[Job]) -> dict[str, list[float]]:
    """Of each customer: how long slots were open before somebody took them, in seconds."""
    customer = {job.job_id: job.customer_id for job in jobs}
    found: dict[str, list[float]] = defaultdict(list)
    for one in outcome.answers:
        if not one.is_gold:
            found[customer[one.job_id]].append(one.waited)
    return found
