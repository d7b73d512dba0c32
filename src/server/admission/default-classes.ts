import {
  defaultOf,
  defaultStorageClassAnnotations,
  IngressClasses,
  Ingresses,
  ingressClassAnnotation,
  PersistentVolumeClaims,
  StorageClasses,
  storageClassAnnotation,
} from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { written } from "./subject.ts";

const ingressDefault = ["ingressclass.kubernetes.io/is-default-class"];

/** A claim that names no class gets the default one. An empty name asks for none. */
export function defaultStorageClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    resources: [PersistentVolumeClaims],
    admit(request) {
      const claim = written(request, PersistentVolumeClaims, "CREATE");
      if (!claim || claim.spec.storageClassName !== undefined) return;
      if (claim.metadata.annotations?.[storageClassAnnotation] !== undefined) return;
      const found = defaultOf(lookup.list(StorageClasses), defaultStorageClassAnnotations);
      if (found) claim.spec.storageClassName = found.metadata.name;
    },
  };
}

/** An ingress that names no class gets the default one. */
export function defaultIngressClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    resources: [Ingresses],
    admit(request) {
      const ingress = written(request, Ingresses, "CREATE");
      if (!ingress || ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata.annotations?.[ingressClassAnnotation] !== undefined) return;
      const found = defaultOf(lookup.list(IngressClasses), ingressDefault);
      if (found) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
    },
  };
}
