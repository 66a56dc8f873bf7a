"""XTTS is taught a voice: by its own trainer's losses, past any death, and by nothing bad."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load

from gpu_worker.engines.xtts.stock import FILES, digest_of
from gpu_worker.engines.xtts.voice import Hearing, hear, unpack_trained
from gpu_worker.training.dataset.report import REPORT
from gpu_worker.training.telling import TrainingFailed, in_plain_words
from synthesis_worker.contract import Waveform
from tests.gpu.test_xtts_models import Malice, put
from tests.gpu.xtts_lessons import TEXTS, save_clips, spoken, task, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpu_worker.training.telling import Task

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
    pytest.mark.slow,
]
STEPS = 5
Told = list[dict[str, Any]]


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.iterdir()}


@pytest.fixture(scope="module")
def unbroken(xtts_base: Path, xtts_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A training that nothing disturbed."""
    work = tmp_path_factory.mktemp("unbroken") / "work"
    before = state(xtts_base)
    told = train(task(xtts_base, xtts_clips, work, steps=STEPS))
    assert state(xtts_base) == before
    assert [file.name for file in work.rglob("*")] == ["voice.safetensors"]
    return told


@pytest.fixture
def asked(xtts_base: Path, xtts_clips: Path, tmp_path: Path) -> Task:
    return task(xtts_base, xtts_clips, tmp_path / "work", steps=STEPS)


@pytest.fixture
def base(xtts_base: Path, tmp_path: Path) -> Path:
    """A base of one's own to spoil: replace a file, do not write into it."""
    own = tmp_path / "base"
    own.mkdir()
    for file in xtts_base.iterdir():
        (own / file.name).hardlink_to(file)
    return own


def refusal(asked: Task) -> TrainingFailed:
    with pytest.raises(TrainingFailed) as refused:
        train(asked)
    assert refused.value.permanent
    return refused.value


def test_every_step_is_told_and_the_voice_at_the_end(unbroken: Told) -> None:
    assert [one["event"] for one in unbroken] == ["started", *["step"] * STEPS, "done"]
    assert [one["step"] for one in unbroken] == [0, *range(1, STEPS + 1), STEPS]
    assert all(set(one["losses"]) == {"text", "mel", "loss"} for one in unbroken[1:])
    assert unbroken[-1]["losses"] == unbroken[-2]["losses"]
    assert unbroken[-2]["seconds_left"] == 0


def test_what_is_taught_is_learnt(lesson: Told) -> None:
    losses = [one["losses"]["loss"] for one in lesson if one["event"] == "step"]
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.5


def test_the_losses_are_those_of_the_packages_own_trainer(asked: Task, unbroken: Told) -> None:
    """Its loader draws, its own step reckons."""
    from gpu_worker.training.xtts.base import build
    from gpu_worker.training.xtts.clips import read_clips

    assert asked.base
    model = build(asked.base, "cpu", asked.network)
    clips = read_clips(asked.data, "en", model, asked.seed)
    model.config.batch_size = asked.batch
    loader = iter(model.get_data_loader(model.config, samples=list(clips.samples)))
    random.seed("1:0")
    chance = random.getrandbits(63)
    batch = model.format_batch_on_device(next(loader))
    torch.manual_seed(chance)
    _, losses = model.train_step(batch, None)
    assert float(losses["loss"]) == unbroken[1]["losses"]["loss"]
    assert float(losses["loss_mel_ce"]) == unbroken[1]["losses"]["mel"]


def test_the_file_says_what_it_was_made_of(unbroken: Told, xtts_base: Path) -> None:
    data = Path(unbroken[-1]["artifact"]).read_bytes()
    size = int.from_bytes(data[:8], "little")
    facts = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["voicemill"])
    assert facts["model"] == facts["trained"]["base"] == digest_of(xtts_base)
    assert facts["trained"]["steps"] == STEPS
    assert facts["trained"]["losses"] == unbroken[-1]["losses"]
    assert facts["trained"]["data"] == "5" * 64
    assert len(facts["samples"]) == len(TEXTS)


