// What is done to pods that run: debug, resize, eviction and proxying, with kubectl and on real containers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
const php = "docker.io/library/php:8.2-apache";
let cluster: TestCluster;
let node: string;

before(async () => {
  cluster = await TestCluster.prepare("pod-subresources");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(image, php)]);
  node = await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");
});
after(() => cluster.remove());

test("Ephemeral Container Creation: adding an ephemeral container results in it running, beside its target", async () => {
  await cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: quiet }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: "${image}", command: ["sleep", "4321"] }]
`);
  await cluster.podReady("quiet");
  const generation = () => cluster.kubectl("get", "pod", "quiet", "-o", "jsonpath={.metadata.generation}");
  assert.equal(await generation(), "1");
  const command = `kubectl debug -it quiet --image=${image} --target=main --container=look -- sh`;
  const { stdout } = await cluster.insideOutcome("script", ["-qec", command, "/dev/null"], {
    env: cluster.kubectlEnvironment,
    input: "tty; ps; exit 3\n",
  });
  assert.match(stdout, /\/dev\/pts\/0/);
  assert.match(stdout, /sleep 4321/);
  await cluster.becomes("pod/quiet", ".status.ephemeralContainerStatuses[0].state.terminated.exitCode", "3");
  assert.match(await cluster.kubectl("logs", "quiet", "-c", "look"), /sleep 4321/);
  assert.equal(await generation(), "2");
});

test("a running container gets other CPU and memory without a restart", async () => {
  await cluster.apply(`apiVersion: v1
kind: Pod
metadata: { name: grows }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: "${image}"
      command: ["sleep", "3600"]
      resources: { requests: { cpu: 100m, memory: 32Mi }, limits: { cpu: 200m, memory: 64Mi } }
`);
  await cluster.podReady("grows");
  const read =
    "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max";
  const limits = () => cluster.kubectl("exec", "grows", "--", "sh", "-c", read);
  assert.match(await limits(), /^20000\b[\s\S]*\n67108864\n$/);
  const resources = { requests: { cpu: "200m", memory: "64Mi" }, limits: { cpu: "300m", memory: "128Mi" } };
  const patch = JSON.stringify({ spec: { containers: [{ name: "main", resources }] } });
  await cluster.kubectl("patch", "pod", "grows", "--subresource=resize", "--patch", patch);
  await cluster.becomes("pod/grows", ".status.containerStatuses[0].resources.limits.memory", "128Mi");
  assert.match(await limits(), /^30000\b[\s\S]*\n134217728\n$/);
  await cluster.becomes("pod/grows", ".status.containerStatuses[0].restartCount", "0");
});

test("OIDC Discovery (ServiceAccountIssuerDiscovery): a pod finds its token's issuer by name, and the keys where that says", async () => {
  await cluster.kubectl(
    ...["create", "clusterrolebinding", "discovery", "--clusterrole=system:service-account-issuer-discovery"],
    "--serviceaccount=default:default",
  );
  const program = `
$of = "/var/run/secrets/kubernetes.io/serviceaccount";
$token = file_get_contents("$of/token");
$context = stream_context_create(["ssl" => ["cafile" => "$of/ca.crt"], "http" => ["header" => "Authorization: Bearer $token"]]);
$get = fn($url) => json_decode(file_get_contents($url, false, $context), true);
[$head, $claims] = array_map(fn($part) => json_decode(base64_decode(strtr($part, "-_", "+/")), true), explode(".", $token));
$found = $get($claims["iss"] . "/.well-known/openid-configuration");
echo $found["issuer"] === $claims["iss"] ? "issuer " : "";
echo in_array($head["kid"], array_column($get($found["jwks_uri"])["keys"], "kid")) ? "key" : "";
`;
  await cluster.kubectl("run", "validator", `--image=${php}`, "--restart=Never", "--", "php", "-r", program);
  await cluster.becomes("pod/validator", ".status.phase", "Succeeded");
  assert.equal(await cluster.kubectl("logs", "validator"), "issuer key");
});

test("a drain waits for the disruption budget", async () => {
  await cluster.apply(`apiVersion: apps/v1
kind: Deployment
metadata: { name: guarded }
spec:
  replicas: 2
  selector: { matchLabels: { app: guarded } }
  template:
    metadata: { labels: { app: guarded } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: "${image}", command: ["sleep", "3600"] }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: guard }
