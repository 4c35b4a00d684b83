"""The shape of the code: who may import whom, what is never imported early, how long a file may be."""

import ast
import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.rooms import ORDER

TENSORFLOW = [ROOT / "kws" / "train" / name for name in ("workers.py", "cpu_speed.py")]  # beside kws/quantize
TENSORFLOW += [ROOT / "kws" / "bench" / name for name in ("random_networks.py", "base_windows.py")]
# Slow to import, or missing on a small machine: only inside the functions that need them.
HEAVY = ("tensorflow", "keras", "librosa", "matplotlib", "sounddevice", "scipy", "sklearn", "tflite_micro",
         "espeakng_loader", "serial", "ziglang", "unicorn", "elftools", "optuna", "paho", "plotly",
         "umap", "distributed", "av")
MODULES = sorted((ROOT / "kws").rglob("*.py"))
LONGEST = 400
# Methods that a library calls: click, io, keras, http.server.
HOOKS = {"format_commands", "readinto", "on_train_batch_end", "do_GET", "do_POST", "log_message", "find_class",
         "persistent_load"}


def imports(tree: ast.AST) -> list[str]:
    """Full names of everything that a piece of code imports: kws.files.write_atomic, numpy."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write kws.… in full"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def early_imports(tree: ast.Module) -> list[str]:
    """What importing the module imports: everything outside its functions and its `if TYPE_CHECKING:`."""
    class Outside(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.If | None:
            return None if ast.unparse(node.test) == "TYPE_CHECKING" else node

    return imports(Outside().visit(tree))


def forbidden(package: str, names: list[str]) -> list[str]:
    """Those of the imported `names` that do not stand before `package` in the order."""
    above = ORDER[:ORDER.index(package) + 1]
    allowed = ["kws.__version__", *(f"kws.{name}" for name in above)]
    prefixes = tuple(f"{name}." for name in allowed)
    return [name for name in names if name.split(".")[0] == "kws" and not f"{name}.".startswith(prefixes)]


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "kws").with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
class TestModule:
    def test_imports_only_what_stands_before_it(self, path):
        tree = ast.parse(path.read_text())
        if path == ROOT / "kws" / "__init__.py":
            assert [name for name in early_imports(tree) if name.startswith("kws")] == []
        else:
            assert forbidden(package_of(path), imports(tree)) == []

    def test_imports_nothing_heavy_early(self, path):
        early = early_imports(ast.parse(path.read_text()))
        assert [name for name in early if name.split(".")[0] in HEAVY] == []

    def test_names_tensorflow_only_where_keras_has_nothing(self, path):
        if package_of(path) != "quantize" and path not in TENSORFLOW:
            assert [name for name in imports(ast.parse(path.read_text())) if name.startswith("tensorflow")] == []


def test_the_rules_can_fail():
    assert forbidden("data", ["kws.errors.KwsError", "kws.data.corpus", "numpy"]) == []
    assert forbidden("data", ["kws.model.zoo.build", "kws.featuresque"]) == ["kws.model.zoo.build", "kws.featuresque"]
    assert forbidden("features", ["kws.native._native.lib", "kws.engine.graph.Graph"]) == ["kws.engine.graph.Graph"]
    tree = ast.parse("import tensorflow as tf\nif TYPE_CHECKING:\n    import scipy\nif True:\n    import unicorn\n"
                     "class A:\n    import keras\n    def f(self):\n        import librosa\n")
    assert early_imports(tree) == ["tensorflow", "unicorn", "keras"]


def test_no_module_needs_itself_not_even_inside_a_function():
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
    needs = {name: {next((found for found in (imported, imported.rpartition(".")[0]) if found in names), name)
                    for imported in imports(ast.parse(path.read_text()))} - {name}
             for name, path in names.items()}
    TopologicalSorter(needs).prepare()  # raises CycleError with the modules


def test_everything_that_is_defined_is_used():
    """By name, somewhere in kws, scripts or tests; a command by its decorator, a hook by its framework, + by Python."""
    texts = [path.read_text() for path in (*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "scripts").glob("*"))
             if path.is_file()]
    mentions = Counter(word for text in texts for word in re.findall(r"\w+", text))
    defined = {node.name: node for path in MODULES for node in ast.walk(ast.parse(path.read_text()))
               if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    unused = {name for name, node in defined.items() if mentions[name] == 1 and name not in HOOKS
              and not name.startswith("__")
              and not any("command" in ast.unparse(decorator) for decorator in node.decorator_list)}
    assert unused == set()


def test_any_stands_only_for_what_has_no_types_and_says_so():
    """In an alias whose name says what it stands for, or with the reason behind it or above it."""
    bare = []
    for path in MODULES:
        lines = path.read_text().splitlines()
        for number in {node.lineno for node in ast.walk(ast.parse(path.read_text()))
                       if isinstance(node, ast.Name) and node.id == "Any"}:
            if "TypeAlias" not in lines[number - 1] and "#" not in lines[number - 1]:
                bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []


def test_files_stay_short():
    files = [*MODULES, *(ROOT / "kws").rglob("csrc/*.[ch]"), *(ROOT / "tests").rglob("*.py"),
             *(path for path in (ROOT / "scripts").iterdir() if path.is_file())]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
