"""A reviewer's look in a real browser: two labelers' answers to a drive in the tool that they were drawn with."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from scaleapi import ScaleClient
from scaleapi.tasks import TaskType

from benchmarks.running import Running
from marketplace.formats import frame_json
from marketplace.simulator.recording import Recording, record
from tests.journeys.test_outside_script import until

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not os.environ.get("CHROMIUM"), reason="CHROMIUM does not name a browser"),
]
PASSWORD = "long enough 1"
PROJECT = "Disputed drive"
FRAMES = 2
SLOW_MS = 30_000


def submit_drive(yard: Running, key: str, drive: Recording) -> None:
    client = ScaleClient(key, api_instance_url=f"{yard.url}/v1")
    client.create_project(
        PROJECT, TaskType.LidarAnnotation, params={"labels": ["Car", "Truck", "Pedestrian", "Cyclist"]}
    )
    # Both at once: one that is asked later is reserved for a while, maybe for the labeler of another journey.
    at_once = requests.post(
        f"{yard.url}/v1/projects/{PROJECT}/setParams", json={"answers_min": 2}, auth=(key, ""), timeout=30
    )
    assert at_once.status_code == 200, at_once.text
    frames = []
    for number, moment in enumerate(drive.moments):
        file = io.BytesIO(frame_json.write(replace(moment.frame, images=[]), []))
        file.name = f"{number}.json"
        frames.append(str(client.upload_file(file, project_name=PROJECT).attachment_url))
    client.create_task(
        TaskType.LidarAnnotation, project=PROJECT, attachments=frames, attachment_type="json", labels=["Car"], answers=2
    )


def answer(yard: Running, token: str, tracks: list[dict[str, Any]]) -> str:
    """One labeler's answer by the labelers' API; returns the subtask's id."""
    web = requests.Session()
    web.headers["Authorization"] = f"Bearer {token}"

    def claimed() -> dict[str, Any] | None:
        found = web.post(f"{yard.url}/labeler/claim", json={"project": PROJECT}, timeout=30).json()["assignment"]
        return found if found is None else dict(found)

    assignment = until(claimed, 60, "the drive to be cut")
    body = {"epoch": assignment["epoch"], "answer": {"tracks": tracks}, "active_seconds": 60}
    done = web.post(f"{yard.url}/labeler/assignments/{assignment['id']}/submit", json=body, timeout=30)
    assert done.status_code == 200, done.text
    return str(assignment["subtask_id"])


@pytest.fixture(scope="module")
def disputed(labelyard: Running) -> tuple[str, list[int]]:
    """A subtask with two answers, and how many cars each of them has: Dana sees all, Emil the first one only."""

    def opened(kind: str, name: str, *options: str) -> dict[str, Any]:
        email = f"{name.lower()}@review.example"
        return labelyard.flask(kind, "create", name, "--email", email, "--password", PASSWORD, *options)

    with ThreadPoolExecutor() as pool:  # each command starts a Python of its own
        customer = pool.submit(opened, "customer", "Review AG", "--fund", "100000")
        labelers = [pool.submit(opened, "labeler", name, "--qualify", "lidarannotation") for name in ("Dana", "Emil")]
        operator = pool.submit(opened, "staff", "Oskar", "--role", "operator")
        drive = record(5, FRAMES)
        submit_drive(labelyard, customer.result()["live_key"], drive)
        tokens = [one.result()["token"] for one in labelers]
        operator.result()
    cars = [track for track in drive.tracks()["tracks"] if track["label"] == "Car"]
    [subtask_id] = {answer(labelyard, token, seen) for token, seen in zip(tokens, (cars, cars[:1]), strict=True)}
    return subtask_id, [len(cars), 1]


def sees(page: Page, count: int) -> None:
    expect(page.locator(".lidar-objects .tool-heading span").nth(1)).to_have_text(str(count))


def test_a_reviewer_looks_at_each_answer_and_changes_none(
    labelyard: Running, disputed: tuple[str, list[int]], browser: Browser
) -> None:
    subtask_id, counts = disputed
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US", reduced_motion="reduce")
    page.set_default_timeout(SLOW_MS)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{labelyard.url}/signin")
    page.get_by_label("E-mail").fill("oskar@review.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{labelyard.url}/reviews/{subtask_id}")
    page.get_by_role("link", name="See the answers in the workbench").click()

    layers = [page.get_by_role("button", name=name) for name in ("Dana", "Emil")]
    expect(layers[0]).to_be_visible()
    expect(page.get_by_text("all frames loaded")).to_be_visible()
    for layer, count in zip(layers, counts, strict=True):
        layer.click()
        expect(layer).to_have_attribute("aria-pressed", "true")
        sees(page, count)
    page.locator(".lidar-objects button").first.click()
    expect(page.get_by_label("length (m)")).to_be_disabled()
    page.keyboard.press("Delete")
    sees(page, counts[1])
    compares = page.get_by_label("others dashed")
    before = compares.is_checked()
    page.keyboard.press("o")
    expect(compares).to_be_checked(checked=not before)
    page.get_by_role("link", name="Back to the review", exact=True).last.click()
    expect(page.get_by_role("heading", name=PROJECT)).to_be_visible()
    assert not failures, "\n".join(failures)
    page.close()
