"""A tiny Piper voice made on the spot: the real runtime and files, a tone for each phoneme."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

SAMPLES_PER_ID = 400


def write_nano_voice(
    folder: Path,
    voice: str = "nano",
    *,
    speakers: int = 1,
    sample_rate: int = 16000,
    language: str = "en-us",
    gain: float = 0.3,
    samples_per_id: int = SAMPLES_PER_ID,
) -> Path:
    """Write `<voice>.onnx` and its settings; a gain of NaN or no samples per id break it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{voice}.onnx"
    onnx.save(_build_model(speakers, sample_rate, gain, samples_per_id), path)
    settings = _build_settings(speakers, sample_rate, language)
    path.with_name(path.name + ".json").write_text(json.dumps(settings), encoding="utf-8")
    return path


def trained_nano_voice(
    settings: Mapping[str, object] | str | None = None,
    *,
    speakers: int = 1,
    sample_rate: int = 16000,
    language: str = "en-us",
    gain: float = 0.3,
) -> bytes:
    """One file with its settings inside, as a training leaves it. The settings may be others."""
    model = _build_model(speakers, sample_rate, gain, SAMPLES_PER_ID)
    if settings is None or isinstance(settings, Mapping):
        built = _build_settings(speakers, sample_rate, language)
        settings = json.dumps({**built, **(settings or {})})
    helper.set_model_props(model, {"piper_config": settings})
    data: bytes = model.SerializeToString()
    return data


def _build_settings(speakers: int, sample_rate: int, language: str) -> dict[str, object]:
    names = {f"speaker{number}": number for number in range(speakers)} if speakers > 1 else {}
    return {
        "audio": {"sample_rate": sample_rate},
        "espeak": {"voice": language},
        "phoneme_type": "espeak",
        "num_symbols": 256,
        "num_speakers": speakers,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "speaker_id_map": names,
    }


def _build_model(
    speakers: int, sample_rate: int, gain: float, samples_per_id: int
) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "ids"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, ["batch"]))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1, 1, "time"])
    nodes = [*_duration_nodes(), *_tone_nodes(speakers > 1), *_noise_nodes()]
    constants = _constants(sample_rate, gain, samples_per_id)
    if speakers > 1:
        constants.append(numpy_helper.from_array(np.array(70, np.float32), "per_speaker"))
    graph = helper.make_graph(nodes, "nano", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def _constants(sample_rate: int, gain: float, samples_per_id: int) -> list[onnx.TensorProto]:
    values = {
        "zero": np.int64(0),
        "one": np.int64(1),
        "two": np.int64(2),
        "nothing": np.float32(0),
        "step": np.float32(1),
        "per_id": np.float32(samples_per_id),
        "some": np.float32(0.05),
        "lowest": np.float32(150),
        "per_phoneme": np.float32(9),
        "turn": np.float32(2 * math.pi / sample_rate),
        "gain": np.float32(gain),
        "shape": np.array([1, 1, 1, -1], np.int64),
    }
    return [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]


def _duration_nodes() -> list[onnx.NodeProto]:
    """`times` counts the samples; each id lasts `each` of them, shaken by noise_w."""
    return [
        helper.make_node("Gather", ["scales", "zero"], ["noise"]),
        helper.make_node("Gather", ["scales", "one"], ["length"]),
        helper.make_node("Gather", ["scales", "two"], ["noise_w"]),
        helper.make_node("RandomUniformLike", ["noise_w"], ["chance"], dtype=1),
        helper.make_node("Mul", ["chance", "noise_w"], ["shaken"]),
        helper.make_node("Mul", ["shaken", "some"], ["shake"]),
        helper.make_node("Add", ["length", "shake"], ["stretch"]),
        helper.make_node("Mul", ["per_id", "stretch"], ["each"]),
        helper.make_node("Gather", ["input_lengths", "zero"], ["ids_whole"]),
        helper.make_node("Cast", ["ids_whole"], ["ids_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["ids_float", "each"], ["total"]),
        helper.make_node("Range", ["nothing", "total", "step"], ["times"]),
    ]


def _tone_nodes(with_speaker: bool) -> list[onnx.NodeProto]:
    """The pitch of each moment comes from the id that is being spoken, and from the speaker."""
    speaker = [
        helper.make_node("Gather", ["sid", "zero"], ["sid_whole"]),
        helper.make_node("Cast", ["sid_whole"], ["sid_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["sid_float", "per_speaker"], ["raise"]),
        helper.make_node("Add", ["lowest", "raise"], ["base"]),
    ]
    return [
        *(speaker if with_speaker else [helper.make_node("Identity", ["lowest"], ["base"])]),
        helper.make_node("Div", ["times", "each"], ["place"]),
        helper.make_node("Cast", ["place"], ["place_whole"], to=TensorProto.INT64),
        helper.make_node("Sub", ["ids_whole", "one"], ["last"]),
        helper.make_node("Min", ["place_whole", "last"], ["index"]),
        helper.make_node("Gather", ["input", "zero"], ["ids"], axis=0),
        helper.make_node("Gather", ["ids", "index"], ["spoken"]),
        helper.make_node("Cast", ["spoken"], ["spoken_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["spoken_float", "per_phoneme"], ["above"]),
        helper.make_node("Add", ["base", "above"], ["pitch"]),
        helper.make_node("Mul", ["pitch", "times"], ["turns"]),
        helper.make_node("Mul", ["turns", "turn"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "gain"], ["tone"]),
    ]


def _noise_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("RandomNormalLike", ["tone"], ["hiss"], dtype=1),
        helper.make_node("Mul", ["hiss", "noise"], ["loud_hiss"]),
        helper.make_node("Mul", ["loud_hiss", "some"], ["soft_hiss"]),
        helper.make_node("Add", ["tone", "soft_hiss"], ["sound"]),
        helper.make_node("Reshape", ["sound", "shape"], ["output"]),
    ]
