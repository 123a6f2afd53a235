"""In a real browser: a double click decided a product that nobody had seen, and what was not stored was not said."""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from tests.review import test_browser
from tests.review.desk_maker import PATHS, label_card, labelled, make_desk
from tests.review.test_browser import Hands
from tests.review.test_queue import judge, lease, rows, wish

from shelfwise.review.filters import QueueFilter

browser = test_browser.browser
serve = test_browser.serve
Serve = test_browser.Callable[[test_browser.Desk], str]


def test_a_double_click_decides_one_product(browser: WebDriver, serve: Serve, tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 5)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")
    first = hands.product
    ActionChains(browser).double_click(browser.find_element(By.CSS_SELECTOR, "#stage .pick.first")).perform()
    hands.wait(lambda: hands.said == "Accepted.")
    assert len(rows(desk)) == 1
    assert hands.product != first
    hands.press("a")  # keys press no button twice
    hands.wait(lambda: len(rows(desk)) == 2)


def test_what_was_not_stored_is_said_of_the_right_product(
    browser: WebDriver, serve: Serve, tmp_path: Path
) -> None:
    desk = make_desk(tmp_path, 4)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")
    title = hands.text("#stage h1")
    with desk.database.write() as connection:
        from shelfwise.review.queue import release

        release(connection, "Ann")
    held = lease(desk, "Bob", QueueFilter(scope="all"))
    assert held is not None
    judge(desk, "Bob", wish(desk, held, ticket="bobsticket"))
    hands.press("a")
    hands.wait(lambda: "Already decided by Bob" in hands.text("#trouble"))
    assert hands.text("#trouble").startswith(f"“{title}”")
    assert hands.text("#stage h1") != title


def test_a_decision_after_the_session_is_said_to_be_lost(
    browser: WebDriver, serve: Serve, tmp_path: Path
) -> None:
    desk = make_desk(tmp_path, 4)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")
    title = hands.text("#stage h1")
    browser.delete_all_cookies()
    hands.press("a")
    hands.wait(lambda: "/sign-in" in browser.current_url)
    assert rows(desk) == []
    hands.press("Ann", Keys.TAB, test_browser.TOKEN, Keys.ENTER)
    hands.wait(lambda: hands.said)
    assert hands.said == f"Not stored: “{title}” was decided after you had been signed out."
    assert hands.text("#stage h1") == title


def test_enter_takes_what_was_typed_not_what_was_found_before(
    browser: WebDriver, serve: Serve, tmp_path: Path
) -> None:
    desk = make_desk(tmp_path, 4)
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review?scope=all")
    hands.press("/")
    hands.wait(lambda: browser.switch_to.active_element.get_attribute("id") == "query")
    hands.press("lam")
    hands.wait(lambda: "Lamps" in hands.text("#found"))
    # All at once, as fast hands and pasted words are: what "lam" found is still on the page.
    browser.execute_script(
        "const field = document.querySelector('#query'); field.value = 'doll';"
        "field.dispatchEvent(new Event('input', {bubbles: true}));"
        "field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}));"
    )
    hands.wait(lambda: hands.said.startswith("Moved"))
    assert hands.said == f"Moved to {PATHS[3][-1]}."
    # And the next product begins without what was found for this one.
    hands.press("/")
    hands.wait(lambda: "Type the beginnings" in hands.text("#found"))
    hands.press(Keys.ENTER)
    assert len(rows(desk)) == 1


def test_no_label_is_no_decision(browser: WebDriver, serve: Serve, tmp_path: Path) -> None:
    desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(0), labelled(1)])
    hands = Hands(browser)
    hands.sign_in(serve(desk) + "/review")
    first = hands.product
    hands.press("1", "2", "a")
    hands.wait(lambda: "Tick at least one label" in hands.text("#trouble"))
    assert hands.product == first
    hands.press("1", "a")
    hands.wait(lambda: hands.said)
    assert len(rows(desk)) == 1
