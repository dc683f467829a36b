"""The report in a real browser, where one is installed."""

import json
from contextlib import ExitStack

import pytest

from tests.report.browser import EXECUTABLE, Browser, headless_browser
from tests.report.conftest import NUM_FRAMES, NUM_GIVEN

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium is installed")

FRAME = "Number(document.querySelector('.scene input').value)"
NEXT_FRAME = f"""new Promise((done, fail) => {{
  const before = {FRAME};
  const ask = setInterval(() => {{ if ({FRAME} !== before) {{ clearInterval(ask); done(true); }} }}, 20);
  setTimeout(() => done(false), 5000);
}})"""
CHOOSE = """(() => {
  const scene = document.querySelector('.scene');
  scene.scrollIntoView({behavior: 'instant'});
  scene.focus({preventScroll: true});
})()"""
PLAYING = "new Promise(done => setTimeout(() => done(document.querySelector('.scene').dataset.playing), 300))"
LOOKS = """(() => {
  const scene = document.querySelector('.scene'), style = (part) => getComputedStyle(scene.querySelector(part));
  return {place: style('.film').backgroundPosition, edge: style('.predicted .film').borderTopColor,
          dot: style('circle').display, x: scene.querySelector('circle').getAttribute('cx'),
          words: scene.querySelector('output').textContent};
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with ExitStack() as stack:
        try:
            started = stack.enter_context(headless_browser(tmp_path_factory.mktemp("profile")))
        except (AssertionError, OSError) as error:
            pytest.skip(f"{EXECUTABLE} does not start on this machine: {error}")
        yield started


def silent(browser: Browser) -> bool:
    return not browser.complaints and all(url.startswith(("file:", "data:")) for url in browser.requests)


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_nothing_complains(browser, page, width, scheme):
    browser.open(page, width, prefers_color_scheme=scheme)
    for details in (False, True):
        browser.run(f"document.querySelectorAll('details').forEach(d => d.open = {json.dumps(details)})")
        assert browser.run("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, pre, .skip, .hidden, svg')
        && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 80))"""
    assert browser.run(outside) == []
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")
    assert silent(browser), (browser.complaints, browser.requests)


def test_films_play_while_they_are_seen(browser, page):
    browser.open(page, 1280, prefers_reduced_motion="no-preference")
    browser.run(CHOOSE)
    assert browser.run(NEXT_FRAME)
    before = browser.run(LOOKS)
    assert browser.run(NEXT_FRAME) and browser.run(LOOKS)["place"] != before["place"]
    browser.run("window.scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    assert browser.run(PLAYING) == "false"
    assert silent(browser)


def test_keys_step_through_frames(browser, page):
    """Edges, the dot and the words follow; the object is out of view in frame 2."""
    browser.open(page, 1280, prefers_reduced_motion="reduce")
    browser.run(CHOOSE)
    seen = [browser.run(LOOKS)]
    for _ in range(NUM_FRAMES):
        browser.press("ArrowRight")
        seen.append(browser.run(LOOKS))
    assert [look["dot"] == "none" for look in seen] == [t % NUM_FRAMES == 2 for t in range(NUM_FRAMES + 1)]
    assert seen[0]["words"] == f"given 1 of {NUM_GIVEN}" and seen[NUM_GIVEN]["words"] == "forecast, step 1 of 2"
    assert len({look["place"] for look in seen}) == NUM_FRAMES and seen[0] == seen[-1]
    assert len({look["edge"] for look in seen[:NUM_GIVEN]}) == 1 and seen[0]["edge"] != seen[NUM_GIVEN]["edge"]
    assert [seen[t]["x"] for t in (0, 1, 3)] == ["3.0", "8.0", "18.0"]
    browser.press("ArrowLeft")
    assert browser.run(LOOKS) == seen[NUM_FRAMES - 1]


def test_whoever_wants_less_motion_starts_it_by_hand(browser, page):
    browser.open(page, 1280, prefers_reduced_motion="reduce")
    browser.run(CHOOSE)
    assert browser.run(PLAYING) == "false"
    browser.press(" ")
    assert browser.run(NEXT_FRAME) and browser.run("document.querySelector('.scene button').textContent") == "pause"
    browser.press(" ")
    assert browser.run(PLAYING) == "false"


def test_every_control_is_reached_by_tab(browser, page):
    browser.open(page, 400)
    controls = "[...document.querySelectorAll('a, button, input, summary, [tabindex]')]"
    wanted = browser.run(f"{controls}.filter(e => e.checkVisibility()).length")
    reached = set()
    for _ in range(wanted):
        browser.press("Tab")
        reached.add(browser.run("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached) == wanted
