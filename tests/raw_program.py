"""A program that speaks the protocol by hand: what `dita.connect` never sends."""

import socket
from typing import ClassVar

from dita import KernelCommandType, OrderType, TimeInForce, TradeSide
from serving import Served

WELCOME, REFUSED, VERDICTS, NEWS, GAP, SLOTS, CLOSING = 65, 66, 67, 73, 74, 75, 77


class Raw:
    """A program that speaks the protocol by hand."""

    opened: ClassVar[list["Raw"]] = []

    def __init__(self, served: Served) -> None:
        self.opened.append(self)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(served.socket))

    def send(self, message: bytes, *, more: bool = False) -> None:
        self.socket.send((b"\x01" if more else b"\x00") + message)

    def hello(self, name: str, *, slots: int = 1, oldest: int = 1, newest: int = 2) -> None:
        words = b"DITALINK" + oldest.to_bytes(2, "little") + newest.to_bytes(2, "little")
        words += b"\x00" + bytes([len(name)]) + name.encode() + slots.to_bytes(2, "little")
        words += b"\x00" + (5_000).to_bytes(4, "little") + b"\x00\x00" + b"\x00"
        self.send(b"\x01" + (1).to_bytes(4, "little") + words)

    def receive(self) -> bytes:
        whole = b""
        while packet := self.socket.recv(1 << 16):
            whole += packet[1:]
            if packet[0] == 0:
                return whole
        return b""

    def welcome(self) -> bool:
        return self.receive()[:1] == b"\x41"

    def close(self) -> None:
        self.socket.close()

    def kind(self) -> int:
        """Return the kind of the next message; 0 where the server has hung up."""
        return (self.receive() or b"\0")[0]

    def intent(
        self, number: int, slot: int, name: str, action: str, metadata: str = "", *, again: bool = False
    ) -> None:
        """Send an intent at market, of 0.001 BTCUSDT."""
        order = (KernelCommandType(action), TradeSide.LONG, OrderType.MARKET, TimeInForce.GTC)
        words = (1).to_bytes(8, "little") + slot.to_bytes(4, "little")
        words += bytes(list(type(one)).index(one) for one in order) + b"\0\0"
        for text in (f"{name}-{action}", name, "BTCUSDT", "", "", "", "", ""):
            words += bytes([len(text)]) + text.encode()
        words += b"\x03" + (1).to_bytes(16, "little") + (b"\xff" + b"\0" * 16) * 5 + b"\0" * 18 + b"\0\0"
        words += len(metadata).to_bytes(2, "little") + metadata.encode() + b"\0\0"
        self.send(b"\x02" + number.to_bytes(4, "little") + bytes([again]) + (1).to_bytes(2, "little") + words)
