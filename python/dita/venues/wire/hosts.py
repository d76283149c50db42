"""Where an adapter may connect: anywhere with real money, else to the test network or this machine alone."""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from dita.errors import refuse


@dataclass(frozen=True, slots=True)
class Hosts:
    """A venue's addresses.

    Attributes:
        rest: Base address of REST, with real money.
        stream: Base address of the streams, with real money.
        test_rest: Base address of the test network's REST.
        test_stream: Base address of the test network's streams.
        test_hosts: Further host names of the test network.
    """

    rest: str
    stream: str
    test_rest: str
    test_stream: str
    test_hosts: frozenset[str] = frozenset()

    def chosen(self, rest: str | None, stream: str | None, *, is_real: bool) -> tuple[str, str]:
        """Return the base addresses of REST and of the streams.

        Args:
            rest: As the adapter's owner gave it; None takes the venue's own.
            stream: The same for the streams.
            is_real: Whether real money is at stake.

        Raises:
            InvalidInput: An adapter without real money was given a host that is neither of the test network
                nor on this machine.
        """
        if is_real:
            return rest or self.rest, stream or self.stream
        return (
            self._practice("rest", rest or self.test_rest, self.test_rest),
            self._practice("stream", stream or self.test_stream, self.test_stream),
        )

    def _practice(self, field: str, address: str, usual: str) -> str:
        host = host_of(address)
        if host in {host_of(usual), *self.test_hosts} or is_this_machine(host):
            return address
        raise refuse(
            field,
            address,
            "is no host of the venue's test network, and this adapter has no real money: leave it out for "
            f"{usual}, give `dita exchange` on this machine, or take the adapter with real money",
        )


#: An adapter that has not said where its venue is.
NOWHERE: Final = Hosts("", "", "", "")


def host_of(address: str) -> str:
    """Return the host that an address connects to, in small letters; empty where it has none.

    Args:
        address: As `https://api.example.com:443`.
    """
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine itself.

    Args:
        host: A name or an IP address, without a port.
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
