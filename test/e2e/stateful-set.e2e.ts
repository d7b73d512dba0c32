// The tutorial "StatefulSet Basics" as far as it goes without volumes, and a DaemonSet, with kubectl on real containers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const nginx = "docker.io/library/nginx:1.22";
const busybox = "docker.io/library/busybox:1.35";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("stateful");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(nginx, busybox)]);
});
after(() => cluster.remove());

const manifest = `apiVersion: v1
kind: Service
metadata: { name: nginx, labels: { app: nginx } }
spec:
  ports: [{ port: 80, name: web }]
  clusterIP: None
  selector: { app: nginx }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: web }
spec:
  serviceName: nginx
  replicas: 2
  selector: { matchLabels: { app: nginx } }
  template:
    metadata: { labels: { app: nginx } }
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - { name: nginx, image: "${nginx}", ports: [{ containerPort: 80, name: web }] }
`;

const rolledOut = (name: string) => cluster.kubectl("rollout", "status", name, "--timeout=60s");
const fieldsOf = async (app: string, path: string) => {
  const text = await cluster.kubectl("get", "pods", "-l", `app=${app}`, "-o", `jsonpath={.items[*]${path}}`);
  return text.split(" ").filter(Boolean);
};
/** The values of VERSION in the pods' first containers, by name. */
const versions = async (app: string) =>
  Object.fromEntries(
    (
      await cluster.kubectl(
        "get",
        "pods",
        "-l",
        `app=${app}`,
        "-o",
        'jsonpath={range .items[*]}{.metadata.name}={.spec.containers[0].env[0].value}{"\\n"}{end}',
      )
    )
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("=")),
  );
const addressOf = (name: string) => cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}");

/** The names of the pods in the order in which the first event of each kind tells of them. */
async function order(reason: string): Promise<string[]> {
  const messages = await cluster.kubectl(
    "get",
    "events",
    "--sort-by=.metadata.resourceVersion",
    `--field-selector=involvedObject.kind=StatefulSet,reason=${reason}`,
    "-o",
    'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
  );
  return [...messages.matchAll(/ Pod (web-\d) /g)].map(([, name]) => name ?? "");
}

test("a StatefulSet creates its pods in order, each with its host name", async () => {
  await cluster.apply(manifest);
  await rolledOut("statefulset/web");
  await eventually("events tell the order", async () => {
    assert.deepEqual(await order("SuccessfulCreate"), ["web-0", "web-1"]);
    return true;
  });
  for (const name of ["web-0", "web-1"]) {
    assert.equal((await cluster.kubectl("exec", name, "--", "cat", "/etc/hostname")).trim(), name);
  }
  assert.match(await cluster.kubectl("get", "statefulset", "web"), /^web +2\/2 /m);
});

test("each pod has a name in the cluster's DNS, which leads to its next address when it is deleted", async () => {
  const script = "for i in 0 1; do nslookup web-$i.nginx.default.svc.cluster.local; done";
  const look = async (pod: string) => {
    await cluster.kubectl("run", pod, `--image=${busybox}`, "--restart=Never", "--", "sh", "-c", script);
    await cluster.becomes(`pod/${pod}`, ".status.phase", "Succeeded");
    return await cluster.kubectl("logs", pod);
  };
  const before = [await addressOf("web-0"), await addressOf("web-1")];
  const found = await look("first-look");
  for (const address of before) assert.ok(found.includes(address), found);
  const deleted = await fieldsOf("nginx", ".metadata.uid");
  await cluster.kubectl("delete", "pod", "-l", "app=nginx");
  // The status may still tell of those that are gone.
  await eventually("two others are ready", async () => {
    const uids = await fieldsOf("nginx", ".metadata.uid");
    const ready = await fieldsOf("nginx", '.status.conditions[?(@.type=="Ready")].status');
    return uids.every((uid) => !deleted.includes(uid)) && ready.join() === "True,True";
  });
  const after = [await addressOf("web-0"), await addressOf("web-1")];
  await eventually("the names lead to the new addresses", async () => {
    const now = await look(`look-${performance.now().toFixed()}`);
    return after.every((address) => now.includes(address));
  });
});

