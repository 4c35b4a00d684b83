"""The C engine under AddressSanitizer and UndefinedBehaviorSanitizer, driven from Python in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from kws.native.build import include_folders, make_builder, sources
from tests.helpers.paths import ROOT

FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"]
PRELUDE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("kws.native._native", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import kws.native
from tests.helpers.paths import ROOT
sys.modules["kws.native._native"] = kws.native._native = module
"""


def build(folder: Path) -> Path:
    """Compile every file of csrc with sanitizers into a native module in `folder`."""
    builder = make_builder()
    options = builder._assigned_source[3]
    options["sources"] = [str(path) for path in sources("*.c").values()]
    options["include_dirs"] = [str(folder) for folder in include_folders()]
    options["extra_compile_args"] = [*options["extra_compile_args"], *FLAGS]
    options["extra_link_args"] = FLAGS
    return Path(builder.compile(tmpdir=str(folder)))


def run(library: Path, script: str, *arguments: str) -> str:
    """What `script` prints; sys.argv[2:] are the arguments. Fails the test where a sanitizer finds something."""
    preload = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {**os.environ, "LD_PRELOAD": preload.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0",
                   "PYTHONMALLOC": "malloc", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PRELUDE + script, str(library), *arguments], env=environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
