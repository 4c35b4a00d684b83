"""Profiles as tables for a person: one run, or several side by side."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kws.device.image import STAGES
from kws.device.profile import Profile
from kws.device.verify import Verification
from kws.requirements import Requirement
from kws.spec import Requirements

NAMES = {"frontend": "front end", "network": "network", "decoder": "decoder"}


def profile_table(report: dict[str, Any]) -> str:
    """Instructions by stage, flash, RAM and duty of one run. report : as `kws profile --json` prints it, or counted."""
    measured = "instructions_per_hop" in report
    lines = [f"{report['cpu']}, {report['toolchain']}, hops of {report['hop_ms']:g} ms: {report['audio']}", "",
             *instruction_lines(report)] if measured else [report["cpu"], report.get("note", ""), ""]
    return "\n".join([*lines, *memory_lines(report), "", *(str(Requirement(**one)) for one in report["requirements"])])


def network_profile_table(report: dict[str, Any]) -> str:
    """Instructions, flash and RAM of a network alone. report : as `kws profile --tflite FILE --json` prints it."""
    lines = [f"{report['cpu']}, {report['toolchain']}: {report['inputs']}", "",
             f"{'instructions':24}{'min':>12}{'median':>12}{'max':>12}"]
    for title, key in (("one more row", "instructions_per_hop"), ("a window alone", "instructions_per_window")):
        lines.append(f"  {title:22}" + "".join(f"{count:12,}" for count in report[key].values()))
    requirements = [str(Requirement(**one)) for one in report["requirements"]]
    return "\n".join([*lines, *memory_lines(report), *([""] if requirements else []), *requirements])


def memory_lines(report: dict[str, Any]) -> list[str]:
    """Flash and RAM, by what they hold."""
    lines = []
    for title, key in (("flash", "flash_bytes"), ("RAM", "ram_bytes")):
        parts = ", ".join(f"{name} {count:,}" for name, count in report[key].items())
        lines.append(f"{title:24}{sum(report[key].values()):12,}  {parts}")
    return lines


def instruction_lines(report: dict[str, Any]) -> list[str]:
    """What was counted, and the duty cycle that follows from it."""
    lines = [f"{'instructions per hop':24}{'min':>12}{'median':>12}{'max':>12}"]
    for stage, counts in (*report["stages"].items(), ("all", report["instructions_per_hop"])):
        lines.append(f"  {NAMES.get(stage, stage):22}" + "".join(f"{count:12,}" for count in counts.values()))
    duty = report["duty"]
    return [*lines, f"{'per second of audio':24}{report['instructions_per_second']:12,}",
            f"{'duty':24}{duty['percent']:11.1f}%  estimated: {duty['clock_mhz']:g} MHz, "
            f"{duty['cycles_per_instruction']:g} cycles per instruction assumed"]


def functions_table(functions: Sequence[tuple[str, str, float]], *, per: str = "hop", count: int = 20) -> str:
    """The costliest functions; what works for a caller (memcpy, long division) stands under "none"."""
    total = sum(instructions for _, _, instructions in functions)
    lines = [f"{'function':32}{'stage':10}{'per ' + per:>12}"]
    lines += [f"{name:32}{stage:10}{instructions:12,.0f}{100 * instructions / total:7.1f}%"
              for name, stage, instructions in functions[:count]]
    return "\n".join(lines)


def median_of(stage: str, found: Profile) -> str:
    """Instructions of a stage per hop."""
    return f"{found.per_hop(stage)['median']:,}"


def comparison_table(found: Mapping[str, Profile], limits: Requirements) -> str:
    """One column per run."""
    rows: dict[str, Callable[[Profile], str]] = {"instructions per hop": lambda p: f"{p.per_hop()['median']:,}",
            **{f"  {NAMES[stage]}": partial(median_of, stage) for stage in STAGES[1:]},
            "per second of audio": lambda p: f"{p.instructions_per_second:,}",
            f"duty at {limits.clock_mhz:g} MHz": lambda p: f"{p.duty_percent(limits.clock_mhz):.1f}%",
            "flash: code": lambda p: f"{p.image.code_bytes:,}", "flash: model": lambda p: f"{p.image.model_bytes:,}",
            "RAM: state": lambda p: f"{p.image.state_bytes:,}", "RAM: stack": lambda p: f"{p.stack_bytes:,}",
            "requirements": lambda p: "hold" if all(r.holds for r in p.check(limits)) else "NOT MET"}
    width = max(14, *(len(name) + 2 for name in found))
    lines = [f"{next(iter(found.values())).cpu:24}" + "".join(f"{name:>{width}}" for name in found)]
    lines += [f"{title:24}" + "".join(f"{show(p):>{width}}" for p in found.values()) for title, show in rows.items()]
    return "\n".join(lines)


def verification_table(found: Verification) -> str:
    """One line per stage and implementation."""
    lines = [f"{'stage':28}{'against':28}{'compared':>13}{'different':>12}"]
    lines += [f"{one.name:28}{one.against:28}{one.compared:13,}{one.different:12,}" for one in found.comparisons]
    verdict = "everything is equal" if found.first_difference is None else "NOT EQUAL"
    return "\n".join([*lines, "", verdict])
