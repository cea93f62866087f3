"""The house rules, as tests. Each rule is a function from source text to complaints, and each has a control: a bad
snippet that it must catch, so that no rule holds only because it looks at nothing.

How things are counted: a line counts if it holds code; blank lines, comment lines and docstrings do not. A function is
any ``def`` with a body (a protocol's ``...`` is none), nested ones and methods included. A module without code does not
count towards the median.
"""

from __future__ import annotations

import ast
import io
import os
import re
import statistics
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "anyday"

# ---- who may import whom -------------------------------------------------------------------------------------------

GROUND = {"points", "instants", "phrases", "refusals"}
PURE = GROUND | {"market", "rules"}
STORED = PURE | {"store", "settings"}
READ = STORED | {"wire"}
SERVED = READ | {"reads", "people", "notify"}
#: room -> the rooms that it may import beside itself. A new room gets its line here first.
MAY_IMPORT: dict[str, set[str]] = {
    "refusals": set(),
    "points": {"refusals"},
    "instants": {"refusals"},
    "phrases": {"instants", "refusals"},
    "wire": set(),
    "settings": GROUND,
    "market": GROUND,
    "rules": GROUND | {"market"},
    "store": PURE | {"settings"},
    "reads": READ,
    "people": READ,
    "notify": READ,
    "service": SERVED,
    "library": GROUND | {"market"},
    "anyday": GROUND | {"market", "library"},
    "client": GROUND | {"wire"},
    "web": GROUND | {"market", "rules", "wire", "settings", "people", "service"},
    "lab": SERVED | {"service", "library"},
    "cli": SERVED | {"service", "library", "web", "lab", "client", "anyday"},
    "__main__": {"cli"},
}
#: What the pages and the API may know: the service, whose words it speaks, and how people, amounts, times and chances are said.
WEB_MAY = ("web", "service", "people", "rules.commands", "wire", "settings", "market", "phrases", "instants", "points", "refusals")
SQL_ROOMS = {"store", "reads", "people", "notify"}
#: Modules elsewhere that may speak SQL, each with its reason.
SPEAKS_SQL = {
    "service/audit.py": "it makes the read rows again in a database of its own, in memory, and compares them with the file's row by row",
}
_SQL = re.compile(r"\s*(SELECT|INSERT|REPLACE INTO|UPDATE|DELETE FROM|CREATE|DROP|ALTER|PRAGMA|BEGIN|COMMIT|ROLLBACK|ATTACH|VACUUM)\b")
PURE_ROOMS = GROUND | {"market", "rules"}
ASSERTING_ROOMS = ("points", "market", "rules", "store")
BANNED_MODULE_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "manager", "misc", "base"}
FRAMEWORKS = {"starlette", "uvicorn", "click", "rich", "jinja2", "sqlite3", "asyncio", "threading", "socket", "httpx", "http", "urllib"}
WORLD = {"time", "random", "os", "logging", "secrets", "pathlib", "io", "subprocess", "importlib", "tempfile", "shutil"} | FRAMEWORKS

LONGEST_FUNCTION, MEDIAN_FUNCTION = 70, 8
LONGEST_MODULE, MEDIAN_MODULE = 600, 150

# ---- reading the tree ----------------------------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def files_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def room_of(path: Path) -> str:
    """The room that a module belongs to: the folder under ``anyday``, or the module itself."""
    first = path.relative_to(SRC).parts[0].removesuffix(".py")
    return "anyday" if first == "__init__" else first


def functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and not _only_dots(node):
            yield node


def _only_dots(function: Function) -> bool:
    body = [s for s in function.body if not _is_text(s)]
    return all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) and s.value.value is ... for s in body)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blank lines, no comments, no docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and node.body and _is_text(node.body[0]):
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines


def function_sizes(source: str) -> dict[str, int]:
    lines = code_lines(source)
    return {f"{f.name}:{f.lineno}": sum(f.lineno <= n <= (f.end_lineno or 0) for n in lines) for f in functions(ast.parse(source))}


# ---- the rules, each from source to complaints -----------------------------------------------------------------------


