// Makes claims for devices from the templates that pods name, and takes back the devices of claims that nobody uses any
// more: pkg/controller/resourceclaim. A key is `pod/namespace/name` or `claim/namespace/name`.
import {
  ApiError,
  claimNameOf,
  controllerOf,
  isPodTerminal,
  type NewObject,
  newOwnerReference,
  type Pod,
  type PodResourceClaim,
  type PodResourceClaimStatus,
  Pods,
  podClaimNameAnnotation,
  type ResourceClaimConsumerReference,
  ResourceClaims,
  type ResourceClaimTemplate,
  ResourceClaimTemplates,
  type ResourceResourceClaim,
  resourceClaimFinalizer,
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
import { errorMessage } from "../lib/index.ts";
import { deleteSame } from "./deletion.ts";

/** What leaves room for a hyphen and five characters in a name of 63, as upstream counts. */
const prefixLengthMax = 57;

export const resourceClaimController = defineController({
  name: "resourceclaim-controller",
  recordsAs: "resource_claim",
  watches: {
    also: [
      also(Pods, (pod) => (pod.spec.resourceClaims ? [podKey(pod), ...claimKeysOf(pod).map(claimKeyAt)] : [])),
      also(ResourceClaims, (claim, cache) => {
        const owner = controllerOf(claim);
        // One that is gone may be made again.
        const isGone = owner?.kind === "Pod" && !cache.get(ResourceClaims, keyOf(claim));
        return [claimKeyAt(keyOf(claim)), ...(isGone ? [`pod/${claim.metadata.namespace}/${owner.name}`] : [])];
      }),
      also(ResourceClaimTemplates, (template, cache) =>
        cache.byIndex(Pods, "resourceClaimTemplate", keyOf(template)).map(podKey),
      ),
    ],
  },
  indexes: [
    {
      resource: Pods,
      name: "resourceClaimTemplate",
      values: ({ metadata, spec }: Pod) =>
        (spec.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: template }) =>
          template === undefined ? [] : [`${metadata.namespace}/${template}`],
        ),
    },
  ],
  async reconcile(context, key) {
    const slash = key.indexOf("/");
    const [kind, object] = [key.slice(0, slash), key.slice(slash + 1)];
    if (kind === "pod") {
      const pod = context.cache.get(Pods, object);
      if (pod && !isDone(pod)) await reconcilePod(context, pod);
    } else {
      const claim = context.cache.get(ResourceClaims, object);
      if (claim) await reconcileClaim(context, claim);
    }
  },
});

const podKey = (pod: Pod): Key => `pod/${keyOf(pod)}`;
const claimKeyAt = (key: Key): Key => `claim/${key}`;

/** The claims that the pod names, as far as they have names. */
function claimKeysOf({ metadata, spec, status }: Pod): Key[] {
  const names = [
    ...(spec.resourceClaims ?? []).map(({ resourceClaimName }) => resourceClaimName),
    ...(status?.resourceClaimStatuses ?? []).map(({ resourceClaimName }) => resourceClaimName),
  ];
  return names.flatMap((name) => (name ? [`${metadata.namespace}/${name}`] : []));
}

/** Whether the pod does not use devices any more: it has ended, or goes without ever having had a node. */
const isDone = (pod: Pod): boolean =>
  isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && !pod.spec.nodeName);

async function reconcilePod(context: ReconcileContext, pod: Pod): Promise<void> {
  const { client, events } = context;
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const known = pod.status.resourceClaimStatuses ?? [];
  const made: PodResourceClaimStatus[] = [];
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    if (podClaim.resourceClaimTemplateName === undefined || claimNameOf(pod, podClaim) === "") continue;
    try {
      made.push({ name: podClaim.name, resourceClaimName: await ensureClaim(context, pod, podClaim) });
    } catch (error) {
      events.warning(pod, "FailedResourceClaimCreation", `PodResourceClaim ${podClaim.name}: ${errorMessage(error)}`);
      throw error;
    }
  }
  if (made.some((each) => known.find(({ name }) => name === each.name)?.resourceClaimName !== each.resourceClaimName)) {
    const { namespace = "", name, uid } = pod.metadata;
    await client.patch(
      Pods,
      { namespace, name },
      { metadata: { uid }, status: { resourceClaimStatuses: made } },
      { subresource: "status", type: "application/strategic-merge-patch+json" },
    );
  }
  if (pod.spec.nodeName) await reserveForPlaced(context, pod);
}

/** The claim of the pod for one of its names: the one that is there, or a new one from the template. */
async function ensureClaim({ client, cache }: ReconcileContext, pod: Pod, podClaim: PodResourceClaim): Promise<string> {
  const { name, resourceClaimTemplateName: templateName = "" } = podClaim;
  const found = cache
    .ownedBy(ResourceClaims, pod)
    .find(({ metadata }) => metadata.annotations?.[podClaimNameAnnotation] === name);
  if (found) return found.metadata.name;
  const { namespace = "" } = pod.metadata;
  const template = cache.get(ResourceClaimTemplates, `${namespace}/${templateName}`);
  if (!template) {
    const missing = `resourceclaimtemplate.resource.k8s.io "${templateName}" not found`;
    throw new Error(`resource claim template "${templateName}": ${missing}`);
  }
  return (await client.create(ResourceClaims, claimFrom(template, pod, name))).metadata.name;
}

