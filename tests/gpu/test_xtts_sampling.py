"""How tokens are drawn: from the sets that transformers would draw from, and by fair chance."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_worker.batching.sampling import Sampler, Sampling

TOKENS, STOP = 200, 7
ROWS = 3
CPU = torch.device("cpu")
BORDER = 1e-5  # of a share, within which two orders of adding may differ


def sampler(samplings: list[Sampling], seen: list[list[int]], tokens: int = TOKENS) -> Sampler:
    made = Sampler(len(samplings), tokens, STOP % tokens, CPU)
    for slot, (sampling, past) in enumerate(zip(samplings, seen, strict=True)):
        made.set(slot, sampling, past)
    return made


def by_transformers(
    logits: torch.Tensor, sampling: Sampling, seen: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores before the share of `top_p` is cut off, and after."""
    from transformers import (
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    past = torch.tensor([seen])
    scores = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)(past, logits)
    scores = TemperatureLogitsWarper(sampling.temperature)(past, scores)
    scores = TopKLogitsWarper(sampling.top_k)(past, scores)
    return scores, TopPLogitsWarper(sampling.top_p)(past, scores)


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.floats(0.1, 1.0),
    top_k=st.integers(1, TOKENS),
    top_p=st.floats(0.01, 1.0),
    repetition_penalty=st.floats(1.0, 20.0),
)


@settings(max_examples=60, deadline=None)
@given(
    samplings=st.lists(SAMPLINGS, min_size=ROWS, max_size=ROWS),
    width=st.floats(0.5, 8.0),
    chance=st.integers(0, 1 << 30),
)
def test_each_slot_draws_from_the_tokens_that_transformers_would_keep(
    samplings: list[Sampling], width: float, chance: int
) -> None:
    random = torch.Generator().manual_seed(chance)
    logits = torch.randn(ROWS, TOKENS, generator=random) * width
    seen = [torch.randperm(TOKENS, generator=random)[:20].tolist() for _ in range(ROWS)]
    ours = sampler(samplings, seen)
    scores = ours._scores(logits)
    ordered, ids = scores.sort(dim=-1, descending=True, stable=True)
    kept = torch.zeros(ROWS, TOKENS, dtype=torch.bool).scatter(1, ids, ours._keep(ordered))
    for row in range(ROWS):
        before, after = by_transformers(logits[row : row + 1], samplings[row], seen[row])
        share = before.softmax(-1)[0]
        order = share.argsort(descending=True)
        above = torch.empty(TOKENS)
        above[order] = share[order].cumsum(0) - share[order]
        clear = (above - samplings[row].top_p).abs() > BORDER
        assert torch.equal(kept[row][clear], after[0].isfinite()[clear])
        both = kept[row] & after[0].isfinite()
        assert both.any()
        assert torch.allclose(scores[row][both], after[0][both], rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(sampling=SAMPLINGS, chance=st.integers(0, 1 << 30))
def test_what_is_drawn_was_kept_and_is_seen_from_then_on(sampling: Sampling, chance: int) -> None:
    random = torch.Generator().manual_seed(chance)
    ours = sampler([sampling], [[1]])
    seen = [1]
    for step in range(5):
        logits = torch.randn(1, TOKENS, generator=random) * 3
        kept = by_transformers(logits, sampling, seen)[1].isfinite()
        token = int(ours.draw(logits, torch.tensor([step])))
        assert kept[0, token]
        seen.append(token)
        assert set(ours.seen[0].nonzero()[:, 0].tolist()) == set(seen)


def chi_square(counts: torch.Tensor, shares: torch.Tensor) -> float:
    expected = shares * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


# What chance exceeds once in ten thousand times, by the degrees of freedom.
RARE = {15: 44.3}


def drawn(logits: torch.Tensor, slots: int, steps: int, **dials: float) -> torch.Tensor:
    """[slot, step]: slots differ in their seeds alone."""
    fair = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0} | dials
    samplings = [Sampling(**fair, seed=seed) for seed in range(slots)]  # type: ignore[arg-type]
    ours = sampler(samplings, [[]] * slots, len(logits))
    rows = logits.expand(slots, -1)
    return torch.stack([ours.draw(rows, torch.full((slots,), one)) for one in range(steps)], dim=1)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_tokens_are_drawn_as_often_as_their_scores_say(temperature: float) -> None:
    logits = torch.randn(16, generator=torch.Generator().manual_seed(1))
    tokens = drawn(logits, 1000, 20, temperature=temperature)
    counts = torch.bincount(tokens.flatten(), minlength=16)
    assert chi_square(counts, (logits / temperature).softmax(-1)) < RARE[15]


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_a_length_penalty_makes_the_end_as_much_rarer(penalty: float) -> None:
    logits = torch.randn(16, generator=torch.Generator().manual_seed(2))
    counts = torch.bincount(drawn(logits, 1000, 20, length_penalty=penalty).flatten(), minlength=16)
    shares = logits.exp()
    shares[STOP] /= penalty
    assert chi_square(counts, shares / shares.sum()) < RARE[15]


def test_chance_knows_nothing_of_the_step_or_the_seed_before() -> None:
    tokens = drawn(torch.zeros(4), 400, 40)
    for one, other in ((tokens[:, :-1], tokens[:, 1:]), (tokens[:-1], tokens[1:])):
        pairs = torch.bincount((one * 4 + other).flatten(), minlength=16)
        assert chi_square(pairs, torch.full((16,), 1 / 16)) < RARE[15]


def test_a_seed_draws_the_same_in_any_slot_and_another_seed_draws_others() -> None:
    logits = torch.randn(TOKENS, generator=torch.Generator().manual_seed(3))
    seeds = [5, 6, 5, 5 + (1 << 31), -5, 5 + (1 << 32), 5 + (1 << 63), 6 << 32]
    ours = sampler([Sampling(seed=seed) for seed in seeds], [[]] * len(seeds))
    rows = logits.expand(len(seeds), -1)
    steps = [ours.draw(rows, torch.full((len(seeds),), step)) for step in range(20)]
    said = [tuple(row.tolist()) for row in torch.stack(steps, dim=1)]
    assert said[0] == said[2]
    assert len(set(said)) == len(seeds) - 1


def test_of_one_candidate_nothing_is_left_to_chance() -> None:
    logits = torch.randn(TOKENS, generator=torch.Generator().manual_seed(4))
    for dials in ({"top_k": 1, "top_p": 1.0}, {"top_k": 0, "top_p": 1e-9}):
        tokens = drawn(logits, 20, 1, **dials)
        assert set(tokens.flatten().tolist()) == {int(logits.argmax())}


def test_the_last_one_in_a_slot_leaves_no_trace() -> None:
    fresh = sampler([Sampling(seed=1)], [[3]])
    used = sampler([Sampling(0.1, 1, 0.1, 20.0, 5.0, seed=9)], [list(range(50))])
    used.draw(torch.randn(1, TOKENS), torch.zeros(1, dtype=torch.long))
    used.set(0, Sampling(seed=1), [3])
    for name, value in vars(fresh).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, getattr(used, name)), name
    assert math.isclose(float(used.reluctance), 0.0)
