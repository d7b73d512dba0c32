// What makes a cluster conformant for kubectl, where no container is needed: pods run because the test says so in
// their status.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { aroundTests } from "./around-tests.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let kubectl: Kubectl;
aroundTests(
  async () => {
    plane = await serveControlPlane();
    kubectl = kubectlOf(plane);
  },
  () => plane.close(),
);

const image = "example.com/agnhost:2";
const labels = { app: "agnhost", role: "primary" };

const pod = (name: string, podImage = image) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { name } },
  spec: { containers: [{ name: "agnhost", image: podImage, ports: [{ containerPort: 6379 }] }] },
});

const replicationController = (name: string, replicas: number, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name, labels: { ...labels, ...more } },
  spec: {
    replicas,
    selector: { ...labels, ...more },
    template: {
      metadata: { labels: { ...labels, ...more } },
      spec: {
        containers: [{ name: "agnhost", image, ports: [{ name: "agnhost-server", containerPort: 6379 }] }],
      },
    },
  },
});

/** Waits until a controller has so many pods and says that they run. */
async function runs(name: string, selector: string, replicas: number): Promise<void> {
  await kubectl("wait", `rc/${name}`, `--for=jsonpath={.status.replicas}=${replicas}`, "--timeout=30s");
  const listed = await kubectl("get", "pods", `--selector=${selector}`, "--output=name");
  const status = {
    phase: "Running",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "agnhost", image, imageID: "", ready: true, restartCount: 0, state: { running: {} } }],
  };
  for (const each of listed.split("\n").filter(Boolean))
    await kubectl("patch", each, "--subresource=status", `--patch=${JSON.stringify({ status })}`);
  await kubectl("wait", `rc/${name}`, `--for=jsonpath={.status.readyReplicas}=${replicas}`, "--timeout=30s");
  const running = await kubectl(
    "get",
    "pods",
    `--selector=${selector}`,
    "--field-selector=status.phase=Running",
    "-oname",
  );
  assert.equal(running.split("\n").filter(Boolean).length, replicas);
}

test("Kubectl, check version v1: v1 is among the versions that api-versions lists", async () => {
  assert.ok((await kubectl("api-versions")).split("\n").includes("v1"));
});

test("Kubectl, cluster info: cluster-info says where the control plane runs", async () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: kubectl colours what it says.
  const said = (await kubectl("cluster-info")).replaceAll(/\u001b\[[\d;]*m/g, "");
  assert.match(said, new RegExp(`^Kubernetes control plane is running at https://127\\.0\\.0\\.1:${plane.port}$`, "m"));
});

test("Kubectl, version: both versions are told with commit and platform", async () => {
  const versions = JSON.parse(await kubectl("version", "--output=json"));
  for (const each of [versions.clientVersion, versions.serverVersion]) {
    assert.match(each.major, /^\d+$/);
    assert.match(each.minor, /^\d+\+?$/);
    for (const field of ["gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"])
      assert.ok(typeof each[field] === "string" && each[field] !== "", field);
    assert.match(each.gitCommit, /^[0-9a-f]+$/);
  }
  assert.match(versions.serverVersion.gitVersion, /^v1\.35\.\d+\+roder$/);
  assert.match(await kubectl("version"), /^Client Version: v\S+\n(?:.*\n)*Server Version: v1\.35\.\d+\+roder\n/);
});

test("Kubectl, create service, replication controller: expose makes services of a controller and of a service", async () => {
  const own = { exposed: "yes" };
  await kubectl.given([replicationController("agnhost-primary", 1, own)], "create");
  await runs("agnhost-primary", "exposed=yes", 1);
  await kubectl("expose", "rc", "agnhost-primary", "--name=rm2", "--port=1234", "--target-port=6379");
  await kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379");
  for (const [name, port] of [
    ["rm2", 1234],
    ["rm3", 2345],
  ] as const) {
    const { spec } = JSON.parse(await kubectl("get", "service", name, "--output=json"));
    assert.deepEqual(spec.selector, { ...labels, ...own });
    assert.deepEqual(spec.ports, [{ port, protocol: "TCP", targetPort: 6379 }]);
    await kubectl("wait", `endpoints/${name}`, "--for=create", "--timeout=30s");
  }
  await kubectl("delete", "rc/agnhost-primary", "service/rm2", "service/rm3");
});

