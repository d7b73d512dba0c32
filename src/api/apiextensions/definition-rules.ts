// What a CRD may be: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
import { requiredEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isDns1035Label, isDns1123Subdomain } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
} from "../types.generated.ts";
import { validateReviewVersions, validateWebhookClient } from "../webhook-client.ts";
import { isGiven, schemasIn } from "./schema-parts.ts";
import { validateEachVersion, validateSchemasGiven, validateSharedParts } from "./version-rules.ts";

const approvalAnnotation = "api-approved.kubernetes.io";
const approvalRule = "see https://github.com/kubernetes/enhancements/pull/1111";

export function validateDefinition(definition: CustomResourceDefinition, root: Path): FieldError[] {
  const { metadata, spec, status } = definition;
  const errors: FieldError[] = [];
  if (metadata.name !== `${spec.names?.plural ?? ""}.${spec.group ?? ""}`)
    errors.push(
      invalidValue(root.child("metadata", "name"), metadata.name, 'must be spec.names.plural+"."+spec.group'),
    );
  return [
    ...errors,
    ...validateSpec(spec, root.child("spec")),
    ...validateNames(status.acceptedNames, root.child("status", "acceptedNames")),
    ...validateStoredVersions(definition, root.child("status", "storedVersions")),
  ];
}

function validateSpec(spec: CustomResourceDefinitionSpec, at: Path): FieldError[] {
  const { group = "", names, scope, versions = [], conversion } = spec;
  const errors = [
    ...validateGroup(group, at.child("group")),
    ...requiredEnum(at.child("scope"), scope, ["Cluster", "Namespaced"]),
    ...validateSchemasGiven(versions, at.child("versions")),
    ...validatePreserving(spec, at),
    ...validateEachVersion(versions, at.child("versions")),
    ...validateStorage(spec, at),
  ];
  for (const field of ["plural", "singular", "kind", "listKind"] as const)
    if (!names?.[field]) errors.push(required(at.child("names", field)));
  return [
    ...errors,
    ...validateNames(names, at.child("names")),
    ...validateSharedParts(versions, at),
    ...(conversion ? validateConversion(conversion, at.child("conversion")) : []),
  ];
}

function validateGroup(group: string, at: Path): FieldError[] {
  if (group === "") return [required(at)];
  const wrong = isDns1123Subdomain(group);
  if (wrong.length > 0) return [invalidValue(at, group, wrong.join(","))];
  return group.includes(".") ? [] : [invalidValue(at, group, "should be a domain with at least one dot")];
}

/** Objects are always pruned, but for what their schema preserves. */
function validatePreserving({ preserveUnknownFields, versions, conversion }: CustomResourceDefinitionSpec, root: Path) {
  if (!preserveUnknownFields) return [];
  const at = root.child("preserveUnknownFields");
  const schemas = (versions ?? []).flatMap(({ schema }) =>
    schema?.openAPIV3Schema ? [...schemasIn(schema.openAPIV3Schema)] : [],
  );
  const errors: FieldError[] = [];
  if (schemas.some((schema) => isGiven(schema.default)))
    errors.push(invalidValue(at, true, "must be false in order to use defaults in the schema"));
  if (conversion && conversion.strategy !== "None")
    errors.push(
      invalidValue(
        root.child("conversion", "strategy"),
        conversion.strategy,
        "must be None if spec.preserveUnknownFields is true",
      ),
    );
  errors.push(
    invalidValue(
      at,
      true,
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
    ),
  );
  return errors;
}

function validateStorage({ versions = [] }: CustomResourceDefinitionSpec, root: Path): FieldError[] {
  const at = root.child("versions");
  const errors: FieldError[] = [];
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalidValue(at, versions, "must contain unique version names"));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalidValue(at, versions, "must have exactly one version marked as storage version"));
  // Kubernetes knows the first version under this name too.
  const first = versions[0]?.name ?? "";
  const wrong = isDns1035Label(first);
  if (first !== "" && wrong.length > 0) errors.push(invalidValue(root.child("version"), first, wrong.join(",")));
  return errors;
}

