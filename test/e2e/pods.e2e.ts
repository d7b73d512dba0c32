// What a node does with a pod, seen with kubectl on real containers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { execute } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("pods");
  await cluster.up();
  await cluster.roder([
    "image",
    "load",
    await imageArchive(image, "docker.io/library/nginx:1.22", "docker.io/library/php:8.2-apache"),
  ]);
});
after(() => cluster.remove());

/** A pod whose spec is given as YAML, indented by two. */
const pod = (name: string, spec: string, metadata = "") => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
${metadata}
spec:
  terminationGracePeriodSeconds: 1
${spec}
`;
const run = (command: string) => `    - name: main
      image: ${image}
      command: ["sh", "-c", ${JSON.stringify(command)}]`;
const runOnce = (command: string) => `  restartPolicy: Never
  containers:
${run(command)}`;
const finished = async (name: string) => {
  await cluster.becomes(`pod/${name}`, ".status.phase", "Succeeded");
  return cluster.kubectl("logs", name);
};
const path = (name: string, jsonpath: string) => cluster.kubectl("get", "pod", name, "-o", `jsonpath={${jsonpath}}`);

test("init containers run in order before the containers, and all share volumes and the network", async () => {
  await cluster.apply(
    pod(
      "shared",
      `  restartPolicy: Never
  volumes: [{ name: work, emptyDir: {} }]
  initContainers:
    - { name: first, image: ${image}, command: ["sh", "-c", "echo one > /work/log"], volumeMounts: [{ name: work, mountPath: /work }] }
    - { name: second, image: ${image}, command: ["sh", "-c", "echo two >> /work/log"], volumeMounts: [{ name: work, mountPath: /work }] }
  containers:
    - { name: server, image: ${image}, command: ["timeout", "20", "httpd", "-f", "-p", "8080", "-h", "/work"], volumeMounts: [{ name: work, mountPath: /work }] }
    - { name: client, image: ${image}, command: ["sh", "-c", "until wget -q -O - http://127.0.0.1:8080/log; do sleep 0.1; done"] }`,
    ),
  );
  await eventually(
    "the client has read",
    async () => (await cluster.kubectl("logs", "shared", "-c", "client")) === "one\ntwo\n",
  );
  assert.match(await cluster.kubectl("get", "pod", "shared"), /shared +[01]\/2/);
  await cluster.kubectl("delete", "pod", "shared", "--wait=false");
});

test("the environment comes from values, fields, resources, config maps and secrets, and is expanded", async () => {
  await cluster.kubectl("create", "configmap", "words", "--from-literal=greeting=hello", "--from-literal=WHO=world");
  await cluster.kubectl("create", "secret", "generic", "keys", "--from-literal=password=swordfish");
  await cluster.apply(
    pod(
      "environment",
      `  restartPolicy: Never
  containers:
    - name: main
      image: ${image}
      command: ["sh", "-c", "echo '$(MESSAGE)' $NAME $LIMIT $PASSWORD $PRE_WHO '$(MISSING)' $KUBERNETES_SERVICE_HOST"]
      resources: { limits: { memory: 64Mi, cpu: 500m } }
      envFrom: [{ prefix: PRE_, configMapRef: { name: words } }]
      env:
        - { name: GREETING, valueFrom: { configMapKeyRef: { name: words, key: greeting } } }
        - { name: MESSAGE, value: "$(GREETING), you" }
        - { name: NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
        - { name: LIMIT, valueFrom: { resourceFieldRef: { resource: limits.memory } } }
        - { name: PASSWORD, valueFrom: { secretKeyRef: { name: keys, key: password } } }`,
    ),
  );
  assert.equal(await finished("environment"), "hello, you environment 67108864 swordfish world $(MISSING) 10.43.0.1\n");
});

test("a missing config map is told in the container's status, and the pod starts when it comes", async () => {
  await cluster.apply(
    pod(
      "waits",
      `  restartPolicy: Never
  containers:
    - { name: main, image: ${image}, command: ["sh", "-c", "echo $V"], env: [{ name: V, valueFrom: { configMapKeyRef: { name: late, key: v } } }] }`,
    ),
  );
  const waiting = () => path("waits", ".status.containerStatuses[0].state.waiting");
  await eventually("the reason is told", async () => /CreateContainerConfigError/.test(await waiting()));
  assert.match(await waiting(), /configmap \\"late\\" not found/);
  await cluster.kubectl("create", "configmap", "late", "--from-literal=v=here");
  assert.equal(await finished("waits"), "here\n");
});

test("volumes bring config maps, secrets, the pod's own fields and a token, and follow changes", async () => {
  await cluster.kubectl("create", "configmap", "page", "--from-literal=index.html=first");
  await cluster.kubectl("create", "secret", "generic", "tls", "--from-literal=key=private");
  await cluster.apply(
    pod(
      "volumes",
      `  containers:
    - name: main
      image: ${image}
      command: ["sleep", "600"]
      volumeMounts:
        - { name: page, mountPath: /page }
        - { name: page, mountPath: /single, subPath: index.html }
        - { name: tls, mountPath: /tls, readOnly: true }
        - { name: info, mountPath: /info }
        - { name: memory, mountPath: /memory }
        - { name: disk, mountPath: /disk }
  volumes:
    - { name: page, configMap: { name: page } }
    - { name: tls, secret: { secretName: tls, defaultMode: 0400 } }
    - { name: memory, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
    - { name: disk, hostPath: { path: ${join(cluster.directory, "host")}, type: DirectoryOrCreate } }
    - name: info
      projected:
        sources:
          - { downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }
          - { serviceAccountToken: { path: token, expirationSeconds: 600, audience: vault } }`,
      "  labels: { tier: front }",
    ),
  );
  await cluster.podReady("volumes");
  const sh = (command: string) => cluster.kubectl("exec", "volumes", "--", "sh", "-c", command);
  assert.equal(await sh("cat /page/index.html /single"), "firstfirst");
  assert.match(await sh("ls -lL /tls/key"), /^-r-------- /);
  assert.match(await sh("cat /info/labels"), /tier="front"/);
  assert.equal((await sh("cat /info/token")).split(".").length, 3);
  assert.match(await sh("mount | grep /memory"), /tmpfs/);
  await sh("echo from the pod > /disk/file");
  assert.equal(readFileSync(join(cluster.directory, "host/file"), "utf8"), "from the pod\n");
  await cluster.kubectl("patch", "configmap", "page", "-p", '{"data":{"index.html":"second"}}');
  await cluster.kubectl("label", "pod", "volumes", "tier=back", "--overwrite");
  await eventually("the file follows the config map", async () => (await sh("cat /page/index.html")) === "second");
  await eventually("the file follows the labels", async () => /tier="back"/.test(await sh("cat /info/labels")));
  assert.equal(await sh("cat /single"), "first", "a subPath stays what it was");
});

test("a pod reaches the API with its own token, and only what it may", async () => {
  await cluster.kubectl("create", "role", "reader", "--verb=get", "--resource=configmaps");
  await cluster.kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:default");
  // PHP verifies the server's certificate for the name it calls, with the authority that the pod was given.
  const program = `
    $folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    foreach (["configmaps/words", "secrets/keys"] as $path) {
      $context = stream_context_create([
        "ssl" => ["cafile" => "$folder/ca.crt"],
        "http" => ["header" => "Authorization: Bearer " . file_get_contents("$folder/token"), "ignore_errors" => true],
      ]);
      $namespace = file_get_contents("$folder/namespace");
      $answer = json_decode(file_get_contents("https://kubernetes.default.svc/api/v1/namespaces/$namespace/$path", false, $context));
      echo $answer->data->greeting ?? $answer->message, "\\n";
    }`;
  await cluster.apply(
    pod(
      "caller",
      `  restartPolicy: Never
  containers:
    - { name: main, image: "docker.io/library/php:8.2-apache", command: ["php", "-r", ${JSON.stringify(program)}] }`,
    ),
  );
  const [allowed, refused] = (await finished("caller")).split("\n");
  assert.equal(allowed, "hello");
  assert.match(
    refused ?? "",
    /secrets "keys" is forbidden: User "system:serviceaccount:default:default" cannot get resource "secrets"/,
  );
});

test("names of services and pods resolve, and resolv.conf follows dnsPolicy", async () => {
  await cluster.apply(
    pod("named", `  hostname: ear\n  subdomain: head\n  containers:\n${run("sleep 600")}`, "  labels: { app: named }") +
      `---
apiVersion: v1
kind: Service
metadata: { name: head }
spec: { clusterIP: None, selector: { app: named }, ports: [{ name: web, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: outside }
spec: { type: ExternalName, externalName: head.default.svc.cluster.local }
`,
  );
  await cluster.podReady("named");
  const ip = (await path("named", ".status.podIP")).trim();
  const sh = (command: string) => cluster.kubectl("exec", "named", "--", "sh", "-c", command);
  assert.equal((await sh("hostname")).trim(), "ear");
  assert.match(await sh("cat /etc/hosts"), new RegExp(`${ip}\\s+ear.head.default.svc.cluster.local\\s+ear`));
  assert.match(
    await sh("cat /etc/resolv.conf"),
    /search default.svc.cluster.local svc.cluster.local cluster.local[\s\S]*nameserver 10.43.0.10[\s\S]*ndots:5/,
  );
  for (const name of ["ear.head.default.svc.cluster.local", "head", "outside"]) {
    await eventually(`${name} resolves`, async () => (await sh(`nslookup ${name} || true`)).includes(ip));
  }
  await cluster.apply(
    pod(
      "plain",
      `  dnsPolicy: None\n  dnsConfig: { nameservers: [192.0.2.53], searches: [example.org] }\n${runOnce("cat /etc/resolv.conf")}`,
    ),
  );
  assert.match(await finished("plain"), /search example.org\nnameserver 192.0.2.53/);
});

test("a container that fails is started again, later each time, and says so", async () => {
  await cluster.apply(pod("crashes", `  containers:\n${run("echo attempt; exit 3")}`));
  await eventually("it is in CrashLoopBackOff", async () =>
    /CrashLoopBackOff/.test(await cluster.kubectl("get", "pod", "crashes")),
  );
  const status = await path("crashes", ".status.containerStatuses[0]");
  assert.match(status, /back-off \d+s restarting failed container=main pod=crashes_default/);
  assert.match(status, /"lastState":\{"terminated":\{[^}]*"exitCode":3[^}]*"reason":"Error"/);
  assert.equal(await cluster.kubectl("logs", "crashes", "--previous"), "attempt\n");
  assert.match(await cluster.kubectl("describe", "pod", "crashes"), /Back-off restarting failed container/);
});

test("a container over its memory limit is OOMKilled, within cgroups of its own", async () => {
  await cluster.apply(
    pod(
      "hungry",
      `  restartPolicy: Never
  containers:
    - name: main
      image: ${image}
      command: ["sh", "-c", "tail /dev/zero"]
      resources: { limits: { memory: 16Mi, cpu: 200m } }`,
    ),
  );
  await cluster.becomes("pod/hungry", ".status.phase", "Failed");
  assert.equal(await path("hungry", ".status.containerStatuses[0].state.terminated.reason"), "OOMKilled");
  assert.equal(await path("hungry", ".status.qosClass"), "Guaranteed");
});

test("pods are in the cgroups of their quality of service, with their shares, until they are gone", async () => {
  const sized = (name: string, resources: string) =>
    pod(
      name,
      `  containers:\n    - { name: main, image: ${image}, command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"], resources: ${resources} }`,
    );
  await cluster.apply(sized("guaranteed", "{ limits: { cpu: 100m, memory: 32Mi } }"));
  await cluster.apply(sized("burstable", "{ requests: { cpu: 250m } }"));
  await cluster.apply(sized("best-effort", "{}"));
  const cgroups: string[] = [];
  for (const [name, qos, shares, weight] of [
    ["guaranteed", "", 102, 4],
    ["burstable", "burstable/", 256, 10],
    ["best-effort", "besteffort/", 2, 1],
  ] as const) {
    await cluster.podReady(name);
    const uid = await path(name, ".metadata.uid");
    const found = cluster.cgroups().map((root) => `${root}/kubepods/${qos}pod${uid}`);
    const withCpu = found.filter((each) => existsSync(`${each}/cpu.shares`) || existsSync(`${each}/cpu.weight`));
    assert.equal(withCpu.length, 1, found.join(" "));
    const [cgroup = ""] = withCpu;
    const isV1 = existsSync(`${cgroup}/cpu.shares`);
    const value = Number(readFileSync(`${cgroup}/${isV1 ? "cpu.shares" : "cpu.weight"}`, "utf8"));
    assert.equal(value, isV1 ? shares : weight, name);
    cgroups.push(...found);
  }
  await cluster.kubectl("delete", "pod", "guaranteed", "burstable", "best-effort");
  await eventually("the cgroups are gone", async () => !cgroups.some((each) => existsSync(each)));
});

test("a pod past its active deadline fails and says so", async () => {
  await cluster.apply(pod("late", `  activeDeadlineSeconds: 2\n  containers:\n${run("sleep 600")}`));
  await cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/late", "--timeout=60s");
  assert.equal(await path("late", ".status.reason"), "DeadlineExceeded");
});

test("a container that must not run as root and would is refused, and says why", async () => {
  await cluster.apply(pod("rootless", `  securityContext: { runAsNonRoot: true }\n  containers:\n${run("id -u")}`));
  await eventually("the reason is told", async () =>
    /container has runAsNonRoot and image will run as root/.test(
      await path("rootless", ".status.containerStatuses[0].state.waiting"),
    ),
  );
});

test("probes hold traffic back, restart what hangs, and wait for a slow start", async () => {
  await cluster.apply(
    pod(
      "probed",
      `  containers:
    - name: main
      image: ${image}
      command: ["sh", "-c", "touch /tmp/alive; sleep 1; touch /tmp/started; httpd -f -p 8080 -h /tmp"]
      startupProbe: { exec: { command: ["cat", "/tmp/started"] }, periodSeconds: 1, failureThreshold: 30 }
      livenessProbe: { exec: { command: ["cat", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 10 }
      readinessProbe: { httpGet: { path: /ok, port: 8080 }, periodSeconds: 1 }`,
    ),
  );
  await eventually(
    "it started and is not ready",
    async () => (await path("probed", ".status.containerStatuses[0].started")) === "true",
  );
  assert.match(await cluster.kubectl("get", "pod", "probed"), /0\/1 +Running/);
  await cluster.kubectl("exec", "probed", "--", "touch", "/tmp/ok");
  await cluster.podReady("probed");
  await cluster.kubectl("exec", "probed", "--", "rm", "/tmp/alive");
  await eventually(
    "it was restarted",
    async () => (await path("probed", ".status.containerStatuses[0].restartCount")) === "1",
  );
  assert.match(
    await cluster.kubectl("describe", "pod", "probed"),
    /Liveness probe failed.*[\s\S]*Container main failed liveness probe, will be restarted/,
  );
});

test("logs follow, go back in time, carry timestamps and keep to the last lines", async () => {
  await cluster.apply(
    pod(
      "talks",
      `  containers:\n${run("for i in 1 2 3 4 5; do echo line $i; done; until [ -e /go ]; do sleep 0.1; done; echo last; trap 'exit 0' TERM; sleep 600 & wait")}`,
    ),
  );
  await cluster.podReady("talks");
  await eventually("five lines are there", async () => (await cluster.kubectl("logs", "talks")).endsWith("line 5\n"));
  assert.equal(await cluster.kubectl("logs", "talks", "--tail=2"), "line 4\nline 5\n");
  assert.match(
    await cluster.kubectl("logs", "talks", "--timestamps", "--tail=1"),
    /^\d{4}-\d\d-\d\dT[\d:.]+Z line 5\n$/,
  );
  assert.equal(await cluster.kubectl("logs", "talks", "--since=1h", "--limit-bytes=6"), "line 1");
  const follow = cluster.kubectlOutcome(["logs", "-f", "talks"]);
  await cluster.kubectl("exec", "talks", "--", "touch", "/go");
  await eventually("the last line is there", async () => (await cluster.kubectl("logs", "talks")).endsWith("last\n"));
  await cluster.kubectl("delete", "pod", "talks");
  assert.equal((await follow).stdout, "line 1\nline 2\nline 3\nline 4\nline 5\nlast\n");
});

test("exec passes input, output, errors and the exit code, and gives a terminal", async () => {
  await cluster.apply(pod("shell", `  containers:\n${run("sleep 600")}`));
  await cluster.podReady("shell");
  const echoed = await cluster.kubectlOutcome(
    ["exec", "-i", "shell", "--", "sh", "-c", "cat; echo wrong >&2; exit 7"],
    { input: "typed" },
  );
  assert.equal(echoed.stdout, "typed");
  assert.match(echoed.stderr, /wrong/);
  assert.equal(echoed.code, 7);
  // script(1) gives kubectl the terminal that -t wants; its input stays open, or it would end the session.
  const command =
    "stty rows 33 cols 77; kubectl exec -it shell -- sh -c 'until stty size 2>/dev/null | grep .; do sleep 0.1; done'";
  const terminal = spawn("nsenter", [`--net=${cluster.networkNamespace}`, "script", "-qec", command, "/dev/null"], {
    env: cluster.kubectlEnvironment,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let shown = "";
  terminal.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  await once(terminal, "close");
  assert.match(shown, /33 77/);
});

test("attach shows what the container's first process writes and gives it input", async () => {
  await cluster.apply(
    pod("attached", `  containers:\n${run("while read line; do echo got $line; done")}\n      stdin: true`),
  );
  await cluster.podReady("attached");
  // Its input stays open: containerd stops giving output when the input has ended.
  const attach = spawn("nsenter", [`--net=${cluster.networkNamespace}`, "kubectl", "attach", "-i", "attached"], {
    env: cluster.kubectlEnvironment,
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    attach.stdin.write("a word\n");
    const [said] = await once(attach.stdout, "data");
    assert.match(String(said), /got a word/);
  } finally {
    attach.kill();
    await once(attach, "close");
  }
});

test("files are copied into a pod and out of it", async () => {
  const content = "x".repeat(300_000);
  mkdirSync(join(cluster.directory, "copied"));
  writeFileSync(join(cluster.directory, "copied/in"), content);
  await cluster.kubectl("cp", join(cluster.directory, "copied/in"), "shell:/tmp/in");
  await cluster.kubectl("cp", "shell:/tmp/in", join(cluster.directory, "copied/out"));
  assert.equal(readFileSync(join(cluster.directory, "copied/out"), "utf8"), content);
});

test("port-forward leads to a port of the pod, also one on its loopback", async () => {
  // kubectl ends when nobody listens yet.
  const probe = "{ httpGet: { port: 80, path: / }, periodSeconds: 1 }";
  const container = `{ name: main, image: "docker.io/library/nginx:1.22", readinessProbe: ${probe} }`;
  await cluster.apply(pod("web", `  containers:\n    - ${container}`));
  await cluster.podReady("web");
  const forward = spawn(
    "nsenter",
    [`--net=${cluster.networkNamespace}`, "kubectl", "port-forward", "pod/web", "8888:80"],
    {
      env: cluster.kubectlEnvironment,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    await once(forward.stdout, "data");
    for (let i = 0; i < 3; i++) assert.match(await cluster.get("http://127.0.0.1:8888/"), /nginx/);
  } finally {
    forward.kill();
    await once(forward, "close");
  }
});

test("postStart runs at the start, preStop before the end, and the grace period is kept", async () => {
  const host = join(cluster.directory, "hooks");
  await cluster.apply(
    pod(
      "hooked",
      `  containers:
    - name: main
      image: ${image}
      command: ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]
      volumeMounts: [{ name: host, mountPath: /host }]
      lifecycle:
        postStart: { exec: { command: ["sh", "-c", "echo started >> /host/log"] } }
        preStop: { exec: { command: ["sh", "-c", "echo stopping >> /host/log"] } }
  volumes: [{ name: host, hostPath: { path: ${host}, type: DirectoryOrCreate } }]`,
    ),
  );
  await cluster.podReady("hooked");
  await cluster.kubectl("delete", "pod", "hooked");
  assert.equal(readFileSync(join(host, "log"), "utf8"), "started\nstopping\n");
});

test("an agent that is killed leaves containers running and takes them over again", async () => {
  await cluster.apply(pod("stays", `  containers:\n${run("sleep 600")}`));
  await cluster.podReady("stays");
  const id = await path("stays", ".status.containerStatuses[0].containerID");
  const { components } = JSON.parse(await cluster.roder(["status", "-o", "json"])) as {
    components: { name: string; pid: number }[];
  };
  const { pid } = components.find((each) => each.name === "node")!;
  process.kill(pid, "SIGKILL");
  await eventually("it is gone", async () => (await execute("kill", ["-0", String(pid)])).code !== 0);
  await cluster.up();
  await cluster.podReady("stays");
  assert.equal(await path("stays", ".status.containerStatuses[0].containerID"), id);
  assert.equal(await path("stays", ".status.containerStatuses[0].restartCount"), "0");
});

test("a pod that fits on no node says why", async () => {
  await cluster.apply(
    pod("huge", `  containers:\n    - { name: main, image: ${image}, resources: { requests: { cpu: "1000" } } }`),
  );
  await eventually("the reason is told", async () =>
    /0\/1 nodes are available: 1 Insufficient cpu/.test(await cluster.kubectl("describe", "pod", "huge")),
  );
  assert.match(await cluster.kubectl("get", "pod", "huge"), /Pending/);
});
