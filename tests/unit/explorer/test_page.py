"""The page in a real browser, from a folder on disk and from a single file."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from sceneshift.images.reading import read_photo
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import PhotosSettings, TranslatorSettings
from sceneshift.stages.build_explorer import build_explorer
from sceneshift.streets import render_street
from sceneshift.translator import load_translator
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.state import new_networks

LONG = 60_000  # milliseconds; a loaded machine takes its time
ORIENTATION = 0x0112


def small_translator(path, seed):
    sizes = architecture(TranslatorSettings(width=4, downsamplings=2, blocks=1), 16)
    network, _ = new_networks(sizes, seed=seed)
    torch.nn.init.normal_(network.network.out.weight, std=0.1, generator=torch_generator(seed, "last layer"))
    save_translator(network, path, TranslatorFacts(sizes, 16, 0, "", {}))
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the page, its single form, and the two translators that it is made of."""
    folder = tmp_path_factory.mktemp("explorer")
    translators = [small_translator(folder / f"{name}.safetensors", seed) for seed, name in enumerate(("one", "two"))]
    build_explorer(folder / "index.html", PhotosSettings(), translators=translators)
    build_explorer(folder / "single.html", PhotosSettings(), translators=translators, single=True)
    return folder


class Visit:
    """A tab with the page, and what happened in it."""

    def __init__(self, context, url):
        self.tab, self.requests, self.errors = context.new_page(), [], []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda message: self.errors.append(message.text))
        self.tab.goto(url)

    def says(self, beginning):
        self.tab.wait_for_function(
            "(text) => document.getElementById('status').textContent.startsWith(text)", arg=beginning, timeout=LONG
        )
        return self.tab.text_content("#status")

    def choose(self, path):
        self.tab.set_input_files("#file", path)

    def set(self, control, value):
        self.tab.eval_on_selector(
            f"#{control}",
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            str(value),
        )

    def download(self):
        with self.tab.expect_download(timeout=LONG) as waiting:
            self.tab.click("#download")
        return waiting.value

    def png(self, strength, strips=False):
        """What a download would hold, as pixels: uint8 [H, W, 3]."""
        make = "pngFile(stage.photo.width, stage.photo.height, editedStrips(stage.photo, stage.edit, s))"
        whole = "editedFile(stage.photo, stage.edit, s, 'image/png')"
        text = self.tab.evaluate(
            "(s) => (%s).then((blob) => new Promise((resolve) => { const reader = new FileReader();"
            " reader.onload = () => resolve(reader.result); reader.readAsDataURL(blob); }))"
            % (make if strips else whole),
            strength,
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))).convert("RGB"))


@pytest.fixture
def visit(browser):
    contexts = []

    def open_page(path, **options):
        contexts.append(browser.new_context(**options))
        return Visit(contexts[-1], path.as_uri())

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def street():
    return render_street(0, 3, (150, 200))


def photos(folder, street):
    """Name -> file of every kind of photo."""
    picture = Image.fromarray(street)
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    picture.save(folder / "plain.jpg", quality=92, subsampling=0)
    picture.save(folder / "turned.jpg", quality=85, subsampling=2, exif=turned)
    picture.save(folder / "shrunk.webp", lossless=True)
    picture.resize((40, 30)).save(folder / "tiny.png")
    picture.resize((61, 300)).save(folder / "tall.png")
    alpha = np.broadcast_to(np.linspace(0, 255, street.shape[1]), street.shape[:2]).astype(np.uint8)
    Image.fromarray(np.dstack([street, alpha])).save(folder / "alpha.png")
    return {path.stem: path for path in folder.iterdir()}


def test_pixels_are_those_of_translate(built, visit, street, tmp_path):
    page, translator = visit(built / "index.html"), load_translator(built / "one.safetensors")
    for name, path in photos(tmp_path, street).items():
        page.choose(path)
        page.says("Edited")
        page.tab.wait_for_function("(name) => state.name === name && stage.edit", arg=path.name, timeout=LONG)
        decoded, photo = page.png(0).astype(int), read_photo(path)
        assert decoded.shape == photo.shape, name
        assert np.abs(decoded - photo).max() <= 1, name  # of the browser's decoder
        for strength in (0.5, 1, 3):
            edited = page.png(strength)
            same_pixels = translator(decoded.astype(np.uint8), strength)
            assert np.abs(edited.astype(int) - same_pixels).max() <= 1, (name, strength)
        np.testing.assert_array_equal(page.png(1, strips=True), page.png(1))
    assert page.errors == []


