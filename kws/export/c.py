"""The target `c`: portable C99 with a Makefile, and the library that the other targets share."""

from kws import __version__
from kws.export.c_tables import model_header, model_source, network_header, network_only_source
from kws.export.costs import costs_of
from kws.export.golden import golden, network_crc
from kws.export.package import Facts, Files, Package, engine_files, template, templates
from kws.export.readme import network_values, sound_values
from kws.export.source import Source

COMMON = ("kws.h", "kws.c", "kws_tables.h", "kws_self_test.c")


def library(source: Source) -> Files:
    """Everything but examples and build files: the engine, the interface, the model, the self-test."""
    golden_header = templates("common", "kws_golden.h")
    if source.plan is None:
        return {**engine_files("network.h"), **golden_header, **templates("network", *COMMON),
                "kws_model.h": network_header(source.program, network_crc(source.program),
                                              longest_row=source.longest_row),
                "kws_model.c": network_only_source(source.stored)}
    return {**engine_files("detector.h", "field.h"), **golden_header,
            **templates("common", *COMMON, "kws_lines.h", "kws_report.h", "kws_report_push.h"),
            "kws_model.h": model_header(source.plan, golden(source.plan), longest_row=source.longest_row),
            "kws_model.c": model_source(source.plan, source.stored)}


def facts(target: str, source: Source) -> Facts:
    """What export.json says of a target that runs the engine."""
    costs = costs_of(source)
    return Facts(target, __version__, source.name, source.sha256,
                 source.plan.labels if source.plan else source.program.labels,
                 source.compressed is not None, constants_bytes=costs.flash, state_bytes=costs.ram)


def c_package(source: Source) -> Package:
    """Portable C99 for any device."""
    folder = "c" if source.plan else "network"
    values = sound_values(source, source.plan) if source.plan else network_values(source)
    files = {**library(source), **templates("c", "Makefile", "CMakeLists.txt"),
             "example_main.c": template(f"{folder}/example_main.c"),
             "README.md": template(f"{folder}/README.md", **values)}
    return Package(files, facts("c", source))