test("Kubectl, describe pod or rc: describe tells of pods, controllers, services, nodes and namespaces", async () => {
  const own = { described: "yes" };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "agnhost-primary", labels },
    spec: { ports: [{ port: 6379, targetPort: "agnhost-server" }], selector: { ...labels, ...own } },
  };
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1", labels: { zone: "a" } },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };
  await kubectl.given([replicationController("agnhost-primary", 1, own), service, node], "create");
  await runs("agnhost-primary", "described=yes", 1);
  const name = await kubectl("get", "pods", "--selector=described=yes", "--output=jsonpath={.items[*].metadata.name}");
  const told: readonly (readonly [args: string, ...lines: RegExp[]])[] = [
    [
      `pod ${name}`,
      /^Name: +agnhost-primary-/m,
      /^Namespace: +default$/m,
      /^Labels: +app=agnhost$/m,
      /^ +role=primary$/m,
      /^Annotations: /m,
      /^Status: +Running$/m,
      /^IP:/m,
      /^Controlled By: +ReplicationController\/agnhost-primary$/m,
      /^ +Image: +example\.com\/agnhost:2$/m,
      /^ +State: +Running$/m,
      /^QoS Class: +BestEffort$/m,
    ],
    [
      "rc agnhost-primary",
      /^Name: +agnhost-primary$/m,
      /^Namespace: +default$/m,
      /^Selector: +app=agnhost,described=yes,role=primary$/m,
      /^Labels: +app=agnhost$/m,
      /^Replicas: +1 current \/ 1 desired$/m,
      /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
      /^Pod Template:$/m,
      /^ +Image: +example\.com\/agnhost:2$/m,
      /^Events:$/m,
      /Normal +SuccessfulCreate +\S+ +replication-controller +Created pod: agnhost-primary-/,
    ],
    [
      "service agnhost-primary",
      /^Name: +agnhost-primary$/m,
      /^Namespace: +default$/m,
      /^Labels: +app=agnhost$/m,
      /^Selector: +app=agnhost,described=yes,role=primary$/m,
      /^Type: +ClusterIP$/m,
      /^IP: +10\.43\.\d+\.\d+$/m,
      /^Port: +<unset> +6379\/TCP$/m,
      /^TargetPort: +agnhost-server\/TCP$/m,
      /^Endpoints:/m,
      /^Session Affinity: +None$/m,
    ],
    [
      "node node-1",
      /^Name: +node-1$/m,
      /^Labels: .*zone=a$/m,
      /^Annotations:/m,
      /^CreationTimestamp: /m,
      /^Conditions:$/m,
      /^System Info:$/m,
      /^ +Kubelet Version:/m,
      /^Non-terminated Pods:/m,
    ],
    [
      "namespace default",
      /^Name: +default$/m,
      /^Labels: +kubernetes\.io\/metadata\.name=default$/m,
      /^Annotations: /m,
      /^Status: +Active$/m,
    ],
  ];
  for (const [args, ...lines] of told) {
    const said = await kubectl("describe", ...args.split(" "));
    for (const line of lines) assert.match(said, line);
  }
  await kubectl("delete", "rc/agnhost-primary", "service/agnhost-primary", "node/node-1");
});

test("Kubectl, diff Deployment: the live and the declared image are both shown", async () => {
  const deployment = (containerImage: string) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "httpd" },
    spec: {
      selector: { matchLabels: { app: "httpd" } },
      template: {
        metadata: { labels: { app: "httpd" } },
        spec: { containers: [{ name: "httpd", image: containerImage }] },
      },
    },
  });
  await kubectl.given([deployment("httpd:2")], "create");
  const { code, stdout } = await kubectl.outcome(["diff", "-f", "-"], JSON.stringify(deployment("busybox:1")));
  assert.equal(code, 1);
  assert.match(stdout, /^- +- image: httpd:2$/m);
  assert.match(stdout, /^\+ +- image: busybox:1$/m);
});

test("Kubectl, label update: a label is set, shown, selected by and removed", async () => {
  await kubectl.given([pod("labelled")], "create");
  await kubectl("label", "pods", "labelled", "testing-label=testing-label-value");
  assert.match(
    await kubectl("get", "pod", "labelled", "-L", "testing-label"),
    / TESTING-LABEL\n.* testing-label-value\n$/,
  );
  assert.equal(await kubectl("get", "pods", "-l", "testing-label=testing-label-value", "-oname"), "pod/labelled\n");
  await kubectl("label", "pods", "labelled", "testing-label-");
  assert.doesNotMatch(await kubectl("get", "pod", "labelled", "-L", "testing-label"), /testing-label-value/);
  assert.equal(await kubectl("get", "pods", "-l", "testing-label", "-oname"), "");
});

test("Kubectl, proxy socket: the API's versions are read through a Unix socket", async () => {
  const socketPath = join(plane.directory, "proxy.sock");
  const proxy = spawn("kubectl", ["proxy", `--unix-socket=${socketPath}`], {
    env: kubectl.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(proxy.stdout, "data");
    const asked = request({ socketPath, path: "/api", headers: { host: "localhost" } }).end();
    const [response] = await once(asked, "response");
    assert.deepEqual(JSON.parse(await text(response)).versions, ["v1"]);
  } finally {
    proxy.kill();
    await once(proxy, "close");
  }
});

test("Kubectl, replace: a pod gets another image, and with --force is made anew", async () => {
  const imageOf = () => kubectl("get", "pod", "replaced", "--output=jsonpath={.spec.containers[0].image}");
  const uid = () => kubectl("get", "pod", "replaced", "--output=jsonpath={.metadata.uid}");
  await kubectl.given([pod("replaced", "httpd:2")], "create");
  const live = JSON.parse(await kubectl("get", "pod", "replaced", "--output=json"));
  live.spec.containers[0].image = "busybox:1";
  const first = await uid();
  await kubectl.given([live], "replace");
  assert.equal(await imageOf(), "busybox:1");
  assert.equal(await uid(), first);
  await kubectl.given([pod("replaced", "httpd:3")], "replace", "--force");
  assert.equal(await imageOf(), "httpd:3");
  assert.notEqual(await uid(), first);
});

test("Kubectl, replication controller: as many pods run as it is to have", async () => {
  await kubectl.given([replicationController("update-demo", 2, { name: "update-demo" })], "create");
  await runs("update-demo", "name=update-demo", 2);
  await kubectl("delete", "rc/update-demo");
});

test("Kubectl, scale replication controller: pods go and come with the number", async () => {
  const selector = "name=scale-demo";
  await kubectl.given([replicationController("scale-demo", 2, { name: "scale-demo" })], "create");
  await runs("scale-demo", selector, 2);
  await kubectl("scale", "rc", "scale-demo", "--replicas=1", "--timeout=30s");
  await runs("scale-demo", selector, 1);
  await kubectl("scale", "rc", "scale-demo", "--replicas=2", "--timeout=30s");
  await runs("scale-demo", selector, 2);
});
