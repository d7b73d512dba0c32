// Brings claims and volumes together and says what became of them: pkg/controller/volume/persistentvolume. A key is a
// claim (`namespace/name`) or a volume (`name`). One key at a time: two claims must not choose the same volume, and a
// controller with one place always sees what it wrote.
import {
  ApiError,
  bindCompletedAnnotation,
  claimClass,
  claimRefKey,
  compareFits,
  defaultOf,
  defaultStorageClassAnnotations,
  differInVolumeMode,
  freeVolumeClass,
  isFreeFor,
  isReservationGood,
  isReservedFor,
  namesClass,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  provisionedByAnnotation,
  StorageClasses,
  selectedNodeAnnotation,
  storageProvisionerAnnotations,
  volumeClass,
  whyUnsuitable,
} from "../api/index.ts";
import {
  also,
  type Cache,
  defineController,
  type Key,
  keyOf,
  type ReconcileContext,
  splitKey,
} from "../client/index.ts";
import { bind, setClaimWithout, setVolumePhase, unbind } from "./persistent-volume-binding.ts";
import { claimsOf } from "./storage-protection.ts";

const inTreePrefix = "kubernetes.io/";
/** On a volume of a former in-tree plugin: the CSI driver that looks after it now. */
const migratedToAnnotation = "pv.kubernetes.io/migrated-to";

export const persistentVolumeController = defineController({
  name: "persistentvolume-controller",
  concurrency: 1,
  watches: {
    for: PersistentVolumeClaims,
    also: [
      also(PersistentVolumeClaims, volumesOf),
      also(PersistentVolumes, (volume, cache) => [volume.metadata.name, ...claimsConcernedBy(volume, cache)]),
      also(StorageClasses, ({ metadata }, cache) => [
        ...cache.byIndex(PersistentVolumeClaims, "unbound.class", metadata.name).map(keyOf),
        ...cache
          .byIndex(PersistentVolumeClaims, "unbound.class", "")
          .filter((claim) => !namesClass(claim))
          .map(keyOf),
      ]),
      also(Pods, (pod, cache) =>
        pod.spec.nodeName
          ? []
          : claimsOf(pod).filter((key) => cache.get(PersistentVolumeClaims, key)?.spec.volumeName === undefined),
      ),
    ],
  },
  indexes: [
    { resource: PersistentVolumes, name: "claimRef", values: claimRefKey },
    { resource: PersistentVolumes, name: "free.class", values: freeVolumeClass },
    {
      resource: PersistentVolumeClaims,
      name: "volumeName",
      values: ({ spec }: PersistentVolumeClaim) => (spec.volumeName ? [spec.volumeName] : []),
    },
    {
      resource: PersistentVolumeClaims,
      name: "unbound.class",
      values: (claim: PersistentVolumeClaim) => (claim.spec.volumeName ? [] : [claimClass(claim)]),
    },
    { resource: Pods, name: "claim", values: claimsOf },
  ],
  async reconcile(context, key) {
    if (key.includes("/")) {
      const claim = context.cache.get(PersistentVolumeClaims, key);
      if (claim) await reconcileClaim(context, claim);
    } else {
      const volume = context.cache.get(PersistentVolumes, key);
      if (volume) await reconcileVolume(context, volume);
    }
  },
});

/** The volumes that a claim has, wants, or is wanted by. */
function volumesOf(claim: PersistentVolumeClaim, cache: Cache): Key[] {
  const named = claim.spec.volumeName ? [claim.spec.volumeName] : [];
  return [...named, ...cache.byIndex(PersistentVolumes, "claimRef", keyOf(claim)).map(keyOf)];
}

function claimsConcernedBy(volume: PersistentVolume, cache: Cache): Key[] {
  const { claimRef } = volume.spec;
  if (claimRef) {
    const naming = cache.byIndex(PersistentVolumeClaims, "volumeName", volume.metadata.name);
    return [`${claimRef.namespace ?? ""}/${claimRef.name ?? ""}`, ...naming.map(keyOf)];
  }
  const waiting = cache.byIndex(PersistentVolumeClaims, "unbound.class", volumeClass(volume));
  return [
    ...cache.byIndex(PersistentVolumeClaims, "volumeName", volume.metadata.name).map(keyOf),
    ...waiting.filter((claim) => isFreeFor(volume, claim)).map(keyOf),
  ];
}

async function reconcileClaim(context: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  if (claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined) await reconcileBound(context, claim);
  else if (claim.spec.volumeName) await reconcileWithName(context, claim, claim.spec.volumeName);
  else await reconcileUnbound(context, claim);
}

