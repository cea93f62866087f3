"""``make bench``: every figure against its goal, as a table, and as JSON under bench-results/.

    python -m bench [market] [record] [server] [notify] [people] [--quick]
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent


def market(quick: bool) -> dict[str, Any]:
    """The market's figures, from its own program."""
    command = [sys.executable, str(ROOT / "bench" / "market.py"), "--json", *(["--quick"] if quick else [])]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


def record(quick: bool) -> dict[str, Any]:
    """The record's figures, from its own program."""
    command = [sys.executable, str(ROOT / "bench" / "record.py"), "--json", *(["--quick"] if quick else [])]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


def notify(quick: bool) -> dict[str, Any]:
    """The figures of messages, from their own program."""
    command = [sys.executable, str(ROOT / "bench" / "notify.py"), "--json", *(["--quick"] if quick else [])]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    return dict(json.loads(subprocess.run(command, capture_output=True, check=False, text=True, env=environment).stdout))


def people(quick: bool) -> dict[str, Any]:
    """The figures of people."""
    from bench.people import measure

    return measure(quick)


def server(quick: bool) -> dict[str, Any]:
    """The server's figures."""
    from bench.server import measure

    return measure(quick)


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Figure, measured, goal, met."""
    table: list[tuple[str, str, str, bool]] = []

    def add(name: str, value: float, shown: str, goal: str, met: bool) -> None:
        table.append((name, shown.format(value), goal, met))

    if "market" in found:
        speed, exact = found["market"]["speed"], found["market"]["precision"]
        small, large = speed["1000"]["bet_us"], speed["100000"]["bet_us"]
        for size in ("1000", "10000", "100000"):
            add(f"market: a bet at {int(size):,} endpoints", speed[size]["bet_us"], "{:.0f} µs", "≤ 150 µs at 100,000", large <= 150)
        add("market: a bet at 100,000 over one at 1,000", large / small, "{:.2f} ×", "≤ 2.5 ×", large / small <= 2.5)
        add("market: price against 50 digits, worst", exact["price_error"], "{:.1e}", "≤ 1e-12", exact["price_error"] <= 1e-12)
        worst = exact["charge_outside"]
        add("market: charges outside exact … ceil(exact) + 1", worst, "{:.0f}", f"0 of {exact['sample']}", worst == 0)
    if "record" in found:
        table += _record_rows(found["record"])
    if "server" in found:
        bets, page, start, rebuild = (found["server"][part] for part in ("bets", "page", "start", "rebuild"))
        add("server: durable bets a second over HTTP", bets["grouped_per_second"], "{:,.0f}", "≥ 2,000", bets["grouped_per_second"] >= 2_000)
        add("server: the same, each committed alone", bets["alone_per_second"], "{:,.0f}", "", True)
        add("server: together over alone", bets["ratio"], "{:.1f} ×", "≥ 3 ×", bets["ratio"] >= 3)
        add("server: answer, p50", bets["p50_ms"], "{:.0f} ms", "", True)
        add("server: answer, p99", bets["p99_ms"], "{:.0f} ms", "≤ 60 ms", bets["p99_ms"] <= 60)
        add("page: question with styles and scripts, on the wire", page["wire_kb"], "{:.0f} KB", "≤ 100 KB", page["wire_kb"] <= 100)
        add("page: server time, median", page["server_ms"], "{:.1f} ms", "≤ 10 ms", page["server_ms"] <= 10)
        add("serve: to the first page", start["first_page_s"], "{:.2f} s", "≤ 1.5 s", start["first_page_s"] <= 1.5)
        add("serve: idle memory", start["idle_mb"], "{:.0f} MB", "≤ 120 MB", start["idle_mb"] <= 120)
        rate = rebuild["events_per_second"]
        add("rebuild: events a second", rate, "{:,.0f}", "≥ 20,000", rate >= 20_000)
    for row in found.get("notify", {}).values():
        took, many = row["last_s"], row["recipients"]
        beside = f" beside {row['dead']} sinks that hang" if row["dead"] else ""
        goal = "≤ 2 s" if many == 1 else ""
        add(f"notify: an urgent message to {many:,} by webhook and mail{beside}", took, "{:.2f} s", goal, not goal or took <= 2)
    if "people" in found:
        table += _people_rows(found["people"])
    return table


def _people_rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """The same of people."""
    signs, alarm, matrix = found["sign_in"], found["alarm"], found["matrix"]
    beside, last, table = signs["beside_ms"], alarm["last_ms"], list[tuple[str, str, str, bool]]()
    table.append(("people: signing in, beside the password’s hash", f"{beside:.0f} ms", "≤ 150 ms", beside <= 150))
    table.append(("people: the hash itself", f"{signs['hash_ms']:.0f} ms", "", True))
    table.append((f"people: an alarm, until the last of {alarm['pages']} open pages knows", f"{last:.0f} ms", "≤ 1,000 ms", last <= 1_000))
    tried = f"people: {matrix['tried']:,} tries of every route by {len(matrix['by_visitor'])} kinds of visitor"
    table.append((tried, f"{matrix['let_in']:,} let in", "as declared", matrix["met"]))
    for name, (into, sign_in, not_allowed, not_found) in matrix["by_visitor"].items():
        told = f"people: … {name}: {sign_in} asked to sign in, {not_allowed} not allowed, {not_found} not found"
        table.append((told, f"{into} let in", "", True))
    return table


def _record_rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """The same of the record."""
    settling, review, scores = found["settling"], found["review"], found["scores"]
    entries, table = settling["entries"], list[tuple[str, str, str, bool]]()
    for name in ("tote", "closest", "forecast", "market"):
        spent = settling[name]["ms"]
        table.append((f"record: settling {entries:,} entries, {name}", f"{spent:,.0f} ms", "≤ 2,000 ms", spent <= 2_000))
    days = settling["forecast_by_days"]["ms"]
    table.append((f"record: {entries // 10:,} forecasts over 730 days", f"{days:,.0f} ms", "", True))
    took = review["review_ms"]
    table.append((f"record: a review over {review['questions']:,} settled questions", f"{took:.0f} ms", "≤ 200 ms", took <= 200))
    table.append(("record: the tables over as many", f"{review['tables_ms']:.0f} ms", "", True))
    worst = max(scores.values())
    table.append(("record: scores against other libraries and brute force, worst", f"{worst:.1e}", "≤ 1e-9", worst <= 1e-9))
    return table


PARTS = {"market": market, "record": record, "server": server, "notify": notify, "people": people}


def main() -> int:
    """Measure, print, write; 1 if a goal was missed."""
    quick, names = "--quick" in sys.argv, [name for name in sys.argv[1:] if not name.startswith("-")] or list(PARTS)
    found: dict[str, Any] = {"when": time.strftime("%Y-%m-%d"), "python": platform.python_version(), "machine": platform.machine(), "quick": quick}
    for name in names:
        print(f"measuring the {name} …", flush=True)
        found[name] = PARTS[name](quick)
    table = Table("figure", "measured", "goal", "")
    judged = rows(found)
    for figure, shown, goal, met in judged:
        table.add_row(figure, shown, goal, "" if not goal else "met" if met else "MISSED")
    Console(width=110).print(table)
    target = ROOT / "bench-results" / "figures.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=1))
    print(f"written to {target.relative_to(ROOT)}")
    return 0 if all(met for *_, met in judged) else 1


if __name__ == "__main__":
    raise SystemExit(main())
