"""What a simulated trio run refuses, and the ways in which it is entered."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial

import anyio
import pytest
import trio
import trio.testing

from simclock.errors import OutsideSimulationError, UsageError
from simclock.on_trio import SimulatedClock


async def wait_readable():
    left, right = socket.socketpair()
    with left, right:
        await trio.lowlevel.wait_readable(left)


async def wait_writable():
    left, right = socket.socketpair()
    with left, right:
        await trio.lowlevel.wait_writable(left)


async def receive_signals():
    with trio.open_signal_receiver(signal.SIGTERM):
        """Never entered."""


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (wait_readable, "trio.lowlevel.wait_readable()"),
        (wait_writable, "trio.lowlevel.wait_writable()"),
        (partial(trio.run_process, ["true"]), "trio.run_process()"),
        (partial(trio.lowlevel.open_process, ["true"]), "trio.run_process()"),
        (receive_signals, "trio.open_signal_receiver()"),
        (partial(trio.open_tcp_stream, "127.0.0.1", 9), "trio.socket.socket()"),
        (partial(trio.open_tcp_listeners, 0, host="127.0.0.1"), "trio.socket.socket()"),
        (partial(trio.socket.getaddrinfo, "example.org", 80), "trio.socket.getaddrinfo()"),
        (partial(trio.socket.getnameinfo, ("127.0.0.1", 80), 0), "trio.socket.getnameinfo()"),
    ],
)
def test_what_is_outside_is_refused_by_name(run, call, name):
    async def main():
        await call()

    failure = run(main).failure
    while isinstance(failure, BaseExceptionGroup):
        (failure,) = failure.exceptions

    assert isinstance(failure, OutsideSimulationError)
    assert str(failure).startswith(f"{name} reaches outside the simulation; ")


def test_the_same_calls_work_in_a_stock_run_afterwards(run):
    async def main():
        with trio.open_signal_receiver(signal.SIGTERM):
            process = await trio.run_process(["true"])
        left, right = trio.socket.socketpair()
        with left, right:
            await left.send(b"x")
            return process.returncode, await right.recv(1)

    run(trio.lowlevel.checkpoint)

    assert trio.run(main) == (0, b"x")


def test_a_program_may_bring_its_own_sockets_and_names(value):
    class Sockets(trio.abc.SocketFactory):
        def socket(self, *args):
            return "a socket"

    class Names(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *args, **options):
            return "an address"

        async def getnameinfo(self, sockaddr, flags):
            return "a name"

    async def main():
        assert trio.socket.set_custom_socket_factory(Sockets()) is None
        assert trio.socket.set_custom_hostname_resolver(Names()) is None
        found = trio.socket.socket(), await trio.socket.getaddrinfo("example.org", 80)
        assert isinstance(trio.socket.set_custom_socket_factory(None), Sockets)
        with pytest.raises(OutsideSimulationError):
            trio.socket.socket()
        return found

    assert value(main) == ("a socket", "an address")


def test_memory_streams_stand_in_for_sockets(value):
    async def main():
        client, server = trio.testing.memory_stream_pair()

        async def echo():
            async for chunk in server:
                await server.send_all(chunk.upper())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(echo)
            await client.send_all(b"hello")
            answer = await client.receive_some()
            await client.aclose()
        return answer

    assert value(main) == b"HELLO"


def test_no_system_call_is_made_while_nothing_outside_is_pending(value, monkeypatch):
    async def main():
        monkeypatch.setattr(os, "read", None)
        monkeypatch.setattr(socket.socket, "recv", None)
        monkeypatch.setattr(socket.socket, "send", None)
        async with trio.open_nursery() as nursery:
            for seconds in range(10):
                nursery.start_soon(trio.sleep, seconds)
        trio.lowlevel.current_trio_token().run_sync_soon(lambda: None)
        await trio.sleep(1)
        monkeypatch.undo()

    value(main)


def test_the_clock_works_through_trio_run(new_simulation):
    async def main():
        await trio.sleep(3600)
        return trio.current_time(), time.perf_counter()

    from simclock.simulation.boundary import boundary

    with boundary():
        assert trio.run(main, clock=SimulatedClock(new_simulation())) == (3600, 3600)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_clock_works_through_anyio_run(new_simulation, seed):
    async def main():
        send, receive = anyio.create_memory_object_stream[int](1)

        async def produce():
            async with send:
                for number in range(3):
                    await anyio.sleep(10)
                    await send.send(number)

        async with anyio.create_task_group() as group:
            group.start_soon(produce)
            async with receive:
                received = [number async for number in receive]
        with anyio.move_on_after(100):
            await anyio.Event().wait()
        lock = anyio.Lock()
        async with lock:
            thread = await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(anyio.sleep, 7))
        return received, thread, anyio.current_time()

    clock = SimulatedClock(new_simulation(seed=seed))

    assert anyio.run(main, backend="trio", backend_options={"clock": clock}) == (
        [0, 1, 2],
        None,
        137,
    )


def test_a_clock_serves_one_run(new_simulation):
    clock = SimulatedClock(new_simulation())
    trio.run(trio.sleep, 1, clock=clock)

    with pytest.raises(trio.TrioInternalError) as caught:
        trio.run(trio.sleep, 1, clock=clock)

    assert isinstance(caught.value.__cause__, UsageError)
    trio.run(trio.lowlevel.checkpoint)


def test_a_deadlock_is_raised_out_of_trio_run_too(new_simulation):
    from simclock.errors import DeadlockError

    async def main():
        await trio.Event().wait()

    with pytest.raises(DeadlockError):
        trio.run(main, clock=SimulatedClock(new_simulation()))


def guest_run(clock, main, host_turns=10_000):
    """Run ``main`` as the guest of a host that is a list of callbacks."""
    import queue

    todo, done = queue.SimpleQueue(), []
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=todo.put,
        done_callback=done.append,
        clock=clock,
    )
    for _ in range(host_turns):
        if done:
            return done[0].unwrap()
        todo.get(timeout=5)()
    raise AssertionError("the guest is not done")


def test_a_guest_of_another_loop_sleeps_in_no_time(new_simulation):
    async def main():
        await trio.sleep(80_000)
        result = await trio.to_thread.run_sync(lambda: "thread")
        return result, trio.current_time()

    assert guest_run(SimulatedClock(new_simulation()), main) == ("thread", 80_000)


def test_anyio_test_runners_keep_one_run_for_many_tests(new_simulation):
    from anyio._core._eventloop import get_async_backend

    with get_async_backend("trio").create_test_runner(
        {"clock": SimulatedClock(new_simulation())}
    ) as runner:

        async def test(seconds):
            await trio.sleep(seconds)
            seen.append(trio.current_time())

        seen = []
        for seconds in (1, 10, 100):
            runner.run_test(test, {"seconds": seconds})

    assert seen == [1, 11, 111]