function claimFrom({ spec }: ResourceClaimTemplate, pod: Pod, name: string): NewObject<ResourceResourceClaim> {
  const { labels, annotations } = spec.metadata ?? {};
  return {
    metadata: {
      namespace: pod.metadata.namespace ?? "",
      generateName: claimPrefix(pod.metadata.name, name),
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [podClaimNameAnnotation]: name },
      // A pod does not wait for it: blocking a pod's deletion would need the right to its finalizers.
      ownerReferences: [{ ...newOwnerReference(pod, Pods), controller: true }],
    },
    spec: spec.spec,
  };
}

/** How the names of claims begin: with those of the pod and of its claim, of which both are to be seen when they are long. */
function claimPrefix(podName: string, claimName: string): string {
  const whole = `${podName}-${claimName}-`;
  if (whole.length <= prefixLengthMax) return whole;
  const cut = (text: string) => text.slice(0, Math.floor((text.length * prefixLengthMax) / whole.length));
  return `${cut(podName)}-${cut(claimName)}`;
}

/** A pod that nobody had to schedule uses its claims all the same, where these have devices. */
async function reserveForPlaced({ client, cache }: ReconcileContext, pod: Pod): Promise<void> {
  for (const key of claimKeysOf(pod)) {
    const claim = cache.get(ResourceClaims, key);
    const reservedFor = claim?.status.reservedFor ?? [];
    if (!claim?.status.allocation || reservedFor.some(({ uid }) => uid === pod.metadata.uid)) continue;
    const consumer = { resource: "pods", name: pod.metadata.name, uid: pod.metadata.uid };
    const status = { ...claim.status, reservedFor: [...reservedFor, consumer] };
    await client.update(ResourceClaims, { ...claim, status }, { subresource: "status" });
  }
}

/** Frees the claim of pods that are done; the last one's going takes its devices, and a claim made for it goes with it. */
async function reconcileClaim(context: ReconcileContext, claim: ResourceResourceClaim): Promise<void> {
  const { client } = context;
  const { reservedFor = [], allocation } = claim.status;
  const stays: ResourceClaimConsumerReference[] = [];
  for (const consumer of reservedFor) if (await isUsedBy(context, claim, consumer)) stays.push(consumer);
  const isHeld = claim.metadata.finalizers?.includes(resourceClaimFinalizer) ?? false;
  let current = claim;
  if (stays.length < reservedFor.length) {
    const { reservedFor: _, allocation: __, ...rest } = claim.status;
    const isOver = stays.length === 0 && isHeld;
    const status = {
      ...rest,
      ...(stays.length > 0 ? { reservedFor: stays } : {}),
      ...(allocation && !isOver ? { allocation } : {}),
    };
    current = await client.update(ResourceClaims, { ...claim, status }, { subresource: "status" });
  } else if (claim.metadata.deletionTimestamp !== undefined && allocation && stays.length === 0 && isHeld) {
    const { allocation: _, ...status } = claim.status;
    current = await client.update(ResourceClaims, { ...claim, status }, { subresource: "status" });
  }
  if (isHeld && !current.status.allocation && isOver(current, reservedFor)) {
    const finalizers = (current.metadata.finalizers ?? []).filter((each) => each !== resourceClaimFinalizer);
    current = await client.update(ResourceClaims, { ...current, metadata: { ...current.metadata, finalizers } });
  }
  if (stays.length === 0 && current.metadata.deletionTimestamp === undefined && isForDonePod(context.cache, claim)) {
    await deleteSame(client, ResourceClaims, claim);
  }
}

/** The scheduler sets the finalizer before the devices: between the two nothing is to be taken back. */
const isOver = ({ metadata }: ResourceResourceClaim, reservedFor: readonly ResourceClaimConsumerReference[]): boolean =>
  metadata.deletionTimestamp !== undefined || reservedFor.length > 0;

/** Whether a consumer still uses the claim. A pod that the cache does not have is asked for: it may be new. */
async function isUsedBy(
  { client, cache }: ReconcileContext,
  { metadata: { namespace = "" } }: ResourceResourceClaim,
  { apiGroup, resource, name, uid }: ResourceClaimConsumerReference,
): Promise<boolean> {
  // Whoever else uses claims says so himself.
  if (apiGroup || resource !== "pods") return true;
  const key = `${namespace}/${name}`;
  const known = cache.get(Pods, key);
  if (known?.metadata.uid === uid) return !isDone(known);
  try {
    const found = await client.get(Pods, splitKey(key));
    return found.metadata.uid === uid && !isDone(found);
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return false;
    throw error;
  }
}

function isForDonePod(cache: Cache, claim: ResourceResourceClaim): boolean {
  const owner = controllerOf(claim);
  if (owner?.kind !== "Pod") return false;
  const pod = cache.get(Pods, `${claim.metadata.namespace}/${owner.name}`);
  // Of a pod that is gone the garbage collector knows.
  return pod !== undefined && (pod.metadata.uid !== owner.uid || isDone(pod));
}
