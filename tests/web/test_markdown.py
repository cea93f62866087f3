"""What people write becomes markup: what it may become, what it never does, and how much work it may make.

``tests/web/browser/test_scripts.py`` puts three hundred hostile texts before a real browser; here is what can be said without one.
"""

from __future__ import annotations

import html.parser
import inspect
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.rules.asking import TERMS_LONGEST
from anyday.web import markdown as written
from anyday.web.markdown import ATTRIBUTES, DEEPEST, REL, TAGS, markdown
from tests.web.payloads import PAYLOADS

LINK = f'rel="{REL}"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It works **again**, _really_.", "<p>It works <strong>again</strong>, <em>really</em>.</p>"),
        ("one\n\ntwo\r\n\r\nthree", "<p>one</p>\n<p>two</p>\n<p>three</p>"),
        ("- a\n- b\n\n3. c\n4. d", '<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>'),
        ("> said\n\n---\n\n`x < y`", "<blockquote>\n<p>said</p>\n</blockquote>\n<hr>\n<p><code>x &lt; y</code></p>"),
        ("```js\nalert(1)\n```", "<pre><code>alert(1)\n</code></pre>"),
        ("two  \nlines", "<p>two<br>\nlines</p>"),
        ("[there](https://example.org/a?b=1&c=2)", f'<p><a href="https://example.org/a?b=1&amp;c=2" {LINK}>there</a></p>'),
        ("[write](mailto:a@example.org)", f'<p><a href="mailto:a@example.org" {LINK}>write</a></p>'),
        ("See https://example.org/a_b_c.", f'<p>See <a href="https://example.org/a_b_c" {LINK}>https://example.org/a_b_c</a>.</p>'),
        ("(https://example.org)", f'<p>(<a href="https://example.org" {LINK}>https://example.org</a>)</p>'),
        ("**https://example.org**", f'<p><strong><a href="https://example.org" {LINK}>https://example.org</a></strong></p>'),
        ("`https://example.org`", "<p><code>https://example.org</code></p>"),
        ("example.org and ftp://example.org", "<p>example.org and ftp://example.org</p>"),
        ("    four spaces are no code", "<p>four spaces are no code</p>"),
        ("\\*not\\* &copy;", "<p>*not* ©</p>"),
        ("", ""),
        (" \n\n ", ""),
    ],
)
def test_a_small_part_of_markdown_is_shown(text: str, shown: str) -> None:
    assert markdown(text).strip() == shown


def test_headings_stand_below_the_pages_own() -> None:
    shown = markdown("# One\n\n## Two\n\n##### Five\n\n###### Six\n\nnot\n===\n")
    assert re.findall(r"<h(\d)>", shown) == ["3", "4", "6", "6"]


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](&#106;avascript:alert(1))", "[x](data:text/html,x)", "[x](vbscript:x)",
        "[x](//evil.example)", "[x](/crew/grant)", "[x](\\\\evil.example)", "[x](#main)", "[x](?done=1)", "[x](file:///etc/passwd)", "[x](blob:x)",
        "<javascript:alert(1)>", "<data:x>", "[x](http:)", "[x](https:evil)", "[x](http:///evil)", "[x](mailto:)", "[x]( )", "[x]()",
        "javascript://example.org/%0aalert(1)", "[a]: https://example.org\n\n[x][a]", "http://", "https:///x",
    ],
)  # fmt: skip
def test_what_leads_elsewhere_than_to_a_page_or_a_letter_is_no_link(text: str) -> None:
    assert "href=" not in markdown(text).replace('<a href="https://example.org" rel', "")


def test_two_walls_stand_behind_each_other() -> None:
    """What the parser lets through by mistake, the list takes out: each wall alone would do."""
    hostile = '<script>x</script><img src=x onerror=y><a href="javascript:x" onclick=y id=z class=z style=z title=z>a</a><p id=main lang=x>b</p>'
    assert written._cleaned(hostile) == f"<a {LINK}>a</a><p>b</p>"
    assert written._cleaned('<a href="/link/secret">a</a>') == f"<a {LINK}>a</a>"
    assert written._cleaned('<ol start="3" type="a"><li value="9">c</li></ol>') == '<ol start="3"><li>c</li></ol>', "control: the rest stays"
    unclean = written._parser().render(hostile)
    assert "<img" not in unclean and "<script" not in unclean, "the parser alone knows no HTML"


