import { type KubeObject, PersistentVolumes, StatefulSets } from "roder";
import { claimTemplate } from "../invariants/index.ts";
import { type Actor, namespace, replicasMax, type Scene } from "../scene.ts";

const volumeClass = "disks";
const storage = { requests: { storage: "1Gi" } };

export const createStatefulSet: Actor = {
  async act(scene) {
    const keeps = () => scene.oneOf(["Retain", "Delete"]);
    const hasVolumes = scene.happens(0.5);
    const spec = { accessModes: ["ReadWriteOnce"], storageClassName: volumeClass, resources: storage };
    const volumes = {
      volumeClaimTemplates: [{ metadata: { name: claimTemplate }, spec }],
      persistentVolumeClaimRetentionPolicy: { whenDeleted: keeps(), whenScaled: keeps() },
    };
    if (hasVolumes) await createVolumes(scene);
    await scene.createWorkload(StatefulSets, scene.newName("db"), {
      replicas: scene.between(1, 4),
      minReadySeconds: scene.oneOf([0, 0, 5, 30]),
      serviceName: "db",
      podManagementPolicy: scene.oneOf(["OrderedReady", "Parallel"]),
      updateStrategy: scene.happens(0.2)
        ? { type: "OnDelete" }
        : { type: "RollingUpdate", rollingUpdate: { maxUnavailable: scene.oneOf([1, 2, "50%"]) } },
      ...(hasVolumes ? volumes : {}),
    });
  },
};

/** Lets a set update its highest ordinals only. */
export const partition: Actor = {
  async act(scene) {
    const name = scene.pick("statefulsets");
    if (name === undefined) return;
    const ordinal = scene.between(0, 4);
    scene.note(`the partition of ${name} is ${ordinal}`);
    await setPartition(scene, { namespace, name }, ordinal);
  },
  async repair(scene) {
    for (const { metadata, spec } of (await scene.client.list(StatefulSets, { namespace })).items)
      if (spec.updateStrategy?.type !== "OnDelete") await setPartition(scene, metadata, 0);
  },
};

function setPartition({ client }: Scene, set: Pick<KubeObject["metadata"], "namespace" | "name">, ordinal: number) {
  return client.patch(StatefulSets, set, { spec: { updateStrategy: { rollingUpdate: { partition: ordinal } } } });
}

/** As many as one set can want. */
async function createVolumes(scene: Scene) {
  const batch = scene.newName("disks");
  for (let index = 0; index < replicasMax; index++) {
    await scene.client.create(PersistentVolumes, {
      metadata: { name: `${batch}-${index}` },
      spec: {
        capacity: storage.requests,
        accessModes: ["ReadWriteOnce"],
        storageClassName: volumeClass,
        hostPath: { path: `/${batch}/${index}` },
      },
    });
  }
}

/** Volumes whose claims are gone are emptied, and used again. */
export async function wipeVolumes({ client }: Scene): Promise<void> {
  for (const { metadata, status } of (await client.list(PersistentVolumes)).items) {
    if (status.phase === "Released") await client.patch(PersistentVolumes, metadata, { spec: { claimRef: null } });
  }
}
