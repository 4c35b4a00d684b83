"""Write a run's plan anew from its model.tflite, when engine or plan file have changed.

    scripts/bench rebuild_plan RUN

Settings, front end and thresholds stay as they are; a plan of an older version is good enough for them. The device's
figures are measured again, on the recordings of this workspace; report and manifest follow.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from kws.bench.common import ROOT, parser
from kws.engine.plan import Plan

DECIDE_EVERY = 3  # word of the network's section, in every version


def lowered(file: bytes, tflite: bytes) -> Plan:
    """The plan of `tflite`, with everything but the network from a plan file of any version."""
    from kws.engine import plan as plans
    from kws.engine.graph import read_graph
    from kws.engine.streaming import lower
    from kws.spec import Spec

    _, version, _, _, *table = plans.HEADER.unpack_from(file)
    description, frontend, network, decoder = (file[at:at + n] for at, n in zip(table[::2], table[1::2], strict=True))
    every = int.from_bytes(network[4 * DECIDE_EVERY:4 * DECIDE_EVERY + 4], "little")
    return plans.Plan(Spec.from_dict(json.loads(description)["spec"]), plans._frontend(plans._Fields(frontend)),
                      lower(read_graph(tflite), decide_every=every), plans._decoder(plans._Fields(decoder), version))


def main(arguments: Sequence[str]) -> None:
    from kws.device.profile import choose_audio, profile
    from kws.engine.graph import read_graph
    from kws.export.source import Source
    from kws.files import write_atomic
    from kws.records import to_json
    from kws.run_metrics import METRICS
    from kws.validate.record import renew
    from kws.workspace import read_manifest, write_manifest

    options = parser(__doc__)
    options.add_argument("run", type=Path, metavar="RUN")
    run = options.parse_args(arguments).run
    tflite = (run / "model.tflite").read_bytes()
    plan = lowered((run / "model.kws").read_bytes(), tflite)
    write_atomic(run / "model.kws", plan.to_bytes())
    samples, heard = choose_audio([], ROOT / "recordings", seconds=10)
    source = Source(run.name, plan.program, read_graph(tflite), tflite, plan)
    limits = plan.spec.requirements
    heard = heard.replace(f"{ROOT}/", "")  # no path of this computer in a run
    device = profile(source, samples, cpu=limits.cpu, audio=heard).budget(limits)
    document = {**json.loads((run / METRICS).read_bytes()), "device": to_json(device),
                "bytes": {path.name: path.stat().st_size for path in sorted(run.glob("model.*"))}}
    write_atomic(run / METRICS, json.dumps(document, indent=2) + "\n")
    manifest = read_manifest(run)
    sizes = {path.name: path.stat().st_size for path in sorted(run.iterdir()) if path.name in manifest.files}
    write_manifest(run, {**manifest.content, "bytes": sizes}, now=datetime.fromisoformat(manifest.created_utc))
    renew(run)
    print(f"{run}: {device.instructions_per_second:,} instructions per second on the {limits.cpu}")