def foreign_imports(source: str, room: str) -> list[str]:
    """Imports of rooms that this room may not know."""
    may = MAY_IMPORT.get(room)
    if may is None:
        return [f"the room {room} has no line in MAY_IMPORT"]
    known = may | {room}
    return [f"{room} imports {other}" for other in _rooms_imported(ast.parse(source)) if other not in known]


def _rooms_imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = [f"anyday.{a.name}" for a in node.names] if module == "anyday" else [module]
        else:
            continue
        for name in names:
            if name == "anyday" or name.startswith("anyday."):
                yield name.split(".")[1] if "." in name else "anyday"


def past_the_service(source: str) -> list[str]:
    """What the web may not reach: the log, the rows and the rules, which the service stands before."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            ours = [name for alias in node.names if (name := f"{prefix}{alias.name}.").startswith("anyday.")]
            free = tuple(f"anyday.{room}." for room in WEB_MAY)
            complaints += [f"line {node.lineno}: imports {name[:-1]}" for name in ours if not name.startswith(free)]
        elif isinstance(node, ast.Attribute) and node.attr == "database":
            complaints.append(f"line {node.lineno}: reaches {ast.unparse(node)}")
    return complaints


def sql_spoken(source: str) -> list[str]:
    """Statements of SQL, and connections opened to a database."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (hit := _SQL.match(node.value)):
            complaints.append(f"line {node.lineno}: {hit.group(1)}")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "sqlite3.connect":
            complaints.append(f"line {node.lineno}: opens a database")
        elif isinstance(node, ast.ImportFrom) and node.module == "sqlite3":
            complaints += [f"line {node.lineno}: imports {alias.name}" for alias in node.names if alias.name == "connect"]
    return complaints


def worldly(source: str, room: str) -> list[str]:
    """What a pure room may not mention: a clock, chance, files, the system, a logger, a framework.

    ``instants`` alone may read a package's data: the zones come from the tzdata package.
    """
    complaints = []
    banned = WORLD - {"importlib"} if room == "instants" else WORLD
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            complaints += [f"line {node.lineno}: imports {a.name}" for a in node.names if a.name.split(".")[0] in banned]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in banned:
            complaints.append(f"line {node.lineno}: imports from {node.module}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input", "exec", "eval"}:
            complaints.append(f"line {node.lineno}: calls {node.func.id}")
        elif isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"} and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if owner in {"datetime", "date", "Instant", "ZonedDateTime", "dt"}:
                complaints.append(f"line {node.lineno}: reads the system clock, {owner}.{node.attr}")
        elif isinstance(node, ast.Attribute) and node.attr == "to_system_tz":
            complaints.append(f"line {node.lineno}: asks for the machine's zone")
    return complaints


def floats_in_fields(source: str) -> list[str]:
    """Annotated class fields whose type mentions float, or whose default is one."""
    complaints = []
    for owner in ast.walk(ast.parse(source)):
        if not isinstance(owner, ast.ClassDef):
            continue
        for field in owner.body:
            if isinstance(field, ast.AnnAssign) and any(
                (isinstance(n, ast.Name) and n.id in {"float", "complex", "Decimal", "Any"})
                or (isinstance(n, ast.Constant) and (isinstance(n.value, float) or n.value == "float"))
                for n in ast.walk(field)
            ):
                complaints.append(f"line {field.lineno}: {owner.name}.{ast.unparse(field.target)}")
    return complaints


def missing_docstrings(source: str) -> list[str]:
    """Public modules, classes, functions and methods without a docstring. Nested functions and dunders need none."""
    tree = ast.parse(source)
    complaints = [] if ast.get_docstring(tree) or not tree.body else ["the module"]

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_") or _is_overload(node):
                continue
            if ast.get_docstring(node) is None:
                complaints.append(f"line {node.lineno}: {prefix}{node.name}")
            if isinstance(node, ast.ClassDef):
                walk(node.body, f"{prefix}{node.name}.")

    walk(tree.body, "")
    return complaints


def _is_overload(node: ast.stmt) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(d).split(".")[-1] in {"overload", "setter", "override"} for d in decorators)


def missing_annotations(source: str) -> list[str]:
    """Functions with an argument or a result of no stated type (self and cls need none)."""
    complaints = []
    for function in functions(ast.parse(source)):
        spec = function.args
        arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
        if bare or function.returns is None:
            complaints.append(f"line {function.lineno}: {function.name}({', '.join(bare)})")
    return complaints


