import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type AgentScene, agentScene, nodeName } from "../../../test/agent-scene.ts";
import { ApiError, Nodes, PersistentVolumeClaims, PersistentVolumes } from "../../api/index.ts";

const volumeKey = { name: "disk" };
const claimKey = { namespace: "default", name: "data" };

interface Scene extends AgentScene {
  /** The directory of the volume `disk` on the node. */
  readonly path: string;
  /** Says of the volume that it is bound, or not any more. */
  setPhase(phase: string): Promise<void>;
  isThere(): Promise<boolean>;
}

/** A node, and a volume of it that Roder made, bound to the claim `data`. */
async function scene(t: TestContext, spec: object = {}): Promise<Scene> {
  const scene = await agentScene();
  t.after(() => scene.stop());
  const { client, pass } = scene;
  const node = await client.get(Nodes, { name: nodeName });
  const path = `${node.metadata.annotations?.["roder.io/local-volumes"]}/disk`;
  await client.create(PersistentVolumes, {
    metadata: {
      ...volumeKey,
      labels: { "roder.io/node": nodeName },
      annotations: { "pv.kubernetes.io/provisioned-by": "roder.io/local-path" },
      finalizers: ["roder.io/local-volume"],
    },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      claimRef: claimKey,
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }],
        },
      },
      ...spec,
    },
  });
  const claim = await client.create(PersistentVolumeClaims, {
    metadata: claimKey,
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, volumeName: "disk" },
  });
  await client.patch(PersistentVolumes, volumeKey, { spec: { claimRef: { uid: claim.metadata.uid } } });
  await client.patch(PersistentVolumeClaims, claimKey, { status: { phase: "Bound" } }, { subresource: "status" });
  const setPhase = async (phase: string) => {
    await client.patch(PersistentVolumes, volumeKey, { status: { phase } }, { subresource: "status" });
    await pass(1_000);
  };
  await setPhase("Bound");
  return {
    ...scene,
    path,
    setPhase,
    async isThere() {
      try {
        await client.get(PersistentVolumes, volumeKey);
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.code === 404) return false;
        throw error;
      }
    },
  };
}

const volumes = [{ name: "d", persistentVolumeClaim: { claimName: "data" } }];

/** Asks for the volume's deletion as the control plane does when its claim is gone. */
async function remove({ client, pass }: Scene): Promise<void> {
  // What keeps a bound volume is another controller's.
  const finalizers = ["roder.io/local-volume"];
  await client.patch(PersistentVolumes, volumeKey, { metadata: { finalizers } });
  await client.delete(PersistentVolumes, volumeKey);
  await pass(1_000);
}

test("the directory of a volume is made when a pod mounts it, for every user", async (t) => {
  const scene_ = await scene(t);
  const { host, path, run, pass, pod } = scene_;
  assert.equal(await host.files.status(path), undefined);
  await run({ volumes });
  await pass(2_000);
  assert.equal((await pod()).status.phase, "Running");
  assert.equal((await host.files.status(path))?.mode, 0o777);
});

test("no pod gets the volume of another one's claim, or of a claim that had the name before", async (t) => {
  const { client, run, events, pass } = await scene(t);
  const volumeClaimTemplate = { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } };
  // The claim of a pod `own` with a volume `data` of its own is called so.
  const claim = await client.get(PersistentVolumeClaims, claimKey);
  await client.create(PersistentVolumeClaims, { metadata: { ...claimKey, name: "own-data" }, spec: claim.spec });
  const own = { ...claimKey, name: "own-data" };
  await client.patch(PersistentVolumeClaims, own, { status: { phase: "Bound" } }, { subresource: "status" });
  await run({ name: "own", volumes: [{ name: "data", ephemeral: { volumeClaimTemplate } }] });
  await client.patch(PersistentVolumes, volumeKey, { spec: { claimRef: { uid: "former" } } });
  await run({ name: "other", volumes });
  await pass(1_000);
  assert.match(
    (await events("own")).join(),
    /PVC default\/own-data was not created for pod default\/own \(pod is not owner\)/,
  );
  assert.match((await events("other")).join(), /found PV object "disk" but its pv.Spec.ClaimRef.UID/);
});

