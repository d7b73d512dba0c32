// The pure parts of a container's configuration.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, PodSpec, Service } from "../../api/index.ts";
import { environment } from "./environment.ts";
import { etcHosts } from "./etc-hosts.ts";
import { expand } from "./expand.ts";
import { fieldValue, resourceFieldValue } from "./field-value.ts";
import { containerResources, cpuQuota, cpuShares, oomScoreAdj, podCgroup, podCgroupLimits } from "./linux-resources.ts";
import { omissionsOfDns, parseResolvConf, podDns } from "./pod-dns.ts";
import { kernelHostname, podHostname } from "./pod-hostname.ts";
import { checkRunAsNonRoot, containerSecurity } from "./security-context.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { sysctlName } from "./sysctl.ts";

const app: Container = { name: "app", image: "app:1" };

function pod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    metadata: { name: "web", namespace: "shop", uid: "u1", resourceVersion: "1", creationTimestamp: "", ...metadata },
    spec: { containers: [app], ...spec },
    status: {},
  };
}

test("references in commands are expanded once; unknown ones and escaped ones stay", () => {
  const lookup = (name: string) => ({ A: "1", B: "$(A)" })[name];
  for (const [text, expanded] of [
    ["$(A)", "1"],
    ["x$(A)y$(B)", "x1y$(A)"],
    ["$(NONE)", "$(NONE)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$A {A} $", "$A {A} $"],
    ["$(A", "$(A"],
  ] as const) {
    assert.equal(expand(text, lookup), expanded, text);
  }
});

test("an environment holds nothing that nobody put there, under any name", async () => {
  const configMap = { metadata: pod().metadata, data: { mode: "fast", __: "from" } };
  const key = (name: string) => ({ configMapKeyRef: { name: "settings", key: name, optional: true } });
  const env = await environment({
    pod: pod(),
    container: {
      ...app,
      envFrom: [{ prefix: "__proto", configMapRef: { name: "settings" } }],
      env: [
        { name: "A", value: "$(constructor) $(__proto__)" },
        { name: "__proto__", value: "own" },
        { name: "B", value: "$(__proto__)" },
        { name: "C", valueFrom: key("toString") },
        { name: "D", valueFrom: key("mode") },
      ],
    },
    addresses: { podIps: [], hostIps: [] },
    services: [],
    allocatable: {},
    objects: { configMap: async () => configMap, secret: async () => undefined },
    volumeFile: async () => "",
  });
  assert.deepEqual(
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ["__protomode=fast", "__proto__=own", "A=$(constructor) from", "B=own", "D=fast"],
  );
});

test("the downward API gives fields of the pod", () => {
  const addresses = { podIps: ["10.0.0.1", "fd00::1"], hostIps: ["192.0.2.1"] };
  const about = pod(
    { nodeName: "n", serviceAccountName: "sa" },
    { labels: { b: 'x"y', a: "1" }, annotations: { "k/v": "z" } },
  );
  for (const [path, value] of [
    ["metadata.name", "web"],
    ["metadata.namespace", "shop"],
    ["metadata.uid", "u1"],
    ["metadata.labels", 'a="1"\nb="x\\"y"'],
    ["metadata.labels['a']", "1"],
    ["metadata.annotations['k/v']", "z"],
    ["metadata.annotations['none']", ""],
    ["metadata.labels['constructor']", ""],
    ["spec.nodeName", "n"],
    ["spec.serviceAccountName", "sa"],
    ["status.podIP", "10.0.0.1"],
    ["status.podIPs", "10.0.0.1,fd00::1"],
    ["status.hostIP", "192.0.2.1"],
  ] as const) {
    assert.equal(fieldValue(about, path, addresses), value, path);
  }
  assert.throws(() => fieldValue(about, "spec.restartPolicy", addresses), /unsupported fieldPath/);
});

test("resource fields are divided and rounded up; a limit that is not set is the node's", () => {
  const container = { ...app, resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { memory: "100Mi" } } };
  const allocatable = { cpu: "4", memory: "8Gi" };
  const value = (resource: string, divisor?: string) =>
    resourceFieldValue(pod(), container, { resource, ...(divisor ? { divisor } : {}) }, allocatable);
  assert.equal(value("requests.cpu"), "1");
  assert.equal(value("requests.cpu", "1m"), "250");
  assert.equal(value("limits.cpu"), "4");
  assert.equal(value("requests.memory", "1Mi"), "64");
  assert.equal(value("limits.memory", "1Gi"), "1");
  const none = { ...app, resources: { limits: { cpu: "0" } } };
  assert.equal(resourceFieldValue(pod(), none, { resource: "limits.cpu" }, allocatable), "4");
  const limited = pod({ resources: { limits: { cpu: "2" } } });
  assert.equal(resourceFieldValue(limited, none, { resource: "limits.cpu" }, allocatable), "2");
});

