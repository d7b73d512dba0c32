// What containers get from the node, and names from DNS: the node behaviours of Kubernetes' conformance suite.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchitecture } from "../../src/agent/host/containerd/index.ts";
import { busyboxRoot } from "../../src/cluster/stand-in-images.ts";
import { programFiles } from "../images/node.ts";
import { ociArchive, tar } from "../images/oci.ts";
import { eventually, type TestCluster } from "./cluster.ts";
import { apply, busybox, clusterWithBusybox, keep, onePod, type PodCase, printed, testPods } from "./pod-cases.ts";

const greeter = "example.com/greeter:1";
let cluster: TestCluster;

before(async () => {
  cluster = await clusterWithBusybox("pods-conform");
  const archive = join(cluster.directory, "greeter.tar");
  const config = { Entrypoint: ["/bin/echo", "entry"], Cmd: ["command"], Env: ["PATH=/bin"] };
  const layers = [busyboxRoot(), tar(programFiles("bin/getent", "/usr/bin/getent"))];
  writeFileSync(archive, ociArchive({ names: [greeter], architecture: imageArchitecture(), layers, config }));
  await cluster.roder(["image", "load", archive]);
  await apply(
    cluster,
    keep("ConfigMap", "config", { DATA_1: "value-1", "data-2": "value-2" }),
    keep("Secret", "secret", { DATA_1: "value-1", "data-2": "value-2" }),
    service("fooservice", { port: 8765, targetPort: 8080 }),
  );
});
after(() => cluster.remove());

