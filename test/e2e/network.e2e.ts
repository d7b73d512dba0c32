// Services and names as pods, the node and the world outside see them, on the real rules and real containers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { execute, succeed } from "../programs.ts";
import { eventually, TestCluster } from "./cluster.ts";

const busybox = "docker.io/library/busybox:1.35";
/** For its perl: busybox speaks no UDP. */
const debian = "docker.io/library/nginx:1.22";
/** The machine's address, and that of a neighbour in its network (see TestCluster). */
const machine = "198.51.100.10";
const neighbour = "198.51.100.20";
const outside = `roder-test-network-outside-${process.pid}`;
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("network");
  await addNeighbour();
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive(busybox, debian)]);
  await cluster.apply(
    [
      ...["web-1", "web-2"].map((name) => pod(name, "web", webServer)),
      ...["udp-1", "udp-2"].map((name) => pod(name, "udp", udpServer)),
      pod("client", "client", `  - { name: main, image: ${debian}, command: [sleep, "3600"] }`),
      service("web", "type: NodePort", "web", "{ name: http, port: 80, targetPort: 8080, nodePort: 30080 }"),
      service(
        "outer",
        "type: NodePort, externalTrafficPolicy: Local",
        "web",
        "{ port: 80, targetPort: 8080, nodePort: 30081 }",
      ),
      service(
        "sticky",
        "type: NodePort, sessionAffinity: ClientIP",
        "web",
        "{ port: 80, targetPort: 8080, nodePort: 30084 }",
      ),
      service("peers", "clusterIP: None", "web", "{ name: http, port: 8080 }"),
      service("empty", "type: NodePort", "nobody", "{ port: 80, nodePort: 30082 }"),
      service("udp", "type: NodePort", "udp", "{ port: 5353, protocol: UDP, nodePort: 30083 }"),
      service("empty-udp", "type: ClusterIP", "nobody", "{ port: 5353, protocol: UDP }"),
    ].join("---\n"),
  );
  await cluster.kubectl("wait", "--for=condition=ready", "pod", "--all", "--timeout=60s");
  await eventually("both web servers have been reached", async () => (await namesAt(await urlOf("web"))).size === 2);
  for (const port of [30080, 30081, 30084])
    await eventually(`port ${port} leads to a web server`, () => fromNode(`http://${machine}:${port}/`));
});
after(async () => {
  try {
    await cluster.remove();
  } finally {
    await succeed("ip", ["netns", "delete", outside]);
  }
});

/** Another machine in the network of the cluster's. */
async function addNeighbour(): Promise<void> {
  await succeed("ip", ["netns", "add", outside]);
  await cluster.inside("ip", ["link", "add", "wire", "type", "veth", "peer", "name", "eth0", "netns", outside]);
  await cluster.inside("ip", ["link", "set", "wire", "master", "uplink", "up"]);
  await succeed("ip", ["-n", outside, "address", "add", `${neighbour}/24`, "dev", "eth0"]);
  await succeed("ip", ["-n", outside, "link", "set", "eth0", "up"]);
}

function pod(name: string, app: string, containers: string, more = ""): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${app}, name: ${name} } }
spec:
  terminationGracePeriodSeconds: 0
${more}  containers:
${containers}
`;
}

function service(name: string, spec: string, app: string, port: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ${spec}, selector: { app: ${app} }, ports: [${port}] }
`;
}

/** Says its name at /, and who asks at /cgi-bin/from. */
const webServer = `  - name: main
    image: ${busybox}
    readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
    command:
    - sh
    - -c
    - |
      mkdir -p /www/cgi-bin
      hostname > /www/index.html
      printf '#!/bin/sh\\necho\\necho $REMOTE_ADDR | tr -d "[]" | sed s/::ffff://\\n' > /www/cgi-bin/from
      chmod +x /www/cgi-bin/from
      exec httpd -f -p 8080 -h /www`;

const udpServer = `  - name: main
    image: ${debian}
    command:
    - perl
    - -MIO::Socket::INET
    - -MPOSIX=uname
    - -e
    - |
      my $socket = IO::Socket::INET->new(Proto => "udp", LocalPort => 5353) or die $!;
      while (defined(my $from = $socket->recv(my $text, 100))) { $socket->send((uname)[1], 0, $from) }`;

