"""A search on a real Ray cluster of three nodes, and the faults that befall one."""

from .conftest import StartSearch
from .ray_nodes import RayNodes, running_ray
from .searches import ClusterSearch


def on_ray(search: StartSearch, nodes: RayNodes, *arguments: str, budget: int = 6) -> ClusterSearch:
    """Prepare a search on the cluster, with four slots."""
    launcher = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={nodes.address}")
    slots = "sigopt.parallel_bandwidth=4"
    return search(*launcher, slots, *arguments, budget=budget, environment=nodes.environment)


def test_a_search_joins_the_cluster_and_a_job_that_fails_by_itself_is_a_failure(
    search: StartSearch, ray_nodes: RayNodes
) -> None:
    sweep = on_ray(search, ray_nodes, "++ends={2: raise, 3: kill}")
    sweep.expect_exit(sweep.start(), 3)
    sweep.assert_sound(failed=[2, 3])
    assert f":{ray_nodes.port}: 3 nodes" in sweep.output
    assert "job 1 is at step 0" in (sweep.sweep_dir / "1" / "output.log").read_text()


def test_the_jobs_of_a_node_whose_raylet_dies_run_elsewhere_from_their_checkpoints(
    search: StartSearch, ray_nodes: RayNodes
) -> None:
    sweep = on_ray(search, ray_nodes, "++steps.other=40")
    process = sweep.start()
    sweep.wait_for_checkpoint(1, 2, 3, 4)
    ray_nodes.kill_worker("worker1")
    sweep.expect_exit(process)
    sweep.assert_sound()
    again = [begins for begins in map(sweep.begins, (1, 2, 3, 4)) if len(begins) == 2]
    assert len(again) == 2
    assert all(int(begins[1][0]) > 0 for begins in again)


def test_the_outcome_of_a_node_without_the_shared_folder_comes_back_through_ray(search: StartSearch) -> None:
    with running_ray(workers=1) as nodes:
        sweep = on_ray(search, nodes, budget=8)
        nodes.add_worker(hidden=sweep.shared)
        sweep.expect_exit(sweep.start())
        sweep.assert_sound()
        assert sweep.output.count("not shared") == 1
        assert all((sweep.sweep_dir / str(number) / "outcome.json").exists() for number in range(1, 9))


def test_the_jobs_of_a_sweep_that_is_killed_have_not_failed(search: StartSearch, ray_nodes: RayNodes) -> None:
    sweep = on_ray(search, ray_nodes, "++steps.other=16")
    sweep.start()
    sweep.wait_for(1, 2, 3, 4)
    sweep.kill()
    sweep.expect_exit(sweep.resume())
    sweep.assert_sound()


def test_a_job_that_asks_for_what_this_machine_has_not_is_refused(search: StartSearch) -> None:
    sweep = search("hydra/launcher=ray", "+hydra.launcher.ray.remote.num_gpus=99", budget=2, environment={})
    sweep.expect_exit(sweep.start(), 2)
    assert "99 GPU" in sweep.output
    assert "\nresume " in sweep.output
    assert "Traceback" not in sweep.output