const service = (name: string, port: object, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ name: "http", ...port }], ...more },
});
const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const fromResource = (name: string, resource: string) => ({ name, valueFrom: { resourceFieldRef: { resource } } });
const resources = { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/;
const address = String.raw`\d+\.\d+\.\d+\.\d+`;

testPods(() => cluster, [
  {
    shows: "ConfigMap, from environment field: a key of it is a variable",
    command: "echo $GIVEN",
    prints: "value-1\n",
    container: {
      env: [{ name: "GIVEN", valueFrom: { configMapKeyRef: { name: "config", key: "DATA_1" } } }],
    },
  },
  {
    shows: "ConfigMap, from environment variables: all keys are variables",
    command: "",
    prints: [/^DATA_1=value-1$/m, /^data-2=value-2$/m, /^p-DATA_1=value-1$/m, /^p-data-2=value-2$/m],
    container: {
      command: ["env"],
      envFrom: [{ configMapRef: { name: "config" } }, { prefix: "p-", configMapRef: { name: "config" } }],
    },
  },
  {
    shows: "Secrets, pod environment field: a key of it is a variable",
    command: "echo $GIVEN",
    prints: "value-1\n",
    container: { env: [{ name: "GIVEN", valueFrom: { secretKeyRef: { name: "secret", key: "DATA_1" } } }] },
  },
  {
    shows: "Secrets, pod environment from source: all keys are variables",
    command: "",
    prints: [/^DATA_1=value-1$/m, /^data-2=value-2$/m],
    container: { command: ["env"], envFrom: [{ secretRef: { name: "secret" } }] },
  },
  {
    shows: "DownwardAPI, environment for name, namespace and ip: are variables",
    command: "echo $NAME $NAMESPACE $IP; hostname -i",
    prints: new RegExp(`^case-\\d+ default (${address})\n\\1\n$`),
    container: {
      env: [
        fromField("NAME", "metadata.name"),
        fromField("NAMESPACE", "metadata.namespace"),
        fromField("IP", "status.podIP"),
      ],
    },
  },
  {
    shows: "DownwardAPI, environment for host ip: is a variable",
    command: "echo $IP $ALL",
    prints: new RegExp(`^(${address}) \\1\n$`),
    container: { env: [fromField("IP", "status.hostIP"), fromField("ALL", "status.hostIPs")] },
  },
  {
    shows: "DownwardAPI, environment for CPU and memory limits and requests: are variables",
    command: "echo $A $B $C $D",
    prints: "1 33554432 2 67108864\n",
    container: {
      resources,
      env: [
        fromResource("A", "requests.cpu"),
        fromResource("B", "requests.memory"),
        fromResource("C", "limits.cpu"),
        fromResource("D", "limits.memory"),
      ],
    },
  },
  {
    shows: "DownwardAPI, environment for Pod UID: is a variable",
    command: "echo $ID",
    prints: uuid,
    container: { env: [fromField("ID", "metadata.uid")] },
  },
  {
    shows: "Environment variables, expansion: variables are made of those before them",
    command: "echo $A,$B,$C",
    prints: "one,two one,$(LATER) $(A)\n",
    container: {
      env: [
        { name: "A", value: "one" },
        { name: "B", value: "two $(A)" },
        { name: "C", value: "$(LATER) $$(A)" },
        { name: "LATER", value: "x" },
      ],
    },
  },
  {
    shows: "Environment variables, command expansion: commands and arguments are made of variables",
    command: "",
    prints: "one two $(A)\n",
    container: {
      command: ["sh", "-c", "echo $(A) $0 '$$(A)'"],
      args: ["$(B)"],
      env: [
        { name: "A", value: "one" },
        { name: "B", value: "two" },
      ],
    },
  },
  {
    shows: "Containers, with arguments: the image's entry point gets them",
    command: "",
    prints: "entry argument\n",
    container: { image: greeter, command: undefined, args: ["argument"] },
  },
  {
    shows: "Containers, without command and arguments: the image's own are run",
    command: "",
    prints: "entry command\n",
    container: { image: greeter, command: undefined },
  },
  {
    shows: "Containers, with a command: the image's arguments are left out",
    command: "",
    prints: "own\n",
    container: { image: greeter, command: ["/bin/echo", "own"] },
  },
  {
    shows: "Kubelet, pod with read only root file system: a write fails",
    command: "(echo x > /file) 2>&1 || echo refused",
    prints: /Read-only file system[\s\S]*refused/,
    container: { securityContext: { readOnlyRootFilesystem: true } },
  },
  {
    shows: "Security Context, readOnlyRootFilesystem=false.: a write is done",
    command: "echo written > /file && cat /file",
    prints: "written\n",
    container: { securityContext: { readOnlyRootFilesystem: false } },
  },
  {
    shows: "Security Context, allowPrivilegeEscalation=false.: and the user's id is that of the spec",
    command: "id -u; grep NoNewPrivs /proc/self/status",
    prints: "1000\nNoNewPrivs:\t1\n",
    container: { securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false } },
  },
  {
    shows: "Security Context, runAsUser=65534: the user's id is that of the spec",
    command: "id -u",
    prints: "65534\n",
    container: { securityContext: { runAsUser: 65534 } },
  },
  {
    shows: "Security Context, test RunAsGroup at pod level: all processes have it",
    command: "id -u; id -g",
    prints: "1001\n2002\n",
    spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
  },
  {
    shows: "Security Context, test RunAsGroup at container level: its processes have it",
    command: "id -u; id -g",
    prints: "1001\n2002\n",
    container: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
    spec: { securityContext: { runAsUser: 1, runAsGroup: 2 } },
  },
  {
    shows: "Sysctl, test sysctls: the pod has its own",
    command: "cat /proc/sys/kernel/shm_rmid_forced",
    prints: "1\n",
    spec: { securityContext: { sysctls: [{ name: "kernel.shm_rmid_forced", value: "1" }] } },
  },
  {
    shows: "Kubelet, managed etc hosts: names of the pod's own, and hostAliases",
    command: "cat /etc/hosts",
    prints:
      /^# Kubernetes-managed hosts file\.\n[\s\S]*127\.0\.0\.1\tlocalhost\n[\s\S]*192\.0\.2\.7\tfoo\.local\tbar\.local\n/,
    spec: { hostAliases: [{ ip: "192.0.2.7", hostnames: ["foo.local", "bar.local"] }] },
  },
  {
    shows: "Kubelet, managed etc hosts: not where the container mounts a file of its own there",
    command: "cat /etc/hosts",
    prints: "value-2",
    container: { volumeMounts: [{ name: "v", mountPath: "/etc/hosts", subPath: "data-2" }] },
    spec: { volumes: [{ name: "v", configMap: { name: "config" } }] },
  },
  {
    shows: "Pods, service environment variables: services of the namespace are variables",
    command: "env | grep ^FOOSERVICE | sort",
    prints: new RegExp(
      [
        `^FOOSERVICE_PORT=tcp://(${address}):8765`,
        "FOOSERVICE_PORT_8765_TCP=tcp://\\1:8765",
        "FOOSERVICE_PORT_8765_TCP_ADDR=\\1",
        "FOOSERVICE_PORT_8765_TCP_PORT=8765",
        "FOOSERVICE_PORT_8765_TCP_PROTO=tcp",
        "FOOSERVICE_SERVICE_HOST=\\1",
        "FOOSERVICE_SERVICE_PORT=8765",
        "FOOSERVICE_SERVICE_PORT_HTTP=8765\n$",
      ].join("\n"),
    ),
  },
  {
    shows: "init-container-starts-app-restartnever-pod: all init containers have ended before the container starts",
    command: "cat /v/log",
    prints: "one\ntwo\n",
    container: { volumeMounts: [{ name: "v", mountPath: "/v" }] },
    spec: {
      volumes: [{ name: "v", emptyDir: {} }],
      initContainers: ["one", "two"].map((name) => ({
        name,
        image: busybox,
        command: ["sh", "-c", `echo ${name} >> /v/log`],
        volumeMounts: [{ name: "v", mountPath: "/v" }],
      })),
    },
  },
  {
    shows: "FileKeyRef: variables come from the file that an init container wrote",
    command: "echo $ONE; ! env | grep TWO",
    prints: "value 1\n",
    container: {
      env: [
        { name: "ONE", valueFrom: { fileKeyRef: { volumeName: "config", path: "app.env", key: "CONFIG_1" } } },
        {
          name: "TWO",
          valueFrom: { fileKeyRef: { volumeName: "config", path: "app.env", key: "NO", optional: true } },
        },
      ],
    },
    spec: {
      volumes: [{ name: "config", emptyDir: {} }],
      initContainers: [
        {
          name: "setup",
          image: busybox,
          command: ["sh", "-c", "echo \"CONFIG_1='value 1'\" > /data/app.env"],
          volumeMounts: [{ name: "config", mountPath: "/data" }],
        },
      ],
    },
  },
  {
    shows: "DNS, custom dnsConfig: resolv.conf has what the pod says, and nothing else",
    command: "cat /etc/resolv.conf",
    prints: "search resolv.conf.local\nnameserver 1.1.1.1\noptions ndots:2 edns0\n",
    spec: {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["1.1.1.1"],
        searches: ["resolv.conf.local"],
        options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
      },
    },
  },
  {
    shows: "DNS, cluster: the pod's own name and kubernetes' are known",
    command: "cat /etc/hosts | grep $(hostname); nslookup kubernetes.default.svc.cluster.local | grep 10.43.0.1$",
    prints: new RegExp(
      `^${address}\\s+ear\\.dns-test\\.default\\.svc\\.cluster\\.local\\s+ear\nAddress: 10\\.43\\.0\\.1\n$`,
    ),
    spec: { hostname: "ear", subdomain: "dns-test" },
  },
  {
    shows: "DNS, PQDN for services: a service by as much of its name as differs",
    command: "for name in fooservice fooservice.default fooservice.default.svc; do getent hosts $name; done",
    prints: new RegExp(`^(${address} +fooservice.default.svc.cluster.local\n)\\1\\1$`),
    container: { image: greeter },
  },
] satisfies readonly PodCase[]);

