"""The documents are true: their code runs, their commands exist, their links lead somewhere, and the reference pages are
what the code says today."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
WRITTEN_BY_HAND = (
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md", "CHANGELOG.md", "DECISIONS.md",
    "docs/tutorial.md", "docs/library.md", "docs/operating.md", "docs/mathematics.md", "docs/which-mechanism.md", "docs/trust.md",
)  # fmt: skip
GENERATED = ("docs/refusals.md", "docs/events.md", "docs/settings.md", "docs/cli.md", "docs/api.md")


def _load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_docs"] = module
    spec.loader.exec_module(module)
    return module


generator = _load_generator()


def every_page() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str, *languages: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of a page in these languages, with the line that each starts on."""
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if match.group(1) in languages:
            yield text.count("\n", 0, match.start()) + 2, match.group(2)


def headings(text: str) -> list[str]:
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line.lstrip("#").strip() for line in bare.splitlines() if re.match(r"#{1,6} ", line)]


def anchor(heading: str) -> str:
    """How the usual renderers turn a heading into an anchor."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# ---- the code cites pages that are there -----------------------------------------------------------------------------------

CITED = re.compile(r'(docs/[\w-]+\.md)(?:,\s+"([^"]+)")?')


def cited(text: str) -> list[tuple[str, str]]:
    """The pages that a source cites, each with the section that it names (empty for the whole page)."""
    return [(page, " ".join(section.split())) for page, section in CITED.findall(text)]


def test_a_page_that_the_code_cites_has_the_section_that_is_named() -> None:
    found = [(path, *one) for path in sorted((ROOT / "src").rglob("*.py")) for one in cited(path.read_text(encoding="utf-8"))]
    assert len(found) > 5
    for path, name, section in found:
        page = (ROOT / name).read_text(encoding="utf-8")
        assert not section or f"\n## {section}\n" in page, f"{path.relative_to(ROOT)} cites {section!r} of {name}"


def test_control_a_citation_is_found_over_two_lines() -> None:
    text = '"""(docs/mathematics.md, "What\nmay be spent"); docs/api.md."""'
    assert cited(text) == [("docs/mathematics.md", "What may be spent"), ("docs/api.md", "")]


# ---- pages are there, and say the present ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN_BY_HAND)
def test_a_page_that_people_look_for_is_there(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8")) > 300


@pytest.mark.parametrize("name", GENERATED)
def test_a_reference_page_is_what_the_code_says_today(name: str) -> None:
    assert name in generator.PAGES
    assert (ROOT / name).read_text(encoding="utf-8") == generator.PAGES[name](), f"{name} has fallen behind: run `make docs`"


def _reasons() -> list[str]:
    from anyday.refusals import Reason

    return [name.lower() for name in Reason.__members__]


def _events() -> list[str]:
    import msgspec

    from anyday.rules import events

    structs = [v for v in vars(events).values() if isinstance(v, type) and issubclass(v, msgspec.Struct)]
    return [str(s.__struct_config__.tag) for s in structs if re.fullmatch(r"\w+\.\d+", str(s.__struct_config__.tag))]


def _settings() -> list[str]:
    from anyday.settings import Settings

    return [f"ANYDAY_{name.upper()}" for name in Settings.__dataclass_fields__]


def _commands() -> list[str]:
    from anyday.cli import main

    return [f"anyday {name}" for name, command in main.commands.items() if not command.hidden and not hasattr(command, "commands")]


def _routes() -> list[str]:
    from anyday.web import app

    return [f"{route.method} {route.path}" for route in app.ROUTES]


#: What must have a heading, gathered a second way: not through the generator.
NAMES = {"docs/refusals.md": _reasons, "docs/events.md": _events, "docs/settings.md": _settings, "docs/cli.md": _commands, "docs/api.md": _routes}


@pytest.mark.parametrize("name", GENERATED)
def test_each_setting_route_event_refusal_and_command_has_a_heading(name: str) -> None:
    wanted = NAMES[name]()
    assert wanted, f"nothing would be looked for in {name}"
    assert [n for n in wanted if n not in headings((ROOT / name).read_text(encoding="utf-8"))] == []


def test_architecture_stays_on_a_few_screens() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 150


# ---- code runs ---------------------------------------------------------------------------------------------------------------


def _python_pages() -> list[str]:
    return [str(p.relative_to(ROOT)) for p in every_page() if list(blocks(p.read_text(encoding="utf-8"), "python"))]


def run_page(text: str, name: str) -> None:
    """Run a page's Python blocks in order, in one namespace. A line ``expr  # -> value`` must print as the comment says."""
    space: dict[str, Any] = {"__name__": "page"}
    for line, block in blocks(text, "python"):
        padded = "\n" * (line - 1) + block
        for statement in ast.parse(padded, filename=name).body:
            promise = re.search(r"#\s*->\s*(.+)$", padded.splitlines()[(statement.end_lineno or statement.lineno) - 1])
            if isinstance(statement, ast.Expr) and promise:
                value = eval(compile(ast.Expression(statement.value), name, "eval"), space)
                assert str(value) == promise.group(1).strip(), f"{name}:{statement.lineno}"
            else:
                exec(compile(ast.Module([statement], []), name, "exec"), space)


