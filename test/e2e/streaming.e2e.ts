// kubectl's logs, exec, attach, cp, port-forward and proxy through the API server and the agent's server into real containers.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { AgentServer } from "../../src/agent/host/streaming/index.ts";
import type { ContainerQuery } from "../../src/agent/index.ts";
import { EndpointSlices, Namespaces, Nodes, notFound, type Pod, Pods, Services } from "../../src/api/index.ts";
import { issue } from "../../src/cluster/pki/certificate.ts";
import { silentLogger, systemClock, systemRandom } from "../../src/lib/index.ts";
import { type Listener, startHttpServer } from "../../src/server/http/index.ts";
import { createStreamingRoutes } from "../../src/server/http/streaming/index.ts";
import { createX509Authenticator, lookupIn } from "../../src/server/index.ts";
import { startTestServer, type TestServer } from "../../src/server/server-for-tests.ts";
import { containerConfig, sandboxConfig, startContainerd, type TestContainerd } from "../containerd.ts";
import { enterOwnNamespaces } from "../namespaces.ts";

const own = enterOwnNamespaces();
const day = 86_400_000;
const validity = { notBeforeMs: systemClock.now() - day, notAfterMs: systemClock.now() + day };
const authority = issue({ commonName: "ca", usage: "authority", ...validity }, systemRandom);
const client = (commonName: string, organizations: string[]) =>
  issue({ commonName, organizations, usage: "client", ...validity }, systemRandom, authority);
const serving = (...alternativeNames: string[]) =>
  issue({ commonName: "server", alternativeNames, usage: "server", ...validity }, systemRandom, authority);
const admin = client("admin", ["system:masters"]);
const kubeconfig = join(own.directory, "kubeconfig");

interface Started {
  readonly containerId: string;
  readonly sandboxId: string;
  readonly logPath: string;
}

let containerd: TestContainerd;
let server: TestServer;
let agent: AgentServer;
let listener: Listener;
/** The protocols that clients asked for: kubectl falls back to SPDY without a word when WebSockets fail. */
const upgrades: string[] = [];
/** By pod and container name. */
const started = new Map<string, Started>();

before(async () => {
  containerd = await startContainerd(own);
  server = await startTestServer();
  agent = new AgentServer({
    engine: containerd.engine,
    clock: systemClock,
    log: silentLogger,
    tls: tlsOf(serving("node-1")),
    agent: {
      findContainer: (query: ContainerQuery) => ({ ...locate(query), tty: false }),
      read: async (path: string) => (path === "healthz" ? { contentType: "text/plain", body: "ok" } : undefined),
      findSandbox: locate,
      findLog: (query: ContainerQuery) => ({
        ...locate(query),
        running: true,
        tty: false,
        stdin: false,
        containerName: "main",
      }),
      // The fake tells no more than the server reads.
    } as unknown as ConstructorParameters<typeof AgentServer>[0]["agent"],
  });
  const agentPort = await agent.listen(0, "127.0.0.1");
  const apiClient = client("kube-apiserver-kubelet-client", []);
  const routes = createStreamingRoutes({
    lookup: lookupIn(server.cache),
    agentTls: () => ({ certificate: apiClient.certificate, key: apiClient.privateKey, ca: authority.certificate }),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  listener = await startHttpServer({
    api: server.api,
    authenticator: createX509Authenticator(systemClock),
    tls: tlsOf(serving("127.0.0.1")),
    address: "127.0.0.1",
    port: 0,
    advertised: "127.0.0.1",
    version: { gitVersion: "v1.35.0+roder", major: "1", minor: "35" } as Parameters<
      typeof startHttpServer
    >[0]["version"], // kubectl reads no more
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    streaming: {
      handle: (...request) => routes.handle(...request),
      upgrade(route, user, message, ...connection) {
        upgrades.push(message.headers.upgrade ?? "");
        return routes.upgrade(route, user, message, ...connection);
      },
    },
  });
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(listener.port)));
  await server.send("create", Namespaces, { body: { metadata: { name: "default" } } });
  const node = { metadata: { name: "node-1" }, spec: {}, status: {} };
  await server.send("create", Nodes, { body: node });
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: agentPort } },
  };
  await server.send("patch", Nodes, {
    name: "node-1",
    subresource: "status",
    patchType: "application/merge-patch+json",
    body: { status },
  });
  await startPod("web", [
    "sh",
    "-c",
    `${page} httpd -p 8080 -h /tmp; nc -ll -p 7000 -e cat & echo ready; echo oops >&2; exec sleep 1000`,
  ]);
});
after(async () => {
  await listener?.close();
  await agent?.close();
  await server?.close();
  await containerd?.stop();
});

