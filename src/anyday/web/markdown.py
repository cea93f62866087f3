"""What people write, as the page shows it: a small part of Markdown, and no HTML of theirs.

Paragraphs, emphasis, lists, quotes, code, links, headings and rules. Two walls, one behind the other: the parser knows no HTML and
makes links of three schemes only; what it made then goes through a list of what a page may hold, by another hand (nh3). The command
line, the API and mails keep the text as it was typed.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markupsafe import Markup

#: What may stand in a page. No picture, no table, nothing with a name or a class: the page's scripts and styles know people's words by none.
TAGS: Final = frozenset({"p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h3", "h4", "h5", "h6"})
ATTRIBUTES: Final = {"*": set[str](), "a": {"href"}, "ol": {"start"}}  # the star's line is there so that none stands for all
SCHEMES: Final = frozenset({"http", "https", "mailto"})
REL: Final = "noopener noreferrer nofollow ugc"

#: How deep quotes and lists may nest. What is deeper is shown as it was typed: the parser would leave it out, and nothing may hide in terms.
DEEPEST: Final = 16
#: How many texts are kept as they were rendered: an open page asks for all of a question's at each of its versions.
KEPT: Final = 512

_RULES: Final = (
    "heading", "hr", "list", "blockquote", "fence", "newline", "escape", "backticks", "emphasis", "link", "autolink", "entity",
)  # fmt: skip
_ADDRESS: Final = re.compile(r"//[^\s<>\"'()\[\]`]{1,400}")
_SCHEME: Final = re.compile(r"(?:https?://|mailto:)[^\s/?#]", re.IGNORECASE)
#: What ends a sentence, or emphasis, rather than an address.
_AFTER: Final = ".,;:!?*_~"
#: The page's own title is a first heading and its sections are second ones: people's begin below these.
_BELOW: Final = 2


@functools.lru_cache(maxsize=KEPT)
def markdown(text: str) -> Markup:
    """A text as markup that is safe to put into any page of ours."""
    parser = _parser()
    tokens = parser.parse(text)
    if any(token.nesting == 1 and token.level >= DEEPEST for token in tokens):
        return _as_typed(text)
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{min(6, int(token.tag[1]) + _BELOW)}"
    return _cleaned(parser.renderer.render(tokens, parser.options, {}))


def _cleaned(html: str) -> Markup:
    """The second wall: whatever is not on the lists is not on the page."""
    return Markup(
        nh3.clean(html, tags=set(TAGS), attributes=ATTRIBUTES, url_schemes=set(SCHEMES), url_relative="deny", link_rel=REL)
    )


def _as_typed(text: str) -> Markup:
    """The text escaped, its blank lines as paragraphs."""
    blocks = (block.strip() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")))
    return Markup("").join(Markup("<p>{}</p>").format(block) for block in blocks if block)


@functools.cache
def _parser() -> MarkdownIt:
    """The parser, with the rules that are named here and no others."""
    parser = MarkdownIt("zero", {"maxNesting": DEEPEST + 4}).enable(list(_RULES))
    parser.validateLink = _leads_out  # type: ignore[method-assign,assignment]
    parser.inline.ruler.after("text", "address", _address)
    return parser


def _leads_out(address: str) -> bool:
    """Whether an address is one that people may link: never one of this server's own, one of which could do something."""
    return _SCHEME.match(address) is not None


def _address(state: StateInline, silent: bool) -> bool:
    """A plain http(s) address becomes a link. Asked at each colon: the scheme stands before it already."""
    if state.src[state.pos] != ":" or state.linkLevel > 0:
        return False
    scheme = next((s for s in ("https", "http") if state.src.endswith(s, max(0, state.pos - 5), state.pos)), None)
    found = _ADDRESS.match(state.src, state.pos + 1, state.posMax)
    if scheme is None or found is None:
        return False
    rest = found.group().rstrip(_AFTER)
    href = state.md.normalizeLink(f"{scheme}:{rest}")
    if not _leads_out(href) or not (silent or state.pending.endswith(scheme)):
        return False
    if not silent:
        state.pending = state.pending.removesuffix(scheme)
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.push("text", "", 0).content = f"{scheme}:{rest}"
        state.push("link_close", "a", -1)
    state.pos += 1 + len(rest)
    return True
