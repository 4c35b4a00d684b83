"""What an exported model costs in flash, RAM and products, counted from its tables; kws profile measures the code."""

from dataclasses import dataclass, fields, replace

from kws.engine.plan import Plan
from kws.engine.schedule import KINDS, Program
from kws.export.c_tables import network_words
from kws.export.source import Source
from kws.features.tables import FRONTEND_ARRAYS

# Structs on a processor with 32-bit pointers.
FRONTEND_TABLES_BYTES, NETWORK_TABLES_BYTES, DECODER_TABLES_BYTES = 96, 68, 180
SOUND_STATE_BYTES, NETWORK_STATE_BYTES = 344, 32
TALK_TABLES_BYTES, TALK_STATE_BYTES = 16, 12  # more of the decoder's where it minds unknown words
BUFFER_BYTES, OP_BYTES = 12, 172


@dataclass(frozen=True)
class Costs:
    """Bytes on a 32-bit device. flash : constants, without code. ram : the state, without stack."""

    network_flash: int
    frontend_flash: int
    network_ram: int
    frontend_ram: int
    decoder_ram: int
    struct_ram: int

    @property
    def flash(self) -> int:
        return self.network_flash + self.frontend_flash

    @property
    def ram(self) -> int:
        return -(-(self.network_ram + self.frontend_ram + self.decoder_ram + self.struct_ram) // 8) * 8


def network_flash_bytes(program: Program) -> int:
    """Weights, tables, rings and ops."""
    return (program.pool.nbytes + BUFFER_BYTES * len(program.buffers) + OP_BYTES * len(program.ops)
            + NETWORK_TABLES_BYTES)


def network_ram_bytes(program: Program) -> int:
    """Pointers to rows, words and rows."""
    return 4 * program.row_pointers + 4 * network_words(program) + -(-program.arena_bytes // 4) * 4


def multiplications_per_hop(program: Program) -> float:
    """Products of weights and activations that one hop takes on average; tables and pooling are not counted."""
    total = 0.0
    for op in program.ops:
        if op.kind in (KINDS["CONV"], KINDS["DEPTHWISE"]):
            per_output = op.taps * op.kernel * (op.in_channels if op.kind == KINDS["CONV"] else 1)
            total += op.steps * op.out_width * op.out_channels * per_output / op.every
    return total


def costs_of(source: Source) -> Costs:
    """Of what is exported, its weights compressed or not."""
    costs = count_costs(source.plan) if source.plan else count_network(source.program)
    return replace(costs, network_flash=network_flash_bytes(source.stored))


def count_network(program: Program) -> Costs:
    """The network alone."""
    return Costs(network_flash_bytes(program), 0, network_ram_bytes(program), 0, 0, NETWORK_STATE_BYTES)


def count_costs(plan: Plan) -> Costs:
    """The whole detector."""
    tables = plan.frontend
    arrays = sum(getattr(tables, field.name).nbytes for field in fields(tables) if field.name in FRONTEND_ARRAYS)
    labels = sum(len(label) + 1 + 4 for label in plan.labels)
    talk = plan.decoder.minds_unknown
    return Costs(network_flash_bytes(plan.program), arrays + FRONTEND_TABLES_BYTES + DECODER_TABLES_BYTES + labels
                 + talk * TALK_TABLES_BYTES,
                 network_ram_bytes(plan.program), 4 * tables.fft_points + 2 * tables.window_samples,
                 plan.decoder.memory_bytes, SOUND_STATE_BYTES + talk * TALK_STATE_BYTES)
