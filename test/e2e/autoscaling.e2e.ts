// What pods and nodes use, and a Deployment that follows it: on real containers, with the machine's own kubectl.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "gcr.io/google-samples/kubernetes-bootcamp:v1";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("autoscaling");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image)]);
});
after(() => cluster.remove());

const apply = (object: object) => cluster.apply(JSON.stringify(object));

/** Works while there is a file, within a tenth of a processor. */
const busy = "while true; do while [ -f /tmp/load ]; do :; done; sleep 1; done";

test("kubectl top says what pods and nodes use, and an autoscaler follows it up and down", async () => {
  const labels = { app: "worker" };
  const resources = { requests: { cpu: "50m", memory: "16Mi" }, limits: { cpu: "100m" } };
  await apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "worker" },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: "main", image, command: ["sh", "-c", busy], resources }],
        },
      },
    },
  });
  await cluster.kubectl("wait", "--for=condition=available", "deployment/worker", "--timeout=60s");
  const pod = (await cluster.kubectl("get", "pods", "-o", "name")).trim();
  await cluster.kubectl("exec", pod, "--", "touch", "/tmp/load");

  assert.match(await cluster.kubectl("top", "nodes", "--no-headers"), /^\S+ +\d+m +\d+% +\d+Mi +\d+% *$/m);
  await eventually("the load shows", async () => {
    const [, cpu = "0", memory = "0"] =
      /^worker-\S+ +(\d+)m +(\d+)Mi/m.exec(await cluster.kubectl("top", "pods", "--no-headers")) ?? [];
    return Number(cpu) > 60 && Number(cpu) < 140 && Number(memory) < 50;
  });
  assert.match(await cluster.kubectl("top", "pods", "--containers", "-l", "app=worker"), /worker-\S+ +main +\d+m/);
  assert.match(await cluster.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1"), /"kind":"PodMetrics"/);

  const rules = { stabilizationWindowSeconds: 0, policies: [{ type: "Percent", value: 100, periodSeconds: 1 }] };
  await apply({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "worker" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "worker" },
      maxReplicas: 2,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
      ],
      behavior: { scaleDown: rules },
    },
  });
  await cluster.becomes("deployment/worker", ".status.readyReplicas", "2");
  assert.match(await cluster.kubectl("get", "hpa", "worker"), /worker +Deployment\/worker +cpu: \d+%\/50% +1 +2 +\d/);
  await cluster.kubectl("exec", pod, "--", "rm", "/tmp/load");
  await cluster.becomes("deployment/worker", ".spec.replicas", "1");
  await eventually("events tell of both", async () => {
    const events = await cluster.kubectl("describe", "hpa", "worker");
    assert.match(
      events,
      /SuccessfulRescale .*horizontal-pod-autoscaler +New size: 2; reason: cpu resource utilization/,
    );
    assert.match(
      events,
      /SuccessfulRescale .*horizontal-pod-autoscaler +New size: 1; reason: All metrics below target/,
    );
    return true;
  });
});

test("a scraper with a token that is good for it reads a node's metrics from its agent", async () => {
  await cluster.kubectl("create", "serviceaccount", "scraper");
  await cluster.kubectl("create", "clusterrole", "scraper", "--verb=get", "--resource=nodes/metrics");
  await cluster.kubectl(
    "create",
    "clusterrolebinding",
    "s",
    "--clusterrole=scraper",
    "--serviceaccount=default:scraper",
  );
  const token = (await cluster.kubectl("create", "token", "scraper")).trim();
  const [port, address] = (
    await cluster.kubectl(
      "get",
      "nodes",
      "-o",
      "jsonpath={.items[0].status.daemonEndpoints.kubeletEndpoint.Port} {.items[0].status.addresses[0].address}",
    )
  ).split(" ");
  const scrape = (path: string) =>
    cluster.inside("curl", ["--silent", "--insecure", "--max-time", "10", "--config", "-"], {
      input: `header = "Authorization: Bearer ${token}"\nurl = "https://${address}:${port}${path}"\n`,
    });
  assert.match(
    await scrape("/metrics/resource"),
    /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="worker-/m,
  );
  assert.match(
    await scrape("/metrics/cadvisor"),
    /^container_memory_rss\{container="main",id="[^"]+",image="[^"]+",name="[^"]+",namespace="default",pod="worker-/m,
  );
  assert.match(await scrape("/configz"), /^Forbidden .* subresource\(s\)=\[configz proxy\]/);
  const [node] = (await cluster.kubectl("get", "nodes", "-o", "name")).trim().split("\n");
  const configuration = await cluster.kubectl("get", "--raw", `/api/v1/nodes/${node?.slice(5)}/proxy/configz`);
  assert.equal(JSON.parse(configuration).kubeletconfig.maxPods, 110);
  assert.match(await scrape("/stats/summary"), /^Forbidden \(user=system:serviceaccount:default:scraper, verb=get/);
  assert.match(await scrape("/pods"), /^Forbidden .* subresource\(s\)=\[pods proxy\]/);
  assert.match(await scrape("/exec/default/worker/main"), /^Unauthorized/);
});
