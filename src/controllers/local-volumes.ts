// Makes volumes of directories of nodes, for the classes that name Roder's own provisioner: the control plane's part.
// A node's agent makes a directory when the first pod mounts it, and removes it when the volume is to be deleted.
// The events are those of provisioners made with sig-storage-lib-external-provisioner.
import {
  ApiError,
  claimClass,
  compareQuantities,
  hostnameLabel,
  isLocalVolume,
  localVolumeFinalizer,
  localVolumeNodeLabel,
  localVolumeProvisioner,
  localVolumesAnnotation,
  type NewObject,
  type Node,
  Nodes,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  provisionedByAnnotation,
  type StorageClass,
  StorageClasses,
  selectedNodeAnnotation,
  storageProvisionerAnnotations,
} from "../api/index.ts";
import { also, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { deleteSame } from "./deletion.ts";

/** A key is a claim (`namespace/name`) or a volume (`name`). */
export const localVolumesController = defineController({
  name: "local-volumes",
  watches: {
    for: PersistentVolumeClaims,
    also: [
      also(PersistentVolumes, (volume, cache) => {
        if (!isLocalVolume(volume)) return [];
        const { namespace, name } = volume.spec.claimRef ?? {};
        const claim = cache.get(PersistentVolumeClaims, `${namespace}/${name}`);
        return [volume.metadata.name, ...(claim ? [keyOf(claim)] : [])];
      }),
      // A class is only asked for its binding mode and policy, with the claim.
      also(StorageClasses, () => []),
      also(Nodes, ({ metadata }, cache, old) => {
        const directoryOf = ({ annotations }: Node["metadata"]) => annotations?.[localVolumesAnnotation];
        // Most updates are heartbeats.
        if (old && directoryOf(old.metadata) === directoryOf(metadata)) return [];
        return [
          ...cache.byIndex(PersistentVolumeClaims, "selectedNode", metadata.name).map(keyOf),
          ...cache.byIndex(PersistentVolumes, "localNode", metadata.name).map(keyOf),
        ];
      }),
    ],
  },
  indexes: [
    {
      resource: PersistentVolumeClaims,
      name: "selectedNode",
      values: (claim: PersistentVolumeClaim) => (isForUs(claim) ? [selectedNodeOf(claim) ?? ""] : []),
    },
    {
      resource: PersistentVolumes,
      name: "localNode",
      values: (volume: PersistentVolume) => (isLocalVolume(volume) ? [nodeOf(volume)] : []),
    },
  ],
  async reconcile(context, key) {
    const { cache } = context;
    if (key.includes("/")) {
      const claim = cache.get(PersistentVolumeClaims, key);
      if (claim && isForUs(claim) && !claim.metadata.deletionTimestamp) {
        if (claim.spec.volumeName) await expand(context, claim, cache.get(PersistentVolumes, claim.spec.volumeName));
        else await provision(context, claim);
      }
    } else {
      const volume = cache.get(PersistentVolumes, key);
      if (volume) await remove(context, volume);
    }
  },
});

/** Whether the binder handed the claim to this provisioner. */
function isForUs({ metadata }: PersistentVolumeClaim): boolean {
  return storageProvisionerAnnotations.some((name) => metadata.annotations?.[name] === localVolumeProvisioner);
}

const selectedNodeOf = ({ metadata }: PersistentVolumeClaim) => metadata.annotations?.[selectedNodeAnnotation];
const nodeOf = ({ metadata }: PersistentVolume) => metadata.labels?.[localVolumeNodeLabel] ?? "";

async function provision(context: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  const { client, cache, events } = context;
  const storageClass = cache.get(StorageClasses, claimClass(claim));
  if (storageClass?.provisioner !== localVolumeProvisioner) return;
  const fails = (why: string) => {
    const what = `failed to provision volume with StorageClass "${storageClass.metadata.name}"`;
    events.warning(claim, "ProvisioningFailed", `${what}: ${why}`);
  };
  if (claim.spec.volumeMode === "Block") {
    fails("a directory of a node is no block device");
    return;
  }
  const nodeName = selectedNodeOf(claim);
  if (nodeName === undefined) {
    fails("no node was selected; volumeBindingMode has to be WaitForFirstConsumer");
    return;
  }
  const node = cache.get(Nodes, nodeName);
  if (node === undefined) {
    await giveBack(context, claim);
    return;
  }
  const directory = node.metadata.annotations?.[localVolumesAnnotation];
  if (directory === undefined) {
    fails(`node "${nodeName}" has no directory for volumes`);
    return;
  }
  const volume = newVolume(claim, storageClass, node, directory);
  const about = `${claim.metadata.namespace}/${claim.metadata.name}`;
  events.normal(claim, "Provisioning", `External provisioner is provisioning volume for claim "${about}"`);
  try {
    await client.create(PersistentVolumes, volume);
  } catch (error) {
    // Made before, and the binder is at it.
    if (error instanceof ApiError && error.code === 409) return;
    throw error;
  }
  events.normal(claim, "ProvisioningSucceeded", `Successfully provisioned volume ${volume.metadata.name}`);
}

/** Asks the scheduler for another node: the one that it chose is gone. */
async function giveBack({ client }: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  const { [selectedNodeAnnotation]: _, ...annotations } = claim.metadata.annotations ?? {};
  await client.update(PersistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } });
}

function newVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { metadata: node }: Node,
  directory: string,
): NewObject<PersistentVolume> {
  const { namespace = "", name, uid, resourceVersion } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const hostname = node.labels?.[hostnameLabel] ?? node.name;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name: volumeName,
      labels: { [localVolumeNodeLabel]: node.name },
      annotations: { [provisionedByAnnotation]: localVolumeProvisioner },
      finalizers: [localVolumeFinalizer],
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage ?? "0" },
      accessModes: claim.spec.accessModes ?? [],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: storageClass.metadata.name,
      volumeMode: "Filesystem",
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion },
      local: { path: `${directory}/${volumeName}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: "In", values: [hostname] }] }],
        },
      },
    },
  };
}

/** A directory is as large as its disk: the claim gets what it asks for, and nothing has to be done on the node. */
async function expand(
  { client, events }: ReconcileContext,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
): Promise<void> {
  const storage = claim.spec.resources?.requests?.storage;
  const has = claim.status.capacity?.storage;
  if (!volume || !isLocalVolume(volume) || claim.status.phase !== "Bound" || !storage || !has) return;
  if (compareQuantities(storage, has) <= 0) return;
  if (compareQuantities(storage, volume.spec.capacity?.storage ?? "0") > 0) {
    const spec = { ...volume.spec, capacity: { ...volume.spec.capacity, storage } };
    await client.update(PersistentVolumes, { ...volume, spec });
  }
  const status = { ...claim.status, capacity: { ...claim.status.capacity, storage } };
  await client.update(PersistentVolumeClaims, { ...claim, status }, { subresource: "status" });
  events.normal(claim, "VolumeResizeSuccessful", "Resize volume succeeded");
}

/** Deletes a volume that is not needed any more, for the agent to see; where there is no node, nothing else is left. */
async function remove({ client, cache }: ReconcileContext, volume: PersistentVolume): Promise<void> {
  const { deletionTimestamp, finalizers = [] } = volume.metadata;
  if (volume.status.phase === "Bound") return;
  if (deletionTimestamp === undefined) {
    if (volume.status.phase !== "Released" || volume.spec.persistentVolumeReclaimPolicy !== "Delete") return;
    return await deleteSame(client, PersistentVolumes, volume);
  }
  if (cache.get(Nodes, nodeOf(volume)) || !finalizers.includes(localVolumeFinalizer)) return;
  const others = finalizers.filter((each) => each !== localVolumeFinalizer);
  await client.update(PersistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers: others } });
}
