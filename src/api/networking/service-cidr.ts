import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, required } from "../meta/field-error.ts";
import { isCanonicalCidr, parseCidr } from "../meta/ip.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { ServiceCIDR } from "../types.generated.ts";

export const ServiceCIDRs = defineResource<ServiceCIDR>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "ServiceCIDR",
  plural: "servicecidrs",
  columns: [nameColumn, { name: "CIDRs", type: "string", of: ({ spec }) => (spec.cidrs ?? []).join(",") }, ageColumn],
  hasGeneration: false,
  validate: ({ spec }, at) => validateCidrs(spec.cidrs ?? [], at.child("spec", "cidrs")),
  validateUpdate: ({ spec: { cidrs = [] } }, old, root) => {
    const at = root.child("spec", "cidrs");
    const before = old.spec.cidrs ?? [];
    // A second range may join the first, for a cluster that becomes dual-stack.
    if (cidrs.length !== before.length && !(before.length === 1 && cidrs.length === 2))
      return [invalidValue(at, cidrs, "field is immutable")];
    return before.flatMap((cidr, index) => immutableField(at.index(index), cidrs[index], cidr));
  },
});

function validateCidrs(cidrs: readonly string[], at: Path): FieldError[] {
  if (cidrs.length === 0) return [required(at, "at least one CIDR required")];
  // The spec as Kubernetes prints it.
  const shown = { CIDRs: cidrs };
  if (cidrs.length > 2) return [invalidValue(at, shown, "may only hold up to 2 values")];
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.address.family);
  if (cidrs.length === 2 && (first === undefined || second === undefined || first === second)) {
    const rule = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    return [invalidValue(at, shown, rule)];
  }
  return eachItem(at, cidrs, (cidr, place) => invalidFor(place, cidr, isCanonicalCidr(cidr)));
}
