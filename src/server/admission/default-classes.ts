import {
  type IngressClass,
  IngressClasses,
  Ingresses,
  PersistentVolumeClaims,
  type StorageClass,
  StorageClasses,
} from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { written } from "./subject.ts";

const storageDefault = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];
const ingressDefault = ["ingressclass.kubernetes.io/is-default-class"];
const claimClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const ingressClassAnnotation = "kubernetes.io/ingress.class";

/** A claim that names no class gets the default one. An empty name asks for none. */
export function defaultStorageClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    admit(request) {
      const claim = written(request, PersistentVolumeClaims, "CREATE");
      if (!claim || claim.spec.storageClassName !== undefined) return;
      if (claim.metadata.annotations?.[claimClassAnnotation] !== undefined) return;
      const found = defaultOf(lookup.list(StorageClasses), storageDefault);
      if (found) claim.spec.storageClassName = found.metadata.name;
    },
  };
}

/** An ingress that names no class gets the default one. */
export function defaultIngressClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    admit(request) {
      const ingress = written(request, Ingresses, "CREATE");
      if (!ingress || ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata.annotations?.[ingressClassAnnotation] !== undefined) return;
      const found = defaultOf(lookup.list(IngressClasses), ingressDefault);
      if (found) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
    },
  };
}

/** The class marked as default; of several the one made last, then the first by name. */
export function defaultOf<T extends StorageClass | IngressClass>(
  classes: readonly T[],
  annotations: readonly string[],
): T | undefined {
  let chosen: T | undefined;
  for (const each of classes) {
    if (!annotations.some((annotation) => each.metadata.annotations?.[annotation] === "true")) continue;
    const newer =
      !chosen || Date.parse(each.metadata.creationTimestamp) > Date.parse(chosen.metadata.creationTimestamp);
    if (newer) chosen = each;
  }
  return chosen;
}
