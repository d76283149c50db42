"""`ProgramServer`: serve a host's kernels to programs in other processes."""

import os
from pathlib import Path
from typing import Final

from dita._kernel import KernelServer
from dita.host import Directory, Host
from dita.host.directory import plane_name
from dita.host.owner import Owner
from dita.kernel.place import SOCKET_NAME
from dita.zinc.directory import directory_of

MODE: Final = "0600"
CLIENTS: Final = 128


class ProgramServer:
    """Serves every account of a host to programs.

    It starts after the host's own strategies have their slots: programs lease the remaining ones.

    Attributes:
        server: The kernel server.
        path: The socket that programs connect to.
    """

    def __init__(
        self,
        host: Host,
        directory: Directory,
        *,
        socket: Path | None = None,
        mode: str = MODE,
        clients: int = CLIENTS,
        spins: bool = False,
        shown: bool = True,
        beats: bool = True,
    ) -> None:
        """Listen, and answer at the host's own socket (`leases`, `server`, `kernel_socket`).

        Args:
            host: The host.
            directory: The host's directory.
            socket: Where programs connect; None means the directory's `kernel.sock`.
            mode: The socket's file mode: who may connect.
            clients: How many may be connected at once.
            spins: Whether programs may have channels in shared memory; while one has, the server's thread
                never sleeps.
            shown: Whether the accounts are in shared memory; else programs ask for everything over the
                socket, and get no market data.
            beats: Whether a standby may see there that this process is alive.

        Raises:
            KernelError: Another server listens there.
        """
        self.path = (socket or directory.path / SOCKET_NAME).absolute()
        me, planes = Owner.here(), os.fspath(directory_of(None))
        name = directory.path.name
        self.server = KernelServer(
            os.fspath(self.path),
            [
                host.served(account, (planes, plane_name(name, account)) if shown else None)
                for account in host.accounts
            ],
            host=name,
            mode=int(mode, 8),
            clients_max=clients,
            spins=spins,
            pulse=(planes, name, me.pid, me.started) if beats else None,
        )
        for account, kernel in host.accounts.items():
            if shown:
                host.strategies.show(account, kernel)
        host.answer("leases", lambda _: self.server.leases())
        host.answer("server", lambda _: {**self.server.standing(), "pid": os.getpid()})
        host.answer("kernel_socket", lambda _: os.fspath(self.path))

    def close(self) -> None:
        """Notify programs that the server ends; their leases stay. Closing again does nothing."""
        self.server.end()
