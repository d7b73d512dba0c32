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
import { errorMessage, MetricRegistry, type Series } from "../lib/index.ts";
import { claimsOf } from "./storage-protection.ts";

/** `metrics` is where claims are counted. */
export function ephemeralVolumesController(metrics = new MetricRegistry()) {
  const subsystem = "ephemeral_volume_controller";
  const asked = metrics.counter({ name: `${subsystem}_create_total`, help: "Claims to be created." }).with();
  const failed = metrics.counter({ name: `${subsystem}_create_failures_total`, help: "Claims not created." }).with();
  return defineController({
    name: "ephemeral-volume-controller",
    recordsAs: "ephemeral_volume",
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
      for (const volume of ephemeralVolumes(pod)) await ensureClaim(context, pod, volume, asked, failed);
    },
  });
}

const ephemeralVolumes = ({ spec }: Pod): readonly Volume[] =>
  (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral);

async function ensureClaim(
  { client, cache, events }: ReconcileContext,
  pod: Pod,
  volume: Volume,
  asked: Series,
  failed: Series,
): Promise<void> {
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
  asked.add();
  try {
    await client.create(PersistentVolumeClaims, wanted);
  } catch (error) {
    failed.add();
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
