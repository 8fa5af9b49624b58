import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sigtune.errors import UsageError
from sigtune.kernels import library

ROOT = Path(__file__).parents[2]
SOURCES = Path(library.__file__).parent


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("g++") is None, reason="needs the compiler that compiles them"
)
def test_where_there_is_a_compiler_the_kernels_are_compiled() -> None:
    assert library.is_compiled()


def test_without_them_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert library.load("sigtune.kernels._nothing") is None
    assert [record.message for record in caplog.records] == [
        "sigtune was installed without a C++ compiler: training on the CPU takes longer"
    ]


@pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")
def test_kernels_compiled_from_other_sources_are_not_called(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(library._PARAMETERS, "a_new_function", [])
    assert library.load() is None
    assert "is not of these sources: install sigtune again" in caplog.text


def test_every_source_in_c_has_its_binding_beside_it() -> None:
    sources = {path.stem for path in SOURCES.glob("*.cpp")}
    assert sources == {path.stem for path in SOURCES.glob("*.py")} - {"__init__", "choice", "library"} | {
        "processor"
    }


@pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")
@pytest.mark.parametrize("lanes", ["5", "32", "", "wide"])
def test_a_width_that_no_processor_has_is_refused(lanes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGTUNE_LANES", lanes)
    with pytest.raises(UsageError) as raised:
        library.load()
    assert raised.value.problems[0].key == f"SIGTUNE_LANES={lanes}"


@pytest.mark.skipif(not library.is_compiled(), reason="installed without a C++ compiler")
def test_every_width_computes_the_same_up_to_rounding() -> None:
    widest = library.compiled().lanes_of_this_processor()
    widths = [str(lanes) for lanes in (4, 8, 16) if lanes <= widest]
    command = [sys.executable, "-m", "tests.kernels.print_sums", *widths]
    output = subprocess.check_output(command, cwd=ROOT, text=True)
    sums = [[float(value) for value in line.split()] for line in output.splitlines()]
    assert len(sums) == len(widths)
    for other in sums[1:]:
        assert other == pytest.approx(sums[0], rel=1e-4, abs=1e-5)
