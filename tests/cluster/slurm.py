"""A Slurm of several nodes on this machine: munge, a database, the controller, and a slurmd for each node."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from .debian import require, require_root
from .processes import Processes, cluster_folder, free_ports, kill_with_children, wait_until

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins")
ACCOUNTING_PACKAGES = ("slurmdbd", "mariadb-server")
CPUS_PER_NODE = 4
MEMORY_MB = 4000


class Slurm:
    """The running cluster. Nodes are named node1, node2 and so on."""

    def __init__(self, folder: Path, nodes: int, has_accounting: bool) -> None:
        self.folder = folder
        self.nodes = [f"node{number}" for number in range(1, nodes + 1)]
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self.processes = Processes(folder, self.environment)
        self._has_accounting = has_accounting
        self._ports = free_ports(nodes + 3)

    def start(self) -> None:
        """Start every part in the order in which they need each other."""
        self._start_munge()
        self._write_configs()
        if self._has_accounting:
            self._start_database()
            self.start_accounting()
            self._command("sacctmgr", "--immediate", "add", "cluster", "sigtune")
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_until(self._all_idle, "idle nodes")

    def start_controller(self) -> None:
        """Start slurmctld, for the first time or again, and wait until it answers."""
        self.processes.start("slurmctld", ["slurmctld", "-D"])
        wait_until(lambda: self._answers("scontrol", "ping"), "slurmctld")

    def stop_controller(self) -> None:
        """Stop slurmctld; the nodes' jobs go on without it."""
        self.processes.stop("slurmctld")

    def start_node(self, node: str) -> None:
        """Start the node's slurmd."""
        (self.folder / "spool" / node).mkdir(parents=True, exist_ok=True)
        self.processes.start(node, ["slurmd", "-D", "-N", node])

    def kill_node(self, node: str) -> None:
        """Kill the node's slurmd and everything that its jobs consist of, as a power cut does."""
        steps = self._steps(self.jobs_on(node))
        self.processes.kill(node)
        for step in steps:
            kill_with_children(step)

    def start_accounting(self) -> None:
        """Start slurmdbd and wait until it answers."""
        self.processes.start("slurmdbd", ["slurmdbd", "-D"])
        wait_until(lambda: self._answers("sacctmgr", "--noheader", "list", "cluster"), "slurmdbd")

    def stop_accounting(self) -> None:
        """Stop slurmdbd; the controller goes on without it."""
        self.processes.stop("slurmdbd")

    def command(self, *arguments: str) -> str:
        """Run one of Slurm's commands; return what it prints."""
        return self._command(*arguments)

    def state(self, job: str) -> str:
        """Return the state that the controller has of a job."""
        return self._command("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T").strip()

    def jobs_on(self, node: str) -> list[str]:
        """Return the ids of the jobs that run on the node."""
        return self._command("squeue", "--noheader", f"--nodelist={node}", "--format=%A").split()

    def recover(self) -> None:
        """Cancel the jobs that a test has left, start what it has stopped, and wait for idle nodes."""
        if not self.processes.is_running("slurmctld"):
            self.start_controller()
        if self._has_accounting and not self.processes.is_running("slurmdbd"):
            self.start_accounting()
        for node in self.nodes:
            if not self.processes.is_running(node):
                self.start_node(node)
        jobs = self._command("squeue", "--noheader", "--format=%A").split()
        if jobs:
            self._command("scancel", *jobs)
        self._resume_drained()
        wait_until(self._all_idle, "idle nodes", 90)

    def let_go_on(self) -> None:
        """Resume drained nodes and release held jobs, as its operator does.

        A controller that died gives IDs again that it has forgotten; a node that still has the job of one
        ("Duplicate jobid") is drained, and jobs are held that it refused.
        """
        self._resume_drained()
        listed = self._command("squeue", "--noheader", "--states=PENDING", "--format=%A %r").splitlines()
        for job, *reason in map(str.split, listed):
            if any("held" in word.lower() for word in reason):
                with contextlib.suppress(AssertionError):  # it was cancelled meanwhile
                    self._command("scontrol", "release", job)

    def _resume_drained(self) -> None:
        drained = self._command("sinfo", "--noheader", "--Node", "--states=drain", "--format=%N").split()
        for node in set(drained):
            self._command("scontrol", "update", f"nodename={node}", "state=resume")

    def job_of(self, pid: int) -> str:
        """Return the id of the job that a process belongs to."""
        return str(psutil.Process(pid).environ()["SLURM_JOB_ID"])

    def end_jobs(self) -> None:
        """Kill the jobs that are left: a step is nobody's child, and would outlive the cluster."""
        for step in self._steps():
            kill_with_children(step)

    def _steps(self, jobs: Sequence[str] = ()) -> list[psutil.Process]:
        """Return the slurmstepds of the jobs, or of every job; their own environment is overwritten."""
        steps: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                is_ours = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
                if is_ours and (not jobs or environment.get("SLURM_JOB_ID") in jobs):
                    steps |= {parent.pid: parent for parent in process.parents() if _is_step(parent)}
        return list(steps.values())

    def _all_idle(self) -> bool:
        listed = self._command("sinfo", "--noheader", "--Node", "--partition=main", "--states=idle")
        return len(listed.splitlines()) == len(self.nodes)

    def _answers(self, *arguments: str) -> bool:
        run = subprocess.run(arguments, env=self.environment, capture_output=True, check=False)
        return run.returncode == 0

    def _command(self, *arguments: str) -> str:
        run = subprocess.run(
            arguments, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 0, f"{' '.join(arguments)}: {run.stdout}{run.stderr}"
        return run.stdout

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        folder.mkdir(mode=0o711)
        shutil.chown(folder, "munge", "munge")
        key = folder / "munge.key"
        subprocess.run(["mungekey", "--create", f"--keyfile={key}"], check=True, user="munge", group="munge")
        names = {"key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log"}
        files = {**names, "socket": "munge.socket", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        self.processes.start("munged", ["munged", "--foreground", *options], user="munge")
        wait_until((folder / "munge.socket").exists, "munge's socket")

    def _start_database(self) -> None:
        folder = self.folder / "database"
        folder.mkdir()
        shutil.chown(folder, "mysql")
        data, client = folder / "data", ["mariadb", "--no-defaults", "-uroot", f"-S{folder / 'socket'}"]
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        options = {
            "datadir": data,
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "port": self._ports[2],
            "bind-address": "127.0.0.1",
            "innodb-buffer-pool-size": "64M",
            "innodb-lock-wait-timeout": "900",  # slurmdbd asks for it
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        self.processes.start("mariadbd", ["mariadbd", "--no-defaults", "--user=mysql", *arguments])
        wait_until(lambda: self._answers(*client, "--execute=select 1"), "the accounting's database")
        statements = [
            "create database slurm_acct_db",
            "create user slurm@'127.0.0.1' identified by 'x'",
            "grant all on slurm_acct_db.* to slurm@'127.0.0.1'",
        ]
        self._command(*client, f"--execute={'; '.join(statements)}")

    def _write_configs(self) -> None:
        accounting = self.folder / "slurmdbd.conf"
        accounting.touch(mode=0o600)  # slurmdbd refuses one that others may read
        accounting.write_text(_lines(self._accounting_config()))
        (self.folder / "slurm.conf").write_text(
            _lines(self._config()) + "\n".join(self._nodes_and_partitions())
        )

    def _accounting_config(self) -> dict[str, object]:
        return {
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.folder}/munge/munge.socket",
            "DbdHost": "localhost",
            "DbdPort": self._ports[1],
            "SlurmUser": "root",
            "LogFile": self.folder / "slurmdbd.log",
            "PidFile": self.folder / "slurmdbd.pid",
            "StorageType": "accounting_storage/mysql",
            "StorageHost": "127.0.0.1",
            "StoragePort": self._ports[2],
            "StorageUser": "slurm",
            "StoragePass": "x",
            "StorageLoc": "slurm_acct_db",
        }

    def _config(self) -> dict[str, object]:
        socket_path = f"{self.folder}/munge/munge.socket"
        kind = "slurmdbd" if self._has_accounting else "none"
        return {
            "ClusterName": "sigtune",
            "SlurmctldHost": f"{socket.gethostname()}(127.0.0.1)",
            "SlurmUser": "root",
            "AuthType": "auth/munge",
            # A requeued job waits as long as its credential lives, by default two minutes.
            "AuthInfo": f"socket={socket_path},cred_expire=5",
            "SlurmctldPort": self._ports[0],
            "SlurmctldPidFile": f"{self.folder}/slurmctld.pid",
            "SlurmdPidFile": f"{self.folder}/slurmd-%n.pid",
            "SlurmdSpoolDir": f"{self.folder}/spool/%n",
            "StateSaveLocation": f"{self.folder}/state",
            "SlurmctldLogFile": f"{self.folder}/slurmctld.log",
            "SlurmdLogFile": f"{self.folder}/slurmd-%n.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            "SlurmdParameters": "config_overrides",
            "MpiDefault": "none",
            "SwitchType": "switch/none",
            "ReturnToService": 2,
            "KillWait": 5,
            "SlurmdTimeout": 10,
            "JobRequeue": 1,
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": 1,
            "JobAcctGatherParams": "OverMemoryKill",
            "AccountingStorageType": f"accounting_storage/{kind}",
            "AccountingStorageHost": "localhost",
            "AccountingStoragePort": self._ports[1],
            "AccountingStoragePass": socket_path,
            "PreemptType": "preempt/partition_prio",
            "PreemptMode": "REQUEUE",
        }

    def _nodes_and_partitions(self) -> list[str]:
        where = f"NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1"
        size = f"CPUs={CPUS_PER_NODE} RealMemory={MEMORY_MB} State=UNKNOWN"
        nodes = [
            f"NodeName={node} {where} Port={port} {size}"
            for node, port in zip(self.nodes, self._ports[3:], strict=True)
        ]
        partitions = [
            f"PartitionName={name} Nodes=ALL Default={default} MaxTime=INFINITE State=UP PriorityTier={tier}"
            for name, default, tier in (("main", "YES", 10), ("low", "NO", 1), ("high", "NO", 100))
        ]
        return [*nodes, *partitions, ""]


def _is_step(process: psutil.Process) -> bool:
    return bool(process.name().startswith("slurmstepd"))


def _lines(options: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in options.items())


@contextlib.contextmanager
def running_slurm(nodes: int = 3, has_accounting: bool = True) -> Iterator[Slurm]:
    """Start a Slurm and end it: its parts in the reverse of the order in which they were started."""
    require_root()
    require(*PACKAGES, *(ACCOUNTING_PACKAGES if has_accounting else ()))
    with cluster_folder("slurm") as folder:
        slurm = Slurm(folder, nodes, has_accounting)
        with slurm.processes:
            slurm.start()
            yield slurm
            slurm.end_jobs()
