// What containers find in their volumes: the storage behaviours of Kubernetes' conformance suite.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, type TestCluster } from "./cluster.ts";
import { apply, busybox, clusterWithBusybox, keep, onePod, type PodCase, printed, testPods } from "./pod-cases.ts";

let cluster: TestCluster;

before(async () => {
  cluster = await clusterWithBusybox("volumes");
  await cluster.kubectl("create", "namespace", "other");
  await apply(
    cluster,
    keep("ConfigMap", "config", { "data-1": "value-1", "data-2": "value-2" }),
    keep("Secret", "secret", { "data-1": "value-1", "data-2": "value-2" }),
    { ...keep("Secret", "secret", { "data-1": "other" }), metadata: { name: "secret", namespace: "other" } },
  );
});
after(() => cluster.remove());

type Volume = Readonly<Record<string, unknown>>;

/** What a case adds to its pod for a volume at /v, and those at further places. */
function mounted(volume: Volume, more: { user?: number; group?: number; container?: object } = {}) {
  const security = more.user === undefined ? {} : { securityContext: { runAsUser: more.user } };
  const fsGroup = more.group === undefined ? {} : { securityContext: { fsGroup: more.group } };
  return {
    container: { volumeMounts: [{ name: "v", mountPath: "/v" }], ...security, ...more.container },
    spec: { volumes: [{ name: "v", ...volume }], ...fsGroup },
  };
}
const projected = (source: Volume, more: Volume = {}) => ({ projected: { sources: [source], ...more } });
const read = (path: string) => `cat ${path}; echo; stat -L -c %A ${path}`;
const mapped = [{ key: "data-1", path: "path/to/one" }];
const readable = "value-1\n-rw-r--r--\n";
const private_ = "value-1\n-r--------\n";

const configMaps: readonly PodCase[] = [
  {
    shows: "ConfigMap Volume, without mapping: files are readable by all",
    command: read("/v/data-1"),
    prints: readable,
    ...mounted({ configMap: { name: "config" } }),
  },
  {
    shows: "ConfigMap Volume, without mapping, volume mode set: files have it",
    command: read("/v/data-1"),
    prints: private_,
    ...mounted({ configMap: { name: "config", defaultMode: 0o400 } }),
  },
  {
    shows: "ConfigMap Volume, with mapping: the file is where it is mapped, and no other is there",
    command: `${read("/v/path/to/one")}; ls /v`,
    prints: `${readable}path\n`,
    ...mounted({ configMap: { name: "config", items: mapped } }),
  },
  {
    shows: "ConfigMap Volume, with mapping, non-root user: may read",
    command: `${read("/v/path/to/one")}; id -u`,
    prints: `${readable}1000\n`,
    ...mounted({ configMap: { name: "config", items: mapped } }, { user: 1000 }),
  },
  {
    shows: "ConfigMap Volume, with mapping, volume mode set: the file has its own",
    command: read("/v/path/to/one"),
    prints: private_,
    ...mounted({ configMap: { name: "config", items: [{ ...mapped[0], mode: 0o400 }] } }),
  },
  {
    shows: "ConfigMap Volume, multiple volume maps: the same ConfigMap in two places",
    command: "cat /v/data-1 /w/data-1",
    prints: "value-1value-1",
    container: { volumeMounts: ["v", "w"].map((name) => ({ name, mountPath: `/${name}` })) },
    spec: { volumes: ["v", "w"].map((name) => ({ name, configMap: { name: "config" } })) },
  },
  {
    shows: "Projected Volume, ConfigMap, volume mode default: files are readable by all",
    command: read("/v/data-1"),
    prints: readable,
    ...mounted(projected({ configMap: { name: "config" } })),
  },
  {
    shows: "Projected Volume, ConfigMap, volume mode 0400: files have it",
    command: read("/v/data-1"),
    prints: private_,
    ...mounted(projected({ configMap: { name: "config" } }, { defaultMode: 0o400 })),
  },
  {
    shows: "Projected Volume, ConfigMap, mapped, volume mode 0400: the file has its own",
    command: read("/v/path/to/one"),
    prints: private_,
    ...mounted(projected({ configMap: { name: "config", items: [{ ...mapped[0], mode: 0o400 }] } })),
  },
];

