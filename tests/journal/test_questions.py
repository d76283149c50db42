"""docs/how-to/query-the-journal.md: each query of it, and that it comes to what stands under it."""

import re
from pathlib import Path
from typing import Any

import pytest

from dita.cli.journal import _print_table
from dita.follow import Follower
from dita.follow.journal import JournalTarget
from dita.journal.query import _read
from logged import busy

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "query-the-journal.md"
_QUESTION = re.compile(r"^## (\d+)\. .*?^```sql\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_query_of_the_page_comes_to_what_it_says(
    base: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = busy(tmp_path / "main")
    desk.kernel.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": desk.now_ns, "asset": "USDT", "wallet_balance": "9990.5"}
    )
    desk.kernel.close()
    target = JournalTarget(base)
    target._server = object()  # type: ignore[assignment]
    target.close = lambda: None  # type: ignore[method-assign]
    Follower(desk.log_dir, target, kernel="main").run(until_end=True)
    questions = _QUESTION.findall(_PAGE.read_text(encoding="utf-8"))
    assert len(questions) >= 8
    for number, sql, expected in questions:
        _print_table("", _read(base.query_json(sql)))
        assert capsys.readouterr().out == expected, f"question {number}"
