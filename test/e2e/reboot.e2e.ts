// A machine that loses its power and boots again: what was promised is there, what was of the moment is gone.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "../../src/api/index.ts";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
const nodePort = "http://198.51.100.10:30090/";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("reboot");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
});
after(() => cluster.remove());

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: ${image}
          command: ["sh", "-c", "echo served > index.html && exec httpd -f -p 80"]
          workingDir: /www
          volumeMounts: [{ name: www, mountPath: /www }]
      volumes: [{ name: www, emptyDir: {} }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ port: 80, nodePort: 30090 }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: words }
data: { word: configured }
---
apiVersion: v1
kind: Pod
metadata: { name: keeper }
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
    - name: count
      image: ${image}
      command: ["sh", "-c", "echo begun >> /disk/beginnings; echo begun >> /memory/beginnings"]
      volumeMounts: [{ name: disk, mountPath: /disk }, { name: memory, mountPath: /memory }]
  containers:
    - name: main
      image: ${image}
      command: ["sleep", "86400"]
      volumeMounts:
        - { name: disk, mountPath: /disk }
        - { name: memory, mountPath: /memory }
        - { name: words, mountPath: /words }
  volumes:
    - { name: disk, emptyDir: {} }
    - { name: memory, emptyDir: { medium: Memory } }
    - { name: words, configMap: { name: words } }
---
apiVersion: v1
kind: Pod
metadata: { name: once }
spec:
  restartPolicy: Never
  containers: [{ name: main, image: ${image}, command: ["sleep", "86400"] }]
---
apiVersion: v1
kind: Pod
metadata: { name: done }
spec:
  restartPolicy: Never
  containers: [{ name: main, image: ${image}, command: ["true"] }]
---
apiVersion: v1
kind: Pod
metadata: { name: going }
spec:
  terminationGracePeriodSeconds: 3600
  containers: [{ name: main, image: ${image}, command: ["sleep", "86400"] }]
`;

const pods = async () => (await cluster.json<{ items: Pod[] }>("get", "pods")).items;
const podNamed = async (name: string) => cluster.json<Pod>("get", "pod", name);
const restarts = (pod: Pod) => pod.status.containerStatuses?.[0]?.restartCount;
const listed = (path: string) => readdirSync(join(cluster.dataDirectory, path));

/** Twice, for what the first boot leaves behind. */
for (const boot of [1, 2]) {
  test(`boot ${boot}: a cluster with pods loses its machine's power`, async () => {
    if (boot === 1) await cluster.apply(manifests);
    else await cluster.apply(manifests.slice(manifests.lastIndexOf("---")));
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/keeper", "pod/going", "--timeout=60s");
    await cluster.becomes("pod/done", ".status.phase", "Succeeded");
    if (boot === 1) await cluster.kubectl("wait", "--for=condition=Ready", "pod/once", "--timeout=60s");
    await eventually("the service serves", async () => (await cluster.get(nodePort)) === "served\n");
    // Its machine goes while it is asked to end.
    await cluster.kubectl("delete", "pod", "going", "--wait=false");
    await cluster.cutPower();
    assert.equal((await cluster.roderOutcome(["status"])).code, 0);
    assert.match(await cluster.up(), /is up/);
  });

  test(`boot ${boot}: objects, pods and services are back`, async () => {
    await eventually("both replicas run again", async () => {
      const web = (await pods()).filter((pod) => pod.metadata.labels?.app === "web");
      return web.length === 2 && web.every((pod) => restarts(pod) === boot && pod.status.phase === "Running");
    });
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await eventually("the node port serves", async () => (await cluster.get(nodePort)) === "served\n");
    const service = await cluster.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}");
    // One of the two pods may answer before the other does, and a status of before the boot is no news.
    await eventually("the service serves", async () => (await cluster.get(`http://${service}/`)) === "served\n");
    await cluster.becomes("pod/keeper", ".status.containerStatuses[0].restartCount", String(boot));
    await eventually(
      "the service's name leads to it",
      async () =>
        (await cluster.kubectl("exec", "keeper", "--", "wget", "-q", "-O", "-", "http://web.default")) === "served\n",
    );
  });

  test(`boot ${boot}: a pod keeps its files, and loses what was in memory`, async () => {
    await cluster.becomes("pod/keeper", ".status.containerStatuses[0].restartCount", String(boot));
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s");
    const read = (file: string) => cluster.kubectl("exec", "keeper", "-c", "main", "--", "cat", file);
    assert.equal(await read("/disk/beginnings"), "begun\n".repeat(boot + 1));
    assert.equal(await read("/memory/beginnings"), "begun\n");
    assert.equal(await read("/words/word"), "configured");
    const keeper = await podNamed("keeper");
    assert.equal(restarts(keeper), boot);
    assert.equal(keeper.status.initContainerStatuses?.[0]?.restartCount, boot);
    assert.equal(keeper.status.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 255);
  });

  test(`boot ${boot}: a pod that may not restart has failed, one that was done is left alone`, async () => {
    await cluster.becomes("pod/once", ".status.phase", "Failed");
    const terminated = (await podNamed("once")).status.containerStatuses?.[0]?.state?.terminated;
    assert.equal(terminated?.exitCode, 255);
    assert.equal((await podNamed("done")).status.phase, "Succeeded");
    assert.equal(restarts(await podNamed("done")), 0);
  });

  test(`boot ${boot}: a pod that was being deleted is gone`, async () => {
    await eventually(
      "the pod is gone",
      async () => (await cluster.kubectl("get", "pod", "going", "--ignore-not-found")) === "",
    );
  });

  test(`boot ${boot}: nothing of before the boot is left over`, async () => {
    // What a pod had is taken away in the background once its sandbox has ended.
    await eventually("only what belongs to pods is there", async () => {
      const all = await pods();
      const running = all.filter((pod) => pod.status.phase === "Running");
      const reserved = listed("cni/networks/roder").filter((name) => /^[\d.]+$/.test(name));
      assert.deepEqual(reserved.sort(), running.map((pod) => pod.status.podIP!).sort());
      const links = JSON.parse(await cluster.inside("ip", ["-json", "link", "show", "type", "veth"])) as unknown[];
      assert.equal(links.length, running.length, "one interface for each pod");
      const uids = all.map((pod) => pod.metadata.uid).sort();
      assert.deepEqual(listed("agent/pods").sort(), uids);
      const logs = listed("agent/logs").map((name) => name.split("_").at(-1));
      assert.deepEqual(logs.sort(), uids);
      return true;
    });
  });
}
