import assert from "node:assert/strict";
import { test } from "node:test";
import { type AgentScene, agentScene } from "../../../test/agent-scene.ts";
import { ConfigMaps, Pods, Secrets, type Volume, type VolumeMount } from "../../api/index.ts";

const map = (data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "default" },
  data,
});

async function runWith(
  scene: AgentScene,
  volumes: readonly Volume[],
  volumeMounts: readonly VolumeMount[] = volumes.map(({ name }) => ({ name, mountPath: `/volumes/${name}` })),
  spec: object = {},
) {
  return scene.run({ volumes, containers: [{ name: "app", image: "app:1", volumeMounts }], ...spec });
}

async function mountOf(scene: AgentScene, containerPath: string): Promise<string> {
  const running = (await scene.engine.listContainers()).find((each) => each.state === "running");
  const mount = scene.engine.configOf(running?.id ?? "")?.mounts.find((each) => each.containerPath === containerPath);
  return mount?.hostPath ?? "";
}

async function textAt(scene: AgentScene, path: string): Promise<string | undefined> {
  const bytes = await scene.host.files.read(path);
  return bytes && new TextDecoder().decode(bytes);
}

test("a ConfigMap's keys are files that change at once, all of them, when the object changes", async () => {
  const scene = await agentScene();
  await scene.client.create(ConfigMaps, map({ a: "1", b: "2" }));
  await runWith(
    scene,
    [{ name: "config", configMap: { name: "settings", defaultMode: 0o400 } }],
    [{ name: "config", mountPath: "/etc/config" }],
  );
  const path = await mountOf(scene, "/etc/config");
  const { files } = scene.host;
  assert.deepEqual(
    (await files.list(path)).filter((name) => !name.startsWith("..")),
    ["a", "b"],
  );
  assert.equal(await files.readLink(`${path}/a`), "..data/a");
  assert.equal(await textAt(scene, `${path}/a`), "1");
  const version = await files.readLink(`${path}/..data`);
  assert.equal((await files.status(`${path}/${version}/a`))?.mode, 0o400);
  await scene.client.update(ConfigMaps, map({ a: "one", c: "3" }));
  await scene.pass();
  assert.equal(await textAt(scene, `${path}/a`), "one");
  assert.equal(await textAt(scene, `${path}/c`), "3");
  assert.equal(await files.status(`${path}/b`), undefined);
  assert.notEqual(await files.readLink(`${path}/..data`), version);
  assert.equal(await files.status(`${path}/${version}`), undefined);
});

test("configuration is mounted read-only, whatever the mount says", async () => {
  const scene = await agentScene();
  await scene.client.create(ConfigMaps, map({ a: "1" }));
  const volumes = [
    { name: "config", configMap: { name: "settings" } },
    { name: "data", emptyDir: {} },
  ];
  const volumeMounts = [
    { name: "config", mountPath: "/c", readOnly: false },
    { name: "config", mountPath: "/a", subPath: "a" },
    { name: "data", mountPath: "/d" },
    { name: "data", mountPath: "/r", readOnly: true },
  ];
  await runWith(scene, volumes, volumeMounts);
  const [container] = await scene.engine.listContainers();
  const mounts = scene.engine.configOf(container!.id)!.mounts.slice(0, 4);
  assert.deepEqual(
    mounts.map((each) => [each.containerPath, each.readonly]),
    [
      ["/c", true],
      ["/a", true],
      ["/d", false],
      ["/r", true],
    ],
  );
});

test("an unchanged source leaves the files alone", async () => {
  const scene = await agentScene();
  await scene.client.create(ConfigMaps, map({ a: "1" }));
  await runWith(scene, [{ name: "config", configMap: { name: "settings" } }], [{ name: "config", mountPath: "/c" }]);
  const path = await mountOf(scene, "/c");
  const before = await scene.host.files.readLink(`${path}/..data`);
  await scene.client.update(ConfigMaps, { ...map({ a: "1" }), metadata: { ...map({}).metadata, labels: { x: "y" } } });
  await scene.pass();
  assert.equal(await scene.host.files.readLink(`${path}/..data`), before);
});

