import {
  claimClass,
  compareQuantities,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  StorageClasses,
} from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

/** A claim only grows when it is bound and its class lets it. */
export function persistentVolumeClaimResize(lookup: Lookup): AdmissionPlugin {
  return {
    name: "PersistentVolumeClaimResize",
    resources: [PersistentVolumeClaims],
    validate(request) {
      const claim = written(request, PersistentVolumeClaims, "UPDATE");
      const old = request.old as PersistentVolumeClaim | undefined;
      if (!claim || !old) return;
      const size = (each: Pick<PersistentVolumeClaim, "spec">) => each.spec.resources?.requests?.storage ?? "0";
      if (compareQuantities(size(claim), size(old)) <= 0) return;
      if (old.status?.phase !== "Bound") throw refuse(request, "Only bound persistent volume claims can be expanded");
      const className = claimClass(claim);
      const isSame = className !== "" && className === claimClass(old);
      if (!isSame || !lookup.get(StorageClasses, undefined, className)?.allowVolumeExpansion)
        throw refuse(
          request,
          "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
        );
    },
  };
}
