"""A labeler's day in a real browser: work claimed, labeled by mouse and keys, submitted; others see what came of it."""

import io
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from scaleapi import ScaleClient
from scaleapi.tasks import TaskType

from benchmarks.running import Running
from marketplace.formats import frame_json
from marketplace.simulator.recording import Recording, record

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not os.environ.get("CHROMIUM"), reason="CHROMIUM does not name a browser"),
]
PASSWORD = "long enough 1"
FRAMES = 3
DRIVE, PICTURE, NOTE = "Journey drive", "Journey picture", "Journey note"
LABELS = ["Car", "Truck", "Pedestrian", "Cyclist"]
# What the workbench shows at first, from above: 50 degrees from 40 m up, the device in the middle, its heading up.
HALF_METRES = 40 * math.tan(math.radians(25))
SLOW_MS = 30_000  # the machine may be busy, and it draws without a graphics card
expect.set_options(timeout=SLOW_MS)


@dataclass(frozen=True)
class World:
    """One customer with three tasks, one labeler who may do them, and one colleague in finance."""

    yard: Running
    drive: Recording
    task_ids: dict[str, str]


@pytest.fixture(scope="module")
def world(labelyard: Running) -> World:
    def open_account(kind: str, name: str, email: str, *options: str) -> dict[str, Any]:
        return labelyard.flask(kind, "create", name, "--email", email, "--password", PASSWORD, *options)

    skills = [word for name in ("lidarannotation", "imageannotation", "categorization") for word in ("--qualify", name)]
    with ThreadPoolExecutor() as pool:  # each command starts a Python of its own
        customer = pool.submit(open_account, "customer", "Journey AG", "nora@journey.example", "--fund", "100000")
        others = [
            pool.submit(open_account, "labeler", "Lena", "lena@journey.example", *skills),
            pool.submit(open_account, "staff", "Fay", "fay@journey.example", "--role", "finance"),
        ]
        drive = record(5, FRAMES)
        client = ScaleClient(customer.result()["live_key"], api_instance_url=f"{labelyard.url}/v1")
        task_ids = submit_tasks(client, drive)
        for other in others:
            other.result()
    return World(labelyard, drive, task_ids)


def submit_tasks(client: ScaleClient, drive: Recording) -> dict[str, str]:
    def upload(content: bytes, name: str, project: str) -> str:
        file = io.BytesIO(content)
        file.name = name
        return str(client.upload_file(file, project_name=project).attachment_url)

    client.create_project(DRIVE, TaskType.LidarAnnotation, params={"labels": LABELS})
    client.create_project(PICTURE, TaskType.ImageAnnotation)
    client.create_project(NOTE, TaskType.Categorization)
    frames = []
    for number, moment in enumerate(drive.moments):
        images = [upload(i.content, f"{number}-{i.name}.png", DRIVE) for i in moment.frame.images]
        frames.append(upload(frame_json.write(moment.frame, images), f"{number}.json", DRIVE))
    occlusion = {"type": "category", "choices": ["none", "partly"], "required": True}
    tasks = {
        DRIVE: client.create_task(
            TaskType.LidarAnnotation,
            project=DRIVE,
            attachments=frames,
            attachment_type="json",
            labels=LABELS,
            annotation_attributes={"occlusion": occlusion},
            instruction="Draw every **car**.",
        ),
        PICTURE: client.create_task(
            TaskType.ImageAnnotation,
            project=PICTURE,
            attachment=upload(drive.image(0, "front"), "front.png", PICTURE),
            geometries={"box": {"objects_to_annotate": ["Car"]}},
        ),
        NOTE: client.create_task(
            TaskType.Categorization,
            project=NOTE,
            attachment="The parcel came late.",
            attachment_type="text",
            categories=["praise", "shipping"],
            answers=1,
        ),
    }
    return {name: str(task.id) for name, task in tasks.items()}


