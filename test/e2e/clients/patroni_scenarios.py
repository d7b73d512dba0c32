"""How Patroni elects the leader of a database by the API: two members, without a database. Run by
client-libraries.e2e.ts with what holds the record, endpoints or configmaps."""

import os
import sys
import time

from kubernetes import client, config
from patroni.dcs.kubernetes import Kubernetes

KIND = sys.argv[1]
SCOPE = f"database-{KIND}"
NAMESPACE = "default"
LABELS = {"application": "patroni", "cluster-name": SCOPE}
SECONDS_MAX = 60

core = client.CoreV1Api(config.new_client_from_config())


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def until(what, attempt):
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        found = attempt()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {SECONDS_MAX} s")


def start(name):
    container = {"name": "database", "image": "database:1"}
    metadata = {"name": name, "labels": LABELS}
    core.create_namespaced_pod(NAMESPACE, {"metadata": metadata, "spec": {"containers": [container]}})
    return until(f"{name} has an address", lambda: core.read_namespaced_pod(name, NAMESPACE).status.pod_ip)


def member(name, ip):
    context = config.list_kube_config_contexts()[1]["name"]
    found = Kubernetes(
        {
            "context": context,
            "namespace": NAMESPACE,
            "labels": {"application": "patroni"},
            "scope_label": "cluster-name",
            "scope": SCOPE,
            "name": name,
            "pod_ip": ip,
            "ports": [{"name": "postgresql", "port": 5432}],
            "use_endpoints": KIND == "endpoints",
            "ttl": 30,
            "loop_wait": 10,
            "retry_timeout": 10,
        }
    )
    found.touch_member({"conn_url": f"postgres://{ip}:5432/postgres", "state": "running", "role": "replica"})
    return found


def leader_as_seen_by(each):
    leader = each.get_cluster().leader
    return leader and leader.name


names = [f"{SCOPE}-{index}" for index in range(2)]
if KIND == "endpoints":
    # The service of the leader has no selector: its endpoints are Patroni's.
    metadata = {"name": SCOPE, "labels": LABELS}
    core.create_namespaced_service(NAMESPACE, {"metadata": metadata, "spec": {"ports": [{"port": 5432}]}})
addresses = [start(name) for name in names]
first, second = (member(*each) for each in zip(names, addresses))
until("both are members", lambda: len(first.get_cluster().members) == 2)
second.get_cluster()
equal(bool(first.initialize(create_new=True, sysid="1")), True)
equal(bool(second.initialize(create_new=True, sysid="2")), False)
first.get_cluster()
equal(bool(first.attempt_to_acquire_leader()), True)
until("the second sees the first lead", lambda: leader_as_seen_by(second) == names[0])
first.get_cluster()
equal(bool(first.update_leader(7)), True)
until("the second sees how far the first is", lambda: second.get_cluster().last_lsn == 7)
first.touch_member({"conn_url": "postgres://x", "state": "running", "role": "master"})
equal(core.read_namespaced_pod(names[0], NAMESPACE).metadata.labels["role"], "master")
if KIND == "endpoints":
    subset = core.read_namespaced_endpoints(SCOPE, NAMESPACE).subsets[0]
    equal([(each.ip, each.target_ref.name) for each in subset.addresses], [(addresses[0], names[0])])
    equal([each.port for each in subset.ports], [5432])
first.get_cluster()
first.delete_leader(8)
until("nobody leads", lambda: leader_as_seen_by(second) is None)
equal(bool(second.attempt_to_acquire_leader()), True)
until("the first sees the second lead", lambda: leader_as_seen_by(first) == names[1])
equal(bool(first.update_leader(9)), False)
equal(first.get_cluster().initialize, "1")
# Its watches are threads that never end.
sys.stdout.flush()
os._exit(0)