test("Services of the namespace and the API server are told in variables", () => {
  const service = (name: string, namespace: string, clusterIP: string, ports: Service["spec"]["ports"]): Service => ({
    metadata: { name, namespace, uid: "", resourceVersion: "", creationTimestamp: "" },
    spec: { clusterIP, ...(ports ? { ports } : {}) },
    status: {},
  });
  const services = [
    service("redis-leader", "shop", "10.43.0.5", [
      { name: "redis", port: 6379 },
      { name: "admin-ui", port: 80, protocol: "UDP" },
    ]),
    service("headless", "shop", "None", [{ port: 1 }]),
    service("other", "elsewhere", "10.43.0.6", [{ port: 1 }]),
    service("kubernetes", "default", "10.43.0.1", [{ name: "https", port: 443 }]),
  ];
  assert.deepEqual(serviceEnvironment("shop", services, true), {
    REDIS_LEADER_SERVICE_HOST: "10.43.0.5",
    REDIS_LEADER_SERVICE_PORT: "6379",
    REDIS_LEADER_SERVICE_PORT_REDIS: "6379",
    REDIS_LEADER_SERVICE_PORT_ADMIN_UI: "80",
    REDIS_LEADER_PORT: "tcp://10.43.0.5:6379",
    REDIS_LEADER_PORT_6379_TCP: "tcp://10.43.0.5:6379",
    REDIS_LEADER_PORT_6379_TCP_PROTO: "tcp",
    REDIS_LEADER_PORT_6379_TCP_PORT: "6379",
    REDIS_LEADER_PORT_6379_TCP_ADDR: "10.43.0.5",
    REDIS_LEADER_PORT_80_UDP: "udp://10.43.0.5:80",
    REDIS_LEADER_PORT_80_UDP_PROTO: "udp",
    REDIS_LEADER_PORT_80_UDP_PORT: "80",
    REDIS_LEADER_PORT_80_UDP_ADDR: "10.43.0.5",
    KUBERNETES_SERVICE_HOST: "10.43.0.1",
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: "tcp://10.43.0.1:443",
    KUBERNETES_PORT_443_TCP: "tcp://10.43.0.1:443",
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_PORT_443_TCP_PORT: "443",
    KUBERNETES_PORT_443_TCP_ADDR: "10.43.0.1",
  });
  const names = Object.keys(serviceEnvironment("shop", services, false));
  assert.ok(names.every((name) => name.startsWith("KUBERNETES_")));
});

test("CPU of the API becomes shares and quota", () => {
  assert.deepEqual([0, 1, 500, 1_000, 1_000_000].map(cpuShares), [2, 2, 512, 1_024, 262_144]);
  assert.deepEqual([0, 1, 500, 2_000].map(cpuQuota), [undefined, 1_000, 50_000, 200_000]);
});

test("a container has the limits of its pod where it has none of its own", () => {
  const machine = { memoryBytes: 8 * 2 ** 30, oomScoreAdjMin: -1_000 };
  const own: Container = { ...app, resources: { requests: { cpu: "100m" }, limits: { memory: "32Mi" } } };
  const about = pod({ resources: { limits: { cpu: "500m", memory: "64Mi" } }, containers: [own, app] });
  const given = (container: Container) => {
    const { cpuShares, cpuQuota, memoryLimitBytes } = containerResources(about, container, machine);
    return [cpuShares, cpuQuota, memoryLimitBytes];
  };
  assert.deepEqual(given(own), [102, 50_000, 32 * 2 ** 20]);
  assert.deepEqual(given(app), [512, 50_000, 64 * 2 ** 20]);
});

test("the kernel kills by quality of service: guaranteed last, best effort first", () => {
  const machine = { memoryBytes: 8 * 2 ** 30, oomScoreAdjMin: -1_000 };
  const score = (resources: Container["resources"], more: Partial<PodSpec> = {}, min = -1_000) => {
    const container = { ...app, ...(resources ? { resources } : {}) };
    const about = pod({ containers: [container], ...more });
    return containerResources(about, container, { ...machine, oomScoreAdjMin: min }).oomScoreAdj;
  };
  const all = { cpu: "1", memory: "1Gi" };
  assert.equal(score(undefined), 1_000);
  assert.equal(score({ requests: all, limits: all }), -997);
  assert.equal(score({ requests: { memory: "1Gi" } }), 875);
  assert.equal(score({ requests: { memory: "1Ki" } }), 999);
  assert.equal(score({ requests: { memory: "8Gi" } }), 3);
  assert.equal(score(undefined, { priority: 2_000_001_000 }), -997);
  assert.equal(score({ requests: all, limits: all }, {}, 0), 0);
});

