// Persistent volumes as the tutorials use them: a claim without a word about storage, and a StatefulSet with claims.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { succeed } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("claims");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
});
after(() => cluster.remove());

const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
`;
/** A pod that runs a command as a user who is not root, with the claim at /data. */
const pod = (name: string, command: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  securityContext: { runAsUser: 1000 }
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
  containers:
    - name: main
      image: ${image}
      command: ["sh", "-c", ${JSON.stringify(command)}]
      volumeMounts: [{ name: data, mountPath: /data }]
`;
const path = (what: string, jsonpath: string) =>
  cluster.kubectl("get", ...what.split(" "), "-o", `jsonpath={${jsonpath}}`);
const finished = (name: string) => cluster.becomes(`pod/${name}`, ".status.phase", "Succeeded");

test("the default class makes a volume for the first pod; its files outlive pods and restarts, and go with the claim", async () => {
  assert.match(await cluster.kubectl("get", "storageclass"), /standard \(default\) +roder\.io\/local-path/);
  await cluster.apply(claim);
  await eventually("the claim waits for a pod", async () =>
    /WaitForFirstConsumer/.test(await cluster.kubectl("describe", "pvc", "data")),
  );
  await cluster.apply(pod("writer", "echo kept > /data/file"));
  await finished("writer");
  assert.equal(await path("pvc data", ".status.phase"), "Bound");
  const volume = await path("pvc data", ".spec.volumeName");
  const directory = await path(`pv ${volume}`, ".spec.local.path");
  assert.ok(directory.startsWith(join(cluster.dataDirectory, "agent")));
  assert.equal(readFileSync(join(directory, "file"), "utf8"), "kept\n");
  assert.equal(statSync(directory).mode & 0o777, 0o777);

  await cluster.kubectl("delete", "pod", "writer");
  await cluster.roder(["down"]);
  await cluster.up();
  await cluster.apply(pod("reader", "cat /data/file"));
  await finished("reader");
  assert.equal(await cluster.kubectl("logs", "reader"), "kept\n");

  await cluster.kubectl("patch", "pvc", "data", "-p", '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}');
  await cluster.becomes("pvc/data", ".status.capacity.storage", "2Gi");

  await cluster.kubectl("delete", "pvc", "data", "--wait=false");
  assert.match(await cluster.kubectl("get", "pvc", "data"), /Terminating/);
  await cluster.kubectl("delete", "pod", "reader");
  await eventually("the directory is gone", async () => !existsSync(directory));
  await eventually("the volume is gone", async () => (await cluster.kubectl("get", "pv", "-o", "name")) === "");
});

test("a StatefulSet gives each pod a volume of its own, which the pod finds again", async () => {
  await cluster.apply(`apiVersion: apps/v1
kind: StatefulSet
metadata: { name: web }
spec:
  serviceName: web
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: ${image}
          command: ["sh", "-c", "hostname >> /data/names; exec sleep 1000"]
          volumeMounts: [{ name: www, mountPath: /data }]
  volumeClaimTemplates:
    - metadata: { name: www }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 1Gi } }
`);
  await cluster.becomes("statefulset/web", ".status.readyReplicas", "2");
  await cluster.kubectl("delete", "pod", "web-1");
  await cluster.becomes("statefulset/web", ".status.readyReplicas", "2");
  await eventually("the second pod has written again", async () => {
    const names = await cluster.kubectl("exec", "web-1", "--", "cat", "/data/names");
    return names === "web-1\nweb-1\n";
  });
  assert.equal(await cluster.kubectl("exec", "web-0", "--", "cat", "/data/names"), "web-0\n");
  assert.match(await cluster.kubectl("get", "pvc"), /www-web-0 +Bound[\s\S]*www-web-1 +Bound/);
  await cluster.kubectl("delete", "statefulset", "web");
  await cluster.kubectl("delete", "pvc", "www-web-0", "www-web-1");
  await eventually("the volumes are gone", async () => (await cluster.kubectl("get", "pv", "-o", "name")) === "");
});

