"""Who may what: tokens with roles, shown once and kept as hashes; sessions for browsers."""

import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dita.errors import refuse, shown

#: By what they may: each may what those before it may.
ROLES: Final = ("read", "trade", "operate")
SESSION_S: Final = 12 * 3600
_MODE: Final = 0o600
_SESSIONS_MAX: Final = 1_000
#: How old what streams go by may be, seconds.
_GOOD_S: Final = 0.2


class AccessRefused(Exception):  # noqa: N818 - it says what was refused
    """The file of tokens cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may.

    Attributes:
        name: Who: it is `updated_by` of what he does.
        role: One of ROLES.
        token_hash: SHA-256 of his token, hexadecimal.
    """

    name: str
    role: str
    token_hash: str

    def may(self, role: str) -> bool:
        """Whether he may what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


def hash_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenFile:
    """The tokens of a gateway, in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        """Name the file; it may come into being later."""
        self.path = path

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when the file does."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size

    def read(self) -> dict[str, Grant]:
        """Return the grants by name.

        Raises:
            AccessRefused: Others can read it, or it does not read as one.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return {}
        if found.st_mode & 0o077:
            raise AccessRefused(f"{self.path}: others can read it: chmod 600 {self.path}")
        try:
            grants = [Grant(**fields) for fields in json.loads(self.path.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            raise AccessRefused(f"{self.path}: is no file of tokens: {error}") from error
        wrong = next((grant for grant in grants if grant.role not in ROLES), None)
        if wrong is not None:
            raise AccessRefused(f"{self.path}: role {shown(wrong.role)} is none of {', '.join(ROLES)}")
        return {grant.name: grant for grant in grants}

    def add(self, name: str, role: str) -> str:
        """Make a token, and return it: nobody can read it again.

        Raises:
            InvalidInput: The name is taken or no name, or there is no such role.
            AccessRefused: The file cannot be used.
        """
        if not name or len(name) > 64 or not name.isprintable():
            raise refuse("name", name, "must be 1 to 64 printable characters")
        if role not in ROLES:
            raise refuse("role", role, f"is none of {', '.join(ROLES)}")
        grants = self.read()
        if name in grants:
            raise refuse("name", name, "has a token: revoke that first")
        token = secrets.token_urlsafe(32)
        self._write({**grants, name: Grant(name, role, hash_of(token))})
        return token

    def revoke(self, name: str) -> None:
        """Take a token back. Open streams of it end within a second.

        Raises:
            InvalidInput: Nobody has this name.
            AccessRefused: The file cannot be used.
        """
        grants = self.read()
        if grants.pop(name, None) is None:
            raise refuse("name", name, "has no token")
        self._write(grants)

    def _write(self, grants: dict[str, Grant]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.unlink(missing_ok=True)
        held = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(held, "w", encoding="utf-8") as file:
            json.dump([asdict(grant) for grant in grants.values()], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


@dataclass(slots=True)
class _Session:
    grant: Grant
    csrf: str
    ends_s: float


class Access:
    """Says who asks, by a token or by a browser's session."""

    def __init__(self, file: TokenFile | None, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """Read the tokens' file whenever it has changed; None has none but those of `grant`."""
        self._file = file
        self._now_s = now_s
        self._own: dict[str, Grant] = {}
        self._known: dict[str, Grant] = {}
        self._stamp: tuple[int, ...] | None = None
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()
        self._good: dict[str, Grant] = {}
        self._good_until_s = 0.0

    def grant(self, name: str, role: str) -> str:
        """Make a token that lives as long as this process, and return it."""
        token = secrets.token_urlsafe(32)
        self._own[name] = Grant(name, role, hash_of(token))
        return token

    def _grants(self) -> dict[str, Grant]:
        with self._lock:
            if self._file is not None:
                stamp = self._file.stamp()
                if stamp != self._stamp:
                    self._known = self._file.read()
                    self._stamp = stamp
            return {**self._known, **self._own}

    def by_token(self, token: str) -> Grant | None:
        """Return who has a token; None where nobody has.

        Raises:
            AccessRefused: The file of tokens cannot be used.
        """
        wanted = hash_of(token)
        found = None
        for grant in self._grants().values():
            # All of them are looked at, so that the time says nothing.
            if hmac.compare_digest(grant.token_hash, wanted):
                found = grant
        return found

    def is_good(self, grant: Grant) -> bool:
        """Whether somebody may still what he might. Streams ask with each frame, so it is some 0.2 s old."""
        return self._lately().get(grant.name) == grant

    def may_trade(self, name: str) -> bool:
        """Whether some token of a name lets it trade; some 0.2 s old.

        Raises:
            AccessRefused: The file of tokens cannot be used.
        """
        grant = self._lately().get(name)
        return grant is not None and grant.may("trade")

    def _lately(self) -> dict[str, Grant]:
        now_s = time.monotonic()
        if now_s >= self._good_until_s:
            self._good_until_s = now_s + _GOOD_S
            self._good = self._grants()
        return self._good

    def login(self, token: str) -> tuple[str, str, Grant] | None:
        """Begin a browser's session; return its cookie, the CSRF value and who it is."""
        grant = self.by_token(token)
        if grant is None:
            return None
        now_s = self._now_s()
        with self._lock:
            self._sessions = {key: one for key, one in self._sessions.items() if one.ends_s > now_s}
            while len(self._sessions) >= _SESSIONS_MAX:
                self._sessions.pop(next(iter(self._sessions)))
            cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
            self._sessions[hash_of(cookie)] = _Session(grant, csrf, now_s + SESSION_S)
        return cookie, csrf, grant

    def logout(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(hash_of(cookie), None)

    def by_cookie(self, cookie: str) -> tuple[Grant, str] | None:
        """Return who a session is of, and its CSRF value; None where it is none, or over."""
        with self._lock:
            session = self._sessions.get(hash_of(cookie))
        if session is None or session.ends_s <= self._now_s() or not self.is_good(session.grant):
            return None
        return session.grant, session.csrf