const page = `mkdir -p /tmp/cgi-bin; echo '<a href="/next">next</a>' > /tmp/index.html; echo plain > /tmp/plain.txt;`;

function tlsOf(pair: { readonly certificate: string; readonly privateKey: string }) {
  return { certificate: pair.certificate, key: pair.privateKey, clientCa: authority.certificate };
}

function kubeconfigOf(port: number) {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "c",
        cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority-data": base64(authority.certificate) },
      },
    ],
    users: [
      {
        name: "u",
        user: { "client-certificate-data": base64(admin.certificate), "client-key-data": base64(admin.privateKey) },
      },
    ],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
}

function locate({ podName, containerName = "" }: ContainerQuery): Started {
  const found =
    started.get(`${podName}/${containerName}`) ?? (containerName === "" ? started.get(`${podName}/main`) : undefined);
  if (!found) throw notFound(Pods, containerName);
  return found;
}

/** Runs a pod's one container and lets the API know of it. */
async function startPod(name: string, command: string[], container = {}): Promise<void> {
  const containers = [{ name: "main", image: "x", stdin: "stdin" in container }];
  const pod = await server.send("create", Pods, {
    namespace: "default",
    body: { metadata: { name, labels: { app: name } }, spec: { nodeName: "node-1", containers } },
  });
  const config = containerConfig(command, container);
  const sandbox = sandboxConfig(containerd, { name, uid: (pod as Pod).metadata.uid });
  mkdirSync(join(sandbox.logDirectory, "main"), { recursive: true });
  const sandboxId = await containerd.engine.runSandbox(sandbox);
  const containerId = await containerd.engine.createContainer(sandboxId, config, sandbox);
  await containerd.engine.startContainer(containerId);
  started.set(`${name}/main`, { containerId, sandboxId, logPath: join(sandbox.logDirectory, config.logPath) });
  const podIP = (await containerd.engine.sandboxStatus(sandboxId))!.ips[0];
  await server.send("patch", Pods, {
    namespace: "default",
    name,
    subresource: "status",
    patchType: "application/merge-patch+json",
    body: { status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] } },
  });
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function kubectlProcess(args: readonly string[], webSockets = true) {
  const asked = String(webSockets);
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: own.directory };
  return {
    args: [...args],
    env: { ...env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: asked, KUBECTL_PORT_FORWARD_WEBSOCKETS: asked },
  };
}

function kubectl(args: readonly string[], { webSockets = true, input = "" } = {}): Promise<Result> {
  const { args: all, env } = kubectlProcess(args, webSockets);
  return new Promise((resolve) => {
    const child = execFile(
      "kubectl",
      all,
      { env, timeout: 60_000, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
      },
    );
    child.stdin!.end(input);
  });
}

