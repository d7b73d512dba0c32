import { ageColumn, nameColumn } from "../columns.ts";
import { loadBalancerAddresses } from "../core/service.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { Ingress, IngressRule } from "../types.generated.ts";
import { validateIngressSpec, validateIngressStatus } from "./ingress-validation.ts";

/** Where the class was named before the field existed. */
export const ingressClassAnnotation = "kubernetes.io/ingress.class";
const hostsShownMax = 3;

export const Ingresses = defineResource<Ingress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
  columns: [
    nameColumn,
    { name: "Class", type: "string", of: ({ spec }) => spec.ingressClassName ?? "<none>" },
    { name: "Hosts", type: "string", of: ({ spec }) => hostsCell(spec.rules ?? []) },
    { name: "Address", type: "string", of: ({ status }) => loadBalancerAddresses(status.loadBalancer) },
    { name: "Ports", type: "string", of: ({ spec }) => (spec.tls?.length ? "80, 443" : "80") },
    ageColumn,
  ],
  validate: ({ spec }, at) => validateIngressSpec(spec, at.child("spec")),
  validateCreate,
  validateStatusUpdate: ({ status }, _old, at) => validateIngressStatus(status, at.child("status", "loadBalancer")),
  warnings: ({ metadata, spec }, old) =>
    !old && metadata.annotations?.[ingressClassAnnotation] !== undefined && spec.ingressClassName === undefined
      ? [`annotation "${ingressClassAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
});

function hostsCell(rules: readonly IngressRule[]): string {
  const named = rules.flatMap(({ host }, index) => (host ? [{ host, index }] : [])).slice(0, hostsShownMax);
  const last = named.at(-1);
  if (!last) return "*";
  const shown = named.map(({ host }) => host).join(",");
  // Every rule counts here, also one without a host.
  const isCut = named.length === hostsShownMax && last.index < rules.length - 1;
  return isCut ? `${shown} + ${rules.length - hostsShownMax} more...` : shown;
}

function validateCreate({ metadata, spec }: Ingress, at: Path): FieldError[] {
  const annotation = metadata.annotations?.[ingressClassAnnotation];
  if (annotation === undefined || spec.ingressClassName === undefined || annotation === spec.ingressClassName)
    return [];
  const place = at.child("annotations", ingressClassAnnotation);
  return [invalidValue(place, annotation, "must match `ingressClassName` when both are specified")];
}
