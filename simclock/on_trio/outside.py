"""Where a simulated trio run ends: nothing real but the messages of threads."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import trio
from trio.abc import HostnameResolver, SocketFactory

from simclock.errors import OutsideSimulationError
from simclock.on_trio.seams import is_simulated

if TYPE_CHECKING:
    from simclock.on_trio.world import TrioWorld

__all__ = ["IOManager", "Wakeup", "refuse_the_network"]

_STREAMS = "hand the program trio.testing.memory_stream_pair() instead of a socket"
_NAMES = "hand the program addresses that need no look-up, or set a hostname resolver of its own"


@final
class IOManager:
    """Stands in for trio's I/O manager: no system call, and nothing real to wait for."""

    __slots__ = ("_real", "_world")

    def __init__(self, world: TrioWorld, real: Any) -> None:
        """Keep ``real`` for the thread in which a host loop waits, and to close it."""
        self._world = world
        self._real = real

    def get_events(self, timeout: float) -> Any:
        """Return at once, unless the run is the guest of a loop that is to be waited for."""
        if timeout > 0 and self._world.is_guest:
            return self._real.get_events(timeout)
        return ()

    def process_events(self, events: Any) -> None:
        """Take in what :meth:`get_events` returned."""
        if events:
            self._real.process_events(events)

    def force_wakeup(self) -> None:
        """Wake the thread in which a host loop waits."""
        self._real.force_wakeup()

    def statistics(self) -> Any:
        """Return the statistics of an I/O manager that has nothing to do."""
        return self._real.statistics()

    def notify_closing(self, fd: object) -> None:
        """Do nothing: nobody waits for a descriptor."""

    def close(self) -> None:
        """Close the real one."""
        self._real.close()

    async def wait_readable(self, fd: object) -> NoReturn:  # noqa: ARG002 - trio's signature
        """Refuse."""
        raise OutsideSimulationError("trio.lowlevel.wait_readable()", _STREAMS)

    async def wait_writable(self, fd: object) -> NoReturn:  # noqa: ARG002 - trio's signature
        """Refuse."""
        raise OutsideSimulationError("trio.lowlevel.wait_writable()", _STREAMS)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise OutsideSimulationError(f"trio.lowlevel.{name}()", _STREAMS)


@final
class NoSockets(SocketFactory):
    """Refuses to make sockets; a factory that the program sets takes precedence."""

    def socket(self, family: object = 0, type: object = 0, proto: object = 0) -> NoReturn:  # noqa: A002, ARG002 - trio's signature
        """Refuse."""
        raise OutsideSimulationError("trio.socket.socket()", _STREAMS)


@final
class NoNames(HostnameResolver):
    """Refuses to look names up; a resolver that the program sets takes precedence."""

    async def getaddrinfo(self, *args: object, **options: object) -> NoReturn:  # noqa: ARG002 - trio's signature
        """Refuse."""
        raise OutsideSimulationError("trio.socket.getaddrinfo()", _NAMES)

    async def getnameinfo(self, sockaddr: object, flags: int) -> NoReturn:  # noqa: ARG002 - trio's signature
        """Refuse."""
        raise OutsideSimulationError("trio.socket.getnameinfo()", _NAMES)


@final
class Wakeup:
    """Stands in for the socket pair through which messages wake trio.

    What the program itself sends is heard when the batch has ended. What other threads send
    waits until nothing else can run, so that their speed does not decide the schedule.
    """

    __slots__ = ("_real", "_thread", "is_pinged", "waiter", "world")

    def __init__(self, world: TrioWorld, real: Any) -> None:
        """Belong to ``world``, in this thread."""
        self.world = world
        self.waiter: Any = None
        self.is_pinged = False
        self._real = real
        self._thread = get_ident()

    def wakeup_thread_and_signal_safe(self) -> None:
        """Have the message heard; callable from every thread and from signal handlers."""
        if get_ident() == self._thread:
            # Perhaps in the middle of a decision, if a signal came: only take note.
            self.is_pinged = True
        if self.world.waits_outside or get_ident() != self._thread:
            self.world.outside.post(True)
        if self.world.is_guest:
            self.world.force_wakeup()

    async def wait_woken(self) -> None:
        """Wait for the next message."""
        # In this order: a signal between the two lines may send one more.
        self.is_pinged = False
        if self.world.has_messages():
            self.is_pinged = True
        self.waiter = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self.waiter = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def ring(self) -> bool:
        """Wake the task that hears messages; ``False`` if it is awake."""
        if self.waiter is None:
            return False
        task, self.waiter = self.waiter, None
        self.is_pinged = False
        trio.lowlevel.reschedule(task)
        return True

    def close(self) -> None:
        """Close the real one."""
        self._real.close()


_set_factory: Final = trio.socket.set_custom_socket_factory
_set_resolver: Final = trio.socket.set_custom_hostname_resolver


def set_custom_socket_factory(socket_factory: SocketFactory | None) -> SocketFactory | None:
    """Do what trio's function of that name does; without a factory there are no sockets."""
    refused = socket_factory is None and is_simulated()
    old = _set_factory(NoSockets() if refused else socket_factory)
    return None if isinstance(old, NoSockets) else old


def set_custom_hostname_resolver(
    hostname_resolver: HostnameResolver | None,
) -> HostnameResolver | None:
    """Do what trio's function of that name does; without a resolver there are no names."""
    refused = hostname_resolver is None and is_simulated()
    old = _set_resolver(NoNames() if refused else hostname_resolver)
    return None if isinstance(old, NoNames) else old


def refuse_the_network() -> None:
    """Refuse sockets and names in the trio run of this thread, until the program sets its own."""
    # The program shall not see that somebody was here first.
    trio.socket.set_custom_socket_factory = set_custom_socket_factory
    trio.socket.set_custom_hostname_resolver = set_custom_hostname_resolver
    set_custom_socket_factory(None)
    set_custom_hostname_resolver(None)