def unseeded(source: str) -> list[str]:
    """Randomness that nobody could repeat: module-level random, Random() without a seed, uuid4, secrets, urandom."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            complaints += [f"line {node.lineno}: imports {a.name}" for a in node.names if a.name == "secrets"]
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "secrets"}:
            complaints += [f"line {node.lineno}: from {node.module} import {a.name}" for a in node.names if a.name != "Random"]
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        seedless = not node.args and not node.keywords
        if (
            (name in {"random.Random", "Random", "numpy.random.default_rng", "np.random.default_rng"} and seedless)
            or re.fullmatch(r"random\.(?!Random$)\w+", name)
            or re.fullmatch(r"(np|numpy)\.random\.(?!default_rng$)\w+", name)
            or name in {"uuid.uuid4", "uuid4", "uuid.uuid1", "os.urandom", "urandom", "random.SystemRandom"}
        ):
            complaints.append(f"line {node.lineno}: {name}")
    return complaints


NEVER_WORDS = ("wager", "pot", "wallet", "bucket", "portfolio", "creator", "ante", "embargo", "punter", "gambler")
_SAID = re.compile(rf"\b({'|'.join(NEVER_WORDS)})s?\b|(?<![\w/])N/A(?![\w/])", re.IGNORECASE)
_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


def never_words(text: str) -> list[str]:
    """Words that the glossary replaces, as whole words of prose or as parts of an identifier."""
    complaints = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = _JOINTS.sub(" ", line)
        complaints += [f"line {number}: {hit.group(0)}" for hit in _SAID.finditer(parts)]
    return complaints


def undeclared_imports(source: str, declared: set[str]) -> list[str]:
    """Imported packages that neither Python nor pyproject.toml brings along."""
    complaints = []
    for node in ast.walk(ast.parse(source)):
        for top in (name.split(".")[0] for name in _imported(node)):
            if top not in sys.stdlib_module_names and top not in declared:
                complaints.append(f"line {node.lineno}: {top}")  # type: ignore[attr-defined]
    return complaints


def _imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


IMPORT_NAMES = {"argon2-cffi": "argon2", "markdown-it-py": "markdown_it", "pytest-xdist": "xdist"}
#: uvicorn picks these up by itself, and pytest the last one
USED_BY_NAME = {"httptools", "uvloop", "xdist"}


def declared_packages(*extras: str) -> set[str]:
    """Import names of what pyproject.toml asks for, with these extras."""
    project = tomllib.loads(source_of(ROOT / "pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *(r for e in extras for r in project["optional-dependencies"][e])]
    names = [re.split(r"[<>=!~;\[ ]", r, maxsplit=1)[0] for r in wanted]
    return {IMPORT_NAMES.get(n, n.replace("-", "_")) for n in names}


# ---- held over the tree ----------------------------------------------------------------------------------------------


def gather(paths: list[Path], rule: Callable[[str, Path], list[str]]) -> list[str]:
    assert paths, "a rule that looks at nothing holds nothing"
    return [f"{path.relative_to(ROOT)}: {complaint}" for path in paths for complaint in rule(source_of(path), path)]


def test_imports_run_from_left_to_right_only() -> None:
    assert gather(modules(), lambda source, path: foreign_imports(source, room_of(path))) == []


def test_the_table_of_rooms_names_each_room_and_no_other() -> None:
    rooms = {room_of(p) for p in modules()}
    assert (sorted(MAY_IMPORT), sorted({name for may in MAY_IMPORT.values() for name in may} - rooms)) == (sorted(rooms), [])


def test_the_web_knows_the_service_and_nothing_behind_it() -> None:
    assert gather([p for p in modules() if room_of(p) == "web"], lambda source, _: past_the_service(source)) == []


def test_sql_is_spoken_where_rows_are_kept_and_nowhere_else() -> None:
    elsewhere = [p for p in modules() if room_of(p) not in SQL_ROOMS]
    spoken = {str(p.relative_to(SRC)): found for p in elsewhere if (found := sql_spoken(source_of(p)))}
    assert {name: found for name, found in spoken.items() if name not in SPEAKS_SQL} == {}
    assert sorted(SPEAKS_SQL) == sorted(spoken), "an exception that nothing needs"


def test_only_the_json_side_of_the_web_and_those_right_of_reads_know_the_wire() -> None:
    left = [p for p in modules() if room_of(p) in PURE | {"store", "settings", "library", "anyday"}]
    assert gather(left, lambda source, path: [r for r in _rooms_imported(ast.parse(source)) if r == "wire"]) == []


def test_pure_rooms_know_no_clock_no_chance_and_no_world() -> None:
    assert gather([p for p in modules() if room_of(p) in PURE_ROOMS], lambda source, path: worldly(source, room_of(path))) == []


def test_no_function_is_long() -> None:
    def long(source: str, _: Path) -> list[str]:
        return [f"{name} has {size} lines" for name, size in function_sizes(source).items() if size > LONGEST_FUNCTION]

    assert gather(modules(), long) == []


def test_the_median_function_is_short() -> None:
    sizes = [size for path in modules() for size in function_sizes(source_of(path)).values()]
    assert statistics.median(sizes) <= MEDIAN_FUNCTION, f"the median of {len(sizes)} functions is {statistics.median(sizes)} lines"


def test_no_module_is_long_and_the_median_one_is_short() -> None:
    sizes = {str(path.relative_to(ROOT)): len(code_lines(source_of(path))) for path in modules()}
    assert [f"{name}: {size} lines" for name, size in sizes.items() if size > LONGEST_MODULE] == []
    assert statistics.median(size for size in sizes.values() if size) <= MEDIAN_MODULE


def assertions_and_functions(sources: list[str]) -> tuple[int, int]:
    trees = [ast.parse(source) for source in sources]
    return sum(isinstance(n, ast.Assert) for t in trees for n in ast.walk(t)), sum(1 for t in trees for _ in functions(t))


def test_the_rooms_that_keep_points_have_an_assertion_a_function_on_average() -> None:
    counts = {room: assertions_and_functions([source_of(p) for p in modules() if room_of(p) == room]) for room in ASSERTING_ROOMS}
    assert all(functions for _, functions in counts.values()), f"a room without a function: {counts}"
    asserts, functions = (sum(numbers) for numbers in zip(*counts.values(), strict=True))
    assert asserts >= functions, f"{asserts} assertions for {functions} functions; by room {counts}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = [part.removesuffix(".py").strip("_") for p in modules() for part in p.relative_to(SRC).parts]
    assert sorted(BANNED_MODULE_NAMES.intersection(names)) == []


@pytest.mark.parametrize("name", ["rules/events.py", "rules/commands.py", "rules/ledger.py"])
def test_events_commands_and_postings_hold_no_float(name: str) -> None:
    assert gather([SRC / name], lambda source, _: floats_in_fields(source)) == []


def test_everything_public_says_what_it_is() -> None:
    assert gather(modules(), lambda source, _: missing_docstrings(source)) == []


def test_every_function_states_its_types() -> None:
    assert gather(modules(), lambda source, _: missing_annotations(source)) == []


def test_no_test_rolls_dice_without_a_seed() -> None:
    assert gather(files_of_tests(), lambda source, _: unseeded(source)) == []


def test_no_test_skips_itself() -> None:
    def skips(source: str, path: Path) -> list[str]:
        names = [ast.unparse(n) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)]
        return [n for n in names if n in {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}]

    assert gather([p for p in files_of_tests() if p.name != "conftest.py"], skips) == []


def spoken_files() -> list[Path]:
    """Everything that people read: code, templates, scripts and styles, documents. The glossary names the words, so does this file."""
    kinds = {".py", ".html", ".jinja", ".j2", ".js", ".css", ".svg", ".md", ".toml", ".sh", ".txt"}
    folders = [SRC, ROOT / "docs", ROOT / "scripts", ROOT / "tests", ROOT / "bench"]
    files = [p for folder in folders for p in folder.rglob("*") if p.suffix in kinds] + sorted(ROOT.glob("*.md"))
    vendored = [p for p in files if "vendor" in p.parts or ".min." in p.name]
    return sorted(set(files) - {ROOT / "GLOSSARY.md", Path(__file__).resolve(), *vendored})


def test_nobody_uses_a_word_that_the_glossary_replaces() -> None:
    assert gather(spoken_files(), lambda text, _: never_words(text)) == []


def test_the_glossary_names_every_word_that_is_replaced() -> None:
    glossary = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").lower()
    assert [word for word in NEVER_WORDS if not re.search(rf"\b{word}\b", glossary)] == []


def test_whatever_is_imported_is_declared() -> None:
    ours, tests = {"anyday"}, {"anyday", "tests", "scripts", "bench"}
    assert gather(modules(), lambda source, _: undeclared_imports(source, declared_packages("apprise", "oidc", "passkeys") | ours)) == []
    others = [*files_of_tests(), *(ROOT / "scripts").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert gather(others, lambda source, _: undeclared_imports(source, declared_packages("test") | tests)) == []


def test_whatever_is_declared_is_used() -> None:
    imported = {name.split(".")[0] for path in modules() for node in ast.walk(ast.parse(source_of(path))) for name in _imported(node)}
    assert sorted(declared_packages() - imported - USED_BY_NAME) == []


def test_lock_files_are_hashed_agree_and_name_no_host() -> None:
    locks = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-run.lock")}
    pins = {name: set(re.findall(r"^([a-z0-9][a-z0-9.-]*==\S+)", text, re.MULTILINE)) for name, text in locks.items()}
    assert pins["requirements-run.lock"] < pins["requirements.lock"]
    for name, text in locks.items():
        assert not re.search(r"https?:|file:|index|//", text), f"{name} names a place"
        hashed = re.findall(r"^\S+==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(hashed) == len(pins[name]) > 0, f"{name} has a pin without a hash"


def test_the_version_is_said_once_and_the_same_twice() -> None:
    project = tomllib.loads(source_of(ROOT / "pyproject.toml"))["project"]
    assert f'__version__ = "{project["version"]}"' in source_of(SRC / "__init__.py")
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_the_library_starts_no_server() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, anyday; anyday.open; print(*sys.modules)"], capture_output=True, text=True, cwd=ROOT / "src"
    )
    assert loaded.returncode == 0, loaded.stderr
    heavy = {"starlette", "uvicorn", "jinja2", "sqlite3", "rich", "argon2", "anyday.web", "anyday.store"}
    assert sorted(heavy.intersection(loaded.stdout.split())) == []


def test_python_without_assertions_is_refused_at_start(tmp_path: Path) -> None:
    def start(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *flags, "-c", "from anyday.cli import main; main()", "show"]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | variables)

    for refused in (start("-O"), start("-OO"), start(PYTHONOPTIMIZE="1")):
        assert refused.returncode != 0
        assert "without -O" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "-O" not in start().stderr


# ---- controls: each rule catches what it is there for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("market", "from anyday.rules import decide"),
        ("market", "import anyday.store.log"),
        ("rules", "from anyday import service"),
        ("points", "from anyday.market import lmsr"),
        ("web", "from anyday.lab import simulate"),
        ("reads", "from anyday.people import accounts"),
        ("store", "from anyday.reads import project"),
        ("store", "from anyday import wire"),
        ("service", "from anyday.web import app"),
        ("library", "from anyday.rules import events"),
        ("market", "import anyday"),
        ("attic", "import json"),
    ],
)
def test_control_an_import_from_the_right_is_caught(room: str, line: str) -> None:
    assert len(foreign_imports(line, room)) == 1


def test_control_an_import_from_the_left_is_fine() -> None:
    assert foreign_imports("from anyday import points, instants\nfrom anyday.market.lmsr import cost\nimport math", "rules") == []


@pytest.mark.parametrize(
    "line",
    [
        "from anyday.store import log", "from anyday import store", "import anyday.reads.players", "from anyday.rules import ledger",
        "from anyday.rules.ledger import HOUSE", "from anyday.library import open", "import anyday", "kept = call.house.service.database",
    ],
)
def test_control_a_way_past_the_service_is_caught(line: str) -> None:
    assert len(past_the_service(line)) == 1


def test_control_what_the_service_speaks_is_fine() -> None:
    lines = "from anyday import wire\nfrom anyday.rules import commands as c\nfrom anyday.rules.commands import HOUSE\nimport anyday.service"
    assert past_the_service(lines) == []


@pytest.mark.parametrize(
    "line",
    [
        "database.read('SELECT 1')", "sql = f'UPDATE {table} SET at = 0'", "run(' DELETE FROM event')", "c.execute('BEGIN')", "'PRAGMA user_version'",
        "'CREATE TABLE t (x)'", "sqlite3.connect(path)", "from sqlite3 import connect",
    ],
)
def test_control_sql_is_caught(line: str) -> None:
    assert len(sql_spoken(line)) == 1


def test_control_words_that_are_no_sql_are_fine() -> None:
    assert sql_spoken("say('Select a window'); say('BEGINNING'); known.update(x); case = sqlite3.Error; say('update it')") == []


@pytest.mark.parametrize(
    "line",
    [
        "import time", "from time import monotonic", "import random", "import os.path", "import logging", "import sqlite3", "import importlib",
        "from starlette.routing import Route", "open('x')", "print(1)",
        "datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "Instant.now()",
    ],
)
def test_control_the_world_in_a_pure_room_is_caught(line: str) -> None:
    assert len(worldly(line, "market")) == 1


def test_control_an_innocent_pure_module_is_fine() -> None:
    assert worldly("def open_question(now: int, time: int) -> int:\n    return view.now + time", "market") == []


def test_control_lines_are_counted_without_comments_blanks_and_docstrings() -> None:
    source = '"""Module."""\n\ndef f(x: int) -> int:\n    """Two\n    lines."""\n    # why\n\n    y = """a\n    b"""\n    return x\n'
    assert function_sizes(source) == {"f:3": 4}
    assert len(code_lines(source)) == 4


def test_control_a_long_function_is_measured_as_long() -> None:
    source = "def f() -> None:\n" + "    x = 1\n" * LONGEST_FUNCTION
    assert function_sizes(source) == {"f:1": LONGEST_FUNCTION + 1}


def test_control_a_protocol_method_is_no_function_and_an_assert_in_it_counts_once() -> None:
    source = "class P:\n    def f(self) -> int: ...\n    def g(self) -> int:\n        assert True\n        return 1\n"
    assert assertions_and_functions([source]) == (1, 1)


@pytest.mark.parametrize("field", ["cost: float", "costs: tuple[float, ...]", "cost: int | float = 0", "cost: int = 0.5", "cost: 'float'", "x: Any"])
def test_control_a_float_field_is_caught(field: str) -> None:
    assert len(floats_in_fields(f"class Event:\n    at: int\n    {field}\n")) == 1


def test_control_a_missing_docstring_or_type_is_caught() -> None:
    source = '"""M."""\nclass A:\n    """A."""\n    def f(self, x): return x\n    def _g(self) -> int: return 1\ndef h() -> int: return 1\n'
    assert missing_docstrings(source) == ["line 4: A.f", "line 6: h"]
    assert missing_annotations(source) == ["line 4: f(x)"]
    assert missing_docstrings("x = 1") == ["the module"]


@pytest.mark.parametrize(
    "line",
    [
        "random.random()", "random.seed(1)", "random.Random()", "Random()", "from random import choice", "uuid.uuid4()", "os.urandom(8)",
        "np.random.normal()", "import secrets",
    ],
)
def test_control_unseeded_randomness_is_caught(line: str) -> None:
    assert len(unseeded(line)) == 1


def test_control_a_seeded_generator_is_fine() -> None:
    assert unseeded("import random\nfrom random import Random\nrng = random.Random(7)\nrng.random()\nrng.choice([1])") == []


@pytest.mark.parametrize(
    "text",
    ["the Pot is full", "class WalletView:", "def place_wager():", "bucketOf(x)", "portfolios", "question.creator", "chance: N/A", "POT_SIZE"],
)
def test_control_a_replaced_word_is_caught(text: str) -> None:
    assert len(never_words(text)) == 1


@pytest.mark.parametrize("text", ["a spot of pottery", "potential", "anticipate", "from anteroom", "GIN/AND", "cryptography", "depots"])
def test_control_a_word_that_only_holds_one_is_fine(text: str) -> None:
    assert never_words(text) == []


def test_control_an_undeclared_package_is_caught() -> None:
    assert undeclared_imports("import json\nimport pandas as pd\nfrom click import group", declared_packages()) == ["line 2: pandas"]
