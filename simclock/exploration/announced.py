"""The promises that a main announces in its source: a line never reached cannot announce itself."""

from __future__ import annotations

import ast
import inspect
import textwrap

from simclock.exploration.world import Main

__all__ = ["announced_hopes"]

_HOPES = {"reachable": 0, "sometimes": 1}


def announced_hopes(main: Main) -> list[str]:
    """Return the ``reachable`` and ``sometimes`` with literal messages in the source of ``main``.

    What ``main`` calls is not looked at: other programs may share it. Without source there are
    none.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(main))))
    except (OSError, TypeError, SyntaxError):
        # Built at run time, a partial, or a lambda in the middle of an expression.
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            message = _literal(node, _HOPES[name]) if name in _HOPES else None
            if message is not None:
                found[f"{name}: {message}"] = None
    return list(found)


def _literal(call: ast.Call, position: int) -> str | None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    argument = call.args[position] if len(call.args) > position else given.get("message")
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None