test("an ephemeral volume comes and goes with its pod", async () => {
  await cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: scratch }
spec:
  restartPolicy: Never
  volumes:
    - name: work
      ephemeral:
        volumeClaimTemplate:
          spec:
            accessModes: [ReadWriteOnce]
            resources: { requests: { storage: 1Gi } }
  containers:
    - { name: main, image: ${image}, command: ["sh", "-c", "echo hello > /work/file && cat /work/file"], volumeMounts: [{ name: work, mountPath: /work }] }
`);
  await finished("scratch");
  assert.equal(await cluster.kubectl("logs", "scratch"), "hello\n");
  assert.match(await cluster.kubectl("get", "pvc", "scratch-work"), /Bound/);
  await cluster.kubectl("delete", "pod", "scratch");
  await eventually("claim and volume are gone", async () => {
    return (await cluster.kubectl("get", "pvc,pv", "-o", "name")) === "";
  });
});

test("a local volume on a device is passed to the container as it is, or formatted once and mounted", async () => {
  const devices: string[] = [];
  const makeDevice = async (name: string) => {
    const file = join(cluster.directory, name);
    writeFileSync(file, "");
    truncateSync(file, 16 * 2 ** 20);
    devices.push((await succeed("losetup", ["--find", "--show", file])).trim());
    return devices.at(-1);
  };
  const local = (name: string, device: string | undefined, mode: string) => `apiVersion: v1
kind: PersistentVolume
metadata: { name: ${name} }
spec:
  capacity: { storage: 16Mi }
  accessModes: [ReadWriteOnce]
  storageClassName: devices
  volumeMode: ${mode}
  local: { path: ${device} }
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: kubernetes.io/os, operator: Exists }] }] } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: devices
  volumeMode: ${mode}
  volumeName: ${name}
  resources: { requests: { storage: 16Mi } }
`;
  const user = (name: string, claimName: string, command: string, use: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Never
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${claimName} } }]
  containers: [{ name: main, image: "${image}", command: [sh, -c, ${JSON.stringify(command)}], ${use} }]
`;
  const mounted = "volumeMounts: [{ name: v, mountPath: /v }]";
  try {
    await cluster.apply(
      [
        local("raw", await makeDevice("raw"), "Block"),
        local("files", await makeDevice("files"), "Filesystem"),
        user(
          "raw",
          "raw",
          "test -b /dev/v && echo data > /dev/v && head -c 4 /dev/v",
          "volumeDevices: [{ name: v, devicePath: /dev/v }]",
        ),
        user("writes", "files", "df -T /v && echo kept > /v/file", mounted),
      ].join("---\n"),
    );
    await finished("raw");
    assert.equal(await cluster.kubectl("logs", "raw"), "data");
    await finished("writes");
    assert.match(await cluster.kubectl("logs", "writes"), / ext4 /);
    await cluster.apply(user("reads", "files", "cat /v/file", mounted));
    await finished("reads");
    assert.equal(await cluster.kubectl("logs", "reads"), "kept\n");
    await cluster.kubectl("delete", "pod", "raw", "writes", "reads");
  } finally {
    for (const device of devices) await succeed("losetup", ["--detach", device]);
  }
});

test("a pod's claim gets a device that its node has, and gives it back", async () => {
  const node = (await cluster.kubectl("get", "node", "-o", "name")).trim().replace("node/", "");
  await cluster.apply(`apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: { name: gpus }
spec: { selectors: [{ cel: { expression: 'device.attributes["gpu.example.com"].model == "t4"' } }] }
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: { name: gpus }
spec:
  driver: gpu.example.com
  nodeName: ${node}
  pool: { name: ${node}, generation: 1, resourceSliceCount: 1 }
  devices:
    - { name: gpu-0, attributes: { model: { string: k80 } } }
    - { name: gpu-1, attributes: { model: { string: t4 } } }
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: { name: gpu }
spec: { spec: { devices: { requests: [{ name: gpu, exactly: { deviceClassName: gpus } }] } } }
---
apiVersion: v1
kind: Pod
metadata: { name: training }
spec:
  terminationGracePeriodSeconds: 1
  resourceClaims: [{ name: gpu, resourceClaimTemplateName: gpu }]
  containers:
    - { name: main, image: ${image}, command: ["sleep", "1000"], resources: { claims: [{ name: gpu }] } }
`);
  await cluster.becomes("pod/training", ".spec.nodeName", node);
  const results = "{.items[0].status.allocation.devices.results[0].device}";
  assert.equal(await cluster.kubectl("get", "resourceclaim", "-o", `jsonpath=${results}`), "gpu-1");
  assert.match(await cluster.kubectl("get", "resourceclaim"), /training-gpu-\w+ +allocated,reserved/);
  await cluster.kubectl("delete", "pod", "training");
  await eventually("the claim is gone", async () => {
    return (await cluster.kubectl("get", "resourceclaim", "-o", "name")) === "";
  });
});
