"""The desk in a real browser, by keyboard alone, as a person uses it."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import uvicorn
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait
from tests.review.desk_maker import TOKEN, label_card, labelled, make_desk

from shelfwise.review.app import LOOPBACK_NAMES, make_app
from shelfwise.review.desk import Desk
from shelfwise.review.export import export_decisions
from shelfwise.review.listening import listen
from shelfwise.review.product_fields import ProductFields

WAIT_S = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    """Headless Chromium from Debian's package."""
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("needs Debian's chromium and chromium-driver (tests/setup/install_system_packages.sh)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(programs[1])))
    yield driver
    driver.quit()


@pytest.fixture
def serve() -> Iterator[Callable[[Desk], str]]:
    """Serves desks, each on a port of its own; its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(desk: Desk) -> str:
        listening = listen("127.0.0.1", 0)
        config = uvicorn.Config(
            make_app(desk, LOOPBACK_NAMES), log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(timeout=15)


class Hands:
    """A person's hands on the keyboard, and eyes on the page."""

    def __init__(self, browser: WebDriver) -> None:
        self.browser = browser

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            # The focused element may be gone, with its product, by the time the key arrives.
            for _ in range(50):
                with contextlib.suppress(StaleElementReferenceException, ElementNotInteractableException):
                    self.browser.switch_to.active_element.send_keys(key)
                    break

    def wait(self, seen: Callable[[], object]) -> None:
        """Until something is on the page."""
        WebDriverWait(self.browser, WAIT_S, 0.05).until(lambda _: seen())

    def text(self, selector: str) -> str:
        """What is read there; empty where it is not there."""
        return str(
            self.browser.execute_script(
                "return document.querySelector(arguments[0])?.textContent.trim() ?? ''", selector
            )
        )

    @property
    def said(self) -> str:
        return self.text("#said")

    @property
    def product(self) -> str:
        return self.text("#stage .id").split(" ")[0]

    def sign_in(self, address: str) -> None:
        self.browser.get(address)
        self.press("Ann", Keys.TAB, TOKEN, Keys.ENTER)
        self.wait(lambda: "Ann" in self.text(".who"))

    def complaints(self) -> list[str]:
        """What the browser objects to: scripts that fail, things the page's own policy forbids."""
        return [
            entry["message"] for entry in self.browser.get_log("browser") if "404" not in entry["message"]
        ]


def test_by_keyboard_alone(browser: WebDriver, serve: Callable[[Desk], str], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(9):
        Image.new("RGB", (80, 60), (20 * number, 90, 120)).save(tmp_path / "pictures" / f"p{number:05d}.jpg")
    desk = make_desk(tmp_path, 9)
    desk.shop = ProductFields(None, images_dir=tmp_path / "pictures")
    desk.pictures = type(desk.pictures)(desk.shop)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")

    first = hands.product
    hands.press("a")
    hands.wait(lambda: hands.said == "Accepted.")
    second = hands.product
    assert second != first

    hands.press("/")
    hands.wait(lambda: browser.switch_to.active_element.get_attribute("id") == "query")
    hands.press("lam")
    hands.wait(lambda: "Lamps" in hands.text("#found"))
    hands.press(Keys.ENTER)
    hands.wait(lambda: hands.said == "Moved to Lamps.")

    hands.press("?")
    hands.wait(lambda: browser.find_element(By.ID, "help").is_displayed())
    hands.press("a")  # keys wait while a dialog is open
    hands.press(Keys.ESCAPE)
    hands.press("z")
    hands.wait(lambda: browser.find_element(By.ID, "zoom").is_displayed())
    hands.press(Keys.ESCAPE)

    hands.press("x")
    hands.wait(lambda: "cannot tell" in hands.said)
    fourth = hands.product
    hands.press("1")
    hands.wait(lambda: hands.said.startswith("Moved"))
    hands.press("u")
    hands.wait(lambda: hands.said == "Taken back.")
    assert hands.product == fourth
    hands.press("p")
    hands.wait(lambda: hands.said.startswith("Stopped at"))
    hands.press("s")
    hands.wait(lambda: hands.said == "Skipped.")
    hands.press("u")
    hands.wait(lambda: hands.said == "Taken back.")

    done = export_decisions(desk.database, tmp_path / "decisions.parquet")
    rows = pq.read_table(done.output).to_pylist()
    assert [row["action"] for row in rows] == ["accept", "correct", "cannot_tell", "parent"]
    assert [row["id"] for row in rows][:2] == [first, second]
    assert rows[1]["path"] == ["Home", "Lamps"]
    assert rows[3]["id"] == fourth
    assert rows[3]["path"] == rows[3]["before"][:-1]
    assert hands.complaints() == []


def test_fast_hands_lose_nothing(browser: WebDriver, serve: Callable[[Desk], str], tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 9)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")
    for _ in range(40):
        hands.press("a")
        if "Nothing left here" in hands.text("#stage"):
            break
    hands.wait(lambda: "Nothing left here" in hands.text("#stage"))
    hands.wait(lambda: hands.said == "Accepted.")
    done = export_decisions(desk.database, tmp_path / "decisions.jsonl")
    assert (done.products, done.decisions) == (9, 9)
    assert hands.complaints() == []


def test_labels(browser: WebDriver, serve: Callable[[Desk], str], tmp_path: Path) -> None:
    desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(0), labelled(1)])
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review")
    hands.press("1")  # unticks the first label
    hands.press("/")
    hands.wait(lambda: browser.switch_to.active_element.get_attribute("id") == "query")
    hands.press("hard")
    hands.wait(lambda: "hard" in hands.text("#found"))
    hands.press(Keys.ENTER)
    hands.press("a")
    hands.wait(lambda: hands.said.startswith("Moved"))
    done = export_decisions(desk.database, tmp_path / "decisions.parquet")
    (row,) = pq.read_table(done.output).to_pylist()
    assert set(row["labels"]) == {*row["before"][1:], "hard"}


def test_pages_fit_a_phone_and_name_what_they_ask(
    browser: WebDriver, serve: Callable[[Desk], str], tmp_path: Path
) -> None:
    hands = Hands(browser)
    address = serve(make_desk(tmp_path, 12))
    hands.sign_in(address)
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for page in ("/", "/review", "/rules", "/numbers", "/?order=sample"):
            browser.get(address + page)
            assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), page
            nameless = browser.execute_script(
                "return [...document.querySelectorAll('button, a, input:not([type=hidden]), select')].filter(one => "
                "!(one.textContent.trim() || one.ariaLabel || one.labels?.length)).map(one => one.outerHTML)"
            )
            assert nameless == [], page
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
