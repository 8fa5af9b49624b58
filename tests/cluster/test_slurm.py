"""A search on a real Slurm, and the faults that befall one."""

import time

import pytest

from .conftest import StartSearch
from .processes import wait_until
from .searches import ClusterSearch
from .slurm import Slurm

LAUNCHER = ("hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1")


@pytest.fixture
def on_slurm(search: StartSearch, slurm: Slurm) -> StartSearch:
    """Return a function that prepares a search on the Slurm, with four slots."""

    def prepare(*arguments: str, budget: int = 6) -> ClusterSearch:
        slots = "sigopt.parallel_bandwidth=4"
        environment = {"SLURM_CONF": slurm.environment["SLURM_CONF"]}
        return search(*LAUNCHER, slots, *arguments, budget=budget, environment=environment)

    return prepare


def job_id(search: ClusterSearch, slurm: Slurm, number: int) -> str:
    """Return the id in Slurm of a job that has begun and has not ended."""
    return slurm.job_of(int(search.begins(number)[-1][1]))


def test_a_search_runs_on_slurm_and_a_job_that_fails_by_itself_is_a_failure(on_slurm: StartSearch) -> None:
    search = on_slurm("++ends={2: raise, 3: kill}")
    search.expect_exit(search.start(), 3)
    search.assert_sound(failed=[2, 3])
    assert "no good" in search.output