/** A claim that takes what fits. */
async function reconcileUnbound(context: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  const { client, cache, events } = context;
  const waits = cache.get(StorageClasses, claimClass(claim))?.volumeBindingMode === "WaitForFirstConsumer";
  const volume = findVolume(cache, claim, waits);
  if (volume) {
    await bind(client, volume, claim);
    return;
  }
  if (await giveDefaultClass(context, claim)) return;
  if (waits && claim.metadata.annotations?.[selectedNodeAnnotation] === undefined) {
    tellOfConsumers(context, claim);
  } else if (claimClass(claim) !== "") {
    await askForProvisioning(context, claim);
    return;
  } else {
    const message = "no persistent volumes available for this claim and no storage class is set";
    events.normal(claim, "FailedBinding", message);
  }
  await setClaimWithout(client, claim, "Pending");
}

/** What is reserved for the claim, or else the free volume that fits best; where the scheduler chooses, only the first. */
function findVolume(cache: Cache, claim: PersistentVolumeClaim, isReservedOnly: boolean): PersistentVolume | undefined {
  const reserved = cache
    .byIndex(PersistentVolumes, "claimRef", keyOf(claim))
    .filter((volume) => isReservationGood(volume, claim));
  if (reserved.length > 0) return reserved.toSorted(compareFits)[0];
  if (isReservedOnly) return undefined;
  let best: PersistentVolume | undefined;
  for (const volume of cache.byIndex(PersistentVolumes, "free.class", claimClass(claim))) {
    if (isFreeFor(volume, claim) && (best === undefined || compareFits(volume, best) < 0)) best = volume;
  }
  return best;
}

/** A claim from before there was a default class gets it once there is. */
async function giveDefaultClass({ client, cache }: ReconcileContext, claim: PersistentVolumeClaim): Promise<boolean> {
  if (namesClass(claim)) return false;
  const found = defaultOf(cache.list(StorageClasses), defaultStorageClassAnnotations);
  if (!found) return false;
  const spec = { ...claim.spec, storageClassName: found.metadata.name };
  await client.update(PersistentVolumeClaims, { ...claim, spec });
  return true;
}

