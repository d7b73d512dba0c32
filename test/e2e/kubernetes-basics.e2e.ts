// The six modules of the tutorial "Learn Kubernetes Basics", command by command, with the machine's own kubectl.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const images = {
  v1: "gcr.io/google-samples/kubernetes-bootcamp:v1",
  v2: "docker.io/jocatalin/kubernetes-bootcamp:v2",
  broken: "gcr.io/google-samples/kubernetes-bootcamp:v10",
};
const deployment = "deployments/kubernetes-bootcamp";
const nodeAddress = "198.51.100.10";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("basics");
});
after(() => cluster.remove());

const podNames = async () =>
  (
    await cluster.kubectl(
      "get",
      "pods",
      "-o",
      "go-template",
      "--template",
      '{{range .items}}{{.metadata.name}}{{"\\n"}}{{end}}',
    )
  )
    .trim()
    .split("\n")
    .filter((name) => name !== "");
const nodePort = () =>
  cluster.kubectl("get", "services/kubernetes-bootcamp", "-o", "go-template={{(index .spec.ports 0).nodePort}}");

test("module 1: create a cluster", async () => {
  assert.match(await cluster.up(), /is up/);
  await cluster.roder(["image", "load", await imageArchive(images.v1, images.v2)]);
  assert.match(await cluster.kubectl("cluster-info"), /Kubernetes control plane.* is running at/);
  assert.match(await cluster.kubectl("get", "nodes"), /\bReady\b/);
});