const secrets: readonly PodCase[] = [
  {
    shows: "Secrets Volume, default: files are readable by all",
    command: read("/v/data-1"),
    prints: readable,
    ...mounted({ secret: { secretName: "secret" } }),
  },
  {
    shows: "Secrets Volume, volume mode 0400: files have it",
    command: read("/v/data-1"),
    prints: private_,
    ...mounted({ secret: { secretName: "secret", defaultMode: 0o400 } }),
  },
  {
    shows: "Secrets Volume, volume mode 0440, fsGroup 1001 and uid 1000: the group may read",
    command: `${read("/v/data-1")}; stat -L -c %g /v/data-1`,
    prints: "value-1\n-r--r-----\n1001\n",
    ...mounted({ secret: { secretName: "secret", defaultMode: 0o440 } }, { user: 1000, group: 1001 }),
  },
  {
    shows: "Secrets Volume, mapping: the file is where it is mapped",
    command: read("/v/path/to/one"),
    prints: readable,
    ...mounted({ secret: { secretName: "secret", items: mapped } }),
  },
  {
    shows: "Secrets Volume, mapping, volume mode 0400: the file has its own",
    command: read("/v/path/to/one"),
    prints: private_,
    ...mounted({ secret: { secretName: "secret", items: [{ ...mapped[0], mode: 0o400 }] } }),
  },
  {
    shows: "Secrets Volume, volume mode default, secret with same name in different namespace: the own one is there",
    command: read("/v/data-1"),
    prints: readable,
    ...mounted({ secret: { secretName: "secret" } }),
  },
  {
    shows: "Projected Volume, Secrets, volume mode default: files are readable by all",
    command: read("/v/data-1"),
    prints: readable,
    ...mounted(projected({ secret: { name: "secret" } })),
  },
  {
    shows: "Projected Volume, Secrets, volume mode 0400: files have it",
    command: read("/v/data-1"),
    prints: private_,
    ...mounted(projected({ secret: { name: "secret" } }, { defaultMode: 0o400 })),
  },
  {
    shows: "Project Volume, Secrets, non-root, custom fsGroup: the group may read",
    command: read("/v/data-1"),
    prints: "value-1\n-r--r-----\n",
    ...mounted(projected({ secret: { name: "secret" } }, { defaultMode: 0o440 }), { user: 1000, group: 1001 }),
  },
  {
    shows: "Projected Volume, Secrets, mapped: the file is where it is mapped, with its own mode",
    command: read("/v/path/to/one"),
    prints: private_,
    ...mounted(projected({ secret: { name: "secret", items: [{ ...mapped[0], mode: 0o400 }] } })),
  },
  {
    shows: "Projected Volume, Secrets, mapped, multiple paths: the same Secret in two places",
    command: "cat /v/data-1 /w/data-1",
    prints: "value-1value-1",
    container: { volumeMounts: ["v", "w"].map((name) => ({ name, mountPath: `/${name}`, readOnly: true })) },
    spec: { volumes: ["v", "w"].map((name) => ({ name, ...projected({ secret: { name: "secret" } }) })) },
  },
];

const field = (fieldPath: string, mode?: number) => ({
  path: "f",
  fieldRef: { fieldPath },
  ...(mode === undefined ? {} : { mode }),
});
const resource = (name: string, divisor?: string) => ({
  path: "f",
  resourceFieldRef: { containerName: "main", resource: name, ...(divisor ? { divisor } : {}) },
});
const resources = { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } };

/** The same of a downwardAPI volume and of a projected one. */
function downward(prefix: string, volume: (items: object, more?: Volume) => Volume): readonly PodCase[] {
  const limited = (item: object) => mounted(volume(item), { container: { resources } });
  return [
    {
      shows: `${prefix}, CPU limits: in milli-CPU`,
      command: "cat /v/f",
      prints: "1250",
      ...limited(resource("limits.cpu", "1m")),
    },
    {
      shows: `${prefix}, CPU request: rounded up to CPUs`,
      command: "cat /v/f",
      prints: "1",
      ...limited(resource("requests.cpu")),
    },
    {
      shows: `${prefix}, memory limits: in bytes`,
      command: "cat /v/f",
      prints: "67108864",
      ...limited(resource("limits.memory")),
    },
    {
      shows: `${prefix}, memory request: in mebibytes`,
      command: "cat /v/f",
      prints: "32",
      ...limited(resource("requests.memory", "1Mi")),
    },
    {
      shows: `${prefix}, volume mode 0400: files have it`,
      command: "stat -L -c %A /v/f",
      prints: "-r--------\n",
      ...mounted(volume(field("metadata.name"), { defaultMode: 0o400 })),
    },
    {
      shows: `${prefix}, file mode 0400: the file has its own`,
      command: "stat -L -c %A /v/f",
      prints: "-r--------\n",
      ...mounted(volume(field("metadata.name", 0o400))),
    },
  ];
}
const downwardVolume = (item: object, more: Volume = {}) => ({ downwardAPI: { items: [item], ...more } });
const projectedDownward = (item: object, more: Volume = {}) => projected({ downwardAPI: { items: [item] } }, more);

