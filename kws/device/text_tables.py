"""Profiles as tables for a person: one run, or several side by side."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kws.device.image import STAGES
from kws.device.profile import Profile
from kws.device.profile_network import NetworkBudget
from kws.device.verify import Verification
from kws.run_metrics import Budget, FlashBytes, MeasuredBudget, RamBytes, Spread
from kws.spec import Requirements

NAMES = {"frontend": "front end", "network": "network", "decoder": "decoder"}


def profile_table(budget: Budget) -> str:
    """What one run costs (`cost_table`), and whether its requirements hold."""
    return "\n".join([cost_table(budget), "", *map(str, budget.requirements)])


def cost_table(budget: Budget) -> str:
    """Instructions by stage, flash, RAM and duty of one run; or flash and RAM alone, if they were counted."""
    if isinstance(budget, MeasuredBudget):
        lines = [f"{budget.cpu}, {budget.toolchain}, hops of {budget.hop_ms:g} ms: {budget.audio}", "",
                 *instruction_lines(budget)]
    else:
        lines = [budget.cpu, budget.note or "", ""]
    return "\n".join([*lines, *memory_lines(budget.flash_bytes, budget.ram_bytes)])


def network_profile_table(budget: NetworkBudget) -> str:
    """Instructions, flash and RAM of a network alone."""
    lines = [f"{budget.cpu}, {budget.toolchain}: {budget.inputs}", "",
             f"{'instructions':24}{'min':>12}{'median':>12}{'max':>12}",
             spread_line("one more row", budget.instructions_per_hop),
             spread_line("a window alone", budget.instructions_per_window),
             *memory_lines(budget.flash_bytes, budget.ram_bytes)]
    return "\n".join([*lines, *([""] if budget.requirements else []), *map(str, budget.requirements)])


def spread_line(title: str, counts: Spread) -> str:
    return f"  {title:22}{counts.min:12,}{counts.median:12,}{counts.max:12,}"


def memory_lines(flash: FlashBytes, ram: RamBytes) -> list[str]:
    """Flash and RAM, by what they hold."""
    return [f"{'flash':24}{flash.total:12,}  code {flash.code:,}, model {flash.model:,}",
            f"{'RAM':24}{ram.total:12,}  state {ram.state:,}, stack {ram.stack:,}"]


def instruction_lines(budget: MeasuredBudget) -> list[str]:
    """What was counted, and the duty cycle that follows from it."""
    duty = budget.duty
    return [f"{'instructions per hop':24}{'min':>12}{'median':>12}{'max':>12}",
            *(spread_line(NAMES.get(stage, stage), counts) for stage, counts in budget.stages.items()),
            spread_line("all", budget.instructions_per_hop),
            f"{'per second of audio':24}{budget.instructions_per_second:12,}",
            f"{'duty':24}{duty.percent:11.1f}%  estimated: {duty.clock_mhz:g} MHz, "
            f"{duty.cycles_per_instruction:g} cycles per instruction assumed"]


def functions_table(functions: Sequence[tuple[str, str, float]], *, per: str = "hop", count: int = 20) -> str:
    """The costliest functions; what works for a caller (memcpy, long division) stands under "none"."""
    total = sum(instructions for _, _, instructions in functions)
    lines = [f"{'function':32}{'stage':10}{'per ' + per:>12}"]
    lines += [f"{name:32}{stage:10}{instructions:12,.0f}{100 * instructions / total:7.1f}%"
              for name, stage, instructions in functions[:count]]
    return "\n".join(lines)


def median_of(stage: str, found: Profile) -> str:
    """Instructions of a stage per hop."""
    return f"{found.per_hop(stage).median:,}"


def comparison_table(found: Mapping[str, Profile], limits: Requirements) -> str:
    """One column per run."""
    rows: dict[str, Callable[[Profile], str]] = {"instructions per hop": lambda p: f"{p.per_hop().median:,}",
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
