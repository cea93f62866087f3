"""Makes the pictures under docs/pictures from the demo, in a real Chromium: `.venv/bin/python scripts/pictures.py`.

They are kept in the repository so that everybody sees what the page looks like; look at each before you commit it.
A picture is packed again as tightly as its format allows, and one over the limit is an error.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from anyday.cli.doors import wall_clock
from anyday.instants import DAY
from anyday.lab.demo import Demo, DemoClock, load_demo
from anyday.service import Service
from anyday.web.app import App
from anyday.web.server import Server

PICTURES: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures"
LARGEST: Final = 150 * 1024
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

Act = Callable[[Page], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[str, Service, Demo]]:
    """The demo on loopback: its address, its service, and what was loaded."""
    service = await Service.open(folder / "demo.db", DemoClock(wall_clock))
    demo = await load_demo(service)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = Server(App(service), log_level="error")
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", service, demo
    finally:
        server.should_exit = True
        await task
        await service.close()


async def bet(page: Page) -> None:
    """A bet being made: two weeks around the even chance, and 10 points."""
    await pick(page)
    await page.fill("[name=points]", "10")
    await page.wait_for_function("() => document.getElementById('slip-go').textContent.startsWith('Bet 10 on')")
    await page.evaluate("document.activeElement.blur()")


async def pick(page: Page) -> None:
    """Two weeks from a week before the even chance on, dragged across the curve."""
    line, curve = await page.locator("line.even").bounding_box(), page.locator("anyday-curve")
    box = await page.locator("anyday-curve svg.plot.main").bounding_box()
    assert line is not None and box is not None, "an open question with an even chance"
    start, end = [int(await curve.get_attribute(f"data-{name}") or 0) for name in ("start", "end")]
    week = 7 * DAY / (end - start) * box["width"]
    await page.mouse.move(line["x"] - week, line["y"] + 60)
    await page.mouse.down()
    await page.mouse.move(line["x"] + week - 2, line["y"] + 60)
    await page.mouse.up()


async def ruled(page: Page) -> None:
    """A ruling with its totals, before it is confirmed."""
    await page.get_by_role("button", name="Show what this ruling would do").click()
    await page.get_by_text("Bets that fall").wait_for()


async def nothing(page: Page) -> None:
    """The page as it comes."""


async def shoot(browser: Browser, origin: str, link: str, name: str, path: str, act: Act, *, width: int, height: int) -> None:
    """One picture."""
    context = await browser.new_context(
        base_url=origin, viewport={"width": width, "height": height}, color_scheme="light", locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.goto(link)
    await page.goto(path)
    await act(page)
    await page.wait_for_timeout(300)
    data = packed(await page.screenshot(type="png"))
    await context.close()
    if len(data) > LARGEST:
        raise SystemExit(f"{name}.png is {len(data)} bytes; the most is {LARGEST}")
    (PICTURES / f"{name}.png").write_bytes(data)
    print(f"{name}.png: {len(data) // 1024} KB")


def packed(png: bytes) -> bytes:
    """The same picture in fewer bytes: with a palette where 256 colours are enough, else as it is, always at zlib's best."""
    width, height, rows = _rows(png)
    pixels = [bytes(row[i : i + 3]) for row in rows for i in range(0, len(row), 3)]
    colours = {pixel: place for place, pixel in enumerate(dict.fromkeys(pixels))}
    if len(colours) > 256:
        colours = _fewer(pixels)
    lines = b"".join(b"\0" + bytes(colours[pixel] for pixel in pixels[y * width : (y + 1) * width]) for y in range(height))
    places = sorted({place: pixel for pixel, place in reversed(list(colours.items()))}.items())
    palette = b"".join(pixel for _, pixel in places)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _fewer(pixels: list[bytes]) -> dict[bytes, int]:
    """The 256 commonest colours, and for every other one the nearest of them: anti-aliased edges are all that changes."""
    counts: dict[bytes, int] = {}
    for pixel in pixels:
        counts[pixel] = counts.get(pixel, 0) + 1
    order = sorted(counts, key=lambda pixel: (-counts[pixel], pixel))
    kept = order[:256]
    found = {pixel: place for place, pixel in enumerate(kept)}
    for pixel in order[256:]:
        found[pixel] = min(range(256), key=lambda place: sum((a - b) ** 2 for a, b in zip(pixel, kept[place], strict=True)))
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _rows(png: bytes) -> tuple[int, int, list[bytearray]]:
    """Width, height and the rows of an 8-bit RGB or RGBA picture, three bytes a pixel."""
    place, packed_rows, width, height, each = 8, b"", 0, 0, 3
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        data = png[place + 8 : place + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[:10])
            assert depth == 8 and colour in (2, 6), "Chromium writes 8-bit RGB or RGBA"
            each = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed_rows += data
        place += size + 12
    raw, rows, above = zlib.decompress(packed_rows), [], bytearray(width * each)
    for y in range(height):
        start = y * (width * each + 1)
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + width * each]), above, each)
        rows.append(above if each == 3 else bytearray(b for i, b in enumerate(above) if i % 4 != 3))
    return width, height, rows


