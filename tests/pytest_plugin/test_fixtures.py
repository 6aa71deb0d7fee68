def test_fixtures_of_function_scope_are_made_and_undone_in_every_run(suite):
    suite.write(
        """
        import asyncio, pytest
        events = []
        @pytest.fixture
        async def slow(simulation_clock):
            await asyncio.sleep(5)
            events.append("made")
            yield {"count": 0}
            await asyncio.sleep(5)
            events.append("undone")
        @pytest.fixture
        def plain(slow):
            return [slow]
        @pytest.fixture
        async def answer():
            return 42
        @pytest.mark.simulate(schedules=20)
        async def test_it(plain, slow, answer, simulation_clock):
            assert simulation_clock.now == 5
            assert simulation_clock.date.isoformat() == "2000-01-01T00:00:05+00:00"
            assert plain[0] is slow and answer == 42
            slow["count"] += 1
            assert slow["count"] == 1
        def test_after():
            assert events.count("made") == events.count("undone") >= 20
        """
    )

    suite.run().assert_outcomes(passed=2)


def test_sync_fixtures_of_wider_scope_are_made_once_and_async_ones_in_every_run(suite):
    suite.write(
        """
        import asyncio, pytest, pytest_asyncio
        made = []
        @pytest.fixture(scope="session")
        def config():
            made.append("config")
            return "c"
        @pytest_asyncio.fixture(scope="module")
        async def pool(config):
            made.append("pool")
            await asyncio.sleep(1)
            yield asyncio.get_running_loop()
        @pytest.fixture(scope="module")
        def client(pool):
            made.append("client")
            return pool
        @pytest.mark.simulate(schedules=10)
        async def test_it(client, config):
            assert client is asyncio.get_running_loop()
        def test_after(config):
            assert made.count("config") == 1
            assert made.count("pool") == made.count("client") >= 10
        """
    )

    suite.run().assert_outcomes(passed=2)


def test_an_async_fixture_shared_with_a_test_outside_is_two_things(suite):
    suite.write(
        """
        import asyncio, pytest, pytest_asyncio
        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def loop():
            yield asyncio.get_running_loop()
        @pytest.mark.asyncio(loop_scope="module")
        async def test_before(loop):
            assert loop is asyncio.get_running_loop()
        @pytest.mark.simulate(schedules=5)
        async def test_simulated(loop, simulation):
            assert loop is asyncio.get_running_loop()
        @pytest.mark.asyncio(loop_scope="module")
        async def test_after(loop):
            assert loop is asyncio.get_running_loop()
        """
    )

    suite.run().assert_outcomes(passed=3)


def test_parameters_classes_autouse_and_request_work_as_ever(suite):
    suite.write(
        """
        import asyncio, pytest
        class TestIt:
            def setup_method(self, method):
                assert method.__name__ == "test_it"
                self.count = 0
            @pytest.fixture(autouse=True)
            async def prepared(self, request):
                await asyncio.sleep(1)
                self.name = request.node.name
                request.addfinalizer(lambda: setattr(self, "name", None))
            @pytest.fixture(params=["a", "b"])
            def letter(self, request):
                return request.param
            @pytest.fixture
            def double(self, request):
                return 2 * request.getfixturevalue("letter")
            @pytest.mark.parametrize("number", [1, 2])
            @pytest.mark.simulate(schedules=10)
            async def test_it(self, number, letter, double, request):
                self.count += 1
                assert self.count == 1
                assert self.name == request.node.name
                assert double == letter * 2 and number in (1, 2)
                assert request.instance is self
                assert request.getfixturevalue("letter") == letter
                assert request.config.rootpath.exists()
        """
    )

    suite.run().assert_outcomes(passed=4)


def test_an_overriding_fixture_gets_the_one_that_it_overrides(suite):
    suite.write(
        """
        import pytest
        @pytest.fixture
        def value():
            return ["module"]
        @pytest.fixture
        def tmp_path(tmp_path):
            return tmp_path / "below"
        class TestIt:
            @pytest.fixture
            async def value(self, value):
                return [*value, "class"]
            @pytest.mark.simulate(schedules=5)
            async def test_it(self, value, tmp_path):
                assert value == ["module", "class"]
                assert tmp_path.name == "below"
        """
    )

    suite.run().assert_outcomes(passed=1)