test("the kernel kills a sidecar no sooner than what it serves, and what the pod asks for protects all of it", () => {
  const memoryBytes = 8_000_000_000;
  const asking = (name: string, memory?: string): Container => ({
    ...app,
    name,
    ...(memory ? { resources: { requests: { memory } } } : {}),
  });
  const mesh = { ...asking("mesh", "100M"), restartPolicy: "Always" };
  const served = pod({ containers: [asking("a", "4G"), asking("b", "2G")], initContainers: [mesh, asking("setup")] });
  const scores = (about: Pod) =>
    [...(about.spec.initContainers ?? []), ...about.spec.containers].map((each) =>
      oomScoreAdj(about, each, memoryBytes),
    );
  assert.deepEqual(scores(served), [750, 999, 500, 750]);
  const greedy = pod({ containers: [asking("a", "1G")], initContainers: [{ ...mesh, ...asking("mesh", "4G") }] });
  assert.deepEqual(scores(greedy), [500, 875]);
  // 4 GB of the pod's, of which a asks for 2: the rest is shared by both.
  const whole = pod({
    resources: { requests: { memory: "4G" } },
    containers: [asking("a", "2G"), asking("b")],
  });
  assert.deepEqual(scores(whole), [625, 875]);
});

test("a pod's cgroup is that of its class, with limits where all containers have them", () => {
  const limits = { cpu: "500m", memory: "64Mi" };
  const guaranteed = pod({ containers: [{ ...app, resources: { requests: limits, limits } }] });
  assert.equal(podCgroup("/roder/kubepods", guaranteed), "/roder/kubepods/podu1");
  assert.deepEqual(podCgroupLimits(guaranteed), { cpuShares: 512, cpuQuota: 50_000, memoryLimitBytes: 64 * 2 ** 20 });
  const mixed = pod({
    containers: [
      { ...app, resources: { limits, requests: limits } },
      { ...app, name: "b" },
    ],
  });
  assert.equal(podCgroup("/roder/kubepods", mixed), "/roder/kubepods/burstable/podu1");
  assert.deepEqual(podCgroupLimits(mixed), { cpuShares: 512 });
  assert.equal(podCgroup("/roder/kubepods", pod()), "/roder/kubepods/besteffort/podu1");
});

test("dnsPolicy and dnsConfig decide the pod's resolv.conf", () => {
  const machine = parseResolvConf("# c\nnameserver 192.0.2.53\nsearch lan. example.org\noptions timeout:1 rotate\n");
  const settings = { clusterDns: ["10.43.0.10"], clusterDomain: "cluster.local" };
  const cluster = {
    servers: ["10.43.0.10"],
    searches: ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan", "example.org"],
    options: ["ndots:5"],
  };
  const own = { servers: ["192.0.2.53"], searches: ["lan", "example.org"], options: ["timeout:1", "rotate"] };
  assert.deepEqual(podDns(pod(), machine, settings), cluster);
  assert.deepEqual(podDns(pod({ dnsPolicy: "Default" }), machine, settings), own);
  assert.deepEqual(podDns(pod({ hostNetwork: true }), machine, settings), own);
  assert.deepEqual(
    podDns(pod({ hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }), machine, settings),
    cluster,
  );
  const dnsConfig = {
    nameservers: ["192.0.2.1"],
    searches: ["x.example"],
    options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
  };
  assert.deepEqual(podDns(pod({ dnsPolicy: "None", dnsConfig }), machine, settings), {
    servers: ["192.0.2.1"],
    searches: ["x.example"],
    options: ["ndots:2", "edns0"],
  });
  assert.deepEqual(podDns(pod({ dnsConfig }), machine, settings).options, ["ndots:2", "edns0"]);
});

