import {
  claimProtectionFinalizer,
  type KubeObject,
  PersistentVolumeClaims,
  PersistentVolumes,
  VolumeAttributesClasses,
  volumeAttributesClassProtectionFinalizer,
  volumeProtectionFinalizer,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { written } from "./subject.ts";

/** Volumes, claims and their classes are only removed when nothing uses them: the protection controllers decide when. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  resources: [PersistentVolumes, PersistentVolumeClaims, VolumeAttributesClasses],
  admit(request) {
    protect(written(request, PersistentVolumes, "CREATE"), volumeProtectionFinalizer);
    protect(written(request, PersistentVolumeClaims, "CREATE"), claimProtectionFinalizer);
    protect(written(request, VolumeAttributesClasses, "CREATE"), volumeAttributesClassProtectionFinalizer);
  },
};

function protect(object: Draft<KubeObject> | undefined, finalizer: string): void {
  if (!object || object.metadata.finalizers?.includes(finalizer)) return;
  object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer];
}
