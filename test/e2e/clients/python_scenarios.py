"""What programs in Python do with the official client, as Debian packages it. Run by clients.e2e.ts, one scenario a run."""

import base64
import subprocess
import sys
import tempfile
import threading

import yaml
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import NotFoundError
from kubernetes.stream import stream

NAMESPACE = "default"
IMAGE = "docker.io/library/busybox:1.35"
SECONDS_MAX = 60

api = config.new_client_from_config()
core = client.CoreV1Api(api)
apps = client.AppsV1Api(api)


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def refused(code, reason, call):
    try:
        call()
    except ApiException as error:
        equal(error.status, code)
        equal(yaml.safe_load(error.body)["reason"], reason)
        return
    raise AssertionError(f"not refused with {code} {reason}")


def config_map(name, data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": name}), data=data)


def pod(name, command):
    container = client.V1Container(name="main", image=IMAGE, command=command)
    spec = client.V1PodSpec(containers=[container], termination_grace_period_seconds=0)
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name), spec=spec)


def until(listing, name, holds):
    watcher = watch.Watch()
    for event in watcher.stream(
        listing, namespace=NAMESPACE, field_selector=f"metadata.name={name}", timeout_seconds=SECONDS_MAX
    ):
        if holds(event):
            watcher.stop()
            return event["object"]
    raise AssertionError(f"{name} did not become what was waited for")


def ready(event):
    conditions = event["object"].status.conditions or []
    return any(each.type == "Ready" and each.status == "True" for each in conditions)


def objects():
    """An object is created, read, listed, replaced, patched in each way and deleted."""
    made = core.create_namespaced_config_map(NAMESPACE, config_map("py", {"a": "1"}))
    equal(core.read_namespaced_config_map("py", NAMESPACE).metadata.uid, made.metadata.uid)
    listed = core.list_namespaced_config_map(NAMESPACE, label_selector="of=py").items
    equal([each.metadata.name for each in listed], ["py"])
    refused(409, "AlreadyExists", lambda: core.create_namespaced_config_map(NAMESPACE, config_map("py", {})))
    made.data = {"a": "2"}
    replaced = core.replace_namespaced_config_map("py", NAMESPACE, made)
    refused(409, "Conflict", lambda: core.replace_namespaced_config_map("py", NAMESPACE, made))
    equal(replaced.data, {"a": "2"})
    equal(core.patch_namespaced_config_map("py", NAMESPACE, {"data": {"b": "3"}}).data, {"a": "2", "b": "3"})
    steps = [{"op": "test", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data/a"}]
    equal(core.patch_namespaced_config_map("py", NAMESPACE, steps).data, {"b": "3"})
    equal(core.delete_namespaced_config_map("py", NAMESPACE).status, "Success")
    refused(404, "NotFound", lambda: core.read_namespaced_config_map("py", NAMESPACE))


def watches():
    """A watch tells what happens after the list, and a version that is gone is told as such."""
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    seen = []

    def look():
        watcher = watch.Watch()
        for event in watcher.stream(
            core.list_namespaced_config_map,
            NAMESPACE,
            resource_version=version,
            label_selector="of=seen",
            timeout_seconds=SECONDS_MAX,
        ):
            seen.append(event["type"])
            if event["type"] == "DELETED":
                return

    thread = threading.Thread(target=look)
    thread.start()
    core.create_namespaced_config_map(NAMESPACE, config_map("seen", {}))
    core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"b": "3"}})
    core.delete_namespaced_config_map("seen", NAMESPACE)
    thread.join(SECONDS_MAX)
    equal(seen, ["ADDED", "MODIFIED", "DELETED"])