def test_the_readme_has_code_that_runs() -> None:
    assert "README.md" in _python_pages()


@pytest.mark.parametrize("name", _python_pages())
def test_the_python_on_a_page_runs_and_gives_what_it_says(name: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        run_page((ROOT / name).read_text(encoding="utf-8"), name)


def test_control_a_page_whose_code_gives_something_else_is_caught() -> None:
    run_page("# T\n```python\nx = 2\nx + 1  # -> 3\n```\n", "page")
    with pytest.raises(AssertionError):
        run_page("# T\n```python\nx = 2\nx + 1  # -> 4\n```\n", "page")


# ---- commands exist ------------------------------------------------------------------------------------------------------------


def typed_commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each ``anyday …`` line of a page's shell blocks, as words; continued lines are joined, prompts and comments dropped."""
    for start, block in blocks(text, "sh", "bash", "console"):
        joined = block.replace("\\\n", "  ")
        for offset, line in enumerate(joined.splitlines()):
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words and words[0] in {"anyday", ".venv/bin/anyday"}:
                end = next((i for i, word in enumerate(words) if word in {">", ">>", "<", "|", "&&"}), len(words))
                yield start + offset, words[1:end]


def complaint_about(words: list[str]) -> str | None:
    """Why the command line would not take these words; nothing is run."""
    import click

    from anyday.cli import main

    try:
        if not words or words[0].startswith("-"):
            main.make_context("anyday", list(words))
        else:
            command = main.get_command(click.Context(main), words[0])
            if command is None:
                return f"there is no command {words[0]}"
            command.make_context(words[0], words[1:], parent=click.Context(main, info_name="anyday"))
    except click.exceptions.Exit:
        return None
    except click.ClickException as why:
        return why.format_message()
    return None


def _shell_pages() -> list[str]:
    return [str(p.relative_to(ROOT)) for p in every_page() if list(typed_commands(p.read_text(encoding="utf-8")))]


@pytest.mark.parametrize("name", _shell_pages())
def test_every_command_on_a_page_is_one_that_the_program_takes(name: str) -> None:
    typed = list(typed_commands((ROOT / name).read_text(encoding="utf-8")))
    complaints = [f"{name}:{line}: {' '.join(words)}: {why}" for line, words in typed if (why := complaint_about(words))]
    assert complaints == []


def test_control_a_command_that_does_not_exist_is_caught() -> None:
    assert [words for _, words in typed_commands("```sh\n$ anyday nonsense --loud > x  # or so\nls\n```")] == [["nonsense", "--loud"]]
    assert complaint_about(["nonsense"]) is not None
    assert complaint_about(["show", "--no-such-option"]) is not None


def test_every_make_target_on_a_page_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {t for p in every_page() for t in re.findall(r"`make (\w+)|^make (\w+)", p.read_text(encoding="utf-8"), re.MULTILINE) for t in t if t}
    assert {"demo", "test", "check", "bench", "clean"} <= targets
    assert sorted(named - targets) == []


# ---- links lead somewhere --------------------------------------------------------------------------------------------------------


def broken_links(text: str, page: Path) -> list[str]:
    """Links to files that are not there, or to headings that the page does not have. Addresses elsewhere are not followed."""
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", bare):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (fragment and fragment not in map(anchor, headings(there.read_text(encoding="utf-8")))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("name", [str(p.relative_to(ROOT)) for p in every_page()])
def test_links_on_a_page_lead_somewhere(name: str) -> None:
    assert broken_links((ROOT / name).read_text(encoding="utf-8"), ROOT / name) == []


def test_control_a_broken_link_is_caught() -> None:
    text = "# One two\n[a](nowhere.md) [b](#one-two) [c](#three) [d](https://example.org/x)"
    page = ROOT / "README.md"
    assert broken_links(text, page)[:1] == ["nowhere.md"]
    assert "#three" in broken_links(text, page)