test("what does not fit into a resolv.conf is left out, and said", () => {
  const settings = { clusterDns: ["10.43.0.10"], clusterDomain: "cluster.local" };
  const machine = { servers: [], searches: [], options: [] };
  const nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  const searches = ["x.example", `${"a".repeat(254)}`, "y.example"];
  const wide = pod({ dnsConfig: { nameservers, searches } });
  const { servers, searches: applied } = podDns(wide, machine, settings);
  assert.deepEqual(servers, ["10.43.0.10", "192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(applied.slice(3), ["x.example", "y.example"]);
  assert.deepEqual(omissionsOfDns(wide, machine, settings), [
    "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.43.0.10 192.0.2.1 192.0.2.2",
    "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: shop.svc.cluster.local svc.cluster.local cluster.local x.example y.example",
  ]);
  assert.deepEqual(omissionsOfDns(pod(), machine, settings), []);
});

test("a sysctl may be named with slashes, between which dots belong to the names", () => {
  for (const [given, name] of [
    ["kernel.shm_rmid_forced", "kernel.shm_rmid_forced"],
    ["kernel/shm_rmid_forced", "kernel.shm_rmid_forced"],
    ["net.ipv4.conf.eno2/100.rp_filter", "net.ipv4.conf.eno2/100.rp_filter"],
    ["net/ipv4/conf/eno2.100/rp_filter", "net.ipv4.conf.eno2/100.rp_filter"],
    ["shm", "shm"],
  ] as const)
    assert.equal(sysctlName(given), name);
});

test("a pod's names are its hostname and, with a subdomain, a full one", () => {
  assert.deepEqual(podHostname(pod(), "cluster.local"), { hostname: "web" });
  assert.equal(podHostname(pod({}, { name: `${"x".repeat(62)}-y` }), "cluster.local").hostname, "x".repeat(62));
  const named = pod({ hostname: "db-0", subdomain: "db" });
  assert.deepEqual(podHostname(named, "cluster.local"), { hostname: "db-0", fqdn: "db-0.db.shop.svc.cluster.local" });
  assert.equal(kernelHostname(named, "cluster.local"), "db-0");
  const full = pod({ hostname: "db-0", subdomain: "db", setHostnameAsFQDN: true });
  assert.equal(kernelHostname(full, "cluster.local"), "db-0.db.shop.svc.cluster.local");
  const long = pod({ hostname: "x".repeat(50), subdomain: "db", setHostnameAsFQDN: true });
  assert.throws(() => kernelHostname(long, "cluster.local"), /is too long \(64 characters is the max/);
});

test("/etc/hosts has the pod's own name and its aliases", () => {
  const hostAliases = [{ ip: "192.0.2.9", hostnames: ["a.example", "b.example"] }];
  const text = etcHosts(pod({ subdomain: "group", hostAliases }), ["10.0.0.1"], "cluster.local", "");
  assert.ok(text.startsWith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  assert.ok(text.includes("\n10.0.0.1\tweb.group.shop.svc.cluster.local\tweb\n"));
  assert.ok(text.endsWith("\n\n# Entries added by HostAliases.\n192.0.2.9\ta.example\tb.example\n"));
  const shared = etcHosts(
    pod({ hostNetwork: true, hostAliases }),
    ["192.0.2.1"],
    "cluster.local",
    "127.0.0.1 machine\n",
  );
  assert.ok(shared.startsWith("# Kubernetes-managed hosts file (host network).\n127.0.0.1 machine\n\n# Entries"));
});

test("a container's security context comes before the pod's, and both before the image's user", () => {
  const ofPod = { runAsUser: 1, runAsGroup: 2, supplementalGroups: [5], fsGroup: 6 };
  const about = pod({ securityContext: ofPod });
  const image = { uid: 9 };
  assert.deepEqual(containerSecurity(about, { ...app, securityContext: { runAsUser: 7 } }, image), {
    runAsUser: 7,
    runAsGroup: 2,
    supplementalGroups: [5, 6],
    privileged: false,
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
    addCapabilities: [],
    dropCapabilities: [],
    seccomp: "Unconfined",
  });
  assert.equal(containerSecurity(pod(), app, image).runAsUser, 9);
  assert.equal(containerSecurity(pod(), app, { username: "www" }).runAsUserName, "www");
  const strict = {
    allowPrivilegeEscalation: false,
    capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
    readOnlyRootFilesystem: true,
    seccompProfile: { type: "Localhost", localhostProfile: "p.json" },
  };
  const security = containerSecurity(pod(), { ...app, securityContext: strict }, {});
  assert.equal(security.noNewPrivileges, true);
  assert.equal(security.seccomp, "Localhost/p.json");
  assert.deepEqual(security.dropCapabilities, ["ALL"]);
});

test("runAsNonRoot refuses root, and users that cannot be told", () => {
  const strict = pod({ securityContext: { runAsNonRoot: true } });
  const about = '(pod: "web_shop(u1)", container: app)';
  const check = (image: object, securityContext = {}) => checkRunAsNonRoot(strict, { ...app, securityContext }, image);
  assert.throws(() => check({}), { message: `container has runAsNonRoot and image will run as root ${about}` });
  assert.throws(() => check({ username: "www" }), {
    message: `container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root ${about}`,
  });
  assert.throws(() => check({ uid: 5 }, { runAsUser: 0 }), {
    message: `container's runAsUser breaks non-root policy ${about}`,
  });
  check({ uid: 5 });
  check({}, { runAsUser: 1000 });
  check({}, { runAsNonRoot: false });
});
