"""The files that a search leaves in its folder."""

import csv
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from sigtune.report.files import write_results
from sigtune.report.observed import Observed

OWN = Observed(1, {"x": 0.5}, {"height": 2.0}, "", ["x=0.5"], Path("sweep/1"), {"height": 0.1})
FAILED = Observed(2, {"x": 0.7}, None, "ValueError: no good", ["x=0.7"], Path("sweep/2"))
ELSEWHERE = Observed(None, {"x": 0.9, "shape": "round"}, {"height": 1.0}, "", ["x=0.9"])


def test_the_table_has_a_row_for_each_observation_and_a_column_for_whatever_one_of_them_has(
    tmp_path: Path,
) -> None:
    write_results(tmp_path, [OWN, FAILED, ELSEWHERE], [OWN])
    with (tmp_path / "observations.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["job"], row["x"], row["shape"], row["height"], row["height_stddev"]) for row in rows] == [
        ("1", "0.5", "", "2.0", "0.1"),
        ("2", "0.7", "", "", ""),
        ("", "0.9", "round", "1.0", ""),
    ]
    assert [(row["failed"], row["reason"], row["folder"]) for row in rows] == [
        ("False", "", "sweep/1"),
        ("True", "ValueError: no good", "sweep/2"),
        ("False", "", ""),
    ]


def test_the_results_count_the_failed_and_name_the_best_with_its_folder_and_overrides(tmp_path: Path) -> None:
    write_results(tmp_path, [OWN, FAILED, ELSEWHERE], [OWN])
    results = OmegaConf.load(tmp_path / "optimization_results.yaml")
    assert isinstance(results, DictConfig)
    assert (results.name, results.observations, results.failed) == ("sigopt", 3, 1)
    assert OmegaConf.to_container(results.best) == [
        {
            "job": 1,
            "folder": "sweep/1",
            "values": {"height": 2.0},
            "assignments": {"x": 0.5},
            "overrides": ["x=0.5"],
        }
    ]


def test_a_search_that_observed_nothing_has_empty_files(tmp_path: Path) -> None:
    write_results(tmp_path, [], [])
    assert (tmp_path / "observations.csv").read_text().splitlines() == ["job,failed,reason,folder"]
    results = OmegaConf.load(tmp_path / "optimization_results.yaml")
    assert isinstance(results, DictConfig)
    assert (results.observations, list(results.best)) == (0, [])
