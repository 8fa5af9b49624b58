"""What is said of the options of `hydra/launcher=ray` before Ray is started."""

import socket

import pytest

pytest.importorskip("ray")

from sigtune.search.executors.ray_cluster import option_problems


def keys(init: dict[str, object], remote: dict[str, object]) -> list[str]:
    return [problem.key for problem in option_problems({"init": init, "remote": remote})]


def test_options_that_ray_has_are_taken() -> None:
    remote = {"num_cpus": 2, "num_gpus": 0.25, "resources": {"big": 1}}
    assert keys({"address": None, "num_cpus": 4, "_temp_dir": "/tmp/ray"}, remote) == []


@pytest.mark.parametrize("remote", [{"num_gpu": 1}, {"num_gpus": -1}, {"num_cpus": "two"}])
def test_a_wrong_option_of_a_task_is_refused(remote: dict[str, object]) -> None:
    assert keys({}, remote) == ["hydra.launcher.ray.remote"]


def test_a_wrong_argument_of_init_is_refused() -> None:
    assert keys({"num_cpu": 2}, {}) == ["hydra.launcher.ray.init.num_cpu"]


@pytest.mark.parametrize("name", ["max_retries", "retry_exceptions", "num_returns"])
def test_what_the_search_decides_is_refused_rather_than_ignored(name: str) -> None:
    assert keys({}, {name: 3}) == [f"hydra.launcher.ray.remote.{name}"]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nobody_answers_is_refused_at_once(form: str) -> None:
    assert keys({"address": form.format(free_port())}, {}) == ["hydra.launcher.ray.init.address"]


def test_the_address_of_the_environment_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    assert keys({}, {}) == ["hydra.launcher.ray.init.address"]


def test_an_address_where_somebody_answers_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert keys({"address": f"127.0.0.1:{server.getsockname()[1]}"}, {}) == []
