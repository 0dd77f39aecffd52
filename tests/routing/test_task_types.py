"""The laws that every task type keeps, and its contract files."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.task_types import TASK_TYPES
from routing.types import Answer, Params, Piece, Vote, Window
from tests.routing.contracts import CASES, FOLDER, contract, params
from tests.routing.drives import without_ids

every_type = pytest.mark.parametrize("name", TASK_TYPES)
every_case = pytest.mark.parametrize(
    ("name", "params", "answers"), CASES, ids=[f"{c[0]}-{k}" for k, c in enumerate(CASES)]
)
quick = settings(max_examples=60, deadline=None)


def test_every_case_list_covers_every_task_type() -> None:
    assert {case[0] for case in CASES} == TASK_TYPES.keys()
    assert {folder.name for folder in FOLDER.iterdir() if folder.is_dir()} == TASK_TYPES.keys()


@every_type
def test_the_contract_files_pass_their_schemas(name: str) -> None:
    task_type, given_params = TASK_TYPES[name], params(name)
    for file in ("answer", "deliverable"):
        raw = contract(name, file)
        jsonschema.validate(raw, task_type.answer_json_schema())
        assert task_type.Answer().load(raw) == raw
        assert task_type.check_answer(raw, given_params, None) == []
    assert task_type.labeler_params(given_params)
    jsonschema.Draft202012Validator.check_schema(task_type.answer_json_schema())


@every_type
def test_the_contract_s_answer_split_and_rejoined_is_its_deliverable(name: str) -> None:
    task_type, given_params, answer = TASK_TYPES[name], params(name), contract(name, "answer")
    pieces = task_type.split(given_params, 5)
    parts = [(piece, task_type.within(answer, piece.window)) for piece in pieces]
    for piece, part in parts:
        assert task_type.check_answer(part, given_params, piece.window) == []
    assert task_type.assemble(parts, name).answer == contract(name, "deliverable")


@every_type
def test_an_empty_answer_is_valid(name: str) -> None:
    task_type, given_params = TASK_TYPES[name], params(name)
    empty = task_type.empty_answer(given_params)
    jsonschema.validate(empty, task_type.answer_json_schema())
    assert task_type.check_answer(task_type.Answer().load(empty), given_params, Window(0, 5)) == []


@every_case
@quick
@given(data=st.data())
def test_agreement_is_symmetric_within_0_and_1_and_full_for_equals(
    name: str, params: Params, answers: st.SearchStrategy[Answer], data: st.DataObject
) -> None:
    task_type = TASK_TYPES[name]
    one, two = data.draw(answers), data.draw(answers)
    assert task_type.agreement(one, one) == 1 == task_type.grade(one, one)
    assert 0 <= task_type.agreement(one, two) <= 1
    assert task_type.agreement(one, two) == pytest.approx(task_type.agreement(two, one), abs=1e-9)
    assert task_type.agreement(one, copy.deepcopy(one)) == 1


@every_case
@quick
@given(data=st.data(), weight=st.floats(0, 1))
def test_a_lone_vote_is_the_verdict_and_likes_win(
    name: str, params: Params, answers: st.SearchStrategy[Answer], data: st.DataObject, weight: float
) -> None:
    task_type, answer = TASK_TYPES[name], data.draw(answers)
    verdict = task_type.merge([Vote("a", answer, weight)])
    assert verdict.answer == answer and dict(verdict.scores) == {"a": 1.0}
    other = data.draw(answers)
    verdict = task_type.merge([Vote("a", answer, 0.8), Vote("x", other, 0.5), Vote("b", answer, 0.8)])
    assert task_type.agreement(verdict.answer, answer) == pytest.approx(1)
    assert verdict.scores["a"] == pytest.approx(1) == verdict.scores["b"]
    assert 0 <= verdict.confidence <= 1 and set(verdict.scores) == {"a", "b", "x"}


@every_case
@quick
@given(data=st.data())
def test_what_votes_merge_into_is_a_valid_answer(
    name: str, params: Params, answers: st.SearchStrategy[Answer], data: st.DataObject
) -> None:
    task_type = TASK_TYPES[name]
    votes = [Vote(f"{k}", data.draw(answers), data.draw(st.floats(0, 1))) for k in range(data.draw(st.integers(2, 4)))]
    verdict = task_type.merge(votes)
    loaded = task_type.Answer().load(json.loads(json.dumps(verdict.answer)))
    assert task_type.check_answer(loaded, params, None) == []
    assert 0 <= verdict.confidence <= 1
    assert all(0 <= score <= 1 for score in verdict.scores.values())


@every_case
@quick
@given(data=st.data())
def test_perfect_answers_to_the_pieces_give_the_whole(
    name: str, params: Params, answers: st.SearchStrategy[Answer], data: st.DataObject
) -> None:
    task_type, whole = TASK_TYPES[name], data.draw(answers)
    pieces = task_type.split(params, 5)
    assert [piece.index for piece in pieces] == list(range(len(pieces)))
    assert all(piece.effort_seconds > 0 for piece in pieces)
    parts = [(piece, task_type.within(whole, piece.window)) for piece in pieces]
    assert all(task_type.check_answer(part, params, piece.window) == [] for piece, part in parts)
    joined = task_type.assemble(parts, "task").answer
    assert joined == whole or without_ids(joined) == without_ids(whole)


@quick
@given(data=st.data())
def test_labelers_who_see_the_same_agree_at_the_seam(data: st.DataObject) -> None:
    name, _, answers = CASES[0]
    whole = data.draw(answers)
    lidar = TASK_TYPES[name]
    one, two = Window(0, 3), Window(2, 5)
    score = lidar.seam_agreement(lidar.within(whole, one), one, lidar.within(whole, two), two)
    shared = lidar.within(whole, Window(2, 3))["tracks"]
    assert score == (1 if shared else None)


def test_a_drive_shorter_than_its_window_is_one_piece() -> None:
    lidar = TASK_TYPES["lidarannotation"]
    assert lidar.split(params("lidarannotation"), 1) == [Piece(0, Window(0, 1), 144)]