const user = 1001;
/** Writes a file with a mode into an emptyDir, and shows both. */
const file = (mode: string) => `echo content > /v/f && chmod ${mode} /v/f && cat /v/f && stat -c '%a %u' /v/f`;
const inMemory = { emptyDir: { medium: "Memory" } };
const onDisk = { emptyDir: {} };
const emptyDirs: readonly PodCase[] = [
  ...(["0644", "0666", "0777"] as const).flatMap((mode) => [
    {
      shows: `EmptyDir, medium default, volume mode ${mode}: files keep it`,
      command: file(mode),
      prints: `content\n${mode.slice(1)} 0\n`,
      ...mounted(onDisk),
    },
    {
      shows: `EmptyDir, medium default, volume mode ${mode}: also those of a non-root user`,
      command: file(mode),
      prints: `content\n${mode.slice(1)} ${user}\n`,
      ...mounted(onDisk, { user }),
    },
    {
      shows: `EmptyDir, medium memory, volume mode ${mode}: files keep it, in memory`,
      command: `${file(mode)}; stat -f -c %T /v`,
      prints: `content\n${mode.slice(1)} 0\ntmpfs\n`,
      ...mounted(inMemory),
    },
    {
      shows: `EmptyDir, medium memory, volume mode ${mode},, non-root user: files keep it, in memory`,
      command: `${file(mode)}; stat -f -c %T /v`,
      prints: `content\n${mode.slice(1)} ${user}\ntmpfs\n`,
      ...mounted(inMemory, { user }),
    },
  ]),
  {
    shows: "EmptyDir, medium default, volume mode default: everybody may write",
    command: "stat -c %A /v",
    prints: "drwxrwxrwx\n",
    ...mounted(onDisk),
  },
  {
    shows: "EmptyDir, medium memory, volume mode default: everybody may write, in memory",
    command: "stat -c %A /v; stat -f -c %T /v",
    prints: "drwxrwxrwx\ntmpfs\n",
    ...mounted(inMemory),
  },
  {
    shows: "EmptyDir, Shared volumes between containers: one reads what the other wrote",
    command: "until [ -s /v/f ]; do sleep 0.1; done; cat /v/f",
    prints: "shared\n",
    container: { volumeMounts: [{ name: "v", mountPath: "/v" }] },
    spec: {
      volumes: [{ name: "v", ...onDisk }],
      initContainers: [
        {
          name: "writer",
          image: busybox,
          restartPolicy: "Always",
          command: ["sh", "-c", "echo shared > /w/f; exec sleep 60"],
          volumeMounts: [{ name: "v", mountPath: "/w" }],
        },
      ],
    },
  },
];

const part = (volume: Volume, subPath: string, mountPath = "/v") => ({
  container: { volumeMounts: [{ name: "v", mountPath, subPath }] },
  spec: { volumes: [{ name: "v", ...volume }] },
});
const podName = { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } };
const subPaths: readonly PodCase[] = [
  {
    shows: "SubPath: Reading content from a configmap volume.: a file of it",
    command: "cat /v",
    prints: "value-1",
    ...part({ configMap: { name: "config" } }, "data-1"),
  },
  {
    shows: "SubPath: Reading content from a configmap volume.: a file of it in the place of another",
    command: "cat /etc/passwd",
    prints: "value-1",
    ...part({ configMap: { name: "config" } }, "data-1", "/etc/passwd"),
  },
  {
    shows: "SubPath: Reading content from a projected volume.: a file of it",
    command: "cat /v",
    prints: "value-2",
    ...part(projected({ configMap: { name: "config" } }), "data-2"),
  },
  {
    shows: "SubPath: Reading content from a secret volume.: a file of it",
    command: "cat /v",
    prints: "value-2",
    ...part({ secret: { secretName: "secret" } }, "data-2"),
  },
  {
    shows: "VolumeSubpathEnvExpansion, subpath expansion: the pod's name is a directory of the volume",
    command: "echo here > /sub/f; cat /v/$NAME/f",
    prints: "here\n",
    container: {
      env: [podName],
      volumeMounts: [
        { name: "v", mountPath: "/sub", subPathExpr: "$(NAME)" },
        { name: "v", mountPath: "/v" },
      ],
    },
    spec: { volumes: [{ name: "v", ...onDisk }] },
  },
];

