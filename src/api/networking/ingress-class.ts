import { append, exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { domainPrefixedPath, invalidFor, requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, type Path, required, tooLong } from "../meta/field-error.ts";
import { isDns1123Label } from "../meta/names.ts";
import { immutableFields } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { IngressClass, IngressClassParametersReference } from "../types.generated.ts";
import { validateReference } from "./ingress-validation.ts";

const controllerBytesMax = 250;

export const IngressClasses = defineResource<IngressClass>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "IngressClass",
  plural: "ingressclasses",
  columns: [
    nameColumn,
    { name: "Controller", type: "string", of: ({ spec }) => spec.controller ?? "" },
    { name: "Parameters", type: "string", of: ({ spec }) => parametersCell(spec.parameters) },
    ageColumn,
  ],
  hasGeneration: true,
  defaults: ({ spec }) => {
    if (spec.parameters) spec.parameters.scope ??= "Cluster";
  },
  validate: ({ spec: { controller = "", parameters } }, at) => {
    const place = at.child("spec", "controller");
    const errors = exceedsBytes(controllerBytesMax, controller) ? [tooLong(place, controllerBytesMax)] : [];
    append(errors, domainPrefixedPath(place, controller));
    return parameters ? [...errors, ...validateParameters(parameters, at.child("spec", "parameters"))] : errors;
  },
  validateUpdate: (next, old, at) => immutableFields(at.child("spec"), next.spec, old.spec, ["controller"]),
});

function parametersCell(parameters: IngressClassParametersReference | undefined): string {
  if (!parameters) return "<none>";
  const { kind, apiGroup, name } = parameters;
  return apiGroup === undefined ? `${kind}/${name}` : `${kind}.${apiGroup}/${name}`;
}

function validateParameters(parameters: IngressClassParametersReference, at: Path): FieldError[] {
  const { scope, namespace } = parameters;
  const place = at.child("namespace");
  const errors = [
    ...validateReference(parameters, at),
    ...requiredEnum(at.child("scope"), scope, ["Cluster", "Namespace"]),
  ];
  if (scope === "Namespace") {
    if (namespace === undefined) errors.push(required(place, "`parameters.scope` is set to 'Namespace'"));
    else append(errors, invalidFor(place, namespace, isDns1123Label(namespace)));
  }
  if (scope === "Cluster" && namespace !== undefined)
    errors.push(forbiddenField(place, "`parameters.scope` is set to 'Cluster'"));
  return errors;
}
