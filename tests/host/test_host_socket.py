"""The socket at which a host answers."""

import threading
from pathlib import Path

from dita.host import Directory
from dita.host.documents import to_json
from dita.host.serving import HostSocket


def test_a_socket_that_is_closed_later_lets_nobody_in_at_once_and_is_closed_soon(tmp_path: Path) -> None:
    path = Directory(tmp_path).path / "some.sock"
    one = HostSocket(path, dict, to_json)
    one.close_later()
    # The rest waits for the thread that lets people in, which looks every 0.1 s.
    assert not path.exists()
    names = ("dita-host", "dita-host-closing")
    for thread in [thread for thread in threading.enumerate() if thread.name in names]:
        thread.join(30)
        assert not thread.is_alive()
