"""Voices of Piper that were trained elsewhere: one network, its settings in the same file."""

from collections.abc import Mapping
from typing import Any

import onnxruntime

from synthesis_worker.contract import ModelDamaged, Unsupported
from synthesis_worker.engines.piper_models import needs_other_software, read_config
from synthesis_worker.engines.piper_voice import Voice, open_session

SETTINGS = "piper_config"  # in the file's metadata: what lies beside an installed voice
INPUTS = {"input", "input_lengths", "scales"}


def load_trained(name: str, network: bytes) -> Voice:
    """Refuses what is no network, what is no voice, and what does not fit its own settings."""
    try:
        session = open_session(network)
        told = session.get_modelmeta().custom_metadata_map.get(SETTINGS)
    except Exception as error:  # ONNX Runtime has no base class of its own
        raise _damaged() from error
    if told is None:
        raise _unfit("holds no settings of a voice")
    config = _read(told)
    _check_inputs(session, config)
    return Voice(name, session, config)


def _read(told: str) -> Mapping[str, Any]:
    try:
        config = read_config(told)
    except ValueError as error:
        raise _damaged() from error
    if needs_other_software(config):
        raise _unfit("needs phonemes from software that is not installed here")
    return config


def _check_inputs(session: onnxruntime.InferenceSession, config: Mapping[str, Any]) -> None:
    speaker = {"sid"} if config["num_speakers"] > 1 else set()
    if {one.name for one in session.get_inputs()} != INPUTS | speaker:
        raise _unfit("holds a network that is no voice of Piper")


def _damaged() -> ModelDamaged:
    return ModelDamaged("The voice's file is damaged; train it again.", code="artifact_damaged")


def _unfit(why: str) -> Unsupported:
    return Unsupported(f"The voice's file {why}; train it again.", code="artifact_unfit")
