"""Targets: ``path.py:function`` and ``module:function``, and the functions that they name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from simclock.errors import UsageError

__all__ = ["load", "split"]


def split(target: str) -> tuple[str, str]:
    """Return where ``target`` lies and the name of its function."""
    where, colon, function = target.rpartition(":")
    if not colon or not where or not function:
        raise UsageError(f"a target reads path.py:function or module:function, not {target!r}")
    return where, function


def load(target: str) -> Callable[..., Any]:
    """Import what ``target`` names and return its function.

    Raises :class:`~simclock.errors.UsageError` if there is no such file, module or function, or
    if it needs arguments. What the import itself raises is raised as it is.
    """
    where, name = split(target)
    module = _load_file(Path(where)) if where.endswith(".py") else _import(where)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            functions = [n for n, f in vars(module).items() if inspect.iscoroutinefunction(f)]
            known = (
                f"its async functions are {', '.join(functions)}"
                if functions
                else "it has no async function"
            )
            raise UsageError(f"{where} has no {name!r}; {known}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{name!r} in {where} is no function, but {found!r}")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise UsageError(
            f"{name}() cannot be called without arguments ({error}): give them defaults, or "
            "name an async function that calls it"
        ) from None
    return found  # type: ignore[no-any-return]


def _load_file(path: Path) -> ModuleType:
    """Import a file as Python would run it: its folder first on the path, its stem its name."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    path = path.resolve()
    known = sys.modules.get(path.stem)
    is_another = known is not None and getattr(known, "__file__", None) != str(path)
    if is_another or path.stem in sys.stdlib_module_names:
        raise UsageError(
            f"{path.name} would be imported as {path.stem!r}, and there is another module of that "
            "name: rename the file, or name it as module:function"
        )
    sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def _import(name: str) -> ModuleType:
    """Import a module as ``python -m`` would find it: from the current directory first."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module itself is missing, or a package above it; not something that it imports.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            hint = " (a file is named with its suffix: path.py:function)" if "/" in name else ""
            raise UsageError(f"there is no module {name!r}{hint}") from None
        raise
