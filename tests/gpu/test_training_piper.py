"""A Piper voice is trained in a child: killed, resumed, stopped, exported, and spoken by Piper."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.gpu.piper_training import COMMAND, RATE, TINY, losses, make_clips, make_task, start, told

if TYPE_CHECKING:
    from gpu_worker.training.child import Child

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # torch's, of how Piper builds
]


@pytest.fixture(scope="module", autouse=True)
def one_core() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A training that nobody disturbed."""
    return told(start(make_task(tmp_path_factory.mktemp("whole"), data)))


@pytest.fixture(scope="module")
def voice(whole: list[dict[str, Any]]) -> Path:
    return Path(whole[-1]["artifact"])


@pytest.fixture(scope="module")
def checkpoint(whole: list[dict[str, Any]]) -> Path:
    return Path(next(event["file"] for event in whole if event["event"] == "checkpoint"))


def heard_until(child: Child, event: str, step: int) -> list[dict[str, Any]]:
    heard = []
    for said in child.events():
        heard += [dict(said)] if said else []
        if said and said["event"] == event and said["step"] >= step:
            break
    return heard


def test_a_training_tells_each_step_and_its_losses_fall(whole: list[dict[str, Any]]) -> None:
    assert [event["event"] for event in whole] == ["started", *["step"] * 5, "checkpoint", "done"]
    assert whole[0] == {"event": "started", "step": 0, "steps": 5}
    steps = losses(whole)
    assert list(steps) == [1, 2, 3, 4, 5]
    assert all(math.isfinite(loss) for each in steps.values() for loss in each.values())
    assert steps[5]["mel"] < steps[1]["mel"]
    assert steps[5]["kl"] < steps[1]["kl"]
    left = [event["seconds_left"] for event in whole if event["event"] == "step"]
    assert left[0] > 0
    assert left[-1] == 0
    assert whole[-1]["losses"] == steps[5]


def test_nothing_is_left_but_the_voice_and_one_checkpoint(voice: Path, checkpoint: Path) -> None:
    assert sorted(voice.parent.rglob("*")) == sorted([voice, checkpoint])


def test_piper_speaks_the_voice_from_its_one_file(voice: Path) -> None:
    """Texts of other lengths than the one that it was exported with."""
    import onnxruntime
    from piper import PiperConfig, PiperVoice

    session = onnxruntime.InferenceSession(voice, providers=["CPUExecutionProvider"])
    config = json.loads(session.get_modelmeta().custom_metadata_map["piper_config"])
    assert config["language"]["code"] == "en-US"
    assert config["espeak"]["voice"] == "en-US"
    speaker = PiperVoice(session=session, config=PiperConfig.from_dict(config))
    for text in ("Tea.", "The quick brown fox jumps over the lazy dog, and rests in the sun."):
        [chunk] = speaker.synthesize(text)
        assert chunk.sample_rate == 16_000
        assert chunk.audio_float_array.size > 1000
        assert np.isfinite(chunk.audio_float_array).all()
        assert chunk.audio_float_array.any()


