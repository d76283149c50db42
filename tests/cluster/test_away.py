"""A cluster goes away and comes back: what operators see and can do meanwhile, and what is logged."""

import logging
from pathlib import Path

import pytest

from clusters import address_of, cluster, eventually, grown
from dita import SimulatedVenue
from dita.cli import main
from dita.control import FileControlPlane
from dita.observe.source import ClusterSource
from dita.observe.text import as_text
from dita.projection import HazelcastProjection
from kernels import ENTER, SYMBOL, intent, opened


def test_while_a_cluster_is_away_the_last_state_stands_a_file_halts_and_two_lines_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "dita.projection")
    venue = SimulatedVenue(balances={"USDT": "10000"})
    with cluster(tmp_path) as members:
        address = address_of(members)
        projection = HazelcastProjection.open(address, "desk", refresh_s=0.02)
        with opened(venue, projection=projection) as kernel:
            venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
            kernel.process_intent(intent(ENTER, "i1"))
            assert projection.flush()
            source = ClusterSource(str(address))
            known = eventually(lambda: seen if (seen := source.read("desk")).slots else None)
            assert known.kept_s is None

            members[0].kill()
            kept = eventually(lambda: seen if (seen := source.read("desk")).trouble else None)
            assert "does not answer" in kept.trouble
            assert (kept.slots, kept.accounts, kept.seq) == (known.slots, known.accounts, known.seq)
            later = eventually(lambda: seen if (seen := source.read("desk")).kept_s > kept.kept_s else None)
            assert f"LAST KNOWN, not read for {later.kept_s:.1f} s" in as_text(later)
            # What was never read is not made up.
            assert source.read("another").slots == ()

            file = tmp_path / "controls.json"
            FileControlPlane(file).watch(lambda _: None)()
            assert main(["halt", "--control", str(address), "--by", "ops"]) == 1
            assert FileControlPlane(file).read().gate == "NORMAL"
            capsys.readouterr()
            halt = ["halt", "--control", str(address), "--fallback", str(file), "--by", "ops"]
            assert main(halt) == 0
            assert f"FELL BACK to {file}: kernels that read {address} alone" in capsys.readouterr().err
            assert FileControlPlane(file).read().kill_switch
            assert main([*halt, "--if-version", "0"]) == 1
            assert "each plane has versions of its own" in capsys.readouterr().err

            def lines(words: str) -> list[str]:
                return [line for line in caplog.messages if words in line]

            eventually(lambda: lines("was not renewed"))
            port = int(address.members[0].rpartition(":")[2])
            grown(tmp_path, port=port)
            eventually(lambda: lines("is renewed again"), 60.0, instead=lambda: caplog.messages)
            assert (len(lines("was not renewed")), len(lines("is renewed again"))) == (1, 1), caplog.messages
            back = eventually(lambda: seen if not (seen := source.read("desk")).trouble else None, 60.0)
            assert back.kept_s is None
            source.close()