def manifests():
    """A manifest of several objects is created from its file, and a second time told to be there."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "manifest"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "manifest"}},
            "template": {
                "metadata": {"labels": {"app": "manifest"}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "main", "image": IMAGE, "command": ["sleep", "1000"]}],
                },
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "manifest"},
        "spec": {"selector": {"app": "manifest"}, "ports": [{"port": 80}]},
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all([deployment, service], file)
        file.flush()
        utils.create_from_yaml(api, file.name, namespace=NAMESPACE)
        try:
            utils.create_from_yaml(api, file.name, namespace=NAMESPACE)
            raise AssertionError("made twice")
        except utils.FailToCreateError as error:
            equal([each.status for each in error.api_exceptions], [409, 409])
    until(apps.list_namespaced_deployment, "manifest", lambda event: event["object"].status.ready_replicas == 1)
    scale = apps.read_namespaced_deployment_scale("manifest", NAMESPACE)
    equal(scale.spec.replicas, 1)
    equal(apps.patch_namespaced_deployment_scale("manifest", NAMESPACE, {"spec": {"replicas": 2}}).spec.replicas, 2)
    until(apps.list_namespaced_deployment, "manifest", lambda event: event["object"].status.ready_replicas == 2)
    apps.delete_namespaced_deployment("manifest", NAMESPACE, propagation_policy="Foreground")
    until(apps.list_namespaced_deployment, "manifest", lambda event: event["type"] == "DELETED")
    core.delete_namespaced_service("manifest", NAMESPACE)


def apply():
    """The dynamic client applies on the server's side; another manager meets a conflict, and may force it."""
    maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")

    def applied(value, manager, force=False):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": value}}
        # This client has no force of its own yet.
        query = [("fieldManager", manager)] + ([("force", "true")] if force else [])
        return maps.patch(
            body=yaml.safe_dump(body),
            namespace=NAMESPACE,
            name="applied",
            content_type="application/apply-patch+yaml",
            query_params=query,
        )

    equal(applied("1", "one").data.a, "1")
    try:
        applied("2", "two")
        raise AssertionError("no conflict")
    except ApiException as error:
        equal(error.status, 409)
    equal(applied("2", "two", force=True).data.a, "2")
    core.delete_namespaced_config_map("applied", NAMESPACE)


def streams():
    """A pod's log is read and followed, and a command runs in it with its input, output and exit code."""
    core.create_namespaced_pod(NAMESPACE, pod("streams", ["sh", "-c", "echo one; echo two; exec sleep 1000"]))
    until(core.list_namespaced_pod, "streams", ready)
    # First followed: the pod is ready when its container runs, which may not have said anything yet.
    followed = watch.Watch().stream(core.read_namespaced_pod_log, "streams", NAMESPACE)
    equal([next(followed), next(followed)], ["one", "two"])
    equal(core.read_namespaced_pod_log("streams", NAMESPACE), "one\ntwo\n")
    equal(core.read_namespaced_pod_log("streams", NAMESPACE, tail_lines=1), "two\n")
    connect = core.connect_get_namespaced_pod_exec
    equal(stream(connect, "streams", NAMESPACE, command=["echo", "said"], stdout=True, stderr=True), "said\n")
    shell = stream(
        connect, "streams", NAMESPACE, command=["sh"], stdin=True, stdout=True, stderr=True, _preload_content=False
    )
    shell.write_stdin("echo typed; echo wrong >&2; exit 3\n")
    shell.run_forever(timeout=SECONDS_MAX)
    equal(shell.read_stdout(), "typed\n")
    equal(shell.read_stderr(), "wrong\n")
    equal(shell.returncode, 3)
    core.delete_namespaced_pod("streams", NAMESPACE)


