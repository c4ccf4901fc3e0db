"""The local cluster of the Dask backend obeys its owner alone, and opens no port but those that it works with."""

import asyncio
import os
import pickle
import socket
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import distributed
import psutil
import pytest

from featurekit import backends

# What a stranger tries at each address: without TLS, and with TLS and a key of his own. Where root runs the tests he is
# another user, from when everything is imported on: the interpreter need not be readable to others.
STRANGER = """
import asyncio, os, pickle, sys
import distributed
from distributed.core import rpc

call = {name: pickle.dumps(value) for name, value in (("function", os.getuid), ("args", ()), ("kwargs", {}))}

async def order(operation, address, security):
    async with rpc(address, timeout=10, connection_args=security.get_connection_args("client")) as server:
        return await getattr(server, operation)(**call, wait=True)

async def attack():
    for operation, address in zip(sys.argv[1::2], sys.argv[2::2]):
        for protocol, security in (("tcp", distributed.Security()), ("tls", distributed.Security.temporary())):
            try:
                said = await order(operation, f"{protocol}://{address}", security)
            except OSError as error:
                print("refused", protocol, operation, type(error).__name__)
            else:
                print("OBEYED", protocol, operation, said)

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(attack())
"""


def listening():
    """(process, port) of every TCP socket that this process and its children listen at."""
    me = psutil.Process()
    return {
        (process.pid, connection.laddr.port)
        for process in [me, *me.children(recursive=True)]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


class Cluster:
    """A cluster of one worker that was started while port 8787, Dask's own choice, was taken."""

    def __init__(self, backend, ports, said):
        self.backend, self.ports, self.said = backend, ports, said
        client = backend._client
        self.security = client.security
        workers = client.scheduler_info(n_workers=-1)["workers"]
        self.addresses = {"run_function": [client.scheduler.address], "run": list(workers)}
        self.addresses["run"] += [worker["nanny"] for worker in workers.values()]


@pytest.fixture(scope="module")
def cluster():
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        except OSError:
            pass  # another program has it, which is as good
        before = listening()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            backend = backends.open_backend("dask", 1)
        with backend:
            yield Cluster(backend, {port for _, port in listening() - before}, [str(one.message) for one in said])


def test_a_taken_port_8787_is_no_concern(cluster):
    assert [text for text in cluster.said if "8787" in text or "already in use" in text] == []


def test_the_only_ports_are_those_that_the_scheduler_the_nanny_and_the_worker_work_with(cluster):
    addresses = [address for group in cluster.addresses.values() for address in group]
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses)
    assert cluster.ports == {int(address.rpartition(":")[2]) for address in addresses}
    assert len(cluster.ports) == 3


def test_its_folder_is_its_owners_alone(cluster):
    (folder,) = cluster.backend._client.run(lambda dask_worker: dask_worker.local_directory).values()
    private = [parent for parent in Path(folder).parents if stat.S_IMODE(parent.stat().st_mode) == 0o700]
    assert any(parent.name.startswith("featurekit-dask-") for parent in private)


def test_no_process_shows_a_key_in_its_command_line_or_environment(cluster):
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        assert "PRIVATE KEY" not in " ".join(process.cmdline()) + str(process.environ())


def test_its_owners_key_opens_each_address(cluster):
    """The orders of the next test are ones that are obeyed with the key, so that their refusal says something."""

    async def order(operation, address):
        arguments = cluster.security.get_connection_args("client")
        call = {"function": pickle.dumps(os.getuid), "args": pickle.dumps(()), "kwargs": pickle.dumps({})}
        async with distributed.core.rpc(address, timeout=10, connection_args=arguments) as server:
            return await getattr(server, operation)(**call, wait=True)

    for operation, addresses in cluster.addresses.items():
        for address in addresses:
            assert asyncio.run(order(operation, address))["result"] == os.getuid()


def test_another_user_of_the_machine_is_not_obeyed(cluster):
    orders = [
        part
        for operation, addresses in cluster.addresses.items()
        for address in addresses
        for part in (operation, address.removeprefix("tls://"))
    ]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, *orders], capture_output=True, text=True, timeout=120, cwd="/", check=True
    )
    said = done.stdout.split("\n")[:-1]
    assert len(said) == 6
    assert all(line.startswith("refused") for line in said), done.stdout


UNGUARDED = """
from featurekit import backends
with backends.open_backend("dask", 1) as pool:
    print(dict(pool.map(abs, [-1])))
"""


def test_a_script_without_a_guard_is_told_so_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "under `if __name__ == '__main__':`" in done.stderr.splitlines()[-1]