/** kubectl speaks WebSockets since 1.29; Debian's older one has SPDY alone. */
const { minor } = JSON.parse(execFileSync("kubectl", ["version", "--client", "-o", "json"]).toString()).clientVersion;
for (const webSockets of Number.parseInt(minor, 10) < 29 ? [false] : [true, false]) {
  const way = webSockets ? "WebSockets" : "SPDY";
  const protocol = webSockets ? "websocket" : "SPDY/3.1";

  test(`exec over ${way} gives output and exit code`, async () => {
    const result = await kubectl(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], { webSockets });
    assert.deepEqual(result, { code: 3, stdout: "out\n", stderr: "err\ncommand terminated with exit code 3\n" });
  });

  test(`exec over ${way} takes a very long command`, async () => {
    const long = "a".repeat(50_000);
    const result = await kubectl(["exec", "web", "--", "echo", long], { webSockets });
    assert.deepEqual(result, { code: 0, stdout: `${long}\n`, stderr: "" });
  });

  test(`exec over ${way} ends the command's input with its own`, async () => {
    const input = "typed\n".repeat(100_000);
    const result = await kubectl(["exec", "-i", "web", "--", "cat"], { webSockets, input });
    assert.deepEqual([result.code, result.stderr], [0, ""]);
    assert.equal(result.stdout, input);
  });

  test(`exec over ${way} has a terminal`, async () => {
    const { env } = kubectlProcess([], webSockets);
    const line = "kubectl exec -it web -- sh -c 'test -t 0 && test -t 1 && echo terminal'";
    const child = spawn("script", ["-qec", line, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
    let output = "";
    child.stdout!.on("data", (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, "exit");
    assert.match(output, /terminal\r\n/);
    assert.equal(code, 0);
  });

  test(`cp over ${way} carries files both ways`, async () => {
    const [there, back] = [join(own.directory, "there"), join(own.directory, "back")];
    writeFileSync(there, systemRandom.bytes(60_000));
    const sent = await kubectl(["cp", there, "web:/tmp/copied"], { webSockets });
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);
    const fetched = await kubectl(["cp", "web:/tmp/copied", back], { webSockets });
    assert.equal(fetched.code, 0, fetched.stderr);
    assert.deepEqual(readFileSync(back), readFileSync(there));
  });

  test(`attach over ${way} reaches the container's own process`, async () => {
    const name = `attached-${way.toLowerCase()}`;
    await startPod(name, ["sh", "-c", "read line; echo got $line"], { stdin: true, stdinOnce: true });
    const result = await kubectl(["attach", "-i", name], { webSockets, input: "hello\n" });
    assert.match(result.stdout, /got hello/, result.stderr);
  });

  test(`port-forward over ${way} carries connections, and says when nothing listens`, async () => {
    const { args, env } = kubectlProcess(["port-forward", "pod/web", ":7000", ":7001"], webSockets);
    const child = spawn("kubectl", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    try {
      let output = "";
      const portsOf = () => [...output.matchAll(/127\.0\.0\.1:(\d+) ->/g)].map((match) => Number(match[1]));
      while (portsOf().length < 2) output += (await once(child.stdout!, "data"))[0];
      const [open = 0, closed = 0] = portsOf();
      for (const words of ["one", "two"]) {
        const connection = createConnection(open, "127.0.0.1");
        connection.write(words);
        const [echo] = await once(connection, "data");
        assert.equal(String(echo), words);
        connection.destroy();
      }
      const refused = createConnection(closed, "127.0.0.1");
      const [said] = await Promise.all([once(child.stderr!, "data"), once(refused, "close")]);
      assert.match(String(said), /7001/);
    } finally {
      child.kill();
    }
  });

  test(`nothing before asked for another protocol than ${way}`, () => {
    assert.deepEqual([...new Set(upgrades.splice(0))], [protocol]);
  });

  test(`exec over ${way} in a container that does not run says so`, async () => {
    await server.send("create", Pods, {
      namespace: "default",
      body: {
        metadata: { name: `idle-${way.toLowerCase()}` },
        spec: { nodeName: "node-1", containers: [{ name: "main", image: "x" }] },
      },
    });
    const { code, stderr } = await kubectl(["exec", `idle-${way.toLowerCase()}`, "--", "true"], { webSockets });
    assert.equal(code, 1);
    assert.match(stderr, /unable to upgrade connection: .*"main" not found/);
    upgrades.length = 0;
  });
}

test("logs prints both outputs, its tail, and times", async () => {
  const { stdout } = await kubectl(["logs", "web"]);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["oops", "ready"]);
  assert.equal((await kubectl(["logs", "web", "--tail=1"])).stdout.trim().split("\n").length, 1);
  assert.match(
    (await kubectl(["logs", "web", "--timestamps"])).stdout,
    /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}\S+ (ready|oops)\n/,
  );
  assert.equal((await kubectl(["logs", "web", "--since-time=2100-01-01T00:00:00Z"])).stdout, "");
});

