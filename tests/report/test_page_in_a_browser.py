"""The page in a real browser: it loads nothing, complains of nothing and fits a telephone."""

import json
import re
import shutil
import subprocess

import pytest
from helpers.made_up import make_learning_curve, make_show

from gru_bench.report import render

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None, reason="needs a browser: neither chromium nor google-chrome is installed"
    ),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",  # so that the wrapper may look into its frame
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--v=0",
]
# Shows the page in a frame of a given width and writes down what the browser made of it.
WRAPPER = """<!DOCTYPE html>
<meta charset="utf-8">
<iframe src="{source}" style="width:{width}px;height:800px;border:0"></iframe>
<pre id="measured"></pre>
<script>
const frame = document.querySelector("iframe");
function sorted(page) {{
  const table = page.querySelector("table.results");
  if (!table) return null;
  const heading = table.tHead.rows[0].cells[4];
  const read = () => [...table.tBodies[0].rows].map((row) => row.cells[4].textContent);
  const click = () => heading.querySelector("button").click();
  click();
  const first = read(), up = heading.ariaSort;
  click();
  return {{first, up, second: read(), down: heading.ariaSort}};
}}
frame.addEventListener("load", () => {{
  const page = frame.contentDocument;
  if ({unfold}) for (const details of page.querySelectorAll("details")) details.open = true;
  const figures = [...page.querySelectorAll("figure svg")].map(
    (svg) => svg.getBoundingClientRect());
  document.getElementById("measured").textContent = JSON.stringify({{
    width: page.documentElement.clientWidth,
    needed: page.documentElement.scrollWidth,
    figures: figures.map((box) => [box.width, box.height]),
    answer: page.querySelector(".answer").getBoundingClientRect().bottom,
    sorted: sorted(page),
    loaded: frame.contentWindow.performance.getEntriesByType("resource").map((e) => e.name),
    ink: getComputedStyle(page.querySelector("figure svg text")).fill,
    paper: getComputedStyle(page.body).backgroundColor,
  }});
}});
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    results = [*make_show(8)[:8], *make_learning_curve()]
    render.render(results, ["passed over <b>runs</b>"], "html", path)
    return path


def browse(path, *flags):
    """The document as the browser has it once loaded, and what it logged."""
    profile = f"--user-data-dir={path.parent / 'profile'}"
    command = [BROWSER, *FLAGS, profile, *flags, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def measure(page, width, *flags, unfold=False):
    """What the wrapper wrote down, and the log."""
    wrapper = page.with_name("wrapper.html")
    wrapper.write_text(
        WRAPPER.format(source=page.name, width=width, unfold=str(unfold).lower()), encoding="utf-8"
    )
    document, log = browse(wrapper, *flags)
    found = re.search(r'<pre id="measured">(.+?)</pre>', document)
    assert found, log
    return json.loads(found[1]) | {"log": log}


def test_what_goes_wrong_in_a_page_is_seen(tmp_path):
    # The other tests rest on this.
    broken = tmp_path / "broken.html"
    broken.write_text(
        "<script>missing()</script><p class='answer' style='width: 500px'>Take this.</p>"
        "<img src='https://example.org/x.png'><figure><svg><text>x</text></svg></figure>"
    )
    measured = measure(broken, 390)
    assert "missing is not defined" in measured["log"]
    assert "CONSOLE" in measured["log"]
    assert measured["needed"] > measured["width"] == 390
    assert measured["loaded"] == ["https://example.org/x.png"]


def test_the_page_runs_without_complaint(page):
    document, log = browse(page)
    assert "CONSOLE" not in log
    assert "passed over &lt;b&gt;runs&lt;/b&gt;" in document


@pytest.mark.parametrize(("width", "unfold"), [(390, False), (390, True), (1280, True)])
def test_nothing_sticks_out_sideways(page, width, unfold):
    measured = measure(page, width, unfold=unfold)
    assert measured["width"] == width
    assert measured["needed"] == width


def test_every_figure_is_drawn_and_nothing_else_is_loaded(page):
    measured = measure(page, 1280)
    source = page.read_text(encoding="utf-8")
    assert len(measured["figures"]) == source.count("<figure>") > 20
    assert all(width > 250 and height > 150 for width, height in measured["figures"])
    assert measured["loaded"] == []
    assert not re.search(r"(?:src|srcset|data|poster)\s*=\s*[\"']|@import|url\((?!#)", source)


@pytest.mark.parametrize(("width", "height"), [(1280, 400), (390, 800)])
def test_the_answer_fits_on_one_screen(page, width, height):
    assert measure(page, width)["answer"] < height


def test_a_click_sorts_a_table_and_another_turns_it(page):
    shown = measure(page, 1280)["sorted"]
    sizes = [float(text.replace(",", "")) for text in shown["first"]]
    assert sizes == sorted(sizes)
    assert shown["second"] == shown["first"][::-1]
    assert (shown["up"], shown["down"]) == ("ascending", "descending")


def test_figures_take_the_colour_of_the_text_in_the_dark(page):
    light, dark = (
        measure(page, 1280),
        measure(page, 1280, "--blink-settings=preferredColorScheme=0"),
    )
    brightness = [
        [sum(map(int, re.findall(r"\d+", shown[key])[:3])) / 3 for key in ("ink", "paper")]
        for shown in (light, dark)
    ]
    assert brightness[0][0] < 80 < 200 < brightness[0][1]
    assert brightness[1][1] < 80 < 200 < brightness[1][0]