@contextmanager
def signed_in(browser: Browser, world: World, name: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US", reduced_motion="reduce")
    context.set_default_timeout(SLOW_MS)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{world.yard.url}/signin")
    page.get_by_label("E-mail").fill(f"{name}@journey.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page
    assert not failures, "\n".join(failures)
    context.close()


def reload_until(page: Page, there: Callable[[], Locator], what: str, seconds: float = 60) -> Locator:
    """What a background job brings is on the page after some reload."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        page.reload()
        if there().count():
            return there().first
    raise AssertionError(f"waited {seconds} s for {what}: {page.inner_text('main')[:2000]}")


def claim(page: Page, world: World, project: str) -> str:
    """Claims the project's task on the list of work and opens it in the workbench; returns what it pays."""
    page.goto(f"{world.yard.url}/work")
    row = reload_until(page, lambda: page.get_by_role("row").filter(has_text=project), f"work in {project}")
    row.get_by_role("button", name="Claim").click()
    page.wait_for_url("**/assignments/*")
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_visible()
    return page.locator(".wb-fact strong").inner_text()


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit", exact=True).click()
    submitted = page.get_by_role("heading", name="Submitted")
    anyway = page.get_by_role("button", name="Submit as it is")
    expect(submitted.or_(anyway)).to_be_visible()
    if anyway.is_visible():
        anyway.click()
    expect(submitted).to_be_visible()


def drag(page: Page, *places: tuple[float, float]) -> None:
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def nearest_car(drive: Recording) -> dict[str, Any]:
    """The true cuboid of the car with a lidar's best view in the first frame that is not right beside the device."""
    device = drive.moments[0].frame.device.position
    first = [track["cuboids"][0] for track in drive.tracks()["tracks"] if track["label"] == "Car"]
    seen = [c for c in first if c["frame"] == 0 and 6 < math.dist(c["position"][:2], device[:2]) < 17]
    return dict(min(seen, key=lambda c: math.dist(c["position"], device)))


def on_screen(page: Page, drive: Recording, car: dict[str, Any], along: float) -> tuple[float, float]:
    """Where a place on the car's middle line is in the view from above: 1 along is its front, -1 its back."""
    box = page.get_by_label("Points: draw cuboids here").bounding_box()
    assert box
    pose = drive.moments[0].frame.device
    heading = 2 * math.atan2(pose.heading[3], pose.heading[0])
    reach = along * car["dimensions"][0] / 2
    dx = car["position"][0] + math.cos(car["yaw"]) * reach - pose.position[0]
    dy = car["position"][1] + math.sin(car["yaw"]) * reach - pose.position[1]
    ahead = math.cos(heading) * dx + math.sin(heading) * dy
    right = math.sin(heading) * dx - math.cos(heading) * dy
    scale = box["height"] / 2 / HALF_METRES
    return box["x"] + box["width"] / 2 + right * scale, box["y"] + box["height"] / 2 - ahead * scale


def draw_car(page: Page, drive: Recording) -> dict[str, Any]:
    """One drag over the nearest car, from above; returns the true cuboid."""
    car = nearest_car(drive)
    page.get_by_role("button", name="From above").click()
    page.keyboard.press("1")
    page.keyboard.press("b")
    expect(page.locator(".lidar-hint")).to_contain_text("from its back to its front")
    drag(page, on_screen(page, drive, car, -1.05), on_screen(page, drive, car, 0), on_screen(page, drive, car, 1.05))
    expect(page.locator(".wb-said")).to_contain_text("fitted to")
    return car


def settled_outline(page: Page, view: Locator) -> str:
    """The cuboid's corners on the screen, once the view has drawn it where it stays."""
    polygon, before = view.locator("polygon"), ""
    for _ in range(50):
        now = polygon.get_attribute("points") or ""
        if now and now == before:
            return now
        before = now
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.wait_for_timeout(200)
    raise AssertionError("the close-up does not come to rest")


def widen_in_close_up(page: Page) -> None:
    """Drags the right edge outwards in the close-up from above, and takes it back and does it again."""
    width = page.get_by_label("width (m)")
    before = float(width.input_value())
    view = page.locator(".lidar-closeup-top")
    outline = settled_outline(page, view)
    box = view.bounding_box()
    assert box
    corners = [tuple(map(float, pair.split(","))) for pair in outline.split()]
    edge = (
        box["x"] + max(x for x, _ in corners),
        box["y"] + (min(y for _, y in corners) + max(y for _, y in corners)) / 2,
    )
    drag(page, edge, (edge[0] + 4, edge[1]), (edge[0] + 10, edge[1]))
    expect(width).not_to_have_value(f"{before:.2f}")
    after = width.input_value()
    assert before < float(after) < before + 1.5
    page.keyboard.press("Control+z")
    expect(width).to_have_value(f"{before:.2f}")
    page.keyboard.press("Control+Shift+z")
    expect(width).to_have_value(after)


def test_a_drive_is_labeled_delivered_and_earned(world: World, browser: Browser) -> None:
    with signed_in(browser, world, "lena") as page:
        pay = claim(page, world, DRIVE)
        page.get_by_role("button", name="Close instructions").click()
        expect(page.get_by_text("all frames loaded")).to_be_visible()
        car = draw_car(page, world.drive)
        widen_in_close_up(page)
        for _ in range(FRAMES - 1):
            page.keyboard.press("c")
        expect(page.get_by_text(f"{FRAMES} of {FRAMES}")).to_be_visible()
        expect(page.get_by_role("img", name=f"in {FRAMES} of {FRAMES} frames")).to_be_visible()
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_role("dialog", name="Problems")).to_contain_text("occlusion is missing")
        page.get_by_label("occlusion").select_option("none")
        expect(page.get_by_text("occlusion is missing")).to_have_count(0)
        page.get_by_role("button", name="Close problems").click()
        submit(page)
    delivered = see_deliverable(browser, world, DRIVE)
    assert [len(frame["cuboids"]) for frame in delivered] == [1] * FRAMES
    assert len({frame["cuboids"][0]["uuid"] for frame in delivered}) == 1
    [cuboid] = delivered[0]["cuboids"]
    assert cuboid["label"] == "Car"
    assert math.dist([cuboid["position"][axis] for axis in "xyz"], car["position"]) < 0.8
    with signed_in(browser, world, "fay") as page:
        page.goto(f"{world.yard.url}/finance/labelers")
        row = reload_until(page, lambda: page.get_by_role("row").filter(has_text="Lena"), "the labeler's money")
        row.get_by_role("link", name="Lena").click()
        statement = page.get_by_role("region", name="Statement")
        expect(statement.get_by_role("cell", name=pay).first).to_be_visible()


def see_deliverable(browser: Browser, world: World, project: str) -> Any:
    """The customer finds the finished task among the project's and downloads what was delivered."""
    with signed_in(browser, world, "nora") as page:
        page.goto(f"{world.yard.url}/projects")
        page.get_by_role("link", name=project, exact=True).click()
        task_id = world.task_ids[project]
        page.locator(f"a[href*='{task_id}']").first.click()
        page.wait_for_url(f"**/{task_id}")
        link = reload_until(page, lambda: page.get_by_role("link", name="Download the deliverable"), "the deliverable")
        with page.expect_download() as download:
            link.click()
        return json.loads(download.value.path().read_bytes())


def test_boxes_are_drawn_in_an_image(world: World, browser: Browser) -> None:
    with signed_in(browser, world, "lena") as page:
        claim(page, world, PICTURE)
        canvas = page.get_by_label("Image: draw boxes here")
        box = canvas.bounding_box()
        assert box
        left, top = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
        drag(page, (left, top), (left + 60, top + 40), (left + 120, top + 70))
        expect(page.get_by_label("width", exact=True)).not_to_have_value("0")
        wide = page.get_by_label("width", exact=True).input_value()
        drag(page, (left + 120, top + 70), (left + 140, top + 80), (left + 160, top + 90))
        expect(page.get_by_label("width", exact=True)).not_to_have_value(wide)
        submit(page)
    delivered = see_deliverable(browser, world, PICTURE)
    [annotation] = delivered["annotations"] if isinstance(delivered, dict) else delivered
    assert (annotation["label"], annotation["type"]) == ("Car", "box")
    assert annotation["width"] > float(wide)


def test_a_text_is_put_in_a_category_by_one_key(world: World, browser: Browser) -> None:
    with signed_in(browser, world, "lena") as page:
        claim(page, world, NOTE)
        expect(page.get_by_text("The parcel came late.")).to_be_visible()
        page.keyboard.press("2")
        expect(page.get_by_role("radio", name="shipping")).to_be_checked()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("heading", name="Submitted")).to_be_visible()
    delivered = see_deliverable(browser, world, NOTE)
    assert "shipping" in json.dumps(delivered)
