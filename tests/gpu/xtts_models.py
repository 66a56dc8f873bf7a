"""Small XTTS models of the real make: random weights, saved as the published ones are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from gpu_worker.engines.xtts.stock import coqui
from synthesis_worker.audio import resample
from tests.sound_files import piece, speech

if TYPE_CHECKING:
    from pathlib import Path

    from synthesis_worker.contract import Waveform

LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu"]
LANGUAGES += ["ko", "ja", "hi"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789!'(),-.:;?\"" + "áéíóúñüöäßçàèâêîôûëï¿¡"
CODES = 1024
STRONG, STOPS = 8.0, 6.0
USUAL = 0.25  # the pitch of a voice that no test clones
NARROW = 32  # channels of the vocoder, where 512 are published


def write_vocabulary(path: Path) -> Tokenizer:
    specials = ["[STOP]", "[UNK]", "[SPACE]"]
    vocabulary = {token: index for index, token in enumerate([*specials, *LETTERS])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tags = [f"[{language}]" for language in LANGUAGES]
    tokenizer.add_special_tokens([*specials, *tags, "[START]"])
    tokenizer.save(str(path))
    return tokenizer


def sample(pitch: float = 0.0, seconds: float = 6.0) -> Waveform:
    """Of a real voice, though not of a human one."""
    return piece(speech(pitch=pitch), seconds)


def narrow_vocoder() -> None:
    """From now on models are made and loaded with a small vocoder."""
    xtts = coqui()
    if not isinstance(xtts.HifiDecoder, partial):
        xtts.HifiDecoder = partial(xtts.HifiDecoder, upsample_initial_channel_decoder=NARROW)


def small(
    arguments: Any, *, layers: int = 2, width: int = 64, heads: int = 2, most: int = 24
) -> None:
    arguments.gpt_layers, arguments.gpt_n_heads = layers, heads
    arguments.gpt_n_model_channels = arguments.decoder_input_dim = width
    arguments.gpt_max_audio_tokens = most
    arguments.gpt_use_perceiver_resampler = True
    arguments.gpt_num_audio_tokens = CODES + 2
    arguments.gpt_start_audio_token, arguments.gpt_stop_audio_token = CODES, CODES + 1


def save_model(folder: Path, seed: int = 0, sure: float = STRONG, **sizes: int) -> Path:
    """A folder that the real loader takes. How `sure` it is decides what is left to chance."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = write_vocabulary(folder / "vocab.json")
    xtts = coqui()
    config = xtts.XttsConfig()
    small(config.model_args, **sizes)
    config.model_args.gpt_number_text_tokens = tokenizer.get_vocab_size()
    config.model_args.gpt_start_text_token = tokenizer.token_to_id("[START]")
    config.model_args.gpt_stop_text_token = tokenizer.token_to_id("[STOP]")
    torch.manual_seed(seed)
    model = xtts.Xtts(config)
    model.tokenizer = type(model.tokenizer)(str(folder / "vocab.json"))
    model.init_models()
    _part(model, sure)
    _tell_voices_apart(model)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict(), "config": config.to_dict()}, folder / "model.pth")
    return folder


def save_as_published(folder: Path, source: Path) -> Path:
    """The same model as its makers have saved it: with its settings pickled, by their old names."""
    folder.mkdir(parents=True)
    for name in ("config.json", "vocab.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    xtts = coqui()
    config = xtts.XttsConfig()
    config.load_json(str(source / "config.json"))
    saved = torch.load(source / "model.pth", weights_only=True)
    with xtts._legacy_safe_globals():
        torch.save({**saved, "config": config}, folder / "model.pth")
    return folder


def _part(model: Any, sure: float) -> None:
    """Random weights hear their text hardly and never stop: these do, and choose clearly."""
    gpt = model.gpt
    with torch.no_grad():
        for block in gpt.gpt.h:
            for layer in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                layer.weight.mul_(STRONG)
        gpt.text_embedding.weight.mul_(STRONG)
        gpt.mel_head.weight.mul_(sure)
        gpt.mel_head.bias[gpt.stop_audio_token] += STOPS * sure / STRONG


def _tell_voices_apart(model: Any) -> None:
    """Random weights hear of samples what all have in common: these hear the rest of them."""
    perceiver, encoder = model.gpt.conditioning_perceiver, model.hifigan_decoder.speaker_encoder
    lower, low = (resample(sample(USUAL), rate).samples for rate in (16_000, 22_050))
    common: list[Any] = []
    model.eval()
    with torch.no_grad():
        for attention, _ in perceiver.layers:
            attention.to_q.weight.mul_(STRONG)
            attention.to_kv.weight.mul_(STRONG)
        hook = perceiver.norm.register_forward_pre_hook(lambda _, given: common.extend(given))
        model.get_gpt_cond_latents(torch.from_numpy(low)[None], 22_050)
        hook.remove()
        perceiver.layers[-1][1][-1].bias.sub_(torch.cat(common).mean(dim=(0, 1)))
        encoder.fc.bias.sub_(encoder(torch.from_numpy(lower)[None])[0])
