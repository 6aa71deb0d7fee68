"""What a simulated asyncio world does not contain, each refused by name with its substitute.

The stock base class would answer most of these with a bare ``NotImplementedError``; a few would
quietly reach the real world. Neither is good enough: nothing here may be silently real.
"""

from __future__ import annotations

from typing import Any, NoReturn

from simclock.errors import OutsideSimulationError

__all__ = ["Refusals"]

_SOCKETS = "hand the program in-memory streams or a fake transport instead of a socket"
_PROCESSES = "hand the program a fake process, or start it outside the simulation"
_SIGNALS = "call the handler directly, or cancel main, to simulate the signal"
_NAMES = "hand the program addresses that need no look-up"


def _refuse(call: str, substitute: str) -> Any:
    def refused(self: object, *args: object, **options: object) -> NoReturn:  # noqa: ARG001 - stands in for methods of any signature
        raise OutsideSimulationError(f"loop.{call}()", substitute)

    refused.__name__ = call
    return refused


def _refuse_async(call: str, substitute: str) -> Any:
    async def refused(self: object, *args: object, **options: object) -> NoReturn:  # noqa: ARG001 - stands in for methods of any signature
        raise OutsideSimulationError(f"loop.{call}()", substitute)

    refused.__name__ = call
    return refused


class Refusals:
    """The methods of an event loop that would leave the simulated world."""

    add_reader = _refuse("add_reader", _SOCKETS)
    remove_reader = _refuse("remove_reader", _SOCKETS)
    add_writer = _refuse("add_writer", _SOCKETS)
    remove_writer = _refuse("remove_writer", _SOCKETS)
    add_signal_handler = _refuse("add_signal_handler", _SIGNALS)
    remove_signal_handler = _refuse("remove_signal_handler", _SIGNALS)
    sock_recv = _refuse_async("sock_recv", _SOCKETS)
    sock_recv_into = _refuse_async("sock_recv_into", _SOCKETS)
    sock_recvfrom = _refuse_async("sock_recvfrom", _SOCKETS)
    sock_recvfrom_into = _refuse_async("sock_recvfrom_into", _SOCKETS)
    sock_sendall = _refuse_async("sock_sendall", _SOCKETS)
    sock_sendto = _refuse_async("sock_sendto", _SOCKETS)
    sock_connect = _refuse_async("sock_connect", _SOCKETS)
    sock_accept = _refuse_async("sock_accept", _SOCKETS)
    sock_sendfile = _refuse_async("sock_sendfile", _SOCKETS)
    sendfile = _refuse_async("sendfile", _SOCKETS)
    start_tls = _refuse_async("start_tls", _SOCKETS)
    create_connection = _refuse_async("create_connection", _SOCKETS)
    create_server = _refuse_async("create_server", _SOCKETS)
    create_unix_connection = _refuse_async("create_unix_connection", _SOCKETS)
    create_unix_server = _refuse_async("create_unix_server", _SOCKETS)
    create_datagram_endpoint = _refuse_async("create_datagram_endpoint", _SOCKETS)
    connect_accepted_socket = _refuse_async("connect_accepted_socket", _SOCKETS)
    getaddrinfo = _refuse_async("getaddrinfo", _NAMES)
    getnameinfo = _refuse_async("getnameinfo", _NAMES)
    connect_read_pipe = _refuse_async("connect_read_pipe", _PROCESSES)
    connect_write_pipe = _refuse_async("connect_write_pipe", _PROCESSES)
    subprocess_shell = _refuse_async("subprocess_shell", _PROCESSES)
    subprocess_exec = _refuse_async("subprocess_exec", _PROCESSES)