def _unfiltered(kind: int, row: bytearray, above: bytearray, each: int) -> bytearray:
    """A row as it was before PNG's filter 0 to 4."""
    for i in range(len(row)):
        left = row[i - each] if i >= each else 0
        corner = above[i - each] if i >= each else 0
        if kind == 4:
            guess = left + above[i] - corner
            near = min((abs(guess - left), 0, left), (abs(guess - above[i]), 1, above[i]), (abs(guess - corner), 2, corner))[2]
        else:
            near = (0, left, above[i], (left + above[i]) // 2)[kind]
        row[i] = (row[i] + near) & 255
    return row


async def main() -> None:
    """Load the demo, serve it, and take every picture."""
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        sys.exit("no Chromium was found")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as (origin, service, demo), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
            link = f"/link/{demo.link}"
            cards = {card.title: card.id for card in service.board(demo.player)}
            words = ("coffee", "ice", "bicycle")
            coffee, ice, stand = (next(f"/q/{question}" for title, question in cards.items() if word in title) for word in words)
            assert demo.to_rule is not None, "the demo has a question to rule"

            async def fill_ruling(page: Page) -> None:
                assert demo.to_rule is not None
                await page.fill("[name=outcome]", demo.to_rule.outcome)
                await page.fill("[name=evidence]", demo.to_rule.evidence)
                await ruled(page)

            async def place_bets(page: Page) -> None:
                for question, window in ((coffee, None), (ice, None), (coffee, "never")):
                    await page.goto(question)
                    await (pick(page) if window is None else page.fill("[name=window]", window))
                    await page.fill("[name=points]", "20")
                    await page.wait_for_function("() => document.getElementById('slip-go').textContent.startsWith('Bet 20')")
                    await page.click("#slip-go")
                    await page.locator("#slip-refusal .said").wait_for()
                await page.goto("/me")

            async def decide(page: Page) -> None:
                await page.select_option("[name=verdict]", "withdrawn")
                await page.fill("[name=reason]", "Fourteen of twenty can be used. It opens again until the fence is gone.")
                await page.evaluate("document.activeElement.blur()")

            await shoot(browser, origin, link, "board", "/", nothing, width=1280, height=1100)
            await shoot(browser, origin, link, "question", coffee, bet, width=1280, height=940)
            await shoot(browser, origin, link, "question-phone", coffee, bet, width=390, height=1180)
            await shoot(browser, origin, link, "ruling", f"/q/{demo.to_rule.question}/ruling", fill_ruling, width=1280, height=860)
            await shoot(browser, origin, link, "dispute", stand, decide, width=1280, height=940)
            await shoot(browser, origin, link, "crew", "/crew", nothing, width=1280, height=1060)
            await shoot(browser, origin, link, "inbox-phone", "/inbox", nothing, width=390, height=1180)
            await shoot(browser, origin, link, "you", coffee, place_bets, width=1280, height=800)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