@pytest.mark.parametrize("form", ["index.html", "single.html"])
def test_a_visit(built, visit, street, tmp_path, form):
    page = visit(built / form)
    page.says("Edited")  # the first example, by the first edit, unasked
    page.choose(photos(tmp_path, street)["turned"])
    assert "150 × 200" in page.says("Edited at its full size, 150")
    page.tab.click("input[value=two]")
    page.says("Edited")
    page.set("strength", 2)
    page.set("split", 30)
    assert page.tab.text_content("#dose") == "2.00"
    file = page.download()
    assert file.suggested_filename == "turned-two.jpg"
    page.says("Saved turned-two.jpg, 150 × 200")
    file.save_as(tmp_path / "saved.jpg")
    with Image.open(tmp_path / "saved.jpg") as saved:
        assert saved.size == (150, 200)
        assert not saved.getexif()
        expected = load_translator(built / "two.safetensors")(read_photo(tmp_path / "turned.jpg"), 2.0)
        assert np.abs(np.asarray(saved).astype(int) - expected).mean() < 6  # JPEG's own loss
    own = [
        page.tab.url,
        *([] if form == "single.html" else [f"{built.as_uri()}/models/{n}.js" for n in ("one", "two")]),
    ]
    assert [url for url in page.requests if not url.startswith(("data:", "blob:"))] == own
    assert page.errors == []


def test_it_cannot_send_anything(built, visit):
    page = visit(built / "index.html")
    page.says("Edited")
    tries = [
        "fetch('http://localhost:9/')",
        "new Promise((yes, no) => Object.assign(new Image(), {onload: yes, onerror: no, src: 'http://localhost:9/x.png'}))",
    ]
    for attempt in tries:
        assert page.tab.evaluate(f"() => {attempt}.then(() => 'sent', () => 'refused')") == "refused"
    refused = [error for error in page.errors if "Content Security Policy" in error]
    assert len(refused) >= len(tries)


