import { ageColumn, nameColumn } from "../columns.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { Lease, LeaseSpec } from "../types.generated.ts";

export const Leases = defineResource<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  columns: [nameColumn, { name: "Holder", type: "string", of: ({ spec }) => spec.holderIdentity ?? "" }, ageColumn],
  allowsCreateOnUpdate: true,
  allowsUnconditionalUpdate: false,
  validate: ({ spec }, at) => validateSpec(spec, at.child("spec")),
});

function validateSpec({ leaseDurationSeconds, leaseTransitions }: LeaseSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0)
    errors.push(invalidValue(at.child("leaseDurationSeconds"), leaseDurationSeconds, "must be greater than 0"));
  if (leaseTransitions !== undefined && leaseTransitions < 0)
    errors.push(invalidValue(at.child("leaseTransitions"), leaseTransitions, "must be greater than or equal to 0"));
  return errors;
}