const exec = (podName: string, ...command: readonly string[]) => cluster.kubectl("exec", podName, "--", ...command);
const addressOf = async (name: string) => cluster.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}");
const urlOf = async (name: string) => `http://${await addressOf(name)}/`;
const podIp = async (name: string) => cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}");
/** Not wget's own limit: busybox's, linked statically, ends with a segmentation fault then. */
const wget = (seconds: number) => ["timeout", String(seconds), "wget", "-q", "-O", "-"];
const fromPod = (url: string, podName = "web-1") => exec(podName, ...wget(5), url);
const fromNode = async (url: string) => (await cluster.get(url)).trim();
const fromOutside = async (url: string) =>
  (await succeed("ip", ["netns", "exec", outside, "curl", "-s", "-S", "-f", "--max-time", "5", url])).trim();

/** Who answers a number of requests from the node. */
async function namesAt(url: string, requests = 20): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let request = 0; request < requests; request++) names.add(await fromNode(url));
  return names;
}

/** What a UDP server answers to a question from a fixed port: all questions are one flow to the kernel. */
const askUdp = async (address: string, port: number) =>
  (
    await exec(
      "client",
      "perl",
      "-MIO::Socket::INET",
      "-e",
      `my $s = IO::Socket::INET->new(Proto => "udp", LocalPort => 40000, PeerAddr => "${address}", PeerPort => ${port});
       $s->send("?"); alarm 2; defined $s->recv(my $answer, 100) or die $!; print $answer`,
    )
  ).trim();

test("Networking, intra pod http, from node: a cluster IP is reached from pods and from the node, and spreads over the pods", async () => {
  const address = await addressOf("web");
  assert.match(await fromPod(`http://${address}/`, "web-2"), /^web-[12]\n$/);
  assert.match(await fromPod("http://web/"), /^web-[12]\n$/);
  assert.deepEqual([...(await namesAt(await urlOf("web"), 40))].sort(), ["web-1", "web-2"]);
});

test("Replica Set, run basic image: each of its pods runs and answers with its name", async () => {
  await cluster.apply(`apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: basic }
spec:
  replicas: 2
  selector: { matchLabels: { app: basic } }
  template:
    metadata: { labels: { app: basic } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
${webServer.replaceAll(/^/gm, "    ")}
`);
  await cluster.becomes("replicaset/basic", ".status.readyReplicas", "2");
  const names = (await cluster.kubectl("get", "pods", "-l", "app=basic", "-o", "name")).trim().split("\n");
  assert.equal(names.length, 2);
  for (const name of names.map((each) => each.replace("pod/", "")))
    assert.equal(await fromNode(`http://${await podIp(name)}:8080/`), name);
  await cluster.kubectl("delete", "replicaset", "basic");
});

test("Service, NodePort Service: it is reached by name and address, and its port at the node's address and at 127.0.0.1, from the node, pods and outside", async () => {
  assert.match(await fromPod("http://web/"), /^web-[12]\n$/);
  assert.match(await fromNode(`http://${machine}:30080/`), /^web-[12]$/);
  assert.match(await fromNode("http://127.0.0.1:30080/"), /^web-[12]$/);
  assert.match(await fromPod(`http://${machine}:30080/`), /^web-[12]\n$/);
  assert.match(await fromOutside(`http://${machine}:30080/`), /^web-[12]$/);
});

test("externalTrafficPolicy Local keeps the address of who asks; Cluster shows the node's", async () => {
  assert.equal(await fromOutside(`http://${machine}:30081/cgi-bin/from`), neighbour);
  assert.notEqual(await fromOutside(`http://${machine}:30080/cgi-bin/from`), neighbour);
  assert.match(await fromNode(`http://${machine}:30081/`), /^web-[12]$/);
});

test("Service, NodePort type, session affinity to ClientIP: a client stays with its pod, by address, name and node port", async () => {
  assert.equal((await namesAt(await urlOf("sticky"))).size, 1);
  assert.equal((await namesAt(`http://${machine}:30084/`)).size, 1);
  const names = new Set<string>();
  for (let request = 0; request < 5; request++) names.add(await fromPod("http://sticky/"));
  assert.equal(names.size, 1);
});

test("Service, ClusterIP type, session affinity to None: a client is spread over the pods, until affinity comes back", async () => {
  const url = await urlOf("sticky");
  const affinity = (sessionAffinity: string) =>
    cluster.kubectl("patch", "service", "sticky", "-p", JSON.stringify({ spec: { sessionAffinity } }));
  await affinity("None");
  await eventually("both pods answer", async () => (await namesAt(url)).size === 2);
  await affinity("ClientIP");
  await eventually("one pod answers", async () => (await namesAt(url)).size === 1);
});

