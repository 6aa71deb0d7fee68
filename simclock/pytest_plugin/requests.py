"""``request`` inside the world: what pytest's own offers, bound to one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from simclock.errors import UsageError
from simclock.pytest_plugin import _seams

if TYPE_CHECKING:
    from simclock.pytest_plugin.recipes import Definition
    from simclock.pytest_plugin.setting import Setting

__all__ = ["WorldRequest"]

_NODES: Final[dict[str, type[pytest.Item | pytest.Collector]]] = {
    "class": pytest.Class,
    "module": pytest.Module,
    "package": pytest.Package,
}


@final
class WorldRequest:
    """The ``request`` of a test or fixture that lives in one run of the world.

    It has what :class:`pytest.FixtureRequest` has. Finalizers run at the end of the run, and
    ``getfixturevalue`` gives the values of the run; an async fixture can't be made that way,
    because the call cannot wait.
    """

    def __init__(self, setting: Setting, chain: tuple[Definition, ...]) -> None:
        """Speak for the last fixture of ``chain``, or for the test if it is empty."""
        self._setting = setting
        self._chain = chain
        definition = chain[-1] if chain else None
        self.fixturename: str | None = None if definition is None else definition.argname
        self.scope: str = "function" if definition is None else definition.scope
        parameters = _seams.parameters(setting.item)
        if definition is not None and definition.argname in parameters:
            self.param = parameters[definition.argname]
            self.param_index = 0

    def __getattr__(self, name: str) -> Any:
        """Take everything else from the request of the test: config, module, path and so on."""
        if name in {"param", "param_index"} or name.startswith("_"):
            raise AttributeError(f"{self!r} has no {name!r}: its fixture has no parameters")
        return getattr(_seams.request_of(self._setting.item), name)

    def __repr__(self) -> str:
        """Tell for what and in which test."""
        return f"<WorldRequest for {self.fixturename or 'test'} of {self._setting.item!r}>"

    @property
    def node(self) -> Any:
        """The collection node of this request's scope."""
        item = self._setting.item
        if self.scope == "session":
            return item.session
        kind = _NODES.get(self.scope)
        return (None if kind is None else item.getparent(kind)) or item

    @property
    def instance(self) -> object:
        """The instance of the test's class that this run was given, or ``None``."""
        return self._setting.instance

    @property
    def function(self) -> Any:
        """The test function."""
        return self._setting.test

    def addfinalizer(self, finalizer: Callable[[], object]) -> None:
        """Call ``finalizer`` at the end of this run, the latest first."""
        self._setting.add_finalizer(self.fixturename or "request", finalizer)

    def applymarker(self, marker: str | pytest.MarkDecorator) -> None:
        """Add a marker to the test."""
        self.node.add_marker(marker)

    def getfixturevalue(self, argname: str) -> Any:
        """Return the value of a fixture in this run, making it if need be."""
        try:
            return self._setting.obtain_now(argname, self._chain)
        except UsageError as error:
            # Raised here, at the caller's line, rather than somewhere below.
            raise UsageError(str(error)) from None
