import argparse

import pytest

from simclock.pytest_plugin import _seams


@pytest.fixture
def parametrized(request):
    return request.param


@pytest.mark.parametrize("parametrized", ["p"], indirect=True)
def test_every_private_of_pytest_that_is_relied_on_is_there(request, parametrized, tmp_path):
    item = request.node

    assert _seams.missing(item) is None
    assert _seams.argument_names(item) == ("request", "parametrized", "tmp_path")
    assert _seams.fixture_definitions(item)["parametrized"][-1].argnames == ("request",)
    assert _seams.look_up(item, "capsys")[-1].argname == "capsys"
    assert _seams.look_up(item, "no_such_thing") == ()
    assert _seams.parameters(item) == {"parametrized": "p"}
    assert _seams.request_of(item).getfixturevalue("tmp_path") == tmp_path


def test_a_pytest_that_lacks_one_is_named(request):
    class Item:
        session = request.session

    assert _seams.missing(Item()) == "pytest.Function._fixtureinfo.argnames"


def test_argparse_takes_an_argument_back():
    parser = argparse.ArgumentParser()

    class HandsBack(argparse.Action):
        def __call__(self, parser, namespace, values, option_string=None):
            assert _seams.hand_back(namespace, values)

    parser.add_argument("--option", nargs="?", action=HandsBack)

    assert parser.parse_known_args(["--option", "path"])[1] == ["path"]