test("a pod reaches itself through its service", async () => {
  await cluster.apply(
    `apiVersion: v1
kind: Service
metadata: { name: self }
spec: { selector: { name: web-1 }, ports: [{ port: 80, targetPort: 8080 }] }
`,
  );
  await eventually("it answers itself", async () => (await fromPod("http://self/", "web-1")) === "web-1\n");
});

test("a service without endpoints refuses at once, from pods, the node and outside", async () => {
  const address = await addressOf("empty");
  const udpAddress = await addressOf("empty-udp");
  for (const ask of [
    () => fromPod(`http://${address}/`),
    () => fromNode(`http://${address}/`),
    () => fromOutside(`http://${machine}:30082/`),
    () => askUdp(udpAddress, 5353),
  ]) {
    const began = performance.now();
    await assert.rejects(ask, /Connection refused|Couldn't connect/);
    assert.ok(performance.now() - began < 5_000, "nobody waited for a timeout");
  }
});

test("Service CIDRs should create Services and serve on different Service CIDRs", async () => {
  await cluster.apply(`apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: { name: more }
spec: { cidrs: [203.0.113.0/24] }
`);
  await cluster.becomes("servicecidr/more", '.status.conditions[?(@.type=="Ready")].status', "True");
  await cluster.apply(service("more", "clusterIP: 203.0.113.10", "web", "{ port: 80, targetPort: 8080 }"));
  await eventually("the service of the other range answers the node", () =>
    fromNode("http://203.0.113.10/").then(Boolean, () => false),
  );
  assert.match(await fromPod("http://203.0.113.10/"), /^web-[12]\n$/);
  assert.match(await fromPod("http://more/"), /^web-[12]\n$/);
  await assert.rejects(fromPod("http://203.0.113.11/"), /Connection refused/);
  await assert.rejects(fromNode("http://203.0.113.11/"), /Connection refused|Couldn't connect/);
  await cluster.kubectl("delete", "service", "more");
  // Its controller waits ten seconds for who may have taken an address meanwhile; the last test looks.
  await cluster.kubectl("delete", "servicecidr", "more", "--wait=false");
});

test("Networking, intra pod http, from node (udp): a UDP service answers, and a client goes on with another pod when its own is gone", async () => {
  const address = await addressOf("udp");
  for (const [to, port] of [
    [address, 5353],
    [machine, 30083],
  ] as const) {
    // Its container runs a moment before it listens.
    const first = await eventually("a pod answers", () => askUdp(to, port));
    assert.match(first, /^udp-[1-9]$/);
    await cluster.kubectl("delete", "pod", first);
    await eventually("another pod answers the same flow", async () => (await askUdp(to, port)) !== first);
    await cluster.apply(pod(first, "udp", udpServer));
    await cluster.kubectl("wait", "--for=condition=ready", `pod/${first}`, "--timeout=60s");
  }
});

test("Networking should check kube-proxy urls: the node tells that its proxy is well, and how it works", async () => {
  assert.ok("lastUpdated" in JSON.parse(await cluster.get("http://localhost:10256/healthz")));
  assert.equal(await cluster.get("http://localhost:10249/proxyMode"), "nftables");
});

test("names of services: A, SRV and PTR; a headless one has the addresses of its pods", async () => {
  const lookUp = (...words: readonly string[]) => exec("web-1", "nslookup", ...words);
  const address = await addressOf("web");
  assert.match(await lookUp("web.default.svc.cluster.local"), new RegExp(`Address: ${address}`));
  assert.match(
    await lookUp("-type=srv", "_http._tcp.web.default.svc.cluster.local"),
    /service = 0 100 80 web\.default\.svc\.cluster\.local/,
  );
  assert.match(
    await lookUp("-type=ptr", address.split(".").reverse().join(".").concat(".in-addr.arpa")),
    /name = web\.default\.svc\.cluster\.local/,
  );
  const peers = await lookUp("peers.default.svc.cluster.local");
  for (const name of ["web-1", "web-2"]) assert.ok(peers.includes(await podIp(name)), peers);
  assert.match(
    await lookUp("-type=srv", "_http._tcp.peers.default.svc.cluster.local"),
    /service = 0 100 8080 10-42-0-\d+\.peers\.default\.svc\.cluster\.local/,
  );
});

test("a host port leads to its pod from the node and from outside, until the pod is gone", async () => {
  const ports = "    ports: [{ containerPort: 8080, hostPort: 8081 }]";
  await cluster.apply(pod("host-port", "host-port", `${webServer}\n${ports}`));
  await cluster.kubectl("wait", "--for=condition=ready", "pod/host-port", "--timeout=60s");
  for (const ask of [
    () => fromOutside(`http://${machine}:8081/`),
    () => fromNode(`http://${machine}:8081/`),
    () => fromNode("http://127.0.0.1:8081/"),
    async () => (await fromPod(`http://${machine}:8081/`, "host-port")).trim(),
  ])
    assert.equal(await eventually("the pod answers", ask), "host-port");
  await cluster.kubectl("delete", "pod", "host-port");
  await eventually("the port is closed", async () =>
    fromOutside(`http://${machine}:8081/`).then(
      () => false as const,
      () => true,
    ),
  );
});

test("a pod with the host's network has the node's address, and cluster names with ClusterFirstWithHostNet", async () => {
  const spec = (policy: string) => `  hostNetwork: true\n  dnsPolicy: ${policy}\n`;
  const sleeps = `  - { name: main, image: ${busybox}, command: [sleep, "3600"] }`;
  await cluster.apply(pod("on-host", "on-host", sleeps, spec("ClusterFirstWithHostNet")));
  await cluster.apply(pod("on-host-plain", "on-host", sleeps, spec("ClusterFirst")));
  await cluster.kubectl("wait", "--for=condition=ready", "pod", "-l", "app=on-host", "--timeout=60s");
  assert.equal(await podIp("on-host"), machine);
  assert.match(await exec("on-host", "cat", "/proc/net/dev"), /uplink:/);
  assert.match(await exec("on-host", "cat", "/etc/resolv.conf"), /nameserver 10\.43\.0\.10/);
  assert.match(await fromPod("http://web/", "on-host"), /^web-[12]\n$/);
  assert.doesNotMatch(await exec("on-host-plain", "cat", "/etc/resolv.conf"), /10\.43\.0\.10/);
});

test("nothing to or from the ranges of pods and services leaves by the uplink", async () => {
  const table = "roder-test-uplink";
  await cluster.inside("nft", ["-f", "-"], {
    input: `table ip ${table} {
      counter ranges {}
      counter others {}
      chain leaving {
        type filter hook postrouting priority 300;
        oifname "uplink" ip daddr { 10.42.0.0/16, 10.43.0.0/16 } counter name ranges
        oifname "uplink" ip saddr { 10.42.0.0/16, 10.43.0.0/16 } counter name ranges
        oifname "uplink" ip daddr 192.0.2.9 ip saddr ${machine} counter name others
      }
    }`,
  });
  const packets = async (counter: string) => {
    const listed = await cluster.inside("nft", ["-j", "list", "counter", "ip", table, counter]);
    const { nftables } = JSON.parse(listed) as { nftables: { counter?: { packets: number } }[] };
    return nftables.find((each) => each.counter)?.counter?.packets;
  };
  const unused = ["http://10.43.200.200/", "http://10.42.200.200/", "http://10.42.0.250:1/"];
  const used = [`http://${await addressOf("web")}/`, `http://${await addressOf("empty")}/`, `http://${machine}:30080/`];
  for (const url of [...unused, ...used]) {
    // Whether it answers is another test's question.
    await cluster.kubectlOutcome(["exec", "web-1", "--", ...wget(1), url]);
    await cluster.insideOutcome("curl", ["-s", "--max-time", "1", url]);
    await execute("ip", ["netns", "exec", outside, "curl", "-s", "--max-time", "1", url]);
  }
  // What does leave is counted, and under the machine's own address.
  await cluster.kubectlOutcome(["exec", "web-1", "--", ...wget(1), "http://192.0.2.9/"]);
  assert.notEqual(await packets("others"), 0);
  assert.equal(await packets("ranges"), 0);
  await cluster.inside("nft", ["delete", "table", "ip", table]);
});

test("a ServiceCIDR that no Service uses goes when it is deleted", async () => {
  await eventually(
    "it is gone",
    async () => (await cluster.kubectl("get", "servicecidr", "more", "--ignore-not-found", "-o", "name")) === "",
  );
});