def test_a_preempted_job_goes_on_from_its_checkpoint(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm("++steps={2: 24}")
    sweep = search.start()
    search.wait_for_checkpoint(2)
    slurm.command("scancel", "--signal=USR2", job_id(search, slurm, 2))
    search.expect_exit(sweep)
    search.assert_sound()
    assert int(search.begins(2)[-1][0]) > 0


def test_a_requeued_job_is_still_there(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm("++steps={1: 40, 2: 40}")
    sweep = search.start()
    search.wait_for(1, 2)
    for number in (1, 2):
        slurm.command("scontrol", "requeue", job_id(search, slurm, number))
    search.expect_exit(sweep)
    search.assert_sound()
    assert len(search.begins(1)) == len(search.begins(2)) == 2


def test_a_suspended_job_is_still_there(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm("++steps={1: 16}")
    sweep = search.start()
    search.wait_for(1)
    job = job_id(search, slurm, 1)
    slurm.command("scontrol", "suspend", job)
    wait_until(lambda: slurm.state(job) == "SUSPENDED", "a suspended job")
    wait_until(lambda: len(search.observations()) == search.budget - 1, "all the others", 300)
    slurm.command("scontrol", "resume", job)
    search.expect_exit(sweep)
    search.assert_sound()
    assert len(search.begins(1)) == 1


def test_jobs_preempted_by_a_partition_of_higher_priority_run_again(
    on_slurm: StartSearch, slurm: Slurm
) -> None:
    search = on_slurm("hydra.launcher.partition=low", "++steps.other=90")
    sweep = search.start()
    search.wait_for(1, 2, 3, 4)
    slurm.command(
        "sbatch", "--partition=high", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=sleep 5"
    )
    search.expect_exit(sweep)
    search.assert_sound()
    assert sum(len(search.begins(number)) for number in (1, 2, 3, 4)) > 4


def test_a_job_that_is_held_is_still_there(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm("+hydra.launcher.additional_parameters={hold: true}", budget=2)
    sweep = search.start()
    wait_until(lambda: len(held_jobs(slurm)) == 2, "held jobs", 300)
    time.sleep(12)  # meanwhile the sweep asks Slurm about them, twice
    slurm.command("scontrol", "release", ",".join(held_jobs(slurm)))
    search.expect_exit(sweep)
    search.assert_sound()
    assert len(search.begins(1)) == len(search.begins(2)) == 1


def held_jobs(slurm: Slurm) -> list[str]:
    """Return the ids of the jobs that wait for somebody to release them."""
    listed = slurm.command("squeue", "--noheader", "--states=pending", "--format=%A %r").splitlines()
    return [line.split()[0] for line in listed if "Held" in line]


def test_the_jobs_of_a_node_that_is_drained_end_there_and_others_run_elsewhere(
    on_slurm: StartSearch, slurm: Slurm
) -> None:
    search = on_slurm("++steps={1: 40}", budget=10)
    sweep = search.start()
    search.wait_for(1)
    node = search.begins(1)[0][2]
    slurm.command("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    search.expect_exit(sweep)
    search.assert_sound()
    assert len(search.begins(1)) == 1
    assert any(search.begins(number)[0][2] != node for number in range(2, 11))


def test_a_controller_that_is_away_at_the_start_is_waited_for(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm(budget=4)
    slurm.stop_controller()
    sweep = search.start()
    wait_until(lambda: "trying again" in search.output, "the sweep to notice", 300)
    slurm.start_controller()
    search.expect_exit(sweep)
    search.assert_sound()


def test_a_controller_that_dies_in_mid_search_costs_a_wait(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm(budget=8)
    sweep = search.start()
    search.wait_for(1, 2)
    slurm.processes.kill("slurmctld")
    time.sleep(15)
    slurm.start_controller()
    for _ in range(150):
        if sweep.poll() is not None:
            break
        slurm.let_go_on()
        time.sleep(2)
    search.expect_exit(sweep)
    search.assert_sound()


def test_a_job_that_slurm_refuses_stops_the_search_with_the_command_to_type_next(
    on_slurm: StartSearch,
) -> None:
    search = on_slurm("hydra.launcher.partition=nowhere")
    search.expect_exit(search.start(), 2)
    assert "Invalid partition name specified" in search.output
    assert "\nresume " in search.output
    assert "Traceback" not in search.output
    assert search.observations() == []


@pytest.mark.parametrize("requeue", ["--requeue", "--no-requeue"])
def test_the_jobs_of_a_node_that_dies_run_elsewhere(
    on_slurm: StartSearch, slurm: Slurm, requeue: str
) -> None:
    search = on_slurm(
        "++steps={1: 60, 2: 60}", f"+hydra.launcher.additional_parameters={{{requeue.strip('-')}: true}}"
    )
    sweep = search.start()
    search.wait_for_checkpoint(1, 2)
    node = search.begins(1)[0][2]
    slurm.kill_node(node)
    search.expect_exit(sweep)
    search.assert_sound()
    assert len(search.begins(1)) == 2
    assert int(search.begins(1)[1][0]) > 0


def test_a_dead_job_is_noticed_while_the_accounting_is_away(on_slurm: StartSearch, slurm: Slurm) -> None:
    search = on_slurm("++ends={3: kill}")
    slurm.stop_accounting()
    search.expect_exit(search.start(), 3)
    search.assert_sound(failed=[3])
    assert search.output.count("accounting") <= 1


def test_a_dead_job_is_noticed_without_any_accounting(
    search: StartSearch, slurm_without_accounting: Slurm
) -> None:
    environment = {"SLURM_CONF": slurm_without_accounting.environment["SLURM_CONF"]}
    slots = "sigopt.parallel_bandwidth=4"
    sweep = search(*LAUNCHER, slots, "++ends={3: kill}", budget=6, environment=environment)
    sweep.expect_exit(sweep.start(), 3)
    sweep.assert_sound(failed=[3])


def test_an_out_of_memory_kill_says_so(on_slurm: StartSearch) -> None:
    search = on_slurm("++ends={2: memory}", budget=3)
    search.expect_exit(search.start(), 3)
    search.assert_sound(failed=[2])
    failed = next(observed for observed in search.observations() if observed.failed)
    assert "memory" in failed.metadata["reason"].lower()


def test_a_sweep_that_is_killed_goes_on_with_the_jobs_that_slurm_still_has(
    on_slurm: StartSearch, slurm: Slurm
) -> None:
    search = on_slurm("++steps.other=16")
    search.start()
    search.wait_for(1, 2, 3)
    search.kill()
    search.expect_exit(search.resume())
    search.assert_sound()
    assert [len(search.begins(number)) for number in (1, 2, 3)] == [1, 1, 1]
