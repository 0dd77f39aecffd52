"""How fluid the lidar workbench is with 200,000 points a frame: orbit, zoom, a close-up's drag, frames that play.

`python -m benchmarks.fluid [--seconds N] [--frames N] [--card]`

A running Labelyard with a simulated drive, its window claimed and all objects in the draft, opened in headless
Chromium: without a graphics card (SwiftShader), or with `--card` on its own. A pointer is moved once a frame of the
screen. "Screen" is the time between frames that the browser put together for the screen, whatever the page asked for;
"picture" is the time between drawings of the points. Needs CHROMIUM or the browser that `make setup` noted.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks import fluid_world
from benchmarks.fluid_world import Work
from benchmarks.running import ROOT, labelyard

MOVES = ("orbit", "pan and zoom", "close-up drag", "play")
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
CARD = ("--enable-gpu", "--ignore-gpu-blocklist")
SHOWN = "SkiaOutputSurfaceImplOnGpu::SwapBuffers"  # Chromium's name for a frame that goes to the screen
QUIET_MS = 1_500  # nothing drawn for so long: it is still


@dataclass(frozen=True)
class Measured:
    """Milliseconds, points, and frames of one movement."""

    screen: list[float]
    picture: list[float]
    script: float
    graphics: float
    points: list[int]
    rest: dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="of each movement")
    parser.add_argument("--frames", type=int, default=16, help="of the drive that is played")
    parser.add_argument("--card", action="store_true", help="draw with the machine's graphics card")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        labelyard(Path(folder) / "var", "--no-demo", "--workers", "1") as yard,
    ):
        work = fluid_world.prepare(yard, options.frames)
        with chromium(CARD if options.card else SOFTWARE) as browser:
            page = opened(browser, work)
            print(f"\n{fluid_world.POINTS:,} points a frame; drawn by {page.evaluate('fluid.renderer()')}")
            print(f"load of the machine before: {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
            print_table(browser, page, options.seconds)


@contextmanager
def chromium(options: tuple[str, ...]) -> Iterator[Browser]:
    note = ROOT / ".cache" / "browser"
    path = os.environ.get("CHROMIUM") or (note.read_text().strip() if note.exists() else "")
    if not path:
        raise SystemExit("set CHROMIUM to the path of a Chromium, or run make setup")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *options])
        yield browser
        browser.close()


def opened(browser: Browser, work: Work) -> Page:
    """The workbench with all frames loaded and the first car selected."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    context.set_default_timeout(120_000)
    context.add_init_script(path=Path(__file__).with_suffix(".js"))
    page = context.new_page()
    page.goto(f"{work.home}/signin")
    page.get_by_label("E-mail").fill(fluid_world.EMAIL)
    page.get_by_label("Password").fill(fluid_world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    page.goto(work.page)
    page.get_by_text("all frames loaded").wait_for()
    page.locator(".object-list").get_by_role("button").first.click()
    page.locator(".lidar-closeup-top polygon").wait_for()
    page.evaluate("quiet => fluid.rest(performance.now(), 0, quiet)", QUIET_MS)
    return page


def print_table(browser: Browser, page: Page, seconds: float) -> None:
    print(
        "ms, median and p95; script, graphics: processor time a picture, of the page's code and of the graphics process"
    )
    print("points: drawn while it moves, in all views together; rest: from the last move to all points on the screen")
    head = f"{'movement':<14} {'screen':>13} {'picture':>13} {'script':>7} {'graphics':>9}"
    print(f"{head} {'points':>8} {'rest':>6} {'drawings when still':>20}")
    for name in MOVES:
        one = measure(browser, page, name, seconds)
        cells = f"{name:<14} {both(one.screen)} {both(one.picture)} {one.script:>7.1f} {one.graphics:>9.1f}"
        full = "-" if one.rest["full"] is None else f"{one.rest['full']:.0f}"
        print(f"{cells} {share(one.points, 0.5):>8,.0f} {full:>6} {one.rest['idle']:>20}", flush=True)


def both(values: list[float]) -> str:
    return f"{share(values, 0.5):>6.1f} {share(values, 0.95):>6.1f}"


def measure(browser: Browser, page: Page, name: str, seconds: float) -> Measured:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    graphics = graphics_process()
    browser.start_tracing(page=page, categories=["viz"])
    before = script_ms(session), graphics_ms(graphics)
    call = "([name, seconds]) => name === 'play' ? fluid.play(seconds) : fluid.move(name, seconds)"
    done = page.evaluate(call, [name, seconds])
    after = script_ms(session), graphics_ms(graphics)
    screen = shown_intervals(browser.stop_tracing())
    given = [done["ended"], fluid_world.POINTS, QUIET_MS]
    rest = page.evaluate("([ended, points, quiet]) => fluid.rest(ended, points, quiet)", given)
    pictures = done["pictures"]
    script, cards = ((b - a) / max(1, len(pictures)) for a, b in zip(before, after, strict=True))
    between = [later["at"] - earlier["at"] for earlier, later in pairwise(pictures)]
    return Measured(screen, between, script, cards, [one["points"] for one in pictures], rest)


def shown_intervals(trace: bytes) -> list[float]:
    """Milliseconds between the frames that went to the screen."""
    at = sorted(event["ts"] / 1000 for event in json.loads(trace)["traceEvents"] if event["name"] == SHOWN)
    return [later - earlier for earlier, later in pairwise(at)]


def script_ms(session: CDPSession) -> float:
    """Of the page's main thread, its own processor time in scripts."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["ScriptDuration"])


def graphics_process() -> psutil.Process | None:
    processes = psutil.Process().children(recursive=True)
    return next((one for one in processes if "--type=gpu-process" in " ".join(one.cmdline())), None)


def graphics_ms(process: psutil.Process | None) -> float:
    times = process.cpu_times() if process else None
    return 1000 * (times.user + times.system) if times else 0.0


def share(values: list[Any], of: float) -> float:
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * of))]) if ordered else float("nan")


if __name__ == "__main__":
    main()
