"""Runs every arm of peers.toml side by side and writes the results, the report and the chart.

Interleaved: each round runs every arm once, in a fresh process, and starts one arm further on than the round
before. An arm that cannot be installed, or does not reach the asserted end, is reported as not run.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chart
import report
from environments import Environment, NotInstalledError, ready

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".bench"
DRAFT = CACHE / "draft"
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "RESULTS.md"
PICTURE = ROOT / "docs/assets/peers.svg"
SCRIPTS = {
    "hftbacktest": "arm_hftbacktest.py",
    "vnpy": "arm_vnpy.py",
    "nautilus": "arm_nautilus_v{generation}.py",
}
STOPPED = "stopped after"
QUIET_VNPY = {"log.active": False, "log.console": False, "log.file": False}


def write_whole(path: Path, text: str) -> None:
    """Replaces a file in one step, so that none is ever half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def as_text(results: dict[str, Any]) -> str:
    """JSON with one line for each run of an arm."""
    arms = results["arms"]
    head = json.dumps({**results, "arms": {name: [] for name in arms}}, indent=1)
    for name, runs in arms.items():
        lines = ",\n".join("   " + json.dumps(run) for run in runs)
        head = head.replace(f'"{name}": []', f'"{name}": [\n{lines}\n  ]')
    return head + "\n"


def arguments() -> argparse.Namespace:
    """The command line; peers.toml gives what is left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds; each runs every arm once")
    parser.add_argument("--trips", type=int, help="round trips of each arm in a round")
    parser.add_argument(
        "--only", nargs="+", metavar="ARM", help="these arms (a draft: nothing committed is rewritten)"
    )
    parser.add_argument(
        "--again", action="store_true", help="report and chart again from benches/peers/results.json"
    )
    parser.add_argument("--draft", action="store_true", help="write under .bench/draft/ and nowhere else")
    return parser.parse_args()


def scratch() -> Path:
    """The folder that arms run in: vnpy keeps its settings in the folder where it is started."""
    folder = CACHE / "run"
    write_whole(folder / ".vntrader/vt_setting.json", json.dumps(QUIET_VNPY))
    return folder


def commands(
    settings: dict[str, Any], chosen: list[str], deadline: float
) -> tuple[dict[str, list[str]], dict[str, str], dict[str, Any]]:
    """How each arm is started; why an arm is not; what is installed in each environment."""
    start: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    installed: dict[str, Any] = {}
    places: dict[str, Environment | str] = {}
    for name in chosen:
        peer = settings["arms"][name].get("peer")
        if peer is None:
            start[name] = ours(name)
            continue
        if peer not in places:
            print(f"==> {peer}: its environment", flush=True)
            try:
                places[peer] = ready(CACHE, peer, settings["peers"][peer], deadline - time.monotonic())
            except NotInstalledError as error:
                places[peer] = str(error)
        place = places[peer]
        if isinstance(place, str):
            missing[name] = place
            print(f"    not run: {place}")
        else:
            start[name] = [str(place.python), str(HERE / SCRIPTS[peer].format(generation=place.generation))]
            installed[peer] = list(place.installed)
    return start, missing, installed


def ours(name: str) -> list[str]:
    """The arms of this project: Rust is built first."""
    if name != "dita_t0":
        return [sys.executable, str(HERE / "arm_dita.py")]
    print("==> DITA: cargo build", flush=True)
    build = ["cargo", "build", "--locked", "--quiet", "--release", "--bin", "peers_t0"]
    subprocess.run(build, cwd=HERE.parent, check=True)
    return [str(HERE.parent / "target/release/peers_t0")]


def run_arm(
    command: list[str], name: str, counts: tuple[int, int], folder: Path, limit_s: float
) -> dict[str, Any] | str:
    """One arm, once: its result, or why there is none."""
    full = [*command, name, *(str(count) for count in counts)]
    # No peer may phone home or read settings of the person who runs this.
    surroundings = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "NAUTILUS"))
    }
    try:
        done = subprocess.run(
            full, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{STOPPED} {limit_s:.0f} s"
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return said[-1]
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if name == "dita_t0":
        result["version"] = importlib.metadata.version("dita")
    return result


def machine() -> dict[str, Any]:
    """Where and when."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": report.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def rounds(settings: dict[str, Any], chosen: list[str], results: dict[str, Any], save: Path) -> None:
    """All rounds; what is known so far is saved after each."""
    run = settings["run"]
    deadline = time.monotonic() + run["budget_s"]
    start, results["not_run"], results["installed"] = commands(settings, chosen, deadline)
    folder = scratch()
    for number in range(run["rounds"]):
        first = number % len(chosen)
        took: dict[str, Any] = {}
        for name in chosen[first:] + chosen[:first]:
            if name not in start:
                continue
            left = deadline - time.monotonic()
            if left < 1:
                print(f"the time is used up: {number} whole rounds")
                return
            began = time.monotonic()
            limit = min(left, run["arm_limit_s"])
            found = run_arm(start[name], name, (run["trips"], run["block"]), folder, limit)
            note = found if isinstance(found, str) else f"{time.monotonic() - began:6.1f} s"
            print(f"round {number + 1}/{run['rounds']}  {name:26} {note}", flush=True)
            if isinstance(found, str):
                if limit < run["arm_limit_s"] and found.startswith(STOPPED):
                    print(f"the time is used up: {number} whole rounds")
                    return
                results["not_run"][name] = found
                del start[name]
            else:
                took[name] = found
        for name, found in took.items():
            results["arms"].setdefault(name, []).append(found)
        results["rounds_done"] = number + 1
        write_whole(save, as_text(results))


