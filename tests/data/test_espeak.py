import time

import numpy as np
import pytest

from sigtune.data.espeak import Utterance, synthesize

LIST = [
    Utterance("en-us+f2", "yes", 175, 50, 50),
    Utterance("en-029+whisper", "stop", 200, 30, 60),
    Utterance("en+klatt", "", 175, 50, 50),
    Utterance("en-us+f2", "yes", 120, 90, 50),
]


def test_words_are_spoken_one_by_one_in_16_bits() -> None:
    yes, stop, nothing, slow_yes = synthesize(LIST)
    assert {samples.dtype for samples in (yes, stop, nothing, slow_yes)} == {np.dtype(np.int16)}
    assert 0.2 < len(yes) / 22_050 < 0.6
    assert np.abs(yes.astype(int)).max() > 3000
    assert len(slow_yes) > 1.2 * len(yes)
    assert not nothing.any()


def test_the_same_list_is_the_same_sound_whatever_was_said_before() -> None:
    first = synthesize(LIST)
    synthesize(LIST[1:2] * 3)
    time.sleep(1.1)  # whispering voices draw random numbers, which the library would seed with the second
    for before, after in zip(first, synthesize(LIST), strict=True):
        np.testing.assert_array_equal(before, after)


def test_nothing_to_say_gives_nothing() -> None:
    assert synthesize([]) == []


def test_a_voice_that_does_not_exist_is_an_error_that_names_it() -> None:
    with pytest.raises(RuntimeError, match="xx-nowhere"):
        synthesize([Utterance("xx-nowhere", "yes", 175, 50, 50)])
