// Makes the claims of generic ephemeral volumes: pkg/controller/volume/ephemeral. A claim goes with its pod, which owns it.
import {
  isControlledBy,
  type NewObject,
  newControllerReference,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  type Volume,
} from "../api/index.ts";
import { also, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { errorMessage } from "../lib/index.ts";
import { claimsOf } from "./storage-protection.ts";

export const ephemeralVolumesController = defineController({
  name: "ephemeral-volume-controller",
  watches: {
    also: [
      also(Pods, (pod) => (ephemeralVolumes(pod).length > 0 ? [keyOf(pod)] : [])),
      // One that is gone is made again, or is not in the way any more.
      also(PersistentVolumeClaims, (claim, cache) =>
        cache.get(PersistentVolumeClaims, keyOf(claim)) ? [] : cache.byIndex(Pods, "claim", keyOf(claim)).map(keyOf),
      ),
    ],
  },
  indexes: [{ resource: Pods, name: "claim", values: claimsOf }],
  async reconcile(context, key) {
    const pod = context.cache.get(Pods, key);
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return;
    for (const volume of ephemeralVolumes(pod)) await ensureClaim(context, pod, volume);
  },
});

const ephemeralVolumes = ({ spec }: Pod): readonly Volume[] =>
  (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral);

async function ensureClaim({ client, cache, events }: ReconcileContext, pod: Pod, volume: Volume): Promise<void> {
  const wanted = claimFor(pod, volume);
  const { namespace = "", name = "" } = wanted.metadata;
  const fails = (why: string) => events.warning(pod, "FailedBinding", `ephemeral volume ${volume.name}: ${why}`);
  const found = cache.get(PersistentVolumeClaims, `${namespace}/${name}`);
  if (found) {
    const owner = `${namespace}/${pod.metadata.name}`;
    if (!isControlledBy(found, pod))
      fails(`PVC ${namespace}/${name} was not created for pod ${owner} (pod is not owner)`);
    return;
  }
  try {
    await client.create(PersistentVolumeClaims, wanted);
  } catch (error) {
    fails(`create PVC ${name}: ${errorMessage(error)}`);
    throw error;
  }
}

function claimFor(pod: Pod, { name, ephemeral }: Volume): NewObject<PersistentVolumeClaim> {
  const { metadata } = pod;
  const { metadata: template, spec } = ephemeral?.volumeClaimTemplate ?? {};
  return {
    metadata: {
      name: `${metadata.name}-${name}`,
      namespace: metadata.namespace ?? "",
      ...(template?.labels ? { labels: template.labels } : {}),
      ...(template?.annotations ? { annotations: template.annotations } : {}),
      ownerReferences: [newControllerReference(pod, Pods)],
    },
    spec: spec ?? {},
  };
}
