"""Where a cluster is: `hazelcast://host:port[,host:port...]/name`."""

import re
from dataclasses import dataclass
from typing import Final, Self

from dita.cluster.errors import ClusterError
from dita.errors import shown

SCHEME: Final = "hazelcast://"
PORT_DEFAULT: Final = 5701
PORT_MAX: Final = 65_535
NAME_DEFAULT: Final = "dita"
EXAMPLE: Final = "hazelcast://127.0.0.1:5701/dita"

_MEMBER: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where a cluster is.

    Attributes:
        members: Where to knock, as `host:port`; one that answers names the others.
        name: The cluster's name. A cluster of another name turns its clients away.
    """

    members: tuple[str, ...] = (f"127.0.0.1:{PORT_DEFAULT}",)
    name: str = NAME_DEFAULT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `hazelcast://host:port[,host:port...]/name`; the port is 5701 and the name `dita` if left out.

        Raises:
            ClusterError: It does not read like that.
        """
        if not text.startswith(SCHEME):
            raise ClusterError(f"{shown(text)}: is no cluster's address; it reads like {EXAMPLE}")
        places, _, name = text.removeprefix(SCHEME).partition("/")
        members = []
        for place in places.split(","):
            found = _MEMBER.fullmatch(place)
            port = PORT_DEFAULT if found is None or found["port"] is None else int(found["port"])
            if found is None or not 0 < port <= PORT_MAX:
                raise ClusterError(
                    f"{shown(text)}: {shown(place)} is no host:port; an address reads like {EXAMPLE}"
                )
            members.append(f"{found['host']}:{port}")
        name = name.rstrip("/") or NAME_DEFAULT
        if "/" in name:
            raise ClusterError(
                f"{shown(text)}: {shown(name)} is no cluster's name; an address reads like {EXAMPLE}"
            )
        return cls(tuple(members), name)

    def __str__(self) -> str:
        """Return it as it is parsed."""
        return f"{SCHEME}{','.join(self.members)}/{self.name}"