test("what there was no room for leaves nothing behind", async () => {
  const scene = await agentScene();
  const { files } = scene.host;
  await scene.client.create(ConfigMaps, map({ a: "1", b: "2" }));
  const volumes = new Set<string>();
  const write = files.write.bind(files);
  files.write = async (path, ...rest) => {
    const [, volume, file] = /^(.*)\/\.\.[^/]+\/(.*)$/.exec(path) ?? [];
    if (file === "b") {
      volumes.add(volume ?? "");
      throw new Error("ENOSPC: no space left on device");
    }
    await write(path, ...rest);
  };
  await runWith(scene, [{ name: "config", configMap: { name: "settings" } }]);
  await scene.pass(300_000);
  assert.equal(volumes.size, 1);
  for (const path of volumes) assert.deepEqual(await files.list(path), []);
  files.write = write;
  await scene.pass(300_000);
  assert.equal((await scene.pod()).status.phase, "Running");
});

test("a volume whose source is missing holds the pod back, unless it is optional", async () => {
  const scene = await agentScene();
  await runWith(scene, [{ name: "config", configMap: { name: "settings" } }]);
  assert.equal((await scene.pod()).status.containerStatuses?.[0]?.state?.waiting?.reason, "ContainerCreating");
  assert.deepEqual(await scene.events(), [
    'FailedMount: MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  ]);
  await scene.client.create(ConfigMaps, map({}));
  await scene.pass();
  assert.equal((await scene.pod()).status.phase, "Running");
  await scene.run({ name: "optional", volumes: [{ name: "s", secret: { secretName: "none", optional: true } }] });
  assert.equal((await scene.pod("optional")).status.phase, "Running");
  await scene.run({
    name: "key",
    volumes: [{ name: "c", configMap: { name: "settings", items: [{ key: "x", path: "y" }] } }],
  });
  assert.deepEqual(await scene.events("key"), [
    'FailedMount: MountVolume.SetUp failed for volume "c" : references non-existent config key: x',
  ]);
});

test("secrets are kept in memory, with the paths and modes of their items", async () => {
  const scene = await agentScene();
  const data = { password: btoa("hunter2"), user: btoa("me") };
  const metadata = { name: "login", namespace: "default" };
  await scene.client.create(Secrets, { apiVersion: "v1", kind: "Secret", metadata, data });
  const items = [{ key: "password", path: "db/pass", mode: 0o440 }];
  await runWith(
    scene,
    [{ name: "login", secret: { secretName: "login", items } }],
    [{ name: "login", mountPath: "/login", readOnly: true }],
  );
  const path = await mountOf(scene, "/login");
  assert.ok(path.startsWith("/data/agent/memory/"));
  assert.equal(scene.host.mounted.get("/data/agent/memory"), "memory");
  assert.equal(await textAt(scene, `${path}/db/pass`), "hunter2");
  const version = await scene.host.files.readLink(`${path}/..data`);
  assert.equal((await scene.host.files.status(`${path}/${version}/db/pass`))?.mode, 0o440);
  assert.equal(await textAt(scene, `${path}/user`), undefined);
});

test("a service account's token is asked for the pod and renewed at 80 % of its life", async () => {
  const scene = await agentScene();
  const token = { serviceAccountToken: { path: "token", expirationSeconds: 1_000 } };
  const about = { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } };
  await runWith(
    scene,
    [{ name: "access", projected: { sources: [token, about] } }],
    [{ name: "access", mountPath: "/var/run/secrets" }],
  );
  const path = await mountOf(scene, "/var/run/secrets");
  const first = claimsOf(await textAt(scene, `${path}/token`));
  assert.equal(first["kubernetes.io"].pod.uid, (await scene.pod()).metadata.uid);
  assert.equal(await textAt(scene, `${path}/namespace`), "default");
  await scene.pass(799_000);
  assert.deepEqual(claimsOf(await textAt(scene, `${path}/token`)), first);
  await scene.pass(2_000);
  const second = claimsOf(await textAt(scene, `${path}/token`));
  assert.ok(second.exp > first.exp);
  // A machine that slept for an hour: its timers did as well.
  scene.clock.leap(3_600_000);
  await scene.pass(61_000);
  assert.ok(claimsOf(await textAt(scene, `${path}/token`)).exp > second.exp + 3_000);
});

test("a token that cannot be renewed is used until it expires", async () => {
  const scene = await agentScene();
  const token = { serviceAccountToken: { path: "token", expirationSeconds: 1_000 } };
  await runWith(scene, [{ name: "access", projected: { sources: [token] } }], [{ name: "access", mountPath: "/a" }]);
  const path = await mountOf(scene, "/a");
  const first = await textAt(scene, `${path}/token`);
  scene.refuse(({ subresource }) => (subresource === "token" ? new Error("down") : undefined));
  await scene.pass(850_000);
  assert.equal(await textAt(scene, `${path}/token`), first);
  scene.refuse(() => undefined);
  await scene.pass(11_000);
  assert.notEqual(await textAt(scene, `${path}/token`), first);
});

/** What a token says (RFC 7519). */
function claimsOf(token: string | undefined) {
  const payload = Uint8Array.fromBase64(token?.split(".")[1] ?? "", { alphabet: "base64url" });
  // The API server's own tokens have these.
  return JSON.parse(new TextDecoder().decode(payload)) as {
    readonly exp: number;
    readonly "kubernetes.io": { readonly pod: { readonly uid: string } };
  };
}

test("labels in a downwardAPI volume follow those of the pod", async () => {
  const scene = await agentScene();
  const items = [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }];
  await runWith(scene, [{ name: "info", downwardAPI: { items } }], [{ name: "info", mountPath: "/info" }], {
    metadata: { labels: { b: "2", a: "1" } },
  });
  const path = await mountOf(scene, "/info");
  assert.equal(await textAt(scene, `${path}/labels`), 'a="1"\nb="2"');
  await scene.client.patch(Pods, { namespace: "default", name: "web" }, { metadata: { labels: { a: "one" } } });
  await scene.pass();
  assert.equal(await textAt(scene, `${path}/labels`), 'a="one"\nb="2"');
});

