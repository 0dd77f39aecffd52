"""What stands in the log: one event a line, with the ids that it is about."""

import logging
from collections.abc import Iterator

import pytest

from marketplace.app import configure_logging
from marketplace.config import ConfigError, LogLevel, Settings

log = logging.getLogger("marketplace.pipeline.intake")


@pytest.fixture(autouse=True)
def level_as_before() -> Iterator[None]:
    yield
    configure_logging(LogLevel.WARNING)


def test_an_event_is_one_line_with_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogLevel.INFO)
    log.info("task accepted", extra={"task_id": "t1", "cents": 120})
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("timestamp=") and line.endswith("level='info' event='task accepted' task_id='t1' cents=120")


def test_a_failure_shows_where_it_came_from_and_what_it_was_about(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogLevel.WARNING)
    log.info("nothing")
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        log.exception("periodic job failed", extra={"job": "release holds"})
    [line] = capsys.readouterr().err.splitlines()
    assert "job='release holds'" in line and "RuntimeError: broken" in line and "Traceback" in line


def test_a_level_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match="LOG_LEVEL: 'loud'"):
        Settings.from_env({"LOG_LEVEL": "loud"})
