"""Followers: processes that go along behind a kernel's log and write what came of it somewhere else.

A follower has a replica of the core, a cursor in the log's directory, and a `Target`. The kernel never waits
for one; each can be away, slow or restarted with nothing lost.
"""

from dita._kernel import LogFollower, followers_of, log_bounds, read_cursor
from dita.follow.follower import Follower
from dita.follow.status import FollowerStatus, read_status
from dita.follow.target import Target, TargetAway, TargetRefused

__all__ = [
    "Follower",
    "FollowerStatus",
    "LogFollower",
    "Target",
    "TargetAway",
    "TargetRefused",
    "followers_of",
    "log_bounds",
    "read_cursor",
    "read_status",
]