test("an emptyDir outlives its containers and goes with its pod; fsGroup owns it", async () => {
  const scene = await agentScene();
  await runWith(
    scene,
    [
      { name: "disk", emptyDir: {} },
      { name: "ram", emptyDir: { medium: "Memory" } },
    ],
    [
      { name: "disk", mountPath: "/disk" },
      { name: "ram", mountPath: "/ram" },
    ],
    { securityContext: { fsGroup: 2000 } },
  );
  const disk = await mountOf(scene, "/disk");
  const ram = await mountOf(scene, "/ram");
  assert.equal(scene.host.mounted.get(ram), "memory");
  assert.deepEqual(await scene.host.files.status(disk).then((status) => [status?.gid, status?.mode]), [2000, 0o2777]);
  await scene.host.files.write(`${disk}/kept`, new Uint8Array([1]), 0o644);
  const [container] = await scene.engine.listContainers();
  scene.engine.exit(container!.id, 1);
  await scene.pass();
  assert.ok(await scene.host.files.status(`${disk}/kept`));
  await scene.client.delete(Pods, { namespace: "default", name: "web" });
  await scene.pass();
  assert.equal(await scene.host.files.status(disk), undefined);
  assert.equal(scene.host.mounted.has(ram), false);
});

test("hostPath volumes are checked by their type and never removed", async () => {
  const scene = await agentScene();
  const { files } = scene.host;
  await files.makeDirectory("/srv");
  await files.write("/srv/file", new Uint8Array(), 0o644);
  await runWith(
    scene,
    [{ name: "host", hostPath: { path: "/srv/made", type: "DirectoryOrCreate" } }],
    [{ name: "host", mountPath: "/host" }],
  );
  assert.equal(await mountOf(scene, "/host"), "/srv/made");
  await scene.run({ name: "wrong", volumes: [{ name: "host", hostPath: { path: "/srv/file", type: "Directory" } }] });
  assert.deepEqual(await scene.events("wrong"), [
    'FailedMount: MountVolume.SetUp failed for volume "host" : hostPath type check failed: /srv/file is not a directory',
  ]);
  await scene.client.delete(Pods, { namespace: "default", name: "web" });
  await scene.pass();
  assert.ok(await files.status("/srv/made"));
});

