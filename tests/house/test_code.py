"""The rules of the house that can be read off the code (docs/glossary.md has the words)."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator

import pytest

from tests.house.code import LAYERS, ROOT, Function, arguments, functions, length, modules

WRITES = {"save", "update", "delete", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
WRITERS = re.compile(
    r"(^|/)(actions|states|replies)\.py$|(^|/)actions/\w+\.py$|^accounts/models\.py$"
)  # the last makes users for Django itself
NOT_ROWS = re.compile(r"headers|cleaned|context|environ|digest|hash|form|super\(\)|_dict|GET|POST|said|seen|conf\b")
PURE = ("/policy.py", "/scoring.py", "/eta.py", "/rules.py", "/trust.py", "/pacing.py", "/spikes.py")
THEIRS = {
    "process_exception",
    "receive_data_chunk",
    "process_response",
    "process_view",
    "get_export_data",
    "import_data",
    "export_data",
}  # names a library calls
FORBIDDEN = {"manager", "helper", "helpers", "util", "utils", "process", "data", "service", "services", "flag"}


def calls_that_write(tree: ast.Module) -> Iterator[str]:
    """Each call like `rows.update(…)`, except on what is plainly no row."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            on = ast.unparse(node.func.value)
            if not NOT_ROWS.search(on):
                yield f"line {node.lineno}: {on}.{node.func.attr}(…)"


@pytest.mark.parametrize("path", [path for path in modules() if not WRITERS.search(path)])
def test_only_verbs_write_rows(path: str) -> None:
    assert list(calls_that_write(modules()[path])) == []


def test_the_rule_against_writing_elsewhere_can_fail() -> None:
    tree = ast.parse("Entry.objects.filter(pk=1).update(status='left')")
    assert list(calls_that_write(tree)) == ["line 1: Entry.objects.filter(pk=1).update(…)"]


@pytest.mark.parametrize("path", [path for path in modules() if path.endswith(PURE)])
def test_rules_are_pure(path: str) -> None:
    imported = [
        ast.unparse(node) for node in ast.walk(modules()[path]) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not [
        line for line in imported if re.search(r"\b(connection|requests|timezone|queries|actions|cache)\b", line)
    ]
    assert not re.search(r"\.objects\b|\btime\.time\(|\.now\(\)", ast.unparse(modules()[path]))


def untyped(function: Function) -> bool:
    named = [one for one in arguments(function) if one.arg not in {"self", "cls"}]
    return function.returns is None or any(one.annotation is None for one in named)


def imports_inside(function: Function) -> bool:
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))


def over_sixty(function: Function) -> bool:
    return length(function) > 60


@pytest.mark.parametrize("wrong", [untyped, imports_inside, over_sixty])
def test_every_function_is_typed_short_and_imports_nothing(wrong: Callable[[Function], bool]) -> None:
    assert [where for where, function in functions() if wrong(function)] == []


def test_functions_are_as_short_as_those_we_admire() -> None:
    lengths = [length(function) for _where, function in functions()]
    assert statistics.median(lengths) <= 8
    assert statistics.quantiles(lengths, n=20)[-1] <= 35


def names() -> Iterator[tuple[str, str]]:
    """Every module, class and function, with the words of its name."""
    for path, tree in modules().items():
        yield path, path.rsplit("/", 1)[-1].removesuffix(".py")
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | Function):
                yield f"{path}:{node.lineno}", node.name


def test_names_say_what_a_thing_is() -> None:
    words = {(where, name): re.findall(r"[A-Z]?[a-z0-9]+", name) for where, name in names() if name not in THEIRS}
    wrong = [named for named, parts in words.items() if FORBIDDEN & {part.lower() for part in parts}]
    assert wrong == []


@pytest.mark.parametrize("path", sorted(modules()))
def test_every_module_says_what_it_owns(path: str) -> None:
    tree = modules()[path]
    assert ast.get_docstring(tree) or not tree.body


def test_nothing_is_caught_wholesale() -> None:
    caught = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    assert caught == []


def test_nothing_is_left_for_later() -> None:
    texts = {path: (ROOT / path).read_text() for path in modules()}
    assert [path for path, text in texts.items() if re.search(r"\b(TODO|FIXME|XXX)\b", text)] == []


def test_every_folder_of_code_has_its_layer() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert folders == set(LAYERS)
