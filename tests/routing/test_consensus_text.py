"""Laws of consensus for transcripts, segments, numbers, orders and forms: one answer is its own, the order of answers
does not matter, and doubt is stated for each part."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.consensus import form_refit, forms, numbers, rankings, span_refit, spans, transcripts
from routing.consensus.edit_distance import NONE, align, distance
from routing.consensus.forms import Field, Kind
from routing.consensus.graded import LogitLine, disputed, expected_quality, fit_line
from routing.consensus.rankings import ranking
from routing.consensus.spans import Span
from routing.consensus.transcript_parts import excerpt, passages, share_asked, with_passage
from routing.consensus.transcripts import OnlineTranscript, Reliability
from routing.consensus.words import joined, keys, words

SPOKEN = ["the", "The", "cat", "cats,", "sat", "on", "air-tight", "airtight", "don't", "mat.", "5", "--"]
texts = st.lists(st.sampled_from(SPOKEN), max_size=8).map(" ".join)
heard = st.lists(st.tuples(texts, st.floats(0, 1).map(Reliability)), min_size=1, max_size=6)
shares = st.floats(0, 1)
sequences = st.lists(st.integers(0, 3), max_size=9)


def by_table(a, b):
    """The textbook's dynamic programme."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[:], i
        for j, y in enumerate(b, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
    return row[-1]


@given(sequences, sequences)
def test_the_alignment_has_as_many_differences_as_the_distance_says(a, b):
    pairs = align(a, b)
    assert [i for i, _ in pairs if i != NONE] == list(range(len(a)))
    assert [j for _, j in pairs if j != NONE] == list(range(len(b)))
    differing = sum(NONE in (i, j) or a[i] != b[j] for i, j in pairs)
    assert differing == distance(a, b) == distance(b, a) == by_table(a, b)


@given(st.text(alphabet="ab .,-'’\"天气5\u0301", max_size=20))
def test_words_joined_are_the_text_again(text):
    found = words(text)
    if found:
        assert joined(found) == " ".join(text.split())
    assert all(word.key for word in found)


@given(texts, st.integers(1, 4))
def test_equal_transcripts_are_returned_as_written(text, times):
    merged = transcripts.merge([text] * times, [Reliability()] * times)
    assert merged.value == text and merged.scores == (1.0,) * times
    assert len(merged.parts) == len(words(text))


@given(heard, st.randoms())
def test_a_transcript_does_not_depend_on_the_order_and_states_a_probability_for_each_word(votes, random):
    answers, labelers = zip(*votes, strict=True)
    merged = transcripts.merge(answers, labelers)
    assert len(merged.parts) == len(words(merged.value)) and len(merged.scores) == len(answers)
    assert all(0 <= p <= 1 for p in (merged.confidence, *merged.parts, *merged.scores))
    assert list(merged.scores) == pytest.approx([transcripts.similarity(merged.value, answer) for answer in answers])

    shuffled = random.sample(votes, len(votes))
    again = transcripts.merge(*zip(*shuffled, strict=True))
    assert (again.value, again.confidence, again.parts) == (merged.value, merged.confidence, merged.parts)

    online = OnlineTranscript()
    for answer, labeler in votes:
        online.add(answer, labeler)
        online.merged()  # what it remembers between two answers changes nothing
    assert online.merged() == merged


@given(texts, texts)
def test_similarity_is_symmetric_and_one_for_equal_words(a, b):
    assert transcripts.similarity(a, b) == transcripts.similarity(b, a)
    assert (transcripts.similarity(a, b) == 1) == (keys(a) == keys(b))


def test_words_vote_and_keep_the_winners_spelling():
    answers = ["The cat sat on the mat.", "the bat sat on the mat", "The cat sat on a mat."]
    merged = transcripts.merge(answers, [Reliability()] * 3)
    assert merged.value == "The cat sat on the mat."
    assert set(disputed(merged, min(merged.parts) + 1e-9)) == {1, 4}
    assert expected_quality(merged) < expected_quality(transcripts.merge([answers[0]] * 3, [Reliability()] * 3))


def test_one_reliable_labeler_outweighs_two_who_hear_little():
    merged = transcripts.merge(["a bee", "a pea", "a pea"], [Reliability(0.03), Reliability(0.7), Reliability(0.7)])
    assert merged.value == "a bee"


def test_the_refit_finds_who_hears_well_and_what_confidence_is_worth():
    said = [f"word{i} and word{i + 1} then word{i + 2}" for i in range(40)]
    tasks = {
        f"t{i}": [("ann", text), ("bob", text), ("eve", text.replace("and", "or").replace("then", "than"))]
        for i, text in enumerate(said)
    }
    fitted = transcripts.refit(tasks)
    assert fitted.reliability["ann"].wer < 0.05 < 0.3 < fitted.reliability["eve"].wer
    assert {task: one.value for task, one in fitted.merged.items()} == {f"t{i}": text for i, text in enumerate(said)}

    wrong = {task: text[1][1].replace("word", "ward") for task, text in tasks.items()}
    assert transcripts.refit(tasks, gold=wrong).merged["t0"].confidence < fitted.merged["t0"].confidence - 0.1


def test_a_line_makes_stated_confidence_what_was_achieved():
    stated = [0.6, 0.7, 0.8, 0.9] * 200
    achieved = [s - 0.2 for s in stated]
    line = fit_line(stated, [3] * len(stated), achieved)
    assert [line(s, 3) for s in stated[:4]] == pytest.approx([0.4, 0.5, 0.6, 0.7], abs=0.02)
    assert fit_line([], [], []) == LogitLine()


@given(texts, texts, st.data())
def test_a_passage_is_cut_out_and_put_back(value, answer, data):
    count = len(words(value))
    first, stop = sorted(data.draw(st.tuples(*[st.integers(0, count)] * 2)))
    assert keys(excerpt(value, answer, (0, count))) == keys(answer)
    assert keys(excerpt(value, value, (first, stop))) == keys(value)[first:stop]

    merged = transcripts.merge([value], [Reliability()])
    heard = transcripts.merge([excerpt(value, answer, (first, stop))], [Reliability(0.01)])
    found = with_passage(merged, (first, stop), heard)
    assert keys(found.value) == keys(value)[:first] + keys(heard.value) + keys(value)[stop:]
    assert len(found.parts) == len(words(found.value)) and 0 <= found.confidence <= 1


def test_passages_hold_the_doubtful_words_and_their_neighbours():
    answers = ["a b c d e f g h", "a b x d e f g h", "a b c d e f y h"]
    merged = transcripts.merge(answers, [Reliability()] * 3)
    assert passages(merged, merged.parts[2] + 1e-9) == [(1, 4), (5, 8)]
    assert share_asked(merged, [(1, 4), (5, 8)]) == 6 / 8


@st.composite
def segments(draw):
    """Segments of one answer: they do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(0, 12), max_size=6)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return tuple(Span(start, stop, draw(st.sampled_from("XY"))) for start, stop in pairs)


@st.composite
def orders(draw):
    """Every thing once, some of them tied."""
    things = draw(st.permutations("abcd"))
    cuts = sorted({0, 4, *draw(st.sets(st.integers(1, 3)))})
    return tuple(tuple(sorted(things[a:b])) for a, b in pairwise(cuts))


FIELDS = {
    "animal": Field(Kind.CHOICE, ("cat", "dog", "owl")),
    "colours": Field(Kind.CHOICES, ("red", "black", "white")),
    "asleep": Field(Kind.BOOLEAN),
    "weight": Field(Kind.NUMBER, tolerance=0.5),
    "note": Field(Kind.TEXT),
}
filled = st.fixed_dictionaries(
    {},
    optional={
        "animal": st.sampled_from(("cat", "dog", "owl")),
        "colours": st.sets(st.sampled_from(("red", "black", "white"))).map(lambda chosen: tuple(sorted(chosen))),
        "asleep": st.booleans(),
        "weight": st.integers(0, 9).map(float),
        "note": st.lists(st.sampled_from(["a", "fat", "cat"]), min_size=1, max_size=4).map(" ".join),
    },
)

# Of each kind: its answers, its labelers, how to merge, compare and count the parts of a value, and its online form.
KINDS = {
    "spans": (
        segments(),
        st.builds(spans.Reliability, shares, shares),
        spans.merge,
        spans.similarity,
        len,
        spans.OnlineSpans,
    ),
    "numbers": (
        st.integers(-50, 50).map(float),
        st.builds(numbers.Reliability, st.floats(-5, 5), st.floats(0.1, 20)),
        numbers.merge,
        numbers.similarity,
        lambda value: 1,
        numbers.OnlineNumber,
    ),
    "rankings": (
        orders(),
        st.builds(rankings.Reliability, shares),
        rankings.merge,
        rankings.similarity,
        lambda value: len(value) - 1,
        rankings.OnlineRanking,
    ),
    "forms": (
        filled,
        st.builds(forms.Reliability, voter=st.builds(forms.Voter, st.floats(0.1, 0.99))),
        lambda answers, labelers: forms.merge(answers, labelers, FIELDS),
        lambda a, b: forms.similarity(a, b, FIELDS),
        lambda value: len(FIELDS),
        lambda: forms.OnlineForm(FIELDS),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_laws_of_every_kind(kind, data):
    answer, labeler, merge, similarity, parts, online = KINDS[kind]
    votes = data.draw(st.lists(st.tuples(answer, labeler), min_size=1, max_size=5))
    answers, labelers = zip(*votes, strict=True)

    alone = merge([answers[0]] * len(votes), labelers)
    assert alone.value == answers[0] and alone.scores == (1.0,) * len(votes)

    merged = merge(answers, labelers)
    assert len(merged.parts) == parts(merged.value) and len(merged.scores) == len(answers)
    assert all(0 <= p <= 1 for p in (merged.confidence, *merged.parts, *merged.scores))
    assert list(merged.scores) == pytest.approx([similarity(merged.value, one) for one in answers])
    assert similarity(answers[0], answers[-1]) == pytest.approx(similarity(answers[-1], answers[0]))

    shuffled = data.draw(st.permutations(votes))
    again = merge(*zip(*shuffled, strict=True))
    assert again.value == merged.value and again.confidence == pytest.approx(merged.confidence)

    one_by_one = online()
    for answer, labeler in votes:
        one_by_one.add(answer, labeler)
    assert one_by_one.merged() == merged


@given(segments(), segments(), segments(), st.integers(2, 9), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_segments_do_not_depend_on_the_unit(a, b, c, scale, shift):
    def moved(answer):
        return tuple(Span(s.start * scale + shift, s.stop * scale + shift, s.label) for s in answer)

    labelers = [spans.Reliability(0.9, 0.9), spans.Reliability(), spans.Reliability(0.5, 0.6)]
    merged = spans.merge([a, b, c], labelers)
    assert spans.merge([moved(a), moved(b), moved(c)], labelers).value == moved(merged.value)


def test_a_segment_that_most_drew_is_surer_than_one_that_few_drew():
    both, one = (Span(0, 3, "X"), Span(7, 9, "Y")), (Span(0, 3, "X"),)
    merged = spans.merge([both, one, one], [spans.Reliability(0.95, 0.5), spans.Reliability(), spans.Reliability()])
    found = dict(zip(merged.value, merged.parts, strict=True))
    assert found[Span(0, 3, "X")] > 0.8 and found.get(Span(7, 9, "Y"), 0.0) < 0.6


def test_segments_of_one_answer_that_overlap_are_refused():
    with pytest.raises(ValueError, match="do not overlap"):
        spans.merge([(Span(0, 3, "X"), Span(2, 5, "X"))], [spans.Reliability()])
    with pytest.raises(ValueError, match="have a length"):
        spans.merge([(Span(3, 3, "X"), Span(4, 5, "X"))], [spans.Reliability()])


def test_the_refit_of_segments_finds_who_misses_and_who_invents():
    rng = np.random.default_rng(5)
    tasks, truth = {}, {}
    for number in range(60):
        real = tuple(Span(10 * k, 10 * k + 3, "XY"[int(rng.integers(2))]) for k in range(6))
        blind = tuple(span for span in real if rng.random() < 0.4)
        eager = real + tuple(Span(10 * k + 5, 10 * k + 7, "X") for k in range(6) if rng.random() < 0.5)
        tasks[f"t{number}"] = [("ann", real), ("bob", real), ("blind", blind), ("eager", tuple(sorted(eager)))]
        truth[f"t{number}"] = real
    fitted = span_refit.refit(tasks, gold={task: truth[task] for task in list(truth)[:10]})
    assert fitted.reliability["blind"].recall < 0.6 < 0.9 < fitted.reliability["ann"].recall
    assert fitted.reliability["eager"].precision < 0.8 < 0.9 < fitted.reliability["bob"].precision
    assert np.mean([spans.similarity(one.value, truth[task]) for task, one in fitted.merged.items()]) > 0.98


def test_the_refit_of_numbers_takes_out_bias_and_weighs_by_spread():
    rng = np.random.default_rng(6)
    truth = {f"t{k}": float(rng.uniform(0, 100)) for k in range(80)}
    kinds = {"high": (5.0, 1.0), "exact": (0.0, 0.5), "low": (-5.0, 1.0), "loose": (0.0, 12.0)}
    tasks = {t: [(w, x + b + float(rng.normal(0, sd))) for w, (b, sd) in kinds.items()] for t, x in truth.items()}
    fitted = numbers.refit(tasks)
    assert [fitted.reliability[w].bias for w in ("high", "low")] == pytest.approx([5, -5], abs=1.5)
    assert fitted.reliability["loose"].sd > 3 * fitted.reliability["exact"].sd
    error = math.sqrt(np.mean([(fitted.merged[t].value - x) ** 2 for t, x in truth.items()]))
    mean_error = math.sqrt(np.mean([(np.mean([a for _, a in tasks[t]]) - x) ** 2 for t, x in truth.items()]))
    assert error < mean_error / 2


def test_a_slip_of_the_finger_moves_a_number_little_and_widens_nothing_else():
    labelers = [numbers.Reliability(0, 1)] * 5
    clean = numbers.estimate([10, 10.5, 9.5, 10.2, 9.8], labelers)
    slipped = numbers.estimate([10, 10.5, 9.5, 10.2, 1000], labelers)
    assert abs(slipped.value - clean.value) < 0.2
    low, high = clean.interval(0.9)
    assert clean.within(clean.value - low) == pytest.approx(0.9) and low < 10 < high


def test_the_refit_of_choices_between_two_turns_around_who_says_the_opposite():
    rng = np.random.default_rng(7)
    things, rows = list("abcdefgh"), []
    for _ in range(400):
        a, b = sorted(rng.choice(8, 2, replace=False))
        for who, right in (("ann", 0.95), ("bob", 0.85), ("liar", 0.1)):
            first, second = (a, b) if rng.random() < right else (b, a)
            rows.append((who, ranking(things[first], things[second])))
    fitted = rankings.refit({"all": rows})
    assert fitted.merged["all"].value == ranking(*things)
    assert fitted.reliability["liar"].accuracy < 0.3 < 0.8 < fitted.reliability["ann"].accuracy
    truth = ranking("a", "b")
    assert rankings.merge([truth, truth[::-1]], [rankings.Reliability(0.9), rankings.Reliability(0.6)]).value == truth


def test_a_form_is_refitted_field_by_field():
    tasks = {
        f"t{k}": [
            ("ann", {"animal": "cat", "weight": float(k), "colours": ("red",), "note": f"a fat cat {k}"}),
            ("bob", {"animal": "cat", "weight": float(k), "colours": ("red",), "note": f"a fat cat {k}"}),
            ("eve", {"animal": ("cat", "dog")[k % 2], "weight": k + 9.0, "colours": ("red", "black"), "note": "dog"}),
        ]
        for k in range(40)
    }
    found = form_refit.refit(tasks, FIELDS)
    ann, eve = found["ann"].fields, found["eve"].fields
    assert eve["animal"].accuracy < 0.7 < ann["animal"].accuracy
    assert eve["colours"].accuracy < 0.8 < ann["colours"].accuracy
    assert eve["weight"].bias > ann["weight"].bias + 5 and eve["note"].wer > 0.5 > ann["note"].wer
    votes = tasks["t3"]
    merged = forms.merge([form for _, form in votes], [found[who] for who, _ in votes], FIELDS)
    assert (merged.value["animal"], merged.value["note"]) == ("cat", "a fat cat 3") and "asleep" not in merged.value
