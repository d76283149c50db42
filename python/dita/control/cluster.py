"""A control plane in a Hazelcast cluster: compared and exchanged, so that no operator overwrites another."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from dita.cluster.address import ClusterAddress
from dita.cluster.client import open_client
from dita.cluster.mappings import CONTROL_PLANE
from dita.control.memory import ControlUpdate, KernelControlSnapshot, Watcher
from dita.control.record import ControlPlaneError, Record, check
from dita.control.watched import Watched, conflict

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient

PLANE_DEFAULT: Final = "controls"
# Where an event was lost with a connection, this finds the change.
LOOK_S: Final = 0.5
_ATTEMPTS_MAX: Final = 32


class HazelcastControlPlane:
    """A control plane in a cluster, for kernels and operators on many machines.

    A change is put there only if the controls still are what it was made from; else it is made again from
    what stands now. Watchers learn of it by the cluster's event, and by looking twice a second. While the
    cluster is away watchers keep what they have, and `standing` says so.
    """

    def __init__(
        self, client: "HazelcastClient", plane: str = PLANE_DEFAULT, *, owns_client: bool = False
    ) -> None:
        """Name the plane.

        Args:
            client: The cluster's client.
            plane: The plane's name in the cluster; kernels of one plane are halted together.
            owns_client: Whether `close` ends the client, too.
        """
        self._client = client
        self._plane = plane
        self._owns_client = owns_client
        self._watched = Watched(f"control plane {plane!r} of the cluster")
        self._thread: threading.Thread | None = None
        self._wakes = threading.Event()
        self._ends = False
        self._map_proxy: Any = None

    @classmethod
    def open(cls, address: ClusterAddress, plane: str = PLANE_DEFAULT) -> Self:
        """Connect to a cluster.

        Raises:
            ClusterError: The client is not installed.
            ClusterUnreachable: No member answers, or none of that name.
        """
        # Whoever begins without controls must know; what happens later is another matter.
        client = open_client(address, client_name=f"dita-control-{plane}", stays=True)
        return cls(client, plane, owns_client=True)

    def read(self) -> KernelControlSnapshot:
        """Return the controls as they stand; the defaults where the cluster has none.

        Raises:
            ControlPlaneError: The cluster does not answer, or what it holds is damaged.
        """
        return self._load()[1].controls

    def exists(self) -> bool:
        """Whether there is a plane: a kernel that watches makes one.

        Raises:
            ControlPlaneError: The cluster does not answer.
        """
        return self._load()[0] is not None

    @property
    def flatten_stands(self) -> bool:
        """Whether positions are to be left, and nobody has opened the gate since."""
        return self._load()[1].flatten_stands

    @property
    def flatten_all_stands(self) -> bool:
        """Whether that includes what was there when a kernel was opened."""
        return self._load()[1].flatten_all_stands

    @property
    def reasons(self) -> dict[str, str]:
        """Why overrides were given, by their ids, as far as the last changes say."""
        return self._load()[1].reasons

    def update(self, update: ControlUpdate, *, if_version: int | None = None) -> KernelControlSnapshot:
        """Change the controls, and return them as they then stand.

        Args:
            update: What to change; the rest stays, also what somebody else has changed meanwhile.
            if_version: Only if they stand at this version.

        Raises:
            InvalidInput: A value that cannot be; by field. Nothing changed.
            ControlConflict: They stand at another version. Nothing changed.
            ControlPlaneError: The cluster does not answer; whether it has taken the change is not known.
            KernelError: A kernel that watches here refused, or this is inside one of its calls; nothing
                changed.
        """
        asked_as: int | None = None
        self._watched.refuse_inside()
        with self._watched.lock:
            for _ in range(_ATTEMPTS_MAX):
                value, record = self._load()
                if if_version not in (None, record.controls.version):
                    raise conflict(self._watched.place, if_version or 0, record.controls.version)
                check(update, record.controls)
                self._watched.found(record)
                changed = record.with_change(update)
                version = changed.controls.version
                if asked_as is None:
                    self._watched.ask(replace(update, version=version))
                    asked_as = version
                if self._exchange(value, changed):
                    if version != asked_as:
                        # Others came between: watchers have the change, under the number that it had then.
                        self._watched.ask(ControlUpdate(version=version, updated_by=update.updated_by))
                    self._watched.skip(changed)
                    return changed.controls
        raise ControlPlaneError(
            f"{self._watched.place}: {_ATTEMPTS_MAX} others were quicker, one after the other: try again"
        )

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a function with each change: own ones before they stand, others once they are found.

        Args:
            watcher: Called in the updating thread, or in the plane's.

        Returns:
            A function that ends the watch.
        """
        with self._watched.lock:
            if not self._watched.has_watchers:
                value, record = self._load()
                if value is None:
                    # An operator who mistypes the plane must find nothing there.
                    self._exchange(None, record)
                self._watched.skip(record)
            end = self._watched.add(watcher)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="dita-control-cluster", daemon=True)
                self._thread.start()
        return end

    def standing(self) -> dict[str, Any]:
        """Return how the plane stands: `place version trouble trouble_seconds refused`."""
        return self._watched.standing()

    def close(self) -> None:
        """End the watching, and the client where it is the plane's own."""
        self._ends = True
        self._wakes.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._owns_client:
            self._client.shutdown()

    def __enter__(self) -> Self:
        """Return the plane."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    # ---------------------------------------------------------------------------------------------- inside

    def _map(self) -> Any:  # noqa: ANN401 - the client's proxy
        if self._map_proxy is None:
            self._map_proxy = self._client.get_map(CONTROL_PLANE).blocking()
        return self._map_proxy

    def _load(self) -> tuple[Any, Record]:
        """What the cluster holds, as it holds it and as it reads."""
        try:
            value = self._map().get(self._plane)
        except Exception as error:
            raise self._away(error) from error
        if value is None:
            return None, Record()
        text = value.to_string() if hasattr(value, "to_string") else str(value)
        return value, Record.from_json(text, self._watched.place)

    def _exchange(self, value: Any, record: Record) -> bool:  # noqa: ANN401 - the client's value
        from hazelcast.core import HazelcastJsonValue  # noqa: PLC0415 - an extra

        new = HazelcastJsonValue(record.to_json())
        try:
            if value is None:
                return self._map().put_if_absent(self._plane, new) is None
            return bool(self._map().replace_if_same(self._plane, value, new))
        except Exception as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> ControlPlaneError:
        return ControlPlaneError(
            f"{self._watched.place}: the cluster does not answer ({type(error).__name__}: {error}): see "
            "`dita hazelcast status`; kernels go on with the last controls they read"
        )

    def _look(self) -> None:
        """Find out when the controls were changed. In the plane's own thread."""
        listens = False
        while not self._ends:
            try:
                if not listens:
                    wake = self._on_event
                    self._map().add_entry_listener(
                        include_value=False,
                        key=self._plane,
                        added_func=wake,
                        updated_func=wake,
                        removed_func=wake,
                    )
                    listens = True
                self._look_once()
            except ControlPlaneError as error:
                self._watched.troubled(str(error))
            except Exception as error:  # noqa: BLE001 - whatever the client breaks with, the plane is looked at again
                self._watched.troubled(str(self._away(error)))
            self._wakes.wait(LOOK_S)
            self._wakes.clear()

    def _look_once(self) -> None:
        # One after the other with updates of this process: what was read before one is no news after it.
        with self._watched.lock:
            value, record = self._load()
            if value is not None:
                self._watched.found(record)
                return
            self._watched.troubled(
                f"{self._watched.place}: is empty, as after a restart of the cluster, and is put back as it "
                "was last seen"
            )
            self._exchange(None, self._watched.last)
        self._wakes.set()

    def _on_event(self, _event: object) -> None:
        """In the client's thread: only wakes ours."""
        self._wakes.set()