test("DownwardAPI, environment for default CPU and memory limits and requests: a container without limits is told what the node has", async () => {
  const env = [fromResource("CPU", "limits.cpu"), fromResource("MEMORY", "limits.memory")];
  await apply(cluster, onePod("unlimited", { command: "echo $CPU $((MEMORY / 1024))Ki", container: { env } }));
  const { cpu, memory } = (
    await cluster.json<{ items: { status: { allocatable: { cpu: string; memory: string } } }[] }>("get", "nodes")
  ).items[0]!.status.allocatable;
  assert.equal(await printed(cluster, "unlimited"), `${cpu} ${memory}\n`);
});

test("Kubelet, managed etc hosts: a pod in the host's network has the host's", async () => {
  await apply(cluster, onePod("host-hosts", { command: "cat /etc/hosts", spec: { hostNetwork: true } }));
  const output = await printed(cluster, "host-hosts");
  assert.ok(output.startsWith("# Kubernetes-managed hosts file (host network).\n"), output);
});

test("DNS, for ExternalName Services: an alias, then another, then an address of its own", async () => {
  await apply(
    cluster,
    onePod("asks", { command: "exec sleep 600" }),
    service("alias", { port: 80 }, { type: "ExternalName", externalName: "fooservice.default.svc.cluster.local" }),
  );
  await cluster.podReady("asks");
  const lookUp = async (name: string) =>
    (await cluster.kubectlOutcome(["exec", "asks", "--", "nslookup", `${name}.default.svc.cluster.local`])).stdout;
  const says = (pattern: RegExp) => eventually(`alias is ${pattern}`, async () => pattern.test(await lookUp("alias")));
  await says(/canonical name = fooservice\.default/);
  await cluster.kubectl(
    "patch",
    "service",
    "alias",
    "-p",
    '{"spec":{"externalName":"kubernetes.default.svc.cluster.local"}}',
  );
  await says(/canonical name = kubernetes\.default/);
  await cluster.kubectl("patch", "service", "alias", "-p", '{"spec":{"type":"ClusterIP","externalName":null}}');
  const own = await cluster.kubectl("get", "service", "alias", "-o", "jsonpath={.spec.clusterIP}");
  await says(new RegExp(`Name:\talias\\.default\\.svc\\.cluster\\.local\nAddress: ${own.replaceAll(".", "\\.")}\n`));
});

