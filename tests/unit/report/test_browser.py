"""The page in a real browser: saving, opening, printing, touching; on a screen and on a phone."""

import csv
import io

import pytest
from PIL import Image

from sceneshift.stages.report import report

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def address(finished_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report.html"
    report(finished_run, out)
    return out.as_uri()


@pytest.fixture
def visit(browser, address):
    contexts = []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.errors = []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.on("console", lambda message: tab.errors.append(message.text))
        tab.goto(address)
        return tab

    yield open_page
    for context in contexts:
        context.close()


def saved(tab, link, folder):
    """(name, content) of what a link saves."""
    with tab.expect_download() as waiting:
        link.click()
    waiting.value.save_as(folder / "file")
    return waiting.value.suggested_filename, (folder / "file").read_bytes()


def test_tables_are_saved_as_csv_and_plots_as_svg_and_png(visit, tmp_path):
    tab = visit()
    name, content = saved(tab, tab.locator("#table-1 .save a"), tmp_path)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"))))
    assert name == "tiny-table-1.csv"
    assert rows[0][:2] == ["editor", "did it move?"]
    assert rows[1][0] == "Less natural light"
    assert rows[1][1].startswith("-0.40")  # a minus that programs read
    plot = tab.locator("figure.numbered:has(> picture)").first
    name, content = saved(tab, plot.get_by_text("SVG"), tmp_path)
    assert (name[-4:], b"<svg" in content[:500]) == (".svg", True)
    name, content = saved(tab, plot.get_by_text("PNG"), tmp_path)
    picture = Image.open(io.BytesIO(content))
    assert (name[-4:], picture.format) == (".png", "PNG")
    assert picture.width > 700
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    photo = tab.locator("figure:has(> .compare)").first
    assert saved(tab, photo.get_by_text("after", exact=True).last, tmp_path)[0].endswith("-after.png")
    assert tab.errors == []


def test_a_sheet_opens_large_and_can_be_saved(visit, tmp_path):
    tab = visit()
    tab.locator(".sheets button.large").first.click()
    shown = tab.locator("dialog img")
    assert (
        shown.evaluate("(picture) => picture.naturalWidth") == 8 * 32
    )  # the whole sheet, not what the page shows of it
    assert saved(tab, tab.locator("dialog a"), tmp_path)[0].endswith(".jpg")
    tab.keyboard.press("Escape")
    assert not shown.is_visible()


def test_a_finger_on_a_photo_scrolls_the_page_and_its_line_stays(visit):
    tab = visit(**PHONE)
    photo = tab.locator(".compare").first
    photo.scroll_into_view_if_needed()
    box = photo.bounding_box()
    tab.touchscreen.tap(box["x"] + 0.15 * box["width"], box["y"] + box["height"] / 2)
    assert photo.locator("input").input_value() == "50"
    tab.touchscreen.tap(box["x"] + 0.53 * box["width"], box["y"] + box["height"] / 2)  # its thumb
    photo.locator("input").focus()
    tab.keyboard.press("ArrowRight")
    assert int(photo.locator("input").input_value()) > 50


def test_what_changed_takes_the_place_of_after_alone(visit):
    tab = visit()
    tab.locator("button[data-changes]").first.click()
    shown = tab.locator(".compare").first.evaluate(
        "(photo) => [...photo.querySelectorAll('img')].map((one) => [getComputedStyle(one).visibility,"
        " getComputedStyle(one).clipPath])"
    )
    assert shown[0] == ["visible", "none"]  # before stays
    assert shown[1][1] == shown[2][1] == "inset(0px 0px 0px 50%)"
    assert shown[2][0] == "visible"


def test_on_paper_sliders_are_pairs_and_tables_are_open(visit):
    tab = visit()
    tab.emulate_media(media="print")
    tab.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    before, after = (tab.locator(".compare").first.locator(f"img >> nth={n}").bounding_box() for n in (0, 1))
    assert after["x"] >= before["x"] + before["width"]
    assert tab.locator("details:has(table):not([open])").count() == 0
    assert not tab.locator(".compare input").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [{"viewport": {"width": 1440, "height": 900}}, PHONE], ids=["screen", "phone"])
def test_it_fits_and_axe_finds_nothing_that_shuts_anyone_out(visit, scheme, options):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    tab = visit(**options, color_scheme=scheme, bypass_csp=True)  # its policy would refuse axe too
    tab.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
    found = axe.Axe().run(tab).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