class Reader(html.parser.HTMLParser):
    """Collects what stands in a piece of markup: its elements, their attributes, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open = 0
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open += tag not in ("br", "hr")

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1

    def handle_data(self, data: str) -> None:
        self.text += data


def complaints(markup: str) -> list[str]:
    """What a piece of markup holds that no page of ours may."""
    read, found = Reader(markup), []
    for tag, attributes in read.found:
        if tag not in TAGS:
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name not in {*ATTRIBUTES.get(tag, ()), *({"rel"} if tag == "a" else ())}:
                found.append(f"{tag} {name}")
            if name == "href" and not re.match(r"(https?://|mailto:)[^\s/?#]", value or "", re.IGNORECASE):
                found.append(f"{tag} {name}={value}")
            if name == "rel" and value != REL:
                found.append(f"rel={value}")
    return found + (["left open"] if read.open else [])


def test_no_hostile_text_becomes_anything_but_what_is_listed() -> None:
    assert len(PAYLOADS) >= 300
    assert {payload: found for payload in PAYLOADS if (found := complaints(markdown(payload)))} == {}


@pytest.mark.parametrize("bad", ["<script>1</script>", "<p id=x>", "<a href='javascript:1'>x</a>", "<a href='/x' rel=ugc>x</a>", "<em>"])
def test_control_the_reader_complains(bad: str) -> None:
    assert complaints(bad)


SIGNS = "*_`>[]()<!&;#-+.:/\\ \n\t\"'~{}=|^$%@0123abcjx\x00\u2028\u202e\xa0é💥"
PIECES = st.one_of(
    st.sampled_from(["javascript:", "https://x.y", "http://", "<a href=", "onclick=x", "](", "```", "&#x6a;", "<!--", "-->", "<b>", "mailto:a@b"]),
    st.text(SIGNS, max_size=6),
    st.text(max_size=4),
)


@given(st.lists(PIECES, max_size=30))
def test_any_text_becomes_nothing_but_what_is_listed(pieces: list[str]) -> None:
    assert complaints(markdown("".join(pieces))) == []


@given(st.text("> *-1.)ab\n", max_size=200))
def test_no_letter_is_left_out_however_deep_it_stands(text: str) -> None:
    """Whoever reads the terms on the page reads all of them: the parser drops what nests too deeply, and we do not."""
    assert re.findall("[ab]", Reader(markdown(text)).text) == re.findall("[ab]", text)


@pytest.mark.parametrize("sign", ["> ", "- ", "1. ", "> - "])
def test_what_nests_too_deeply_is_shown_as_it_was_typed(sign: str) -> None:
    shallow, deep = sign + "x", sign * 40 + "the small print"
    assert markdown(deep).startswith("<p>") and "the small print" in markdown(deep)
    assert markdown(shallow) != f"<p>{shallow}</p>", "control: a little of it is laid out"
    assert DEEPEST >= 8


# ---- the work, counted ---------------------------------------------------------------------------------------------------------


def lines_run(work: Callable[[], Any]) -> int:
    """How many lines of Python a piece of work runs: a measure that is the same on every machine."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


BOMBS = {
    "plain words": "word ",
    "quotes": ">", "quotes apart": "> ", "quotes on lines": "> > > > x\n", "lists": "- ", "lists on lines": "- a\n", "numbers": "1. ",
    "deeper lists": "* a\n ",
    "stars": "*", "stars and words": "*a ", "both stars": "*a**b", "underscores": "_a", "stars that close": "a* ", "stars and lines": "**a _b ",
    "ticks": "`", "ticks of all lengths": "`a``b```c", "fences": "```\n", "tildes": "~~~~\n", "brackets": "[", "closing": "]", "links": "[a](",
    "links in links": "[a](b", "links whole": "[a](https://x.y)", "titles": '[a](b "', "angles": "<", "angled": "[a](<b", "autolinks": "<http:",
    "autolink whole": "<http://a.b>",
    "addresses": "https://", "addresses whole": "https://a.b/c ", "colons": ":", "near addresses": "https:", "entities": "&",
    "entities whole": "&amp;", "long entities": "&#12345",
    "escapes": "\\", "escaped": "\\*", "rules": "---\n", "headings": "# ", "headings on lines": "# a\n", "blank lines": "\n", "spaces": " ",
    "tabs": "\t",
    "nothing": "\x00", "quotes and lists": "> - ", "all of it": "> *[`<&:_\n",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_the_work_and_the_size_grow_with_the_text_and_no_faster(bomb: str) -> None:
    piece = BOMBS[bomb]

    def of(length: int) -> tuple[int, int]:
        text = (piece * length)[:length]
        return lines_run(lambda: markdown.__wrapped__(text)), len(markdown(text))

    markdown.__wrapped__("warm")  # what is made once is not counted
    (half, _), (whole, size) = of(TERMS_LONGEST // 4), of(TERMS_LONGEST // 2)
    assert whole <= 2.6 * half + 500, "twice the text is about twice the work"
    assert whole <= 1_000 * TERMS_LONGEST // 2, "so many lines a letter, however it is written"
    assert size <= 40 * TERMS_LONGEST


def test_control_work_that_grows_faster_would_be_seen() -> None:
    def square(n: int) -> int:
        total = 0
        for i in range(n):
            for j in range(i):
                total += j
        return total

    assert lines_run(lambda: square(200)) > 2.6 * lines_run(lambda: square(100)) + 500


def test_texts_are_kept_in_bounds() -> None:
    assert markdown.cache_info().maxsize == written.KEPT
    assert list(inspect.signature(markdown.__wrapped__).parameters) == ["text"]