def test_the_voice_is_heard_by_the_weights_in_the_file_and_these_are_halved_alone(
    asked: Task, unbroken: Told, xtts_base: Path
) -> None:
    """Half precision keeps eleven bits: one part in 2,048, or 3e-8 of what is next to nothing.

    What such weights hear differs by 0.04 at the most, of values that spread by 1.
    """
    from gpu_worker.training.xtts.base import build
    from gpu_worker.training.xtts.clips import read_clips
    from gpu_worker.training.xtts.training import finished

    digest = digest_of(xtts_base)
    data = Path(unbroken[-1]["artifact"]).read_bytes()
    speaker, weights = unpack_trained(data, digest, 64)
    model = build(xtts_base, "cpu", asked.network)
    clips = read_clips(asked.data, "en", model, asked.seed)
    whole = load(finished(model, clips, {"base": digest, "steps": 0}, torch.float32))
    halved = load(finished(model, clips, {"base": digest, "steps": 0}))
    for name, half in halved.items():
        assert torch.allclose(half.float(), whole[name], rtol=2**-11, atol=6e-2)
        if name.startswith("gpt."):
            assert half.dtype == torch.float16
            assert torch.allclose(half.float(), whole[name], rtol=2**-11, atol=3e-8)
    model.xtts.gpt.load_state_dict({name[4:]: one.float() for name, one in weights.items()})
    heard = hear(model.xtts, clips.heard(), Hearing())
    assert torch.equal(heard.latents, speaker.latents)
    assert torch.equal(heard.embedding, speaker.embedding)


