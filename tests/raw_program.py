"""A program that speaks the protocol by hand: what `dita.connect` never sends."""

import mmap
import os
import select
import socket
import time
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

    def kind_is_there(self) -> bool:
        """Whether something can be read in the socket."""
        return bool(select.select([self.socket], [], [], 0)[0])

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


class RawChannel(Raw):
    """A program with a channel, whose memory it writes by hand: docs/reference/protocol.md has the layout."""

    WORDS = 7 * 16 + 2 * 8192
    ASLEEP, REQUESTS, ANSWERS = 2 * 16, 3 * 16, 5 * 16
    FROM: ClassVar = {REQUESTS: 7 * 16, ANSWERS: 7 * 16 + 8192}

    def __init__(self, served: Served, name: str) -> None:
        super().__init__(served)
        self.memory: mmap.mmap | None = None
        self.hello(name, newest=5)
        assert self.kind() == WELCOME
        self.send(b"\x0c" + (1).to_bytes(4, "little"))
        packet, (handed,), _, _ = socket.recv_fds(self.socket, 1 << 16, 1)
        assert packet == b"\0\x50\x01\0\0\0"
        try:
            self.memory = mmap.mmap(handed, self.WORDS * 8)
        finally:
            os.close(handed)
        self.written = self.read = 0

    def word(self, at: int) -> int:
        assert self.memory is not None
        return int.from_bytes(self.memory[at * 8 : at * 8 + 8], "little")

    def put(self, at: int, value: int) -> None:
        assert self.memory is not None
        self.memory[at * 8 : at * 8 + 8] = (value % 2**64).to_bytes(8, "little")

    def piece(self, head: int, data: bytes = b"") -> None:
        """Write a piece with this head, and its count."""
        words = [head]
        words += [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
        for word in words:
            self.put(self.FROM[self.REQUESTS] + self.written % 8192, word)
            self.written += 1
        self.put(self.REQUESTS, self.written)

    def send(self, message: bytes, *, more: bool = False) -> None:
        if self.memory is None:
            super().send(message, more=more)
            return
        until = time.monotonic() + 20
        while self.written - self.word(self.REQUESTS + 16) + 1 + -(-len(message) // 8) > 8192:
            assert time.monotonic() < until, "there is no room"
            if self.kind_is_there():
                return
            os.sched_yield()
        self.piece(len(message) | more << 32, message)

    def take(self) -> bytes:
        """Return the next message in the channel; empty where the socket is closed, or has one."""
        whole, until = b"", time.monotonic() + 20
        while True:
            while self.word(self.ANSWERS) == self.read:
                assert time.monotonic() < until, "nothing comes"
                if self.kind_is_there() and self.word(self.ANSWERS) == self.read:
                    return b""
            at = self.FROM[self.ANSWERS]
            head = self.word(at + self.read % 8192)
            length, words = head & 0xFFFFFFFF, -(-(head & 0xFFFFFFFF) // 8)
            piece = b"".join(
                self.word(at + (self.read + 1 + word) % 8192).to_bytes(8, "little") for word in range(words)
            )
            self.read += 1 + words
            self.put(self.ANSWERS + 16, self.read)
            whole += piece[:length]
            if head >> 32 == 0:
                return whole

    def close(self) -> None:
        super().close()
        if self.memory is not None:
            self.memory.close()
