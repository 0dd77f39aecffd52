"""Laws of consensus for text: one answer is its own, order does not matter, doubt is stated for each word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.consensus import transcripts
from routing.consensus.edit_distance import NONE, align, distance
from routing.consensus.graded import LogitLine, disputed, expected_quality, fit_line
from routing.consensus.transcripts import OnlineTranscript, Reliability
from routing.consensus.words import joined, keys, words

SPOKEN = ["the", "The", "cat", "cats,", "sat", "on", "air-tight", "airtight", "don't", "mat.", "5", "--"]
texts = st.lists(st.sampled_from(SPOKEN), max_size=8).map(" ".join)
heard = st.lists(st.tuples(texts, st.floats(0, 1).map(Reliability)), min_size=1, max_size=6)
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
