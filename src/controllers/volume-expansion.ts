// Says of claims that ask for more than they have that somebody else enlarges their volumes: pkg/controller/volume/expand,
// which is left with no plugin of its own that could.
import {
  compareQuantities,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
} from "../api/index.ts";
import { also, defineController, keyOf } from "../client/index.ts";

export const volumeExpansionController = defineController({
  name: "persistentvolume-expander-controller",
  recordsAs: "volume_expand",
  watches: {
    also: [
      also(PersistentVolumeClaims, (claim, _, old) => {
        const grew = !old || exceeds(requested(claim), requested(old)) || exceeds(given(claim), given(old));
        return grew && isWaiting(claim) ? [keyOf(claim)] : [];
      }),
      // Only read.
      also(PersistentVolumes, () => []),
    ],
  },
  async reconcile({ cache, events }, key) {
    const claim = cache.get(PersistentVolumeClaims, key);
    if (!claim || !isWaiting(claim)) return;
    const volume = cache.get(PersistentVolumes, claim.spec.volumeName ?? "");
    if (volume?.spec.claimRef?.uid !== claim.metadata.uid) return;
    const message =
      "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to process this PVC.";
    events.warning(claim, "ExternalExpanding", message);
  },
});

const requested = ({ spec }: PersistentVolumeClaim) => spec.resources?.requests?.storage ?? "0";
const given = ({ status }: PersistentVolumeClaim) => status?.capacity?.storage ?? "0";
const exceeds = (a: string, b: string) => compareQuantities(a, b) > 0;

/** Whether the claim has a volume, and asks for a larger one. */
function isWaiting(claim: PersistentVolumeClaim): boolean {
  return claim.status?.phase === "Bound" && exceeds(requested(claim), given(claim));
}
