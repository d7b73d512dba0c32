import {
  type KubeObject,
  PersistentVolumeClaims,
  PersistentVolumes,
  VolumeAttributesClasses,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { written } from "./subject.ts";

/** Volumes, claims and their classes are only removed when nothing uses them: the protection controllers decide when. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  resources: [PersistentVolumes, PersistentVolumeClaims, VolumeAttributesClasses],
  admit(request) {
    protect(written(request, PersistentVolumes, "CREATE"), "kubernetes.io/pv-protection");
    protect(written(request, PersistentVolumeClaims, "CREATE"), "kubernetes.io/pvc-protection");
    protect(written(request, VolumeAttributesClasses, "CREATE"), "kubernetes.io/vac-protection");
  },
};

function protect(object: Draft<KubeObject> | undefined, finalizer: string): void {
  if (!object || object.metadata.finalizers?.includes(finalizer)) return;
  object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer];
}