test("DNS, resolve the hostname and the subdomain: a pod of a headless service by both names", async (t) => {
  const labels = { app: "heads" };
  await apply(
    cluster,
    service("heads", { port: 1234 }, { clusterIP: "None" }),
    onePod("querier", {
      command: "exec sleep 600",
      metadata: { labels },
      spec: { hostname: "querier-host", subdomain: "heads" },
    }),
  );
  await cluster.podReady("querier");
  const ip = await cluster.kubectl("get", "pod", "querier", "-o", "jsonpath={.status.podIP}");
  const answers = async (pattern: string, ...words: readonly string[]) => {
    const asking = ["exec", "querier", "--", "nslookup", ...words];
    await eventually(`${words} is ${pattern}`, async () =>
      (await cluster.kubectlOutcome(asking)).stdout.includes(pattern),
    );
  };
  const domain = "heads.default.svc.cluster.local";
  await t.test("DNS, resolve the hostname: by its own name", () =>
    answers(`Address: ${ip}\n`, `querier-host.${domain}`),
  );
  await t.test("DNS, resolve the subdomain: by the service's", () => answers(`Address: ${ip}\n`, domain));
  await t.test("DNS, services: SRV records of the service's ports", () =>
    answers(`service = 0 100 1234 querier-host.${domain}`, "-type=srv", `_http._tcp.${domain}`),
  );
});
