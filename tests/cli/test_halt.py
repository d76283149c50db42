"""`dita halt` and the others, against a file and a real cluster, with a kernel that listens."""

import json
from pathlib import Path

import pytest

from clusters import eventually
from dita import KernelMode, KernelVerbosity, build_control_plane
from dita.cli import halt, main
from dita.cluster import ClusterAddress
from kernels import ENTER, intent, opened, paper


@pytest.mark.parametrize("where", ["file", "cluster"])
def test_an_operator_halts_and_resumes(
    where: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    if where == "file":
        place = str(tmp_path / "controls.json")
    else:
        address: ClusterAddress = request.getfixturevalue("hazelcast")
        place = f"{address}?plane=halt"
    plane = build_control_plane(place)
    with opened(control_plane=plane) as kernel:
        assert main(["halt", "--control", place, "--by", "ann"]) == 0
        assert "HALTED, the kill switch was pulled" in capsys.readouterr().out
        eventually(lambda: kernel.control.gate == "HALTED")
        assert kernel.control.updated_by == "ann"
        assert main(["resume", "--control", place, "--reduce-only"]) == 0
        eventually(lambda: kernel.control.gate == "REDUCE_ONLY")
        assert main(["resume", "--control", place]) == 0
        assert main(["limits", "--control", place, "max_order_notional=12.50", "order_burst=none"]) == 0
        more = ["--verbosity", "TRACE", "--journal", "on", "--mode", "SHADOW"]
        assert main(["limits", "--control", place, *more]) == 0
        eventually(lambda: kernel.control.mode == "SHADOW")
        assert (kernel.control.verbosity, kernel.control.debug_clickhouse_enabled) == ("TRACE", True)
        assert main(["freeze", "--control", place]) == 0
        eventually(lambda: kernel.control.frozen)
        assert str(kernel.control.limits["max_order_notional"]) == "12.50"
        assert main(["freeze", "--off", "--control", place]) == 0
        assert main(["flatten", "--control", place]) == 0
        eventually(lambda: kernel.control.kill_switch)
        capsys.readouterr()
        assert main(["limits", "--control", place, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["version"], shown["gate"], shown["frozen"]) == (8, "HALTED", False)
    plane.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["halt"], "there is no control plane"),
        (["halt", "--create", "--if-version", "3"], "stands at version 0, not 3"),
        (["limits", "--create", "max_order_notional=-1"], "max_order_notional"),
        (["limits", "--create", "nonsense=1"], "is no limit"),
    ],
)
def test_what_cannot_be_is_reported(
    arguments: list[str], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--control", str(tmp_path / "controls.json")]) == 1
    assert reported in capsys.readouterr().err


def test_a_cluster_that_is_not_there_or_of_another_name_is_reported(
    hazelcast: ClusterAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    (member,) = hazelcast.members
    for place, reported in (
        (f"hazelcast://{member}/another", "takes no client of a cluster named 'another'"),
        ("hazelcast://127.0.0.1:1/dita", "nobody listens there"),
        ("hazelcast://nonsense:x/dita", "is no host:port"),
    ):
        assert main(["halt", "--control", place]) == 1
        assert reported in capsys.readouterr().err


def test_the_lists_of_the_options_are_the_kernels() -> None:
    assert tuple(KernelVerbosity) == halt.VERBOSITIES
    assert tuple(KernelMode) == halt.MODES


def test_a_kernel_without_a_plane_is_as_it_was() -> None:
    kernel, _ = paper()
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    assert kernel.health()["control_trouble"] == ""