function tellOfConsumers({ cache, events }: ReconcileContext, claim: PersistentVolumeClaim): void {
  const pods = cache
    .byIndex(Pods, "claim", keyOf(claim))
    .filter((pod: Pod) => !pod.spec.nodeName)
    .map(({ metadata }) => metadata.name);
  if (pods.length === 0) {
    events.normal(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
  } else {
    const message = `waiting for ${pods.length > 1 ? "pods" : "pod"} ${pods.join(",")} to be scheduled`;
    events.normal(claim, "WaitForPodScheduled", message);
  }
}

/** Says whose turn it is: provisioners look for their name on claims. */
async function askForProvisioning(context: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  const { client, cache, events } = context;
  const provisioner = cache.get(StorageClasses, claimClass(claim))?.provisioner;
  if (provisioner === undefined) {
    const message = `storageclass.storage.k8s.io "${claimClass(claim)}" not found`;
    events.warning(claim, "ProvisioningFailed", message);
    return;
  }
  if (provisioner.startsWith(inTreePrefix)) {
    events.warning(claim, "ProvisioningFailed", `no volume plugin matched name: ${provisioner}`);
    return;
  }
  const { annotations } = claim.metadata;
  if (storageProvisionerAnnotations.some((annotation) => annotations?.[annotation] !== provisioner)) {
    const marks = Object.fromEntries(storageProvisionerAnnotations.map((annotation) => [annotation, provisioner]));
    const metadata = { ...claim.metadata, annotations: { ...annotations, ...marks } };
    await client.update(PersistentVolumeClaims, { ...claim, metadata });
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  events.normal(claim, "ExternalProvisioning", message);
}

/** A claim that names the volume that it wants. */
async function reconcileWithName(context: ReconcileContext, claim: PersistentVolumeClaim, name: string): Promise<void> {
  const { client, cache, events } = context;
  const volume = cache.get(PersistentVolumes, name);
  if (volume && isReservedFor(volume, claim)) {
    await bind(client, volume, claim);
    return;
  }
  if (volume?.spec.claimRef) {
    events.warning(claim, "FailedBinding", `volume "${name}" already bound to a different claim.`);
  } else if (volume) {
    const why = whyUnsuitable(volume, claim);
    if (why === undefined) {
      await bind(client, volume, claim);
      return;
    }
    events.warning(claim, "VolumeMismatch", `Cannot bind to requested volume "${name}": ${why}`);
  }
  await setClaimWithout(client, claim, "Pending");
}

async function reconcileBound(context: ReconcileContext, claim: PersistentVolumeClaim): Promise<void> {
  const { client, cache } = context;
  const name = claim.spec.volumeName;
  const volume = name ? cache.get(PersistentVolumes, name) : undefined;
  if (!name) {
    const message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
    await lose(context, claim, "ClaimLost", message);
  } else if (!volume) {
    await lose(context, claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  } else if (!volume.spec.claimRef || volume.spec.claimRef.uid === claim.metadata.uid) {
    await bind(client, volume, claim);
  } else {
    const message = "Two claims are bound to the same volume, this one is bound incorrectly";
    await lose(context, claim, "ClaimMisbound", message);
  }
}

async function lose(
  { client, events }: ReconcileContext,
  claim: PersistentVolumeClaim,
  reason: string,
  message: string,
) {
  if (await setClaimWithout(client, claim, "Lost")) events.warning(claim, reason, message);
}

async function reconcileVolume(context: ReconcileContext, volume: PersistentVolume): Promise<void> {
  const { client, events } = context;
  const { metadata, spec } = volume;
  if (!spec.claimRef?.uid) {
    await setVolumePhase(client, volume, "Available");
    return;
  }
  const claim = await claimOf(context, volume);
  if (!claim) {
    await release(context, volume);
  } else if (!claim.spec.volumeName) {
    // The claim's turn: it has a key of its own. A reservation that it cannot use is not seen there.
    if (!differInVolumeMode(volume, claim)) return;
    const why = "due to incompatible volumeMode.";
    const toVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claim.metadata.name}" ${why}`;
    const toClaim = `Cannot bind PersistentVolume "${metadata.name}" to requested PersistentVolumeClaim ${why}`;
    events.warning(volume, "VolumeMismatch", toVolume);
    events.warning(claim, "VolumeMismatch", toClaim);
  } else if (claim.spec.volumeName === metadata.name) {
    await setVolumePhase(client, volume, "Bound");
  } else if (
    metadata.annotations?.[provisionedByAnnotation] !== undefined &&
    spec.persistentVolumeReclaimPolicy === "Delete"
  ) {
    // It was made for this claim, which took another one meanwhile.
    await release(context, volume);
  } else {
    await unbind(client, volume);
  }
}

/** The claim that the volume is bound to; undefined when it is gone, which the server is asked before data is given up. */
async function claimOf(
  { client, cache }: ReconcileContext,
  volume: PersistentVolume,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = "", name = "", uid } = volume.spec.claimRef ?? {};
  const known = cache.get(PersistentVolumeClaims, `${namespace}/${name}`);
  if (known?.metadata.uid === uid) return known;
  try {
    const found = await client.get(PersistentVolumeClaims, splitKey(`${namespace}/${name}`));
    return found.metadata.uid === uid ? found : undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}

/** Gives up a volume whose claim is gone, as its reclaim policy says. One that failed stays so, for people to see. */
async function release(context: ReconcileContext, volume: PersistentVolume): Promise<void> {
  const { client, events } = context;
  const { phase } = volume.status;
  if (phase !== "Released" && phase !== "Failed") {
    // The change brings the key back.
    await setVolumePhase(client, volume, "Released");
    return;
  }
  const failure = whyNotReclaimed(volume);
  if (!failure) return;
  if (await setVolumePhase(client, volume, "Failed", failure.message)) {
    events.warning(volume, failure.reason, failure.message);
  }
}

/** A provisioner from outside deletes what it made; whatever else is to be reclaimed, nobody here can. */
function whyNotReclaimed({ metadata, spec }: PersistentVolume): { reason: string; message: string } | undefined {
  const { [provisionedByAnnotation]: provisioner, [migratedToAnnotation]: migratedTo } = metadata.annotations ?? {};
  if (migratedTo) return undefined;
  switch (spec.persistentVolumeReclaimPolicy) {
    case "Delete": {
      if (provisioner && !provisioner.startsWith(inTreePrefix)) return undefined;
      const { path } = spec.hostPath ?? {};
      const message =
        path === undefined || /\/tmp\/.+/.test(path)
          ? `error getting deleter volume plugin for volume "${metadata.name}": no deletable volume plugin matched`
          : `host_path deleter only supports /tmp/.+ but received provided ${path}`;
      return { reason: "VolumeFailedDelete", message };
    }
    case "Recycle":
      return { reason: "VolumeFailedRecycle", message: "No recycler plugin found for the volume!" };
    default:
      return undefined;
  }
}
