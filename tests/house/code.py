"""The code as the tests of this folder read it: every module of ours, parsed; migrations apart."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = ("config", "referrals", "invites", "quality", "waitlist", "accounts", "outbox")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Path from the root, to the parsed module."""
    paths = [ROOT / "manage.py", *(path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py")))]
    ours = [path for path in paths if "migrations" not in path.parts]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in ours}


def functions() -> Iterator[tuple[str, Function]]:
    """Where it stands ("invites/actions/redeeming.py:12 redeem"), and the function."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def arguments(function: Function) -> list[ast.arg]:
    named = function.args
    return [*named.posonlyargs, *named.args, *named.kwonlyargs, *filter(None, (named.vararg, named.kwarg))]