def custom_resources():
    """A kind of one's own is defined, discovered and used like any other, and goes with its definition."""
    extensions = client.ApiextensionsV1Api(api)
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}, "required": ["size"]}
        },
    }
    extensions.create_custom_resource_definition(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "gears.python.example.com"},
            "spec": {
                "group": "python.example.com",
                "scope": "Namespaced",
                "names": {"plural": "gears", "singular": "gear", "kind": "Gear"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
                ],
            },
        }
    )
    watcher = watch.Watch()
    for event in watcher.stream(extensions.list_custom_resource_definition, timeout_seconds=SECONDS_MAX):
        conditions = event["object"].status.conditions or []
        if any(each.type == "Established" and each.status == "True" for each in conditions):
            watcher.stop()
    customs = client.CustomObjectsApi(api)
    place = ("python.example.com", "v1", NAMESPACE, "gears")

    def gear(size):
        kind = {"apiVersion": "python.example.com/v1", "kind": "Gear"}
        return {**kind, "metadata": {"name": "big"}, "spec": {"size": size}}

    refused(422, "Invalid", lambda: customs.create_namespaced_custom_object(*place, gear(0)))
    customs.create_namespaced_custom_object(*place, gear(4))
    equal(customs.get_namespaced_custom_object(*place, "big")["spec"], {"size": 4})
    customs.patch_namespaced_custom_object(*place, "big", {"spec": {"size": 5}})
    gears = dynamic.DynamicClient(api).resources.get(api_version="python.example.com/v1", kind="Gear")
    equal([each.spec.size for each in gears.get(namespace=NAMESPACE).items], [5])
    extensions.delete_custom_resource_definition("gears.python.example.com")
    for event in watch.Watch().stream(extensions.list_custom_resource_definition, timeout_seconds=SECONDS_MAX):
        if event["type"] == "DELETED":
            break
    try:
        gears.get(namespace=NAMESPACE)
        raise AssertionError("still there")
    except NotFoundError:
        pass


def certificates():
    """A client asks for a certificate, gets it once that is approved, and is who it says."""
    with tempfile.TemporaryDirectory() as folder:
        key, request = f"{folder}/key.pem", f"{folder}/request.pem"
        command = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request]
        subprocess.run([*command, "-subj", "/O=pythons/CN=monty"], check=True, capture_output=True)
        with open(request, "rb") as file:
            encoded = base64.b64encode(file.read()).decode()
        signing = client.CertificatesV1Api(api)
        spec = client.V1CertificateSigningRequestSpec(
            request=encoded, signer_name="kubernetes.io/kube-apiserver-client", usages=["client auth"]
        )
        metadata = client.V1ObjectMeta(name="monty")
        asked = signing.create_certificate_signing_request(
            client.V1CertificateSigningRequest(metadata=metadata, spec=spec)
        )
        asked.status.conditions = [
            client.V1CertificateSigningRequestCondition(
                type="Approved", status="True", reason="Tested", message="by the test"
            )
        ]
        signing.replace_certificate_signing_request_approval("monty", asked)
        watcher = watch.Watch()
        for event in watcher.stream(
            signing.list_certificate_signing_request,
            field_selector="metadata.name=monty",
            timeout_seconds=SECONDS_MAX,
        ):
            if event["object"].status.certificate:
                certificate = base64.b64decode(event["object"].status.certificate)
                watcher.stop()
        own = client.Configuration()
        own.host, own.ssl_ca_cert = api.configuration.host, api.configuration.ssl_ca_cert
        own.cert_file, own.key_file = f"{folder}/certificate.pem", key
        with open(own.cert_file, "wb") as file:
            file.write(certificate)
        monty = client.ApiClient(own)
        review = client.AuthorizationV1Api(monty).create_self_subject_access_review(
            {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": NAMESPACE}}}
        )
        equal(review.status.allowed, False)
        rbac = client.RbacAuthorizationV1Api(api)
        rbac.create_namespaced_role_binding(
            NAMESPACE,
            {
                "metadata": {"name": "pythons"},
                "subjects": [{"kind": "Group", "name": "pythons", "apiGroup": "rbac.authorization.k8s.io"}],
                "roleRef": {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"},
            },
        )
        client.CoreV1Api(monty).list_namespaced_pod(NAMESPACE)
        refused(403, "Forbidden", lambda: client.CoreV1Api(monty).list_namespaced_secret(NAMESPACE))
        rbac.delete_namespaced_role_binding("pythons", NAMESPACE)
        signing.delete_certificate_signing_request("monty")


SCENARIOS = [objects, watches, manifests, apply, streams, custom_resources, certificates]
{each.__name__: each for each in SCENARIOS}[sys.argv[1]]()