test("the directory of a volume is removed with it, but not while a claim has it", async (t) => {
  const scene_ = await scene(t);
  const { host, path } = scene_;
  await host.files.makeDirectory(path);
  await remove(scene_);
  assert.notEqual(await host.files.status(path), undefined);
  await scene_.setPhase("Released");
  assert.equal(await host.files.status(path), undefined);
  assert.equal(await scene_.isThere(), false);
});

test("the directory of a volume with the policy Retain outlives it", async (t) => {
  const scene_ = await scene(t, { persistentVolumeReclaimPolicy: "Retain" });
  const { host, path } = scene_;
  await host.files.makeDirectory(path);
  await scene_.setPhase("Released");
  await remove(scene_);
  assert.notEqual(await host.files.status(path), undefined);
  assert.equal(await scene_.isThere(), false);
});

test("no volume leads the agent to another directory", async (t) => {
  const scene_ = await scene(t, { local: { path: "/etc" } });
  const { host } = scene_;
  await host.files.makeDirectory("/etc/ssl");
  await scene_.setPhase("Released");
  await remove(scene_);
  assert.notEqual(await host.files.status("/etc/ssl"), undefined);
  assert.equal(await scene_.isThere(), false);
});

test("a directory that cannot be removed is tried again, and the volume says why", async (t) => {
  const scene_ = await scene(t);
  const { host, path, pass } = scene_;
  await host.files.makeDirectory(path);
  const { remove: removeFiles } = host.files;
  t.mock.method(host.files, "remove", async (at: string) => {
    if (at === path) throw new Error("remove: disk error");
    await removeFiles.call(host.files, at);
  });
  await scene_.setPhase("Released");
  await remove(scene_);
  assert.equal(await scene_.isThere(), true);
  t.mock.restoreAll();
  await pass(10_000);
  assert.equal(await scene_.isThere(), false);
});

test("a device is passed to the container as it is, or mounted with a file system, as the volume's mode says", async (t) => {
  const device = "/dev/disk-1";
  const container = (more: object) => [{ name: "app", image: "app:1", ...more }];
  const asDevice = container({ volumeDevices: [{ name: "d", devicePath: "/dev/data" }] });
  const asMount = container({ volumeMounts: [{ name: "d", mountPath: "/data" }] });
  const configOf = async ({ engine }: Scene) => engine.configOf((await engine.listContainers())[0]?.id ?? "");
  const block = await scene(t, { local: { path: "/mnt/link" }, volumeMode: "Block" });
  await block.host.files.makeBlockDevice(device);
  await block.host.files.makeDirectory("/mnt");
  await block.host.files.symlink(device, "/mnt/link");
  await block.run({ name: "mounts", volumes, containers: asMount });
  assert.match(
    (await block.events("mounts")).join(),
    /FailedMount: .*volume d has volumeMode Block, but is specified in volumeMounts/,
  );
  await block.run({ volumes, containers: asDevice });
  assert.deepEqual((await configOf(block))?.devices, [
    { containerPath: "/dev/data", hostPath: device, permissions: "mrw" },
  ]);
  const files = await scene(t, { local: { path: device, fsType: "xfs" } });
  await files.host.files.makeBlockDevice(device);
  await files.run({ volumes, containers: asMount });
  const mount = (await configOf(files))?.mounts.find(({ containerPath }) => containerPath === "/data");
  assert.equal(files.host.mounted.get(mount?.hostPath ?? ""), device);
});

test("metrics tell how full the volumes of claims are, each once", async (t) => {
  const { agent, run } = await scene(t);
  assert.doesNotMatch((await agent.read("metrics"))?.body ?? "", /kubelet_volume_stats/);
  await run({ volumes });
  await run({ name: "other", volumes });
  const lines = (await agent.read("metrics"))?.body
    .split("\n")
    .filter((line) => line.startsWith("kubelet_volume_stats"));
  const of = 'namespace="default",persistentvolumeclaim="data"';
  assert.deepEqual(lines, [
    `kubelet_volume_stats_capacity_bytes{${of}} 1000`,
    `kubelet_volume_stats_available_bytes{${of}} 600`,
    `kubelet_volume_stats_used_bytes{${of}} 400`,
    `kubelet_volume_stats_inodes{${of}} 100`,
    `kubelet_volume_stats_inodes_free{${of}} 90`,
    `kubelet_volume_stats_inodes_used{${of}} 10`,
  ]);
});
