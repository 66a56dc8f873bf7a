"""Piper on CPUs: audio seconds for a CPU second, eight requests at a time, wav out."""

from __future__ import annotations

import io
import itertools
import os
import sys
import wave
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from fleet.program import Program
from fleet.run import open_port
from tests.bench.figures import Figure, compare
from tests.bench.http_load import Load
from tests.bench.mill import Mill, Site, open_site
from tests.bench.on_demand import ROOT
from tests.bench.rounds import Arm, take_turns
from tests.bench.texts import Texts
from tests.bench.venvs import VOICE, medium_voice, peer_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.bench.on_demand import OnDemand

PATH = "/api/v1/jobs/synthesize"
TEXTS = 8  # a turn's texts, all sent at once
LONG, SHORT = 200, 30  # characters


def measure(*, quick: bool) -> list[Figure]:
    """Who sends the texts is left out. Each turn has texts of its own, the same for all arms."""
    with ExitStack() as stack:
        mill = stack.enter_context(open_site("speech"))
        peers = stack.enter_context(open_site("speech-peers"))
        arms = arms_of(mill, peers)
        take_turns(list(arms.values()), 2 if quick else 5)
    return [
        row("200 characters", arms["long"], arms["bare"], 1 / 1.10),
        row("200 characters", arms["long"], arms["server"], 1.3),
        row("30 characters", arms["short"], arms["command line"], 10),
    ]


def arms_of(mill: Site, peers: Site) -> dict[str, Arm]:
    say = voicemill(mill)
    bare, command_line = engine_alone(peers), piper_command_line(peers)
    ask, server = piper_server(peers)
    return {
        "long": arm("Voicemill", lambda seed: say(seed, LONG), mill.pids),
        "bare": arm("the bare engine", told_to(bare), {"engine": bare.pid}),
        "server": arm("piper.http_server", ask, {"server": server}),
        "short": arm("Voicemill, short texts", lambda seed: say(seed, SHORT), mill.pids),
        "command line": arm("piper CLI", told_to(command_line), {"piper": command_line.pid}),
    }


def arm(name: str, speak: Callable[[int], float], processes: Mapping[str, int]) -> Arm:
    """`speak` is given a seed for its texts, and says how many seconds of audio it got."""
    seeds = itertools.count()
    return Arm(name, lambda: speak(next(seeds)), processes)


def row(what: str, ours: Arm, peer: Arm, goal: float) -> Figure:
    return compare(
        f"Piper, texts of {what}, 8 at once",
        1000 / ours.median,
        1000 / peer.median,
        peer.name,
        unit="audio s per CPU s",
        at_least=round(goal, 2),
    )


def voicemill(site: Site) -> Callable[[int, int], float]:
    """From the API to the file, with all that Voicemill does to the sound."""
    medium_voice()
    mill = Mill(site)
    mill.start_dispatcher()
    mill.start_api()
    mill.start_worker("cpu", "synthesis_worker.tasks")
    load = Load(mill.url, mill.tenants["first"]["key"], TEXTS)

    def speak(text: str) -> float:
        body = {"text": text, "voice": VOICE, "engine": "piper"}
        job = load.post(PATH, body, 200, Prefer="wait=60")
        return seconds_of(load.ask(f"/api/v1/jobs/{job['id']}/audio"))

    return lambda seed, length: sum(load.threads.map(speak, Texts(seed).several(TEXTS, length)))


def engine_alone(site: Site) -> OnDemand:
    return site.client("tests.bench.bare", dict(os.environ), sys.executable)


def piper_server(site: Site) -> tuple[Callable[[int], float], int]:
    with open_port(None) as listener:
        port = listener.getsockname()[1]
    address = ("--host", "127.0.0.1", "--port", str(port))
    command = (peer_python("piper"), "-m", "piper.http_server", "-m", str(medium_voice()), *address)
    load = Load(f"http://127.0.0.1:{port}", connections=TEXTS)
    ready = partial(answers, load, "/info")
    pid = site.start(Program("server", command, None, ROOT, ready=ready))

    def speak(text: str) -> float:
        return seconds_of(load.ask("/synthesize", {"text": text}))

    return lambda seed: sum(load.threads.map(speak, Texts(seed).several(TEXTS, LONG))), pid


def piper_command_line(site: Site) -> OnDemand:
    piper = {"PIPER_PYTHON": peer_python("piper"), "PIPER_VOICE": str(medium_voice())}
    return site.client("tests.bench.command_line", os.environ | piper, sys.executable)


def answers(load: Load, path: str) -> bool:
    with suppress(OSError):
        return bool(load.ask(path))
    return False


def told_to(process: OnDemand) -> Callable[[int], float]:
    return lambda seed: float(process(seed))


def seconds_of(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        return float(file.getnframes() / file.getframerate())
