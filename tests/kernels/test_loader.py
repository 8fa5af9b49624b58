import shutil
import sys

import pytest

from sigtune.kernels import loader as compiled
from sigtune.kernels.loader import compiled_functions


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("g++") is None, reason="needs the compiler that compiles them"
)
@pytest.mark.parametrize("name", ["sigtune.kernels._training", "sigtune.kernels._front_end"])
def test_where_there_is_a_compiler_the_functions_are_compiled(name):
    assert compiled_functions(name) is not None


def test_without_them_the_log_says_so_once(caplog):
    compiled._tell_once.cache_clear()
    with caplog.at_level("INFO"):
        assert compiled_functions("sigtune.models._nothing") is None
        assert compiled_functions("sigtune.data._nothing") is None
    assert [record.message for record in caplog.records] == [
        "sigtune was installed without a C++ compiler: training on the CPU takes longer"
    ]
