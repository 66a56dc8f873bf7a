"""A Whisper model of the real make, small and of chance: what it hears is nonsense, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, INNER, BANDS, PLACES, WORDS = 16, 32, 80, 1500, 448
SIGNS = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
    *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
)


def save_whisper(folder: Path) -> Path:
    vocabulary = _save_tokenizer(folder)
    chance = np.random.default_rng(0)
    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    _fill_encoder(spec.encoder, chance)
    _fill_decoder(spec.decoder, chance, len(vocabulary))
    spec.config.suppress_ids = spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [[0, 0]]
    spec.config.lang_ids = [vocabulary.index("<|en|>")]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.save(str(folder))
    return folder


def _save_tokenizer(folder: Path) -> list[str]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={one: place for place, one in enumerate(letters)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(sign, special=True) for sign in SIGNS])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [str(tokenizer.id_to_token(place)) for place in range(tokenizer.get_vocab_size())]


def _fill_encoder(encoder: Any, chance: np.random.Generator) -> None:
    _fill(encoder.conv1, chance, WIDTH, BANDS, 3)
    _fill(encoder.conv2, chance, WIDTH, WIDTH, 3)
    encoder.position_encodings.encodings = _drawn(chance, PLACES, WIDTH)
    _level(encoder.layer_norm)
    for layer in encoder.layer:
        _fill_attention(layer.self_attention, chance)
        _fill_feed(layer.ffn, chance)


def _fill_decoder(decoder: Any, chance: np.random.Generator, size: int) -> None:
    decoder.embeddings.weight = decoder.projection.weight = _drawn(chance, size, WIDTH)
    decoder.position_encodings.encodings = _drawn(chance, WORDS, WIDTH)
    decoder.scale_embeddings = False
    _level(decoder.layer_norm)
    for layer in decoder.layer:
        _fill_attention(layer.self_attention, chance)
        _fill_attention(layer.attention, chance, beyond=True)
        _fill_feed(layer.ffn, chance)


def _fill_attention(attention: Any, chance: np.random.Generator, *, beyond: bool = False) -> None:
    """One that looks beyond its own words has the question apart from key and value."""
    _level(attention.layer_norm)
    rows = (1, 2, 1) if beyond else (3, 1)
    for linear, count in zip(attention.linear, rows, strict=True):
        _fill(linear, chance, count * WIDTH, WIDTH)


def _fill_feed(feed: Any, chance: np.random.Generator) -> None:
    _level(feed.layer_norm)
    _fill(feed.linear_0, chance, INNER, WIDTH)
    _fill(feed.linear_1, chance, WIDTH, INNER)


def _fill(layer: Any, chance: np.random.Generator, *shape: int) -> None:
    layer.weight, layer.bias = _drawn(chance, *shape), np.zeros(shape[0], np.float32)


def _level(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)


def _drawn(chance: np.random.Generator, *shape: int) -> Any:
    return chance.normal(0, 0.3, shape).astype(np.float32)
