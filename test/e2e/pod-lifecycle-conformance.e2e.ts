// How containers start, are probed, are asked and end: the node behaviours of Kubernetes' conformance suite.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, type TestCluster } from "./cluster.ts";
import { apply, busybox, clusterWithBusybox, onePod } from "./pod-cases.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await clusterWithBusybox("pods-live");
  // Containers are started again after ten seconds and more: they all wait at the same time.
  await apply(cluster, ...restarted(), ...probedPods());
});
after(() => cluster.remove());

/** Resolves when a pod's first container has been started again so many times. */
const restarts = (name: string, count: number) =>
  cluster.shows(
    `${name} was started again ${count} times`,
    ["pod", name, "-o", 'jsonpath={.status.containerStatuses[0].restartCount}{"\\n"}'],
    (line) => Number(line) >= count,
  );
/** What `kubectl get` says of a pod's first container. */
const ofContainer = (name: string, path: string) =>
  cluster.kubectl("get", "pod", name, "-o", `jsonpath={.status.containerStatuses[0]${path}}`);
const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const messages: readonly { shows: string; command: string; code: string; message: string; container: object }[] = [
  {
    shows: "Container Runtime, TerminationMessage, from container's log output of failing container",
    command: "echo -n DONE; exit 1",
    code: "1",
    message: "DONE",
    container: { terminationMessagePolicy: "FallbackToLogsOnError" },
  },
  {
    shows: "Container Runtime, TerminationMessage, from log output of succeeding container",
    command: "echo -n DONE",
    code: "0",
    message: "",
    container: { terminationMessagePolicy: "FallbackToLogsOnError" },
  },
  {
    shows: "Container Runtime, TerminationMessage, from file of succeeding container",
    command: "echo -n OK > /dev/termination-log; echo -n DONE",
    code: "0",
    message: "OK",
    container: { terminationMessagePolicy: "FallbackToLogsOnError" },
  },
  {
    shows: "Container Runtime, TerminationMessagePath, non-root user and non-default path",
    command: "echo -n DONE > /dev/termination-custom-log",
    code: "0",
    message: "DONE",
    container: { terminationMessagePath: "/dev/termination-custom-log", securityContext: { runAsUser: 1000 } },
  },
];
for (const [index, { shows, command, code, message, container }] of messages.entries()) {
  test(`${shows}: the status has ${message ? `"${message}"` : "none"}`, async () => {
    const name = `message-${index}`;
    await apply(cluster, onePod(name, { command, container }));
    await cluster.becomes(`pod/${name}`, ".status.containerStatuses[0].state.terminated.exitCode", code);
    assert.equal(await ofContainer(name, ".state.terminated.message"), message);
  });
}

/** A pod for each restart policy. */
function restarted(): readonly object[] {
  // Fails once, and ends well the second time; what it counts by is on the node.
  const failsOnce = "f=/count/$NAME; echo x >> $f; [ $(wc -l < $f) -gt 1 ]";
  const volumes = [{ name: "count", hostPath: { path: join(cluster.directory, "count"), type: "DirectoryOrCreate" } }];
  const container = {
    env: [fromField("NAME", "metadata.name")],
    volumeMounts: [{ name: "count", mountPath: "/count" }],
  };
  return ["Always", "OnFailure", "Never"].map((restartPolicy) =>
    onePod(restartPolicy.toLowerCase(), { command: failsOnce, container, spec: { restartPolicy, volumes } }),
  );
}

test("Container Runtime, Restart Policy, Pod Phases: who is started again, how often, and what becomes of the pod", async () => {
  await cluster.becomes("pod/never", ".status.phase", "Failed");
  await cluster.becomes("pod/onfailure", ".status.phase", "Succeeded");
  await restarts("always", 2);
  assert.equal(await cluster.kubectl("get", "pod", "always", "-o", "jsonpath={.status.phase}"), "Running");
  assert.deepEqual(
    [await ofContainer("onfailure", ".restartCount"), await ofContainer("never", ".restartCount")],
    ["1", "0"],
  );
});

const soon = { periodSeconds: 1, failureThreshold: 1 };
const serving = {
  image: busybox,
  command: ["sh", "-c", "mkdir /www; echo ok > /www/healthz; exec httpd -f -p 8080 -h /www"],
};
/** A pod with a liveness probe, which stays unless the probe ends it. */
const probed = (name: string, livenessProbe: object, container: object = {}) =>
  onePod(name, {
    command: "exec sleep 600",
    container: { livenessProbe: { ...soon, ...livenessProbe }, ...container },
    spec: { restartPolicy: "Always" },
  });

function probedPods(): readonly object[] {
  const command = ["sh", "-c", "echo ok > /tmp/health; sleep 2; rm /tmp/health; exec sleep 600"];
  return [
    probed("live-file", { exec: { command: ["cat", "/tmp/health"] }, initialDelaySeconds: 1 }, { command }),
    probed("live-grpc", { grpc: { port: 2333 } }, serving),
    probed("live-http", { httpGet: { path: "/healthz", port: 8080 }, failureThreshold: 3 }, serving),
    // The server listens a moment after its container has started.
    probed("live-tcp", { tcpSocket: { port: 8080 }, failureThreshold: 3, initialDelaySeconds: 8 }, serving),
    probed("dead-http", { httpGet: { path: "/gone", port: 8080 }, initialDelaySeconds: 1 }, serving),
  ];
}