spec: { minAvailable: 2, selector: { matchLabels: { app: guarded } } }
`);
  await cluster.kubectl("rollout", "status", "deployment/guarded", "--timeout=60s");
  await cluster.becomes("pdb/guard", ".status.currentHealthy", "2");
  const drain = ["drain", node, "--pod-selector=app=guarded"];
  // It asks once and waits five seconds before it looks at its time.
  const refused = await cluster.kubectlOutcome([...drain, "--timeout=4s"]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
  await cluster.kubectl("patch", "pdb", "guard", "--type=merge", "-p", '{"spec":{"minAvailable":0}}');
  await cluster.becomes("pdb/guard", ".status.disruptionsAllowed", "2");
  assert.match(await cluster.kubectl(...drain, "--timeout=60s"), / drained/);
  await cluster.kubectl("uncordon", node);
  await cluster.kubectl("delete", "deployment/guarded", "pdb/guard", "--wait=false");
});

const methods = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"];

test("Proxy, validate Proxy responses: pods and services answer every method through the API server", async () => {
  await cluster.apply(`apiVersion: v1
kind: ConfigMap
metadata: { name: echo }
data:
  echo.php: |
    <?php
    $path = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
    if ($path === "/gone") { header("Location: /new/place?a=b", true, 302); exit; }
    if ($path === "/page") { header("Content-Type: text/html"); echo '<a href="/there">x</a>'; exit; }
    header("Content-Type: application/json");
    header("X-Method: " . $_SERVER["REQUEST_METHOD"]);
    echo json_encode([$_SERVER["REQUEST_METHOD"], $_SERVER["REQUEST_URI"], file_get_contents("php://input"), isset($_SERVER["HTTP_AUTHORIZATION"])], JSON_UNESCAPED_SLASHES);
---
apiVersion: v1
kind: Pod
metadata: { name: echo, labels: { app: echo } }
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{ name: echo, configMap: { name: echo } }]
  containers:
    - name: main
      image: "${php}"
      command: ["php", "-S", "0.0.0.0:8080", "/echo/echo.php"]
      volumeMounts: [{ name: echo, mountPath: /echo }]
      ports: [{ containerPort: 8080 }]
      readinessProbe: { httpGet: { port: 8080, path: / }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: echo }
spec: { selector: { app: echo }, ports: [{ name: web, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
`);
  await cluster.podReady("echo");
  const proxy = spawn("nsenter", [`--net=${cluster.networkNamespace}`, "kubectl", "proxy", "--port=8001"], {
    env: cluster.kubectlEnvironment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(proxy.stdout, "data");
    const base = "http://localhost:8001/api/v1/namespaces/default";
    const curl = (...args: readonly string[]) => cluster.inside("curl", ["--silent", "--max-time", "10", ...args]);
    const targets = ["pods/echo", "pods/http:echo:8080", "services/echo:web", "services/http:echo:80"];
    for (const target of targets.map((each) => `${base}/${each}/proxy`)) {
      for (const method of methods) {
        const body = method === "GET" || method === "OPTIONS" ? [] : ["--data", "the body"];
        const answer = JSON.parse(
          await curl("-X", method, ...body, `${target}/some/path%20here?method=${method}&x=%2F`),
        );
        const sent = body.length > 0 ? "the body" : "";
        assert.deepEqual(answer, [method, `/some/path%20here?method=${method}&x=%2F`, sent, false]);
      }
      // Only reads are sent to where the links of pages lead on.
      assert.deepEqual(JSON.parse(await curl("-X", "POST", "--data", "x", `${target}?a=b`)), [
        "POST",
        "/?a=b",
        "x",
        false,
      ]);
      assert.match(await curl("--head", `${target}/some/path`), /^HTTP\/1\.1 200 [\s\S]*x-method: HEAD/i);
      const moved = await curl("--include", `${target}/gone`);
      assert.match(moved, /^HTTP\/1\.1 302 /);
      const place = new URL(target).pathname;
      assert.match(moved, new RegExp(`location: (http://[^/]+)?${place}/new/place\\?a=b`, "i"));
      assert.equal(await curl(`${target}/page`), `<a href="${place}/there">x</a>`);
      assert.match(
        await curl("--include", target),
        new RegExp(`^HTTP/1\\.1 301 [\\s\\S]*location: [^\\r]*${place}/\\r`, "i"),
      );
    }
    const none = JSON.parse(await curl(`${base}/services/nobody/proxy/`));
    assert.deepEqual([none.code, none.reason], [503, "ServiceUnavailable"]);
    assert.equal(none.message, 'no endpoints available for service "nobody"');
    assert.equal(await curl(`http://localhost:8001/api/v1/nodes/${node}/proxy/healthz`), "ok");
  } finally {
    proxy.kill();
    await once(proxy, "close");
  }
  await eventually("the control plane's address is told", async () =>
    /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:6443/.test(
      await cluster.kubectl("cluster-info"),
    ),
  );
});