def publish(results: dict[str, Any], *, is_draft: bool) -> None:
    """Prints the report, and writes it with the chart: as a draft, or where the project keeps them."""
    summary = report.summary(results)
    page, picture = report.section(results, summary), chart.picture(results, summary)
    print("\n" + page)
    write_whole(DRAFT / "peers.md", page)
    write_whole(DRAFT / "peers.svg", picture)
    if is_draft:
        print("written: .bench/draft/peers.md, .bench/draft/peers.svg")
        return
    if report.disturbed(summary):
        raise SystemExit(
            "The machine was busy with something else, which is unfair to the slower arms: only the draft in"
            " .bench/draft/ is written. Run it again when nothing else runs."
        )
    write_whole(RESULTS, as_text(results))
    write_whole(PAGE, report.replaced(PAGE.read_text(encoding="utf-8"), page))
    write_whole(PICTURE, picture)
    print("written: benches/RESULTS.md (its section), benches/peers/results.json, docs/assets/peers.svg")


def main() -> None:
    """Runs, then reports."""
    wanted = arguments()
    if wanted.again:
        publish(json.loads(RESULTS.read_text(encoding="utf-8")), is_draft=bool(wanted.draft))
        return
    settings = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    settings["run"].update(
        {key: value for key, value in vars(wanted).items() if key in {"rounds", "trips"} and value}
    )
    chosen = wanted.only or list(settings["arms"])
    if unknown := set(chosen) - set(settings["arms"]):
        raise SystemExit(
            f"no such arm: {', '.join(sorted(unknown))}; there are {', '.join(settings['arms'])}"
        )
    results: dict[str, Any] = {
        "machine": machine(),
        "run": settings["run"],
        "labels": settings["arms"],
        "rounds_done": 0,
        "not_run": {},
        "installed": {},
        "arms": {},
    }
    rounds(settings, chosen, results, DRAFT / "results.json")
    # An arm that failed in a later round has fewer figures than the others: it is not compared.
    for name in results["not_run"]:
        results["arms"].pop(name, None)
    if not results["arms"] or not results["rounds_done"]:
        raise SystemExit("no arm ended well: nothing to report")
    publish(results, is_draft=bool(wanted.draft or wanted.only))


if __name__ == "__main__":
    main()
