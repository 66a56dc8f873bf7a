"""`python -m tests.bench.gpu [--device cpu]`: measure, print a table, write var/bench-gpu.json."""

from __future__ import annotations

import argparse
import gc
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.engines.xtts.parts import decoder_of, dtype_for, weights_of
from gpu_worker.engines.xtts.voice import Hearing, Speaker, pack, unpack
from synthesis_worker.artifacts import Kept
from tests.bench.figures import Figure, compare, save, state, table
from tests.bench.gpu.models import FULL, SMALL, Size, build
from tests.bench.gpu.speaking import Heard, Ours, counts_for, stock, stock_first, voice

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path("var/bench-gpu.json")
PEER = "inference() in a loop"
GOALS = {1: 10.0, 64: 150.0}  # of throughput, times the peer's, on a card
EARLY = {1: (0.5, 30.0), 64: (0.99, 150.0)}  # first sound: at which share of calls, ms at most
ROUNDS = 3  # calls a stream


def main() -> int:
    chosen = read_arguments()
    began = time.monotonic()
    print(f"{machine(chosen.device)}; torch {torch.__version__}", flush=True)
    figures = list(measure(torch.device(chosen.device), SMALL if chosen.device == "cpu" else FULL))
    save(figures, RESULTS)
    print(table(figures))
    if chosen.device == "cpu":
        print("On a card: not run.")
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


def measure(device: torch.device, size: Size) -> Iterator[Figure]:
    """Stock first, on a model of its own: ours brings the weights to another precision."""
    with tempfile.TemporaryDirectory() as folder:
        model = build(size, Path(folder), device)
        stock(model, size.counts[:1])  # libraries choose their kernels here
        alone = stock(model, size.counts)
        early = stock_first(model, size.counts[-1])
        yield state("peer, one after the other", alone.speed, unit="audio-s/s")
        yield state("peer, first sound", early * 1000, unit="ms")
        model.gpt.max_gen_mel_tokens = size.most - 3
        yield from measure_ours(model, size, alone)
        yield measure_warm_voice(model)


def measure_ours(model: Any, size: Size, peer: Heard) -> Iterator[Figure]:
    weights, decoder = weights_of(model, dtype_for(model.device)), decoder_of(model)
    on_card = model.device.type == "cuda"
    for streams in size.streams:
        ours = Ours(model, weights, decoder, streams)
        ours.speak(streams, counts_for(size.counts, streams))
        heard = ours.speak(streams, counts_for(size.counts, ROUNDS * streams))
        ours.close()
        if not on_card:  # a busy machine is as busy for both
            peer = stock(model, size.counts)
            model.gpt.max_gen_mel_tokens = size.most - 3
        goal = GOALS.get(streams) if on_card else None
        speed = "throughput, streams:"
        yield compare(
            f"{speed} {streams}", heard.speed, peer.speed, PEER, unit="audio-s/s", at_least=goal
        )
        yield from describe(heard, streams, size, on_card=on_card)
        yield state(f"peak memory, streams: {streams}", peak(on_card=on_card), unit="MiB")
        del ours
        gc.collect()


def describe(heard: Heard, streams: int, size: Size, *, on_card: bool) -> Iterator[Figure]:
    alone = sum(counts_for(size.counts, ROUNDS * streams))
    yield state(f"a step, streams: {streams}", heard.took / heard.steps * 1000, unit="ms")
    yield compare(
        f"steps, streams: {streams}", heard.steps, alone, "one after the other", unit="steps"
    )
    share, most = EARLY.get(streams, (0.0, 0.0)) if on_card else (0.0, 0.0)
    for at, told in ((0.5, "p50"), (0.99, "p99")):
        goal = most if share == at else None
        found = at_share(heard.first, at) * 1000
        yield state(f"first sound {told}, streams: {streams}", found, unit="ms", at_most=goal)


def measure_warm_voice(model: Any) -> Figure:
    """A voice that was used of late, as the engine looks it up: by its artifact's bytes."""
    latents, embedding = voice(model)
    data = pack(Speaker(latents[0], embedding[0]), "model", [], Hearing())
    kept: Kept[Speaker] = Kept()
    spent = []
    for _ in range(200):
        began = time.perf_counter()
        kept.get(data, lambda: unpack(data, "model", model.gpt.model_dim))
        spent.append(time.perf_counter() - began)
    return state("warm voice, look-up", median(spent) * 1000, unit="ms", at_most=0.5)


def at_share(values: list[float], share: float) -> float:
    """As many are at most this."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def peak(*, on_card: bool) -> float:
    if on_card:
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()}, {torch.get_num_threads()} threads"


def read_arguments() -> argparse.Namespace:
    found = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default=found)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
