import {
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  podClaims,
  type Volume,
} from "../../api/index.ts";
import { type PluginDefinition, wakeHint } from "../plugin.ts";
import { resolvable } from "../rule.ts";
import { namesClaim } from "./pod-volumes.ts";

const name = "VolumeRestrictions";
const taken = resolvable(
  "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
);
const diskTaken = resolvable("node(s) had no available disk");

/** Who may use a volume at once: one pod of the cluster for ReadWriteOncePod, and of a node for disks of old. */
export const volumeRestrictions: PluginDefinition = {
  name,
  create({ informer, snapshot }) {
    const claims = informer(PersistentVolumeClaims);
    const pods = informer(Pods);
    pods.addIndex("claim", (pod) => claimKeys(pod));
    /** The pods that have a node and one of the claims. */
    const users = (pod: Pod, exclusive: readonly string[]) =>
      exclusive
        .flatMap((key) => pods.byIndex("claim", key))
        .filter(({ metadata: { uid } }) => uid !== pod.metadata.uid && snapshot.placed(uid) !== undefined);
    return {
      name,
      filter: {
        name,
        isRelative: true,
        prepare({ pod }) {
          const disks = disksOf(pod);
          const exclusive = claimKeys(pod).filter((key) => isExclusive(claims.get(key)));
          if (disks.length === 0 && exclusive.length === 0) return undefined;
          const using = users(pod, exclusive);
          return (node, change) => {
            const others = [...node.pods.values()];
            if (disks.some((disk) => others.some((other) => disksOf(other.pod).some((used) => conflict(disk, used))))) {
              return diskTaken;
            }
            const gone = new Set(change?.removed.map((removed) => removed.pod.metadata.uid));
            return using.some(({ metadata }) => !gone.has(metadata.uid)) ? taken : undefined;
          };
        },
      },
      wakes: [
        wakeHint(PersistentVolumeClaims, (pod, { type, object }) => type !== "delete" && namesClaim(pod, object)),
        wakeHint(Pods, (pod, { type, object }) => {
          if (type === "add") return false;
          const wanted = new Set(claimKeys(pod));
          return claimKeys(object).some((key) => wanted.has(key));
        }),
      ],
    };
  },
};

const claimKeys = (pod: Pod): string[] =>
  podClaims(pod).map((claim) => `${pod.metadata.namespace ?? ""}/${claim.name}`);

const isExclusive = (claim: PersistentVolumeClaim | undefined): boolean =>
  claim?.spec.accessModes?.includes("ReadWriteOncePod") ?? false;

/** The volumes that two pods of a node cannot have at once. */
const disksOf = ({ spec }: Pod): Volume[] =>
  (spec.volumes ?? []).filter(
    (volume) => volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.iscsi ?? volume.rbd,
  );

/** What may be shared is shared only by readers. */
function conflict(a: Volume, b: Volume): boolean {
  if (a.gcePersistentDisk && b.gcePersistentDisk) {
    const [one, other] = [a.gcePersistentDisk, b.gcePersistentDisk];
    return one.pdName === other.pdName && !(one.readOnly && other.readOnly);
  }
  if (a.awsElasticBlockStore && b.awsElasticBlockStore) {
    return a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore.volumeID;
  }
  if (a.iscsi && b.iscsi) return a.iscsi.iqn === b.iscsi.iqn && !(a.iscsi.readOnly && b.iscsi.readOnly);
  if (a.rbd && b.rbd) {
    const [one, other] = [a.rbd, b.rbd];
    const sameImage = (one.pool ?? "rbd") === (other.pool ?? "rbd") && one.image === other.image;
    return sameImage && !(one.readOnly && other.readOnly) && one.monitors.some((each) => other.monitors.includes(each));
  }
  return false;
}