def drop(page, name, content):
    page.tab.evaluate(
        """([name, content]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(content)], name));
          dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [name, list(content)],
    )


def test_what_is_dropped(built, visit, street, tmp_path):
    page, files = visit(built / "index.html"), photos(tmp_path, street)
    page.says("Edited")
    drop(page, "dropped.png", files["tiny"].read_bytes())
    page.says("Edited at its full size, 40 × 30")
    drop(page, "notes.txt", b"no picture")
    assert page.says("notes.txt") == "notes.txt could not be read as a picture. JPEG, PNG and WebP are read."
    drop(page, "phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "is a HEIC photo" in page.says("phone.heic")
    drop(page, "empty.jpg", b"")
    assert "is empty" in page.says("empty.jpg")
    thin = io.BytesIO()
    Image.new("RGB", (400, 10)).save(thin, "PNG")
    drop(page, "thin.png", thin.getvalue())
    assert "400 × 10, at most 32 times as long as wide" in page.says("thin.png")
    assert page.tab.evaluate("() => state.name") == "dropped.png"  # which is still there
    inks = io.BytesIO()
    Image.new("CMYK", (64, 48), (0, 90, 90, 0)).save(inks, "JPEG")
    drop(page, "inks.jpg", inks.getvalue())
    assert "CMYK" in page.says("Edited at its full size, 64 × 48")
    assert page.errors == []


def test_a_second_photo_while_the_first_is_edited(built, visit, street, tmp_path):
    page, files = visit(built / "index.html"), photos(tmp_path, street)
    page.says("Edited")
    page.tab.evaluate(
        "() => { window.slow = worker.postMessage.bind(worker);"
        " worker.postMessage = (data) => setTimeout(() => slow(data), 500); }"
    )
    drop(page, "first.png", files["tall"].read_bytes())
    page.says("Editing")
    drop(page, "second.png", files["tiny"].read_bytes())
    page.says("Edited at its full size, 40 × 30")
    page.tab.wait_for_timeout(1000)
    assert page.tab.evaluate("() => [state.name, stage.edit.width]") == ["second.png", 40]
    assert (
        np.abs(page.png(1).astype(int) - load_translator(built / "one.safetensors")(read_photo(files["tiny"]))).max()
        <= 1
    )
    assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(built, visit, scheme):
    page = visit(
        built / "index.html",
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        color_scheme=scheme,
    )
    page.says("Edited")
    assert page.tab.evaluate("() => document.documentElement.scrollWidth") == 390
    small = page.tab.evaluate(
        """() => [...document.querySelectorAll("button, .button, #edits span, summary, input[type=range]")]
          .filter((element) => element.checkVisibility())
          .filter((element) => Object.values(element.getBoundingClientRect().toJSON()).slice(2, 4).some((x) => x < 44))
          .map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_keyboard_alone(built, visit):
    page = visit(built / "index.html")
    page.says("Edited")
    order = []
    for _ in range(14):
        page.tab.keyboard.press("Tab")
        order.append(page.tab.evaluate("() => document.activeElement.id || document.activeElement.name"))
    wanted = ["split", "file", "edit", "strength", "change", "close", "download"]
    assert [name for name in order if name in wanted][: len(wanted)] == wanted
    page.tab.focus("#split")
    page.tab.keyboard.press("ArrowLeft")
    assert page.tab.evaluate("() => page.stage.style.getPropertyValue('--at')") == "49%"
    page.tab.focus("input[name=edit]:checked")
    page.tab.keyboard.press("ArrowDown")
    page.tab.wait_for_function("() => chosen().value === 'two'", timeout=LONG)
    page.says("Edited")
    page.tab.focus("#close")
    page.tab.keyboard.press("Enter")
    page.tab.focus("#stage")
    before = page.tab.evaluate("() => [stage.left, stage.top]")
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("ArrowDown")
    after = page.tab.evaluate("() => [stage.left, stage.top, stage.photo.width, stage.photo.height]")
    assert after[:2] != before


def test_looking_closely_and_moving_the_photo(built, visit):
    page = visit(built / "index.html", viewport={"width": 1200, "height": 800})
    page.says("Edited")
    page.tab.click("#close")
    pixels = page.tab.evaluate("() => [stage.view().view.width, page.stage.clientWidth]")
    assert pixels[0] == pixels[1]  # one of the photo for one of the screen
    before = page.tab.evaluate("() => [stage.left, stage.top]")
    box = page.tab.locator("#stage").bounding_box()
    page.tab.mouse.move(box["x"] + 60, box["y"] + 100)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + 90, box["y"] + 80, steps=3)
    page.tab.mouse.up()
    after = page.tab.evaluate("() => [stage.left, stage.top]")
    assert after == pytest.approx([before[0] - 30, before[1] + 20], abs=1)
    page.tab.click("#change")
    page.tab.wait_for_function("() => !stage.frame")
    shown = "() => [...page.after.getContext('2d').getImageData(5, 5, 1, 1).data]"
    tinted = "() => [...changed(stage.pixels, edited(stage.pixels, stage.maps, 1), TINT)]"
    place = page.tab.evaluate("() => 4 * (5 * page.after.width + 5)")
    assert page.tab.evaluate(shown) == page.tab.evaluate(tinted)[place : place + 4]
    assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_that_shuts_anyone_out(built, visit, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
    page = visit(built / "index.html", **options)  # its policy would refuse axe too
    page.says("Edited")
    assert [violation["id"] for violation in axe.Axe().run(page.tab).response["violations"]] == []


def test_a_model_that_is_missing(built, visit, tmp_path):
    (tmp_path / "index.html").write_bytes((built / "index.html").read_bytes())
    page = visit(tmp_path / "index.html")
    assert page.says("models/") == "models/one.js cannot be loaded. It belongs beside this page."