const tokens: readonly PodCase[] = [
  {
    shows:
      "TokenRequestProjection should mount a projected volume with token using TokenRequest API.: for the audience that it names",
    command: "cut -d. -f2 /v/token | tr -- -_ +/ | base64 -d 2>/dev/null; stat -L -c ' %A' /v/token",
    prints: /"aud":\["vault"\][\s\S]*"sub":"system:serviceaccount:default:default"[\s\S]* -rw-r--r--\n$/,
    ...mounted(projected({ serviceAccountToken: { path: "token", audience: "vault", expirationSeconds: 3600 } })),
  },
];

testPods(
  () => cluster,
  [
    ...tokens,
    ...configMaps,
    ...secrets,
    ...downward("DownwardAPI volume", downwardVolume),
    ...downward("Projected Volume, DownwardAPI", projectedDownward),
    ...emptyDirs,
    ...subPaths,
  ],
);

for (const [prefix, volume] of [
  ["DownwardAPI volume, CPU limit, default node allocatable", downwardVolume],
  ["Projected Volume, DownwardAPI, CPU limit, node allocatable", projectedDownward],
] as const) {
  test(`${prefix}: a container without a limit is told what the node has`, async () => {
    const name = prefix.replaceAll(/[^a-z]+/gi, "-").toLowerCase();
    await apply(cluster, onePod(name, { command: "cat /v/f", ...mounted(volume(resource("limits.cpu"))) }));
    const cpus = await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.cpu}");
    assert.equal(await printed(cluster, name), cpus);
  });
}

test("Projected Volume, DownwardAPI, memory limit, node allocatable: a container without a limit is told what the node has", async () => {
  await apply(
    cluster,
    onePod("memory", { command: "cat /v/f", ...mounted(projectedDownward(resource("limits.memory", "1Ki"))) }),
  );
  const memory = await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.memory}");
  assert.equal(`${await printed(cluster, "memory")}Ki`, memory);
});

/** A pod that stays, with volumes at the places of their names. */
function staying(name: string, volumes: Readonly<Record<string, Volume>>, metadata: object = {}) {
  const names = Object.keys(volumes);
  return onePod(name, {
    command: "exec sleep 600",
    container: { volumeMounts: names.map((each) => ({ name: each, mountPath: `/${each}` })) },
    spec: { volumes: names.map((each) => ({ name: each, ...volumes[each] })) },
    metadata,
  });
}
const inside = async (name: string, command: string) =>
  (await cluster.kubectlOutcome(["exec", name, "--", "sh", "-c", command])).stdout;
const becomes = (name: string, command: string, text: string) =>
  eventually(`${command} prints ${text}`, async () => (await inside(name, command)) === text);

for (const [what, volume] of [
  ["DownwardAPI volume, update %", downwardVolume],
  ["Projected Volume, DownwardAPI, update %", projectedDownward],
] as const) {
  const kinds = what.startsWith("D") ? ["label", "annotations"] : ["labels", "annotation"];
  for (const kind of kinds) {
    test(`${what.replace("%", kind)}: the file follows the pod's metadata`, async () => {
      const plural = `${kind.replace(/s$/, "")}s`;
      const name = `${what.startsWith("D") ? "downward" : "projected"}-${plural}`;
      const volumes = { v: volume(field(`metadata.${plural}`)) };
      await apply(cluster, staying(name, volumes, { [plural]: { stage: "first" } }));
      await cluster.podReady(name);
      await becomes(name, "grep ^stage /v/f", 'stage="first"\n');
      await cluster.kubectl(plural === "labels" ? "label" : "annotate", "pod", name, "stage=second", "--overwrite");
      await becomes(name, "grep ^stage /v/f", 'stage="second"\n');
    });
  }
}

