"""Which dials the settings of a voice turn."""

from __future__ import annotations

from voices.dials import dial_of, turned

RATED, PLAIN = ("speed", "speaking_rate"), ("speed", "warmth")


def test_the_speaking_rate_multiplies_the_speed_where_an_engine_has_no_rate() -> None:
    assert turned({"speaking_rate": 0.8, "speed": 1.5}, "plain", PLAIN) == {"speed": 1.2}
    assert turned({"speaking_rate": 0.8}, "plain", PLAIN) == {"speed": 0.8}
    assert dial_of("speaking_rate", PLAIN) == "speed"


def test_it_turns_a_dial_of_its_own_where_there_is_one() -> None:
    both = {"speaking_rate": 0.8, "speed": 1.5}
    assert turned(both, "rated", RATED) == both
    assert dial_of("speaking_rate", RATED) == "speaking_rate"


def test_advanced_dials_go_to_their_engine_alone() -> None:
    settings = {"stability": 0.5, "advanced": {"plain": {"warmth": 0.3}}}
    assert turned(settings, "plain", PLAIN) == {"stability": 0.5, "warmth": 0.3}
    assert turned(settings, "rated", RATED) == {"stability": 0.5}