class Child:
    """A training in a process of its own."""

    def __init__(self, asked: Task, folder: Path) -> None:
        file = folder / "task.json"
        file.write_text(json.dumps(asdict(asked), default=str))
        with (folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gpu_worker.training.xtts", str(file)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        self.told: Told = []

    def until(self, event: str, step: int) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.told.append(json.loads(line))
            if (self.told[-1]["event"], self.told[-1]["step"]) == (event, step):
                return
        raise AssertionError(self.told)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        assert self.process.stdout
        self.told += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(60)


def test_who_was_killed_and_then_stopped_ends_as_if_nothing_had_been(
    asked: Task, unbroken: Told, tmp_path: Path
) -> None:
    killed = Child(replace(asked, checkpoint_seconds=0.0), tmp_path)
    killed.until("checkpoint", 2)
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    (kept,) = asked.work.glob("*.ckpt")
    stopped = Child(replace(asked, resume=kept), tmp_path)
    stopped.until("step", int(kept.stem) + 1)
    assert stopped.end(signal.SIGTERM) == 0
    assert [one["event"] for one in stopped.told[-2:]] == ["checkpoint", "stopped"]
    last = stopped.told[-1]["step"]
    (kept,) = asked.work.glob("*.ckpt")
    assert kept == Path(stopped.told[-2]["file"])
    told = train(replace(asked, resume=kept))
    assert [one["step"] for one in told] == [last, *range(last + 1, STEPS + 1), STEPS]
    assert told[-1]["losses"] == unbroken[-1]["losses"]
    artifacts = [Path(one[-1]["artifact"]).read_bytes() for one in (told, unbroken)]
    assert artifacts[0] == artifacts[1]


@pytest.fixture(scope="module")
def kept(xtts_base: Path, xtts_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the second step."""
    work = tmp_path_factory.mktemp("kept") / "work"
    told = train(task(xtts_base, xtts_clips, work, steps=2, checkpoint_seconds=0.0))
    assert [one["step"] for one in told if one["event"] == "checkpoint"] == [1, 2]
    (file,) = work.glob("*.ckpt")
    return file


def test_a_training_that_died_at_its_end_has_nothing_left_to_learn(asked: Task, kept: Path) -> None:
    told = train(replace(asked, steps=2, resume=kept))
    assert [one["event"] for one in told] == ["started", "done"]
    assert told[-1]["losses"]


def linked(source: Path, folder: Path, name: str, content: bytes) -> Path:
    """As it is, but for one file."""
    folder.mkdir()
    for one in source.iterdir():
        (folder / one.name).symlink_to(one)
    (folder / name).unlink()
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("changed", ["seed", "language", "data", "base"])
def test_a_checkpoint_of_another_training_is_refused(
    asked: Task, kept: Path, xtts_base: Path, tmp_path: Path, changed: str
) -> None:
    config = (xtts_base / "config.json").read_bytes()
    others: dict[str, Callable[[], Any]] = {
        "seed": lambda: 2,
        "language": lambda: "de",
        "data": lambda: linked(asked.data, tmp_path / "data", REPORT, b'{"digest": "6"}'),
        "base": lambda: linked(xtts_base, tmp_path / "base", "config.json", config + b"\n"),
    }
    other = replace(asked, resume=kept, **{changed: others[changed]()})
    assert refusal(other).code == "checkpoint_unfit"


def test_one_is_taken_up_where_another_batch_is_set(asked: Task, kept: Path) -> None:
    told = train(replace(asked, steps=3, resume=kept, batch=3))
    assert [one["event"] for one in told] == ["started", "step", "done"]


def cut(file: Path, mark: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def hollow(file: Path, mark: Path) -> None:
    state = torch.load(file, weights_only=True)
    torch.save({**state, "weights": {}}, file)


def malicious(file: Path, mark: Path) -> None:
    torch.save(Malice(mark), file)


@pytest.mark.parametrize("spoil", [cut, hollow, malicious])
def test_a_damaged_checkpoint_is_refused_and_not_obeyed(
    asked: Task, kept: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    own, mark = tmp_path / "own.ckpt", tmp_path / "obeyed"
    own.write_bytes(kept.read_bytes())
    spoil(own, mark)
    assert refusal(replace(asked, resume=own)).code == "checkpoint_damaged"
    assert not mark.exists()


@pytest.mark.parametrize("name", ["model.pth", "dvae.pth", "mel_stats.pth"])
def test_no_pickle_of_a_base_is_obeyed(asked: Task, base: Path, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "obeyed"
    (base / name).unlink()
    torch.save({"model": Malice(mark)}, base / name)
    assert refusal(replace(asked, base=base)).code == "base_damaged"
    assert not mark.exists()


@pytest.mark.parametrize("name", [*FILES, "dvae.pth", "mel_stats.pth"])
def test_a_base_that_lacks_a_file_says_which(asked: Task, base: Path, name: str) -> None:
    (base / name).unlink()
    refused = refusal(replace(asked, base=base))
    assert (refused.code, name in refused.message) == ("model_missing", True)


def of_other_sizes(base: Path) -> None:
    config = json.loads((base / "config.json").read_bytes())
    config["model_args"]["gpt_layers"] = 3
    put(base, "config.json", json.dumps(config).encode())


def with_half_a_code_book(base: Path) -> None:
    codes = torch.load(base / "dvae.pth", weights_only=True)
    (base / "dvae.pth").unlink()
    torch.save(
        {name: one for name, one in codes.items() if "codebook" not in name}, base / "dvae.pth"
    )


@pytest.mark.parametrize("spoil", [of_other_sizes, with_half_a_code_book])
def test_a_base_that_does_not_fit_itself_is_refused(
    asked: Task, base: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(base)
    assert refusal(replace(asked, base=base)).code == "base_damaged"


def test_without_a_base_or_a_language_it_speaks_nothing_is_trained(asked: Task) -> None:
    assert refusal(replace(asked, base=None)).code == "model_missing"
    assert refusal(replace(asked, language="sv-SE")).code == "language_unsupported"


def of(text: str, seconds: float) -> tuple[str, Waveform]:
    rate = 22_050
    sound = np.random.default_rng(1).normal(0, 0.1, int(rate * seconds)).astype(np.float32)
    return text, Waveform(sound, rate)


BAD = {
    "too short": of("hello", 0.4),
    "too long": of("hello", 2.0),
    "no signs for it": of("hello \N{SNOWMAN}", 0.8),
    "no text": of(" ", 0.8),
    "text too long": of("hello " * 60, 0.8),
    "another rate": ("hello", Waveform(of("", 0.8)[1].samples, 24_000)),
}


def test_bad_clips_are_left_out_and_the_good_are_learnt(asked: Task, tmp_path: Path) -> None:
    data = save_clips(tmp_path / "data", [*BAD.values(), ("hello there", spoken("hello there"))])
    (data / "wavs" / "00001.wav").write_bytes(b"no sound")
    told = train(replace(asked, data=data, steps=1))
    assert told[-1]["event"] == "done"
    assert told[0]["event"] == "left_out"
    assert [one["start"] for one in told[0]["clips"]] == list(range(len(BAD)))
    assert {one["source"] for one in told[0]["clips"]} == {"take.wav"}
    codes = dict(zip(BAD, (one["code"] for one in told[0]["clips"]), strict=True))
    assert (codes["no signs for it"], codes["text too long"]) == ("text_unfit", "text_unfit")
    artifact = Path(told[-1]["artifact"]).read_bytes()
    size = int.from_bytes(artifact[:8], "little")
    facts = json.loads(json.loads(artifact[8 : 8 + size])["__metadata__"]["voicemill"])
    assert (len(facts["samples"]), facts["trained"]["clips"]) == (1, 1)


@pytest.mark.parametrize("clips", [[], list(BAD.values())], ids=["none", "bad ones"])
def test_where_all_clips_are_bad_it_says_so_and_goes_round_in_no_circles(
    asked: Task, tmp_path: Path, clips: list[tuple[str, Waveform]]
) -> None:
    data = save_clips(tmp_path / "data", clips)
    assert refusal(replace(asked, data=data)).code == "dataset_all_bad"


@pytest.mark.parametrize("times", [3e38, 1e22], ids=["no loss", "no gradient"])
def test_a_training_that_goes_astray_ends_and_leaves_nothing(
    asked: Task, base: Path, times: float
) -> None:
    saved = torch.load(base / "model.pth", weights_only=True)
    saved["model"]["gpt.mel_head.weight"].mul_(times)
    (base / "model.pth").unlink()
    torch.save(saved, base / "model.pth")
    refused = refusal(replace(asked, base=base, checkpoint_seconds=0.0))
    assert refused.code == "training_diverged"
    assert list(asked.work.iterdir()) == []


def test_a_data_set_that_is_not_whole_is_refused(asked: Task, tmp_path: Path) -> None:
    data = save_clips(tmp_path / "data", [("hello there", spoken("hello there"))])
    (data / "report.json").unlink()
    assert refusal(replace(asked, data=data)).code == "dataset_damaged"


@contextmanager
def small_files(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("seconds", [0.0, 600.0], ids=["a checkpoint", "the voice"])
def test_a_full_disk_is_told_as_such_and_leaves_no_half_of_a_file(
    asked: Task, seconds: float
) -> None:
    with pytest.raises(Exception) as refused, small_files(100_000):  # noqa: PT011 - torch's or ours
        train(replace(asked, steps=1, checkpoint_seconds=seconds))
    failed = in_plain_words(refused.value)
    assert (failed.code, failed.permanent) == ("disk_full", False)
    assert list(asked.work.iterdir()) == []


def test_what_a_killed_training_left_half_is_cleared_away(asked: Task) -> None:
    (asked.work / "00000001.ckpt.partial").write_bytes(b"half")
    train(replace(asked, steps=1))
    assert [file.name for file in asked.work.iterdir()] == ["voice.safetensors"]