test("a subPath is made in the volume and cannot lead out of it", async () => {
  const scene = await agentScene();
  await runWith(
    scene,
    [{ name: "data", emptyDir: {} }],
    [{ name: "data", mountPath: "/data", subPathExpr: "$(POD)/logs" }],
    {
      containers: [
        {
          name: "app",
          image: "app:1",
          env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
          volumeMounts: [{ name: "data", mountPath: "/data", subPathExpr: "$(POD)/logs" }],
        },
      ],
    },
  );
  const target = await mountOf(scene, "/data");
  assert.match(target, /\/volume-subpaths\/data\/app\/0$/);
  assert.match(scene.host.mounted.get(target) ?? "", /empty-dir\/data\/web\/logs$/);
  await scene.host.files.makeDirectory("/srv/evil");
  await scene.host.files.makeDirectory("/srv/volume");
  await scene.host.files.symlink("/srv/evil", "/srv/volume/link");
  await scene.run({
    name: "escape",
    volumes: [{ name: "host", hostPath: { path: "/srv/volume", type: "DirectoryOrCreate" } }],
    containers: [{ name: "app", image: "app:1", volumeMounts: [{ name: "host", mountPath: "/h", subPath: "link" }] }],
  });
  // The first words are upstream's, for which its end-to-end tests look.
  assert.deepEqual((await scene.pod("escape")).status.containerStatuses?.[0]?.state?.waiting, {
    reason: "CreateContainerConfigError",
    message: 'failed to prepare subPath for volumeMount "host" of container "app": link leads out of its volume',
  });
});

test("volumes of pods that run are kept through a restart of the agent", async () => {
  const scene = await agentScene();
  await scene.client.create(ConfigMaps, map({ a: "1" }));
  await runWith(scene, [{ name: "config", configMap: { name: "settings" } }], [{ name: "config", mountPath: "/c" }]);
  const path = await mountOf(scene, "/c");
  await scene.restart();
  await scene.client.update(ConfigMaps, map({ a: "2" }));
  await scene.pass();
  assert.equal(await textAt(scene, `${path}/a`), "2");
});

test("an agent that restarts within the same second does not confuse versions of configuration", async () => {
  const scene = await agentScene();
  await scene.client.create(ConfigMaps, map({ a: "1" }));
  await runWith(scene, [{ name: "config", configMap: { name: "settings" } }], [{ name: "config", mountPath: "/c" }]);
  const path = await mountOf(scene, "/c");
  scene.stop();
  await scene.client.update(ConfigMaps, map({ a: "2" }));
  await scene.restart();
  assert.equal(await textAt(scene, `${path}/a`), "2");
});

test("FileKeyRef: a container waits for the file of an emptyDir that its environment comes from", async () => {
  const scene = await agentScene();
  const from = (key: string, optional = false) => ({
    fileKeyRef: { volumeName: "config", path: "app.env", key, optional },
  });
  const env = [
    { name: "COLOR", valueFrom: from("CONFIG_1") },
    { name: "NONE", valueFrom: from("MISSING", true) },
  ];
  const { uid } = (
    await scene.run({ volumes: [{ name: "config", emptyDir: {} }], containers: [{ name: "app", image: "app:1", env }] })
  ).metadata;
  const waiting = async () => (await scene.pod()).status.containerStatuses?.[0]?.state?.waiting;
  assert.deepEqual(await waiting(), { reason: "CreateContainerConfigError", message: "couldn't parse env file" });
  const directory = `/data/agent/pods/${uid}/volumes/kubernetes.io~empty-dir/config`;
  await scene.host.files.write(`${directory}/app.env`, new TextEncoder().encode("CONFIG_2='2'\n"), 0o644);
  await scene.pass(60_000);
  assert.equal((await waiting())?.message, 'environment variable key "CONFIG_1" not found in file "app.env"');
  await scene.host.files.write(`${directory}/app.env`, new TextEncoder().encode("CONFIG_1='blue'\n"), 0o644);
  await scene.pass(60_000);
  const [container] = await scene.engine.listContainers();
  const given = scene.engine.configOf(container?.id ?? "")?.env;
  assert.equal(given?.COLOR, "blue");
  assert.ok(given && !("NONE" in given));
});

test("a volume that no container uses is not made, until an ephemeral container comes that does", async () => {
  const scene = await agentScene();
  const volume = { name: "config", configMap: { name: "settings" } };
  await runWith(scene, [volume], []);
  assert.equal((await scene.pod()).status.phase, "Running");
  await scene.client.create(ConfigMaps, map({ a: "1" }));
  const container = { name: "debug", image: "app:1", volumeMounts: [{ name: "config", mountPath: "/c" }] };
  const patch = { spec: { ephemeralContainers: [container] } };
  await scene.client.patch(Pods, { namespace: "default", name: "web" }, patch, { subresource: "ephemeralcontainers" });
  await scene.pass();
  const debug = (await scene.engine.listContainers()).find(({ name }) => name === "debug");
  const mount = scene.engine.configOf(debug?.id ?? "")?.mounts.find(({ containerPath }) => containerPath === "/c");
  assert.equal(await textAt(scene, `${mount?.hostPath}/a`), "1");
});