test("Pod liveness probe, using local file, restart: the container is started again when the file is gone", async () => {
  await restarts("live-file", 1);
});

test("Pod liveness probe, using grpc call, failure: the container is started again when nobody answers there", async () => {
  await restarts("live-grpc", 1);
});

test("Pod liveness probe, using http endpoint, failure: of two only the one whose path is not there is started again", async () => {
  await restarts("dead-http", 2);
  assert.equal(await ofContainer("live-http", ".restartCount"), "0");
});

test("Pod liveness probe, using tcp socket, no restart: the socket is open, whatever is answered there", async () => {
  await cluster.kubectl("exec", "live-tcp", "--", "rm", "/www/healthz");
  const probes = () =>
    cluster.kubectl("get", "events", "--field-selector=involvedObject.name=live-tcp,reason=Unhealthy");
  assert.match(await probes(), /No resources found|^$/);
  assert.equal(await ofContainer("live-tcp", ".restartCount"), "0");
});

test("Pod readiness probe, failure: the pod is never ready and never started again", async () => {
  const readinessProbe = { ...soon, exec: { command: ["/bin/false"] } };
  await apply(cluster, onePod("unready", { command: "exec sleep 600", container: { readinessProbe } }));
  const events = ["get", "events", "--field-selector=involvedObject.name=unready,reason=Unhealthy", "-o", "name"];
  await eventually("the probe failed", async () => (await cluster.kubectl(...events)) !== "");
  assert.deepEqual(
    [await ofContainer("unready", ".ready"), await ofContainer("unready", ".restartCount")],
    ["false", "0"],
  );
});

test("hooks reach a server: post start exec and http, prestop exec and http", async (t) => {
  const server = {
    command: [
      "sh",
      "-c",
      "mkdir /www; cd /www; touch post-exec post-http pre-exec pre-http; exec httpd -f -vvv -p 8080",
    ],
    // A hook that finds nobody listening ends its container.
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  };
  await apply(cluster, onePod("hook-server", { command: "", container: server }));
  await cluster.podReady("hook-server");
  const host = await cluster.kubectl("get", "pod", "hook-server", "-o", "jsonpath={.status.podIP}");
  const get = (path: string) => ({ httpGet: { host, port: 8080, path: `/${path}` } });
  const fetch = (path: string) => ({
    exec: { command: ["wget", "-q", "-O", "/dev/null", `http://${host}:8080/${path}`] },
  });
  const staying = (name: string, lifecycle: object) =>
    onePod(name, { command: "exec sleep 600", container: { lifecycle } });
  const asked = async (path: string) => {
    await eventually(`${path} was asked for`, async () =>
      (await cluster.kubectl("logs", "hook-server")).includes(path),
    );
  };
  await apply(
    cluster,
    staying("hook-exec", { postStart: fetch("post-exec"), preStop: fetch("pre-exec") }),
    staying("hook-http", { postStart: get("post-http"), preStop: get("pre-http") }),
  );
  await cluster.podReady("hook-exec");
  await cluster.podReady("hook-http");
  await t.test("Pod Lifecycle, post start exec hook", () => asked("post-exec"));
  await t.test("Pod Lifecycle, post start http hook", () => asked("post-http"));
  await cluster.kubectl("delete", "pod", "hook-exec", "hook-http", "--timeout=60s");
  await t.test("Pods, prestop hook", () => asked("pre-exec"));
  await t.test("Pod Lifecycle, prestop http hook", () => asked("pre-http"));
});

test("Pods, assigned hostip: the status has the node's address", async () => {
  await apply(cluster, onePod("addressed", { command: "exec sleep 600" }));
  await cluster.podReady("addressed");
  const node = await cluster.kubectl(
    ...["get", "nodes", "-o", 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'],
  );
  assert.equal(await cluster.kubectl("get", "pod", "addressed", "-o", "jsonpath={.status.hostIP}"), node);
});

test("Pods, patching status: what is patched is there, and the node takes no offence", async () => {
  const condition = { type: "example.com/Gate", status: "True", reason: "Patched" };
  const patch = JSON.stringify({ status: { conditions: [condition] } });
  await cluster.kubectl("patch", "pod", "addressed", "--subresource=status", "-p", patch);
  await cluster.becomes("pod/addressed", '.status.conditions[?(@.type=="example.com/Gate")].reason', "Patched");
  await cluster.podReady("addressed");
});

test("Pods, ActiveDeadlineSeconds: an update that sets it ends the pod in time", async () => {
  await apply(cluster, onePod("deadline", { command: "exec sleep 600", metadata: { labels: { time: "short" } } }));
  await cluster.podReady("deadline");
  assert.match(await cluster.kubectl("get", "pods", "-l", "time=short", "-o", "name"), /pod\/deadline/);
  await cluster.kubectl("patch", "pod", "deadline", "-p", '{"spec":{"activeDeadlineSeconds":1}}');
  await cluster.becomes("pod/deadline", ".status.reason", "DeadlineExceeded");
});

test("Pods, delete a collection: those with the label go, and no others", async () => {
  const names = ["one", "two", "three"];
  const pod = (name: string) =>
    onePod(name, { command: "exec sleep 600", metadata: { labels: { type: "collection" } } });
  await apply(cluster, ...names.map(pod));
  await cluster.kubectl("delete", "pods", "-l", "type=collection", "--timeout=60s");
  assert.equal(await cluster.kubectl("get", "pods", "-l", "type=collection", "-o", "name"), "");
  await cluster.podReady("addressed");
});
