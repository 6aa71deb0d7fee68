"""Public names exist, are documented, and are exported by the package they belong to."""

from __future__ import annotations

import importlib
import importlib.resources
import inspect

import pytest

PACKAGES = ("concurrency", "simclock", "properties")


def public(package: str) -> list[tuple[str, str]]:
    return [(package, name) for name in importlib.import_module(package).__all__]


@pytest.mark.parametrize(("package", "name"), [row for p in PACKAGES for row in public(p)])
def test_a_public_name_exists_and_is_documented(package: str, name: str) -> None:
    thing = getattr(importlib.import_module(package), name)

    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert inspect.getdoc(thing), f"{package}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_listed_once_and_in_order(package: str) -> None:
    names = importlib.import_module(package).__all__

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package: str) -> None:
    module = importlib.import_module(package)

    assert module.__file__ is not None
    assert importlib.resources.files(package).joinpath("py.typed").is_file()