test("logs -f gives what comes and ends with the container", async () => {
  await startPod("talker", ["sh", "-c", "echo first; read line; echo last"], { stdin: true });
  const { args, env } = kubectlProcess(["logs", "-f", "talker"]);
  const child = spawn("kubectl", args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout!.on("data", (chunk) => {
    output += chunk;
  });
  while (!output.includes("first")) await once(child.stdout!, "data");
  await kubectl(["attach", "-i", "talker"], { input: "go\n" });
  const [code] = await once(child, "exit");
  assert.equal(output, "first\nlast\n");
  assert.equal(code, 0);
});

test("what is asked wrongly is refused in Kubernetes' words", async () => {
  const containers = [
    { name: "a", image: "x" },
    { name: "b", image: "x" },
  ];
  await server.send("create", Pods, {
    namespace: "default",
    body: { metadata: { name: "two" }, spec: { containers } },
  });
  const raw = async (path: string) =>
    (await kubectl(["get", "--raw", `/api/v1/namespaces/default/pods/${path}`])).stderr;
  assert.match(await raw("two/log"), /a container name must be specified for pod two, choose one of: \[a b\]/);
  assert.match(await raw("two/log?container=c"), /container c is not valid for pod two/);
  assert.equal(await raw("two/log?container=a"), "");
  assert.match(await raw("missing/log"), /pods "missing" not found/);
  assert.match(await raw("web/log?tailLines=-1"), /tailLines: Invalid value: -1: must be greater than or equal to 0/);
  assert.match(await raw("web/log?tailLines=x"), /invalid syntax/);
  assert.match(await raw("web/exec?command=true"), /Upgrade request required/);
  const { stderr } = await kubectl(["exec", "two", "-c", "a", "--", "true"]);
  assert.match(stderr, /pod two does not have a host assigned/);
});

test("pods, services and nodes are reached through the API server, and links lead through it again", async () => {
  const raw = async (path: string) => (await kubectl(["get", "--raw", path])).stdout;
  const pod = "/api/v1/namespaces/default/pods/web:8080/proxy";
  assert.equal(await raw(`${pod}/index.html`), `<a href="${pod}/next">next</a>\n`);
  assert.equal(await raw(`${pod}/plain.txt`), "plain\n");
  assert.equal(await raw("/api/v1/nodes/node-1/proxy/healthz"), "ok");
  const service = { metadata: { name: "site" }, spec: { ports: [{ name: "http", port: 80 }], clusterIP: "None" } };
  await server.send("create", Services, { namespace: "default", body: service });
  const failed = await kubectl(["get", "--raw", "/api/v1/namespaces/default/services/site:http/proxy/"]);
  assert.match(failed.stderr, /no endpoints available for service "site"/);
  const address = (await containerd.engine.sandboxStatus(started.get("web/main")!.sandboxId))!.ips[0];
  await server.send("create", EndpointSlices, {
    namespace: "default",
    body: {
      metadata: { name: "site-1", labels: { "kubernetes.io/service-name": "site" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address] }],
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    },
  });
  for (const port of ["http", "80"])
    assert.equal(await raw(`/api/v1/namespaces/default/services/site:${port}/proxy/plain.txt`), "plain\n");
  const nowhere = await kubectl(["get", "--raw", "/api/v1/namespaces/default/pods/web:9/proxy/"]);
  assert.match(nowhere.stderr, /error trying to reach service/);
});