test("scaling up adds the next ordinals, and scaling down removes the highest first", async () => {
  await cluster.kubectl("scale", "sts", "web", "--replicas=4");
  await rolledOut("statefulset/web");
  await cluster.becomes("statefulset/web", ".status.readyReplicas", "4");
  assert.deepEqual(await fieldsOf("nginx", ".metadata.name"), ["web-0", "web-1", "web-2", "web-3"]);
  await cluster.kubectl("patch", "sts", "web", "-p", '{"spec":{"replicas":2}}');
  await eventually("two pods are left", async () => (await fieldsOf("nginx", ".metadata.name")).length === 2);
  await eventually("events tell the order", async () => {
    assert.deepEqual(await order("SuccessfulDelete"), ["web-3", "web-2"]);
    return true;
  });
});

test("a rolling update goes from the highest ordinal down to the partition, and can be undone", async () => {
  const partition = (value: number) =>
    cluster.kubectl(
      "patch",
      "sts",
      "web",
      "-p",
      `{"spec":{"updateStrategy":{"rollingUpdate":{"partition":${value}}}}}`,
    );
  await partition(1);
  await cluster.kubectl("set", "env", "sts/web", "VERSION=2");
  assert.match(await rolledOut("statefulset/web"), /partitioned roll out complete: 1 new pods have been updated/);
  assert.deepEqual(await versions("nginx"), { "web-0": "", "web-1": "2" });
  await partition(0);
  assert.match(await rolledOut("statefulset/web"), /rolling update complete 2 pods|2 new pods have been updated/);
  assert.deepEqual(await versions("nginx"), { "web-0": "2", "web-1": "2" });
  await cluster.kubectl("rollout", "undo", "sts/web");
  await rolledOut("statefulset/web");
  assert.deepEqual(await versions("nginx"), { "web-0": "", "web-1": "" });
});

test("a StatefulSet leaves its pods when it is deleted as an orphan, and takes them back when it returns", async () => {
  const uids = () => fieldsOf("nginx", ".metadata.uid");
  const before = await uids();
  await cluster.kubectl("delete", "statefulset", "web", "--cascade=orphan");
  assert.deepEqual(await uids(), before);
  await cluster.apply(manifest);
  await rolledOut("statefulset/web");
  assert.deepEqual(await uids(), before);
  await cluster.kubectl("delete", "statefulset", "web");
  await eventually("the pods are gone", async () => (await uids()).length === 0);
});

test("DaemonSet-Creation, DaemonSet-Rollback: a pod on the node, another when it is deleted, an update and back", async () => {
  await cluster.apply(`apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  selector: { matchLabels: { app: agent } }
  template:
    metadata: { labels: { app: agent } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: agent, image: "${busybox}", command: ["sleep", "3600"] }]
`);
  await rolledOut("daemonset/agent");
  const [first] = await fieldsOf("agent", ".metadata.name");
  await cluster.kubectl("delete", "pod", first ?? "");
  await rolledOut("daemonset/agent");
  await eventually("another pod runs", async () => {
    const [next, ...others] = await fieldsOf("agent", ".metadata.name");
    return next !== undefined && next !== first && others.length === 0;
  });
  await rolledOut("daemonset/agent");
  await cluster.kubectl("set", "env", "ds/agent", "VERSION=2");
  await rolledOut("daemonset/agent");
  assert.deepEqual(Object.values(await versions("agent")), ["2"]);
  await cluster.kubectl("rollout", "undo", "ds/agent");
  await rolledOut("daemonset/agent");
  assert.deepEqual(Object.values(await versions("agent")), [""]);
  assert.match(await cluster.kubectl("get", "daemonset", "agent"), /^agent +1 +1 +1 +1 +1 /m);
});