for (const [behaviour, kind, volume] of [
  [
    "Projected Volume, ConfigMap, create, update and delete",
    "ConfigMap",
    (name: string) => projected({ configMap: { name, optional: true } }),
  ],
  [
    "Secrets Volume, create, update and delete",
    "Secret",
    (name: string) => ({ secret: { secretName: name, optional: true } }),
  ],
] as const) {
  test(`${behaviour}: optional ones come, change and go while the pod runs`, async () => {
    const id = kind.toLowerCase();
    const names = ["create", "update", "delete"].map((each) => `${each}-${id}`) as [string, string, string];
    const [create, update, gone] = names;
    await apply(cluster, keep(kind, update, { f: "value-1" }), keep(kind, gone, { f: "value-1" }));
    await apply(
      cluster,
      staying(`changes-${id}`, { create: volume(create), update: volume(update), delete: volume(gone) }),
    );
    await cluster.podReady(`changes-${id}`);
    assert.equal(await inside(`changes-${id}`, "ls /create; cat /update/f /delete/f"), "value-1value-1");
    await apply(cluster, keep(kind, create, { f: "value-1" }), keep(kind, update, { f: "value-2" }));
    await cluster.kubectl("delete", id, gone);
    await becomes(`changes-${id}`, "cat /create/f /update/f; ls /delete", "value-1value-2");
  });
}

test("VolumeSubpathEnvExpansion, subpath with backticks: a path out of the volume is refused, and backticks are a name", async () => {
  const expanded = (name: string, NAME: string) =>
    onePod(name, {
      command: "ls /v",
      container: {
        env: [{ name: "NAME", value: NAME }],
        volumeMounts: [
          { name: "v", mountPath: "/sub", subPathExpr: "$(NAME)" },
          { name: "v", mountPath: "/v" },
        ],
      },
      spec: { volumes: [{ name: "v", ...onDisk }] },
    });
  await apply(cluster, expanded("above", ".."), expanded("absolute", "/tmp"), expanded("backticks", "`date`"));
  const reason = ".status.containerStatuses[0].state.waiting.reason";
  for (const name of ["above", "absolute"]) await cluster.becomes(`pod/${name}`, reason, "CreateContainerConfigError");
  assert.equal(await printed(cluster, "backticks"), "`date`\n");
});

const annotated = { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['sub']" } } };

test("VolumeSubpathEnvExpansion, subpath ready from failed state: the container starts when the annotation that it needs comes", async () => {
  await apply(
    cluster,
    onePod("repaired", {
      command: "exec sleep 600",
      metadata: { annotations: { sub: "/no" } },
      container: { env: [annotated], volumeMounts: [{ name: "v", mountPath: "/sub", subPathExpr: "$(NAME)" }] },
      spec: { volumes: [{ name: "v", ...onDisk }] },
    }),
  );
  const reason = ".status.containerStatuses[0].state.waiting.reason";
  await cluster.becomes("pod/repaired", reason, "CreateContainerConfigError");
  await cluster.kubectl("annotate", "pod", "repaired", "sub=yes", "--overwrite");
  await cluster.podReady("repaired");
});

test("VolumeSubpathEnvExpansion, subpath test writes: what is written there is in the volume, and the pod goes away", async () => {
  await apply(
    cluster,
    onePod("writes", {
      command: "exec sleep 600",
      metadata: { annotations: { sub: "mypath" } },
      container: {
        env: [annotated],
        volumeMounts: [
          { name: "v", mountPath: "/sub", subPathExpr: "$(NAME)" },
          { name: "v", mountPath: "/v" },
        ],
      },
      spec: { volumes: [{ name: "v", ...onDisk }] },
    }),
  );
  await cluster.podReady("writes");
  assert.equal(await inside("writes", "echo one > /sub/f; cat /v/mypath/f"), "one\n");
  await cluster.kubectl("annotate", "pod", "writes", "sub=other", "--overwrite");
  assert.equal(await inside("writes", "echo two > /sub/f; cat /v/mypath/f"), "two\n");
  await cluster.kubectl("delete", "pod", "writes", "--timeout=30s");
});

test("EmptyDir Wrapper Volume, ConfigMap volumes, no race: five pods mount fifty ConfigMaps", async () => {
  const names = Array.from({ length: 50 }, (_, index) => `race-${index}`);
  await apply(cluster, ...names.map((name) => keep("ConfigMap", name, { "data-1": name })));
  const volumes = Object.fromEntries(names.map((name) => [name, { configMap: { name } }]));
  const { spec } = staying("race", volumes);
  const labels = { app: "race" };
  await apply(cluster, {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "race" },
    spec: {
      replicas: 5,
      selector: labels,
      template: { metadata: { labels }, spec: { ...spec, restartPolicy: "Always" } },
    },
  });
  await cluster.becomes("replicationcontroller/race", ".status.readyReplicas", "5");
  const failed = await cluster.kubectl("get", "events", "--field-selector=reason=FailedMount", "-o", "name");
  assert.equal(failed, "");
  await cluster.kubectl("delete", "replicationcontroller", "race", "--timeout=60s");
});
