"""`dita halt`, `dita watch` and a host's accounts, by shared memory."""

from decimal import Decimal
from pathlib import Path

import pytest

from clusters import eventually
from dita import SharedHalt, SharedMemoryZincPlane, ZincReader
from dita.cli import main
from dita.config import Config
from dita.host import Directory, Host
from kernels import ENTER, intent, paper

pytestmark = pytest.mark.usefixtures("directory")


def test_halt_stops_a_kernel_by_its_planes_name(capsys: pytest.CaptureFixture[str]) -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("desk"))
    assert main(["halt", "--zinc", "desk", "--by", "ann"]) == 0
    assert capsys.readouterr().out == "desk: HALTED, and the kernel has applied it\n"
    assert (kernel.control.gate, kernel.control.updated_by) == ("HALTED", "ann")
    kernel.close()


def test_halt_says_that_nobody_has_taken_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dita.cli.halt._TAKEN_S", 0.01)
    SharedMemoryZincPlane("alone").close()
    assert main(["halt", "--zinc", "alone"]) == 0
    assert "no kernel has taken it within 0.01 s; one that opens applies it" in capsys.readouterr().out
    assert SharedHalt("alone").standing.gate == "HALTED"


def test_a_plane_that_is_not_there_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    plane = SharedMemoryZincPlane("there")
    for command in (["halt", "--zinc", "gone"], ["watch", "--once", "--zinc", "gone"]):
        assert main(command) == 1
        assert "is not there" in capsys.readouterr().err
    assert main(["watch", "--once", "--zinc", "gone"]) == 1
    assert "planes of this user: there" in capsys.readouterr().err
    plane.close()


def test_watch_shows_what_the_plane_has(capsys: pytest.CaptureFixture[str]) -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(
        intent(ENTER, "i2", slot_id=1, trade_id="t2", order_type="LIMIT", limit_price="50000")
    )
    kernel.share(SharedMemoryZincPlane("seen"))
    assert main(["watch", "--once", "--zinc", "seen"]) == 0
    shown = capsys.readouterr().out
    for text in ("POSITION_OPEN", "ENTRY_WORKING", "BTCUSDT", "USDT", "50000"):
        assert text in shown, text
    kernel.close()


def test_a_hosts_account_is_shared_by_its_configuration_and_halted_through_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config.model_validate(
        {
            "accounts": {
                "main": {
                    "zinc": True,
                    "simulated": {"balances": {"USDT": "10000"}},
                    "instruments": {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}},
                },
                "other": {"simulated": {"balances": {"USDT": "1"}}},
            }
        }
    )
    with Host(config, directory=Directory(tmp_path / "desk")) as host:
        reader = ZincReader("desk.main")
        assert reader.reaches(host.kernel("main").seq)
        assert reader.read_account()["k_capital"] == Decimal(10000)
        assert main(["halt", "--dir", str(tmp_path / "desk"), "--by", "ann"]) == 0
        reported = capsys.readouterr()
        assert reported.err == "desk.main: HALTED, and the kernel has applied it\n"
        assert "other" in reported.out
        assert host.kernel("main").control.gate == "HALTED"
        assert main(["resume", "--dir", str(tmp_path / "desk"), "--by", "bob"]) == 0
        # The host looks at its file now and then, and the halt follows the kernel.
        eventually(lambda: SharedHalt("desk.main").standing.gate == "NORMAL")
        assert host.kernel("main").control.gate == "NORMAL"
