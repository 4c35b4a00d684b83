"""The exported examples of boards as programs of this computer."""

from tests.helpers.exported import STRICT, STUBS, run

WARN_CPP = ("-std=c++11", "-Wall", "-Wextra", "-Wshadow", "-Werror")


def objects(folder, *flags):
    """The library in src/, compiled as the board's build would compile it: without -DKWS_MODEL_CONFIG."""
    sources = sorted(str(path) for path in (folder / "src").rglob("*.c"))
    (folder / "objects").mkdir()
    run(["gcc", *STRICT, *flags, "-I", folder / "src", "-c", *sources], cwd=folder / "objects")
    return sorted((folder / "objects").glob("*.o"))


def build_example(target, folder, main, *flags):
    """The example as a program of this computer."""
    program, library = folder / "example", objects(folder, *flags)
    if target == "arduino":
        stubs = STUBS / "arduino"
        run(["g++", *WARN_CPP, *flags, "-I", stubs, "-I", folder / "src", "-include", stubs / "Arduino.h", "-x", "c++",
             main, stubs / "fake.cpp", "-x", "none", *library, "-o", program], cwd=folder)
    else:
        stubs = STUBS / target.replace("-", "_")
        standard = [flag for flag in STRICT if flag not in ("-std=c99", "-pedantic")]
        run(["gcc", "-std=gnu11", *standard, *flags, "-I", stubs, "-I", folder / "src", main, stubs / "fake.c",
             *library, "-o", program], cwd=folder)
    return program


def example_of(folder):
    found = [path for path in folder.rglob("*") if path.name in ("main.c",) or path.suffix == ".ino"]
    assert len(found) == 1
    return found[0]