def test_what_pytest_provides_starts_anew_in_every_run(suite):
    suite.write(
        """
        import logging, os, pytest
        @pytest.mark.simulate(schedules=10)
        async def test_it(monkeypatch, tmp_path, capsys, caplog, recwarn):
            assert "SIMULATED" not in os.environ
            monkeypatch.setenv("SIMULATED", "1")
            (tmp_path / "folder").mkdir()
            (tmp_path / "folder" / "file").write_text("x")
            print("hello")
            assert capsys.readouterr().out == "hello\\n"
            print("left over")
            logging.getLogger().warning("once")
            assert len(caplog.records) == 1
        def test_after():
            assert "SIMULATED" not in os.environ
        """
    )

    suite.run().assert_outcomes(passed=2)


def test_what_fails_in_a_fixture_fails_the_run_and_is_told_of_which(suite):
    suite.write(
        """
        import asyncio, pytest
        undone = []
        @pytest.fixture
        async def outer():
            yield
            undone.append("outer")
        @pytest.fixture
        async def breaks_at_setup(outer):
            await asyncio.sleep(1)
            raise OSError("no database")
        @pytest.fixture
        async def breaks_at_the_end(outer):
            yield
            await asyncio.sleep(1)
            raise OSError("cannot close")
        @pytest.mark.simulate(schedules=5)
        async def test_setup(breaks_at_setup): ...
        @pytest.mark.simulate(schedules=5)
        async def test_end(breaks_at_the_end): ...
        @pytest.mark.simulate(schedules=5)
        async def test_both(breaks_at_the_end):
            raise ValueError("first")
        def test_after():
            assert len(undone) > 3
        """
    )
    result = suite.run()

    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(
        [
            "E       OSError: no database",
            "E       OSError: cannot close",
            "E       while undoing fixture 'breaks_at_the_end'",
            "E       ValueError: first",
            "E       Then undoing fixture 'breaks_at_the_end' failed: OSError('cannot close')",
        ]
    )


def test_a_run_that_is_broken_off_still_undoes_its_fixtures(suite):
    suite.write(
        """
        import asyncio, os, pytest
        @pytest.fixture
        def marked(monkeypatch):
            monkeypatch.setenv("STILL_THERE", "1")
        @pytest.mark.simulate(schedules=5)
        async def test_stuck(marked):
            await asyncio.Event().wait()
        def test_after():
            assert "STILL_THERE" not in os.environ
        """
    )

    suite.run().assert_outcomes(failed=1, passed=1)


def test_an_async_fixture_cannot_be_asked_for_without_waiting_and_says_so(suite):
    suite.write(
        """
        import pytest
        @pytest.fixture
        async def database(): ...
        @pytest.mark.simulate(schedules=5)
        async def test_it(request):
            request.getfixturevalue("database")
        @pytest.mark.simulate(schedules=5)
        async def test_missing(request):
            request.getfixturevalue("no_such_thing")
        """
    )
    result = suite.run()

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*fixture 'database' is async, and getfixturevalue() cannot wait for it: *"]
    )
    result.stdout.fnmatch_lines(["*fixture 'no_such_thing' not found*"])


def test_a_fixture_that_yields_twice_or_never_says_so(suite):
    suite.write(
        """
        import pytest
        @pytest.fixture
        async def twice():
            yield 1
            yield 2
        @pytest.fixture
        def never():
            return
            yield
        @pytest.mark.simulate(schedules=5)
        async def test_twice(twice): ...
        @pytest.mark.simulate(schedules=5)
        async def test_never(never): ...
        """
    )
    result = suite.run()

    result.stdout.fnmatch_lines(["*fixture 'twice' yields a second time*"])
    result.stdout.fnmatch_lines(["*never did not yield a value*"])