function validateNames(names: Partial<CustomResourceDefinitionNames> | undefined, at: Path): FieldError[] {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names ?? {};
  const validateLabel = (place: Path, name: string, prefix = "") => {
    const wrong = isDns1035Label(prefix === "" ? name : name.toLowerCase());
    return wrong.length === 0 ? [] : [invalidValue(place, name, prefix + wrong.join(","))];
  };
  const validateName = (field: string, name: string, prefix = "") =>
    name === "" ? [] : validateLabel(at.child(field), name, prefix);
  const mixedCase = "may have mixed case, but should otherwise match: ";
  return [
    ...validateName("plural", plural),
    ...validateName("singular", singular),
    ...validateName("kind", kind, mixedCase),
    ...validateName("listKind", listKind, mixedCase),
    ...shortNames.flatMap((name, index) => validateLabel(at.child("shortNames").index(index), name)),
    ...(kind !== "" && kind === listKind
      ? [invalidValue(at.child("listKind"), listKind, "kind and listKind may not be the same")]
      : []),
    ...categories.flatMap((name, index) => validateLabel(at.child("categories").index(index), name)),
  ];
}

function validateConversion({ strategy, webhook }: CustomResourceConversion, at: Path): FieldError[] {
  const clientAt = at.child("webhookClientConfig");
  const versionsAt = at.child("conversionReviewVersions");
  const { clientConfig, conversionReviewVersions: versions } = webhook ?? {};
  const errors = requiredEnum(at.child("strategy"), strategy, ["None", "Webhook"]);
  if (strategy === "Webhook")
    return [
      ...errors,
      ...(clientConfig
        ? validateWebhookClient(clientAt, clientConfig)
        : [required(clientAt, "required when strategy is set to Webhook")]),
      ...validateReviewVersions(versionsAt, versions),
    ];
  const notSet = "should not be set when strategy is not set to Webhook";
  if (clientConfig) errors.push(forbiddenField(clientAt, notSet));
  if (versions?.length) errors.push(forbiddenField(versionsAt, notSet));
  return errors;
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition, at: Path): FieldError[] {
  const stored = status.storedVersions ?? [];
  if (stored.length === 0) return [invalidValue(at, stored, "must have at least one stored version")];
  const versions = spec.versions ?? [];
  const storage = versions.find((version) => version.storage && !stored.includes(version.name));
  const errors = storage ? [invalidValue(at, stored, `must have the storage version ${storage.name}`)] : [];
  for (const [index, name] of stored.entries())
    if (!versions.some((version) => version.name === name))
      errors.push(
        invalidValue(
          at.index(index),
          name,
          `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ),
      );
  return errors;
}

export function validateDefinitionUpdate(
  next: CustomResourceDefinition,
  old: CustomResourceDefinition,
  root: Path,
): FieldError[] {
  const at = root.child("spec");
  const established = old.status.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  return [
    ...(established
      ? [
          ...immutableField(at.child("scope"), next.spec.scope, old.spec.scope),
          ...immutableField(at.child("names", "kind"), next.spec.names.kind, old.spec.names.kind),
        ]
      : []),
    ...immutableField(at.child("group"), next.spec.group, old.spec.group),
    ...immutableField(at.child("names", "plural"), next.spec.names.plural, old.spec.names.plural),
    ...(approvalOf(next) === approvalOf(old) ? [] : validateApproval(next, root)),
  ];
}

export function validateDefinitionStatus({ status }: CustomResourceDefinition, at: Path): FieldError[] {
  return validateNames(status.acceptedNames, at.child("status", "acceptedNames"));
}

type Approval = "missing" | "bypassed" | "approved" | "invalid";

function approvalOf({ metadata }: CustomResourceDefinition): Approval {
  const annotation = metadata.annotations?.[approvalAnnotation] ?? "";
  if (annotation === "") return "missing";
  if (annotation.startsWith("unapproved")) return "bypassed";
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+/i.test(annotation) ? "approved" : "invalid";
}

/** Groups of Kubernetes itself are for kinds that its community has agreed on. */
export function validateApproval(definition: CustomResourceDefinition, at: Path): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(definition.spec.group ?? "")) return [];
  const place = at.child("metadata", "annotations").key(approvalAnnotation);
  const must = `protected groups must have approval annotation "${approvalAnnotation}"`;
  const approval = approvalOf(definition);
  if (approval === "missing") return [required(place, `${must}, ${approvalRule}`)];
  if (approval !== "invalid") return [];
  return [
    invalidValue(
      place,
      definition.metadata.annotations?.[approvalAnnotation],
      `${must} with either a URL or a reason starting with "unapproved", ${approvalRule}`,
    ),
  ];
}