test("Pods, remote command execution over websocket: the older protocols carry exec, logs and ports", async () => {
  const open = async (path: string, protocol: string) => {
    const url = `wss://127.0.0.1:${listener.port}/api/v1/namespaces/default/pods/web/${path}`;
    const tls = { ca: authority.certificate, cert: admin.certificate, key: admin.privateKey };
    const socket = new WebSocket(url, protocol, tls);
    const messages: Buffer[] = [];
    socket.on("message", (message: Buffer) => messages.push(message));
    await once(socket, "open");
    assert.equal(socket.protocol, protocol);
    return { socket, messages };
  };
  const textOf = (messages: readonly Buffer[], channel: number) =>
    Buffer.concat(messages.filter((each) => each[0] === channel).map((each) => each.subarray(1))).toString();
  const ran = await open("exec?command=echo&command=hi&stdout=1&stderr=1", "channel.k8s.io");
  await once(ran.socket, "close");
  assert.deepEqual([textOf(ran.messages, 1), textOf(ran.messages, 3)], ["hi\n", ""]);
  const failed = await open("exec?command=false&stdout=1", "v4.base64.channel.k8s.io");
  await once(failed.socket, "close");
  const status = Buffer.from(String(failed.messages.findLast((each) => String(each)[0] === "3")).slice(1), "base64");
  assert.equal(JSON.parse(status.toString()).reason, "NonZeroExitCode");
  const log = await open("log?tailLines=2", "binary.k8s.io");
  await once(log.socket, "close");
  assert.deepEqual(Buffer.concat(log.messages).toString().trim().split("\n").sort(), ["oops", "ready"]);
  const ports = await open("portforward?ports=7000", "v4.channel.k8s.io");
  ports.socket.send(Buffer.from("\0ping"));
  while (textOf(ports.messages, 0).length < 6) await once(ports.socket, "message");
  assert.equal(textOf(ports.messages, 0), "\x58\x1bping");
  ports.socket.close();
  const refused = await open("portforward?ports=7001", "v4.channel.k8s.io");
  await once(refused.socket, "close");
  assert.match(textOf(refused.messages, 1).slice(2), /^error forwarding port 7001 to pod [^:]*: /);
});

test("exec over a WebSocket takes 32 MiB of input in one message", async () => {
  const url = `wss://127.0.0.1:${listener.port}/api/v1/namespaces/default/pods/web/exec?command=wc&command=-c&stdin=1&stdout=1`;
  const tls = { ca: authority.certificate, cert: admin.certificate, key: admin.privateKey };
  const socket = new WebSocket(url, "v5.channel.k8s.io", tls);
  let counted = "";
  socket.on("message", (message: Buffer) => {
    if (message[0] === 1) counted += message.subarray(1);
  });
  await once(socket, "open");
  socket.send(Buffer.alloc(32 * 2 ** 20));
  socket.send(Buffer.of(255, 0));
  await once(socket, "close");
  assert.equal(counted, `${32 * 2 ** 20 - 1}\n`);
});

test("the agent answers nobody but API servers", async () => {
  const stranger = issue({ commonName: "kube-apiserver-kubelet-client", usage: "client", ...validity }, systemRandom);
  const ask = async (pair: { certificate: string; privateKey: string } | undefined) => {
    const address = (await server.send("get", Nodes, { name: "node-1" })).status.daemonEndpoints!.kubeletEndpoint!.Port;
    const { request } = await import("node:https");
    const tls = pair ? { cert: pair.certificate, key: pair.privateKey } : {};
    const asked = request({
      host: "127.0.0.1",
      port: address,
      path: "/healthz",
      ca: authority.certificate,
      servername: "node-1",
      agent: false,
      ...tls,
    });
    asked.end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await ask(undefined), 401);
  assert.equal(await ask(stranger), 401);
  assert.equal(await ask(client("alice", ["developers"])), 403);
  assert.equal(await ask(admin), 200);
});