test("module 2: deploy an app and reach it through kubectl proxy", async () => {
  await cluster.kubectl("create", "deployment", "kubernetes-bootcamp", `--image=${images.v1}`);
  await cluster.kubectl("wait", "--for=condition=available", deployment, "--timeout=60s");
  assert.match(await cluster.kubectl("get", "deployments"), /kubernetes-bootcamp +1\/1 +1 +1 /);

  const proxy = spawn("nsenter", [`--net=${cluster.networkNamespace}`, "kubectl", "proxy"], {
    env: cluster.kubectlEnvironment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(proxy.stdout, "data");
    assert.match(await cluster.get("http://localhost:8001/version"), /"gitVersion": *"v1\.35/);
    const [pod] = await podNames();
    const page = await cluster.get(`http://localhost:8001/api/v1/namespaces/default/pods/${pod}:8080/proxy/`);
    assert.match(page, new RegExp(`Hello Kubernetes bootcamp! \\| Running on: ${pod} \\| v=1`));
  } finally {
    proxy.kill();
    await once(proxy, "close");
  }
});

test("module 3: explore the app with get, describe, logs and exec", async () => {
  assert.match(await cluster.kubectl("get", "pods"), /kubernetes-bootcamp-\w+-\w+ +1\/1 +Running +0 /);
  await eventually("events tell of the pod's start", async () => {
    const described = await cluster.kubectl("describe", "pods");
    assert.match(described, /IP: +10\.42\.0\.\d+/);
    assert.match(described, /Successfully assigned default\/kubernetes-bootcamp-/);
    assert.match(described, /Started .*kubelet +Container started/);
    return true;
  });
  const [pod = ""] = await podNames();
  assert.match(await cluster.kubectl("logs", pod), /Kubernetes Bootcamp App Started At/);
  assert.match(await cluster.kubectl("exec", pod, "--", "env"), new RegExp(`HOSTNAME=${pod}`));
  const typed = "wget -q -O - http://localhost:8080\nexit\n";
  const shell = await cluster.kubectlOutcome(["exec", "-i", pod, "--", "sh"], { input: typed });
  assert.match(shell.stdout, /Hello Kubernetes bootcamp!/);
});

test("module 4: expose the app publicly and use labels", async () => {
  assert.match(await cluster.kubectl("get", "services"), /kubernetes +ClusterIP +10\.43\.0\.1 /);
  await cluster.kubectl("expose", "deployment/kubernetes-bootcamp", "--type=NodePort", "--port", "8080");
  assert.match(await cluster.kubectl("get", "services"), /kubernetes-bootcamp +NodePort/);
  await eventually("the service has its pod", async () =>
    /Endpoints: +10\.42\.0\.\d+:8080/.test(await cluster.kubectl("describe", "services/kubernetes-bootcamp")),
  );
  const url = `http://${nodeAddress}:${await nodePort()}`;
  assert.match(await eventually("the node port answers", () => cluster.get(url)), /Hello Kubernetes bootcamp!/);
  assert.match(await cluster.get(`http://127.0.0.1:${await nodePort()}`), /Hello Kubernetes bootcamp!/);

  assert.match(await cluster.kubectl("describe", "deployment"), /app=kubernetes-bootcamp/);
  assert.match(await cluster.kubectl("get", "pods", "-l", "app=kubernetes-bootcamp"), /kubernetes-bootcamp-/);
  const [pod = ""] = await podNames();
  await cluster.kubectl("label", "pods", pod, "version=v1");
  assert.match(await cluster.kubectl("describe", "pods", pod), /version=v1/);
  assert.match(await cluster.kubectl("get", "pods", "-l", "version=v1"), new RegExp(pod));
  await cluster.kubectl("delete", "service", "-l", "app=kubernetes-bootcamp");
  await eventually(
    "the node port is closed",
    async () => (await cluster.insideOutcome("curl", ["-sf", "--max-time", "2", url])).code !== 0,
  );
  assert.match(await cluster.kubectl("exec", pod, "--", "wget", "-q", "-O", "-", "http://localhost:8080"), /Hello/);
});

test("module 5: scale up and down, with traffic spread over the replicas", async () => {
  await cluster.kubectl("expose", "deployment/kubernetes-bootcamp", "--type=LoadBalancer", "--port", "8080");
  assert.match(await cluster.kubectl("get", "rs"), /kubernetes-bootcamp-\w+ +1 +1 +1 /);
  await cluster.kubectl("scale", deployment, "--replicas=4");
  await cluster.becomes(deployment, ".status.readyReplicas", "4");
  assert.match(await cluster.kubectl("get", "deployments"), /kubernetes-bootcamp +4\/4 +4 +4 /);
  assert.equal((await cluster.kubectl("get", "pods", "-o", "wide")).match(/10\.42\.0\.\d+/g)?.length, 4);
  assert.match(
    await cluster.kubectl("describe", deployment),
    /Scaled up replica set kubernetes-bootcamp-\w+ from 1 to 4/,
  );

  const url = `http://${nodeAddress}:${await nodePort()}`;
  const servedBy = new Set<string>();
  await eventually("all four replicas serve", async () => {
    servedBy.add(/Running on: (\S+)/.exec(await cluster.get(url))?.[1] ?? "");
    return servedBy.size === 4;
  });
  assert.deepEqual([...servedBy].sort(), (await podNames()).sort());

  await cluster.kubectl("scale", deployment, "--replicas=2");
  await eventually("two pods are left", async () => (await podNames()).length === 2);
  assert.match(await cluster.kubectl("get", "deployments"), /kubernetes-bootcamp +2\/2 +2 +2 /);
});

test("module 6: update the image, and roll back an update that is broken", async () => {
  await cluster.kubectl("set", "image", deployment, `kubernetes-bootcamp=${images.v2}`);
  assert.match(await cluster.kubectl("rollout", "status", deployment, "--timeout=60s"), /successfully rolled out/);
  const url = `http://${nodeAddress}:${await nodePort()}`;
  await eventually("the new version answers", async () => /v=2/.test(await cluster.get(url)));
  assert.match(await cluster.kubectl("describe", "pods"), /kubernetes-bootcamp:v2/);

  await cluster.kubectl("set", "image", deployment, `kubernetes-bootcamp=${images.broken}`);
  await eventually("the broken image cannot be pulled", async () =>
    /ErrImagePull|ImagePullBackOff/.test(await cluster.kubectl("get", "pods")),
  );
  assert.match(await cluster.get(url), /v=2/, "the old version goes on serving");
  assert.match(await cluster.kubectl("describe", "pods"), /Failed to pull image|Back-off pulling image/);
  await cluster.kubectl("rollout", "undo", deployment);
  assert.match(await cluster.kubectl("rollout", "status", deployment, "--timeout=60s"), /successfully rolled out/);
  await eventually(
    "only sound pods are left",
    async () => !/Err|BackOff|Terminating/.test(await cluster.kubectl("get", "pods")),
  );
  assert.match(await cluster.kubectl("describe", "pods"), /kubernetes-bootcamp:v2/);
  assert.match(await cluster.get(url), /v=2/);
});