def test_a_killed_and_a_stopped_training_go_on_as_if_nothing_had_happened(
    data: Path, whole: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The same clips, the same chance, the same optimisers: the same losses but for rounding."""
    heard = []
    with start(make_task(tmp_path / "first", data, checkpoint_seconds=0)) as first:
        heard += heard_until(first, "checkpoint", 2)
        first.kill()
    kept = heard[-1]
    assert kept["step"] == 2

    second = make_task(tmp_path / "second", data, resume=kept["file"])
    with start(second) as child:
        heard += heard_until(child, "step", 3)
        child.stop()
        heard += [dict(event) for event in child.events() if event]
    stopped = heard[-1]
    assert stopped["event"] == "stopped"
    assert stopped["step"] < 5
    assert [e["step"] for e in heard if e["event"] == "started"] == [0, 2]
    assert heard[-2] == {"event": "checkpoint", "step": stopped["step"], "file": heard[-2]["file"]}

    # the machine that goes on has nothing but the checkpoint
    carried = tmp_path / "carried.ckpt"
    shutil.move(heard[-2]["file"], carried)
    last = told(start(make_task(tmp_path / "third", data, resume=str(carried))))
    assert last[0]["step"] == stopped["step"]
    gone_on = losses(heard) | losses(last)
    assert gone_on.keys() == losses(whole).keys()
    for step, each in losses(whole).items():
        assert gone_on[step] == pytest.approx(each, rel=1e-4)
    assert last[-1]["event"] == "done"


def test_what_ended_between_its_last_step_and_its_voice_is_only_exported(
    data: Path, checkpoint: Path, whole: list[dict[str, Any]], voice: Path, tmp_path: Path
) -> None:
    events = told(start(make_task(tmp_path, data, resume=str(checkpoint))))
    assert [event["event"] for event in events] == ["started", "done"]
    assert events[-1]["losses"] == whole[-1]["losses"]
    assert Path(events[-1]["artifact"]).read_bytes() == voice.read_bytes()


def test_a_full_disk_ends_a_fine_tuning_that_may_be_tried_again(
    data: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """The base is a checkpoint whose hyper-parameters tell its sizes."""
    task = make_task(
        tmp_path, data, base=str(checkpoint), steps=1, network={"discriminator": "small"}
    )
    command = ("bash", "-c", 'ulimit -f 4000; exec "$@"', "-")  # KiB: less than a checkpoint

    events = told(start(task, command=(*command, *COMMAND)))
    assert [event["event"] for event in events] == ["started", "step", "failed"]
    assert events[0]["step"] == 0
    assert (events[-1]["code"], events[-1]["permanent"]) == ("disk_full", False)
    assert not list((tmp_path / "work").iterdir())


def test_a_base_that_would_run_a_program_is_refused_and_nothing_runs(
    data: Path, tmp_path: Path
) -> None:
    import torch

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"state_dict": {}, "bomb": Bomb()}, tmp_path / "bomb.ckpt")
    [event] = told(start(make_task(tmp_path, data, base=str(tmp_path / "bomb.ckpt"))))
    assert (event["event"], event["code"], event["permanent"]) == ("failed", "base_damaged", True)
    assert not (tmp_path / "ran").exists()
    assert "bomb.ckpt" in event["message"]


@pytest.fixture(scope="module")
def piper_training() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gpu_worker.training.piper import training
    return training


@pytest.mark.parametrize(
    ("base", "network", "why"),
    [
        ({"state_dict": {}}, TINY, "other sizes"),
        ({"weights": {}}, TINY, "no weights"),
        ({"hyper_parameters": {"num_speakers": 3}}, {}, "several speakers"),
        ({"hyper_parameters": {"hidden_channels": 10**9}}, {}, "no voice's"),
        ({"hyper_parameters": {"upsample_rates": [[[8] * 9]]}}, {}, "no voice's"),
    ],
)
def test_a_base_that_does_not_fit_is_refused_with_its_reason(
    piper_training: Any, base: dict[str, Any], network: dict[str, Any], why: str, tmp_path: Path
) -> None:
    import torch

    from gpu_worker.training.telling import TrainingFailed, read_task

    torch.save(base, tmp_path / "base.ckpt")
    task = make_task(tmp_path, tmp_path, base=str(tmp_path / "base.ckpt"), network=network)
    with pytest.raises(TrainingFailed, match=why) as refused:
        piper_training._begin(read_task(task))
    assert refused.value.code == "base_unfit"


def test_a_base_of_other_sizes_is_refused_though_it_names_files_of_its_maker(
    piper_training: Any, checkpoint: Path, tmp_path: Path
) -> None:
    """As checkpoints of old do."""
    import torch

    from gpu_worker.training.telling import TrainingFailed, read_task

    base = torch.load(checkpoint, weights_only=True)
    base["hyper_parameters"]["dataset"] = [Path("made/elsewhere.jsonl")]
    torch.save(base, tmp_path / "base.ckpt")
    task = make_task(tmp_path, tmp_path, base=str(tmp_path / "base.ckpt"), network={})
    begun, done = piper_training._begin(read_task(task))
    assert done == 0
    taken = begun.state_dict()
    assert all(torch.equal(base["state_dict"][n], taken[n]) for n in taken if n[:8] == "model_g.")

    wider = make_task(
        tmp_path, tmp_path, base=str(tmp_path / "base.ckpt"), network={"hidden_channels": 48}
    )
    with pytest.raises(TrainingFailed, match="other sizes"):
        piper_training._begin(read_task(wider))


def test_a_language_that_espeak_does_not_know_is_refused(piper_training: Any) -> None:
    from gpu_worker.training.piper.clips import espeak_voice
    from gpu_worker.training.telling import TrainingFailed

    with pytest.raises(TrainingFailed, match="tlh") as refused:
        espeak_voice("tlh")
    assert refused.value.code == "language_unsupported"


SIZES = {
    "sample_rate": RATE, "num_symbols": 256, "filter_length": 1024, "hop_length": 256,
    "win_length": 1024, "segment_size": 8192,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_clip_that_cannot_be_learnt_from_is_left_out_and_told(
    piper_training: Any, data: Path, tmp_path: Path
) -> None:
    from gpu_worker.training.piper.clips import Clips
    from gpu_worker.training.telling import Teller, read_task

    spoilt, scratch, told = tmp_path / "data", tmp_path / "scratch", io.StringIO()
    shutil.copytree(data, spoilt)
    scratch.mkdir()
    lines = (spoilt / "metadata.csv").read_text("utf-8").splitlines()
    lines[1:3] = ["1.wav|" + "much too long a text " * 40, "2.wav|\u2026"]
    (spoilt / "metadata.csv").write_text("\n".join(lines), "utf-8")
    clips = Clips(read_task(make_task(tmp_path, spoilt)), Teller(told), scratch, 0, SIZES)
    clips.prepare_data()  # type: ignore[no-untyped-call]
    clips.setup("fit")
    assert len(clips._read) == len(lines) - 2
    left_out = json.loads(told.getvalue())["clips"]
    assert [one["start"] for one in left_out] == [1, 2]
    assert [one["code"] for one in left_out] == ["clip_too_short", "text_unfit"]


@pytest.mark.parametrize(
    ("device", "asked"),
    [("cpu", ("cpu", 1)), ("cuda", ("gpu", [0])), ("cuda:1", ("gpu", [1]))],
)
def test_it_computes_on_the_card_that_is_named(
    piper_training: Any, tmp_path: Path, monkeypatch: Any, device: str, asked: tuple[str, Any]
) -> None:
    from gpu_worker.training.telling import read_task

    told: dict[str, Any] = {}
    monkeypatch.setattr(piper_training.lightning, "Trainer", lambda **more: told.update(more))
    piper_training._trainer(read_task(make_task(tmp_path, tmp_path, device=device)), None)
    assert (told["accelerator"], told["devices"]) == asked


def test_every_clip_is_seen_once_a_round_wherever_it_was_begun(piper_training: Any) -> None:
    from itertools import islice

    from gpu_worker.training.piper.clips import Order

    steps = list(islice(Order(9, 4, seed=3, done=0), 6))
    assert [len(step) for step in steps] == [4] * 6
    for first in (0, 2, 4):
        assert len({*steps[first], *steps[first + 1]}) == 8
    assert steps[:2] != steps[2:4]
    assert list(islice(Order(9, 4, seed=3, done=3), 3)) == steps[3:]
    assert list(islice(Order(9, 4, seed=4, done=0), 6)) != steps
    assert len(next(iter(Order(3, 8, seed=1, done=0)))) == 3


def test_a_path_is_the_best_of_all_paths(piper_training: Any) -> None:
    from gpu_worker.training.piper.alignment import align

    chance = np.random.default_rng(5)
    frames, tokens = np.array([7, 9, 6, 4], np.int32), np.array([4, 1, 6, 3], np.int32)
    scores = chance.normal(size=(4, 9, 6)).astype(np.float32)
    paths = np.zeros_like(scores, np.int32)
    align(paths, scores, frames, tokens)
    for clip in range(4):
        long, wide = frames[clip], tokens[clip]
        assert not paths[clip, long:].any()
        assert (paths[clip, :long].sum(axis=1) == 1).all()
        way = paths[clip, :long].argmax(axis=1)
        best = max(_all_ways(long, wide), key=lambda way: _worth(scores[clip], way))
        assert list(way) == best


def _all_ways(frames: int, tokens: int) -> list[list[int]]:
    """By choosing at which frames a path goes on."""
    from itertools import combinations

    chosen = combinations(range(1, frames), tokens - 1)
    return [[sum(at >= go for go in goes) for at in range(frames)] for goes in chosen]


def _worth(scores: Any, way: list[int]) -> float:
    return float(sum(scores[frame, token] for frame, token in enumerate(way)))
