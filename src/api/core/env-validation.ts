// What the environment of a container may be, and what the downward API can tell:
// k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidateEnv and its parts.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import {
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isEnvVarName,
  isQualifiedName,
  nameIsDnsSubdomain,
} from "../meta/names.ts";
import { formatQuantity, isQuantity, parseQuantity, quantitySign } from "../meta/quantity.ts";
import type {
  EnvFromSource,
  EnvVar,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "../types.generated.ts";
import { validateNoBacksteps } from "./path-rules.ts";

const environmentFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const volumeFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/** Every field that the downward API knows, wherever it may be used. */
const knownFields = new Set([
  ...environmentFields,
  ...volumeFields,
  "status.phase",
  "spec.restartPolicy",
  "spec.schedulerName",
]);
const containerResources = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const byteDivisors = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";

export function validateEnv(at: Path, variables: readonly EnvVar[] | undefined): FieldError[] {
  return eachItem(at, variables, (variable, place) => [
    ...(variable.name
      ? invalidFor(place.child("name"), variable.name, isEnvVarName(variable.name))
      : [required(place.child("name"))]),
    ...validateValueFrom(variable, place.child("valueFrom")),
  ]);
}

function validateValueFrom({ value, valueFrom }: EnvVar, at: Path): FieldError[] {
  if (!valueFrom) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  const errors: FieldError[] = [];
  if (fieldRef) append(errors, validateFieldRef(fieldRef, environmentFields, at.child("fieldRef")));
  if (resourceFieldRef) append(errors, validateResourceFieldRef(resourceFieldRef, at.child("resourceFieldRef"), false));
  if (configMapKeyRef) append(errors, validateKeyRef(configMapKeyRef, at.child("configMapKeyRef")));
  if (secretKeyRef) append(errors, validateKeyRef(secretKeyRef, at.child("secretKeyRef")));
  if (fileKeyRef) append(errors, validateFileKeyRef(fileKeyRef, at.child("fileKeyRef")));
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (sources === 0)
    errors.push(
      invalidValue(
        at,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
      ),
    );
  else if (value) errors.push(invalidValue(at, "", "may not be specified when `value` is not empty"));
  else if (sources > 1) errors.push(invalidValue(at, "", "may not have more than one field specified at a time"));
  return errors;
}

function validateFileKeyRef({ key, volumeName, path }: FileKeySelector, at: Path): FieldError[] {
  return [
    ...(key ? invalidFor(at.child("key"), key, isEnvVarName(key)) : [required(at.child("key"))]),
    ...(volumeName
      ? invalidFor(at.child("volumeName"), volumeName, isDns1123Label(volumeName))
      : [required(at.child("volumeName"))]),
    ...(path ? validateNoBacksteps(at.child("path"), path) : [required(at.child("path"))]),
  ];
}

function validateKeyRef({ name = "", key }: { readonly name?: string; readonly key: string }, at: Path): FieldError[] {
  return [
    ...invalidFor(at.child("name"), name, isDns1123Subdomain(name)),
    ...(key ? invalidFor(at.child("key"), key, isConfigMapKey(key)) : [required(at.child("key"))]),
  ];
}

export function validateVolumeFieldRef(reference: ObjectFieldSelector, at: Path): FieldError[] {
  return validateFieldRef(reference, volumeFields, at);
}

function validateFieldRef(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  supported: readonly string[],
  at: Path,
): FieldError[] {
  if (!apiVersion) return [required(at.child("apiVersion"))];
  if (!fieldPath) return [required(at.child("fieldPath"))];
  const place = at.child("fieldPath");
  const conversion = (why: string) => [invalidValue(place, fieldPath, `error converting fieldPath: ${why}`)];
  if (apiVersion !== "v1") return conversion(`unsupported pod version: ${apiVersion}`);
  const subscripted = /^([^[\]]*)\['(.*)'\]$/s.exec(fieldPath);
  if (subscripted) {
    const [, path = "", key = ""] = subscripted;
    if (path === "metadata.annotations") return invalidFor(at, key.toLowerCase(), isQualifiedName(key.toLowerCase()));
    if (path === "metadata.labels") return invalidFor(at, key, isQualifiedName(key));
    return conversion(`field label does not support subscript: ${fieldPath}`);
  }
  if (!knownFields.has(fieldPath)) return conversion(`field label not supported: ${fieldPath}`);
  return supported.includes(fieldPath) ? [] : [notSupported(place, fieldPath, supported)];
}

/** `inVolume`: the reference must say which container it means. */
export function validateResourceFieldRef(reference: ResourceFieldSelector, at: Path, inVolume: boolean): FieldError[] {
  const { containerName, resource, divisor } = reference;
  const errors: FieldError[] = [];
  const isHugePages = /^(requests|limits)\.hugepages-/.test(resource ?? "");
  if (inVolume && !containerName) errors.push(required(at.child("containerName")));
  else if (!resource) errors.push(required(at.child("resource")));
  else if (!containerResources.includes(resource) && !isHugePages)
    errors.push(notSupported(at.child("resource"), resource, containerResources));
  if (divisor === undefined || isQuantity(divisor).length > 0 || quantitySign(divisor) === 0) return errors;
  const given = formatQuantity(parseQuantity(divisor));
  const wrong = (values: string, name: string) =>
    errors.push(
      invalidValue(
        at.child("divisor"),
        resource,
        `only divisor's values ${values} are supported with the ${name} resource`,
      ),
    );
  const isByteDivisor = byteDivisors.split(", ").includes(given);
  if (resource?.endsWith(".cpu")) {
    if (given !== "1m" && given !== "1") wrong("1m and 1", "cpu");
  } else if (isByteDivisor) return errors;
  else if (resource?.endsWith(".memory")) wrong(byteDivisors, "memory");
  else if (resource?.endsWith(".ephemeral-storage")) wrong(byteDivisors, "local ephemeral storage");
  else if (isHugePages) wrong(byteDivisors, "hugepages");
  return errors;
}

export function validateEnvFrom(at: Path, sources: readonly EnvFromSource[] | undefined): FieldError[] {
  return eachItem(at, sources, ({ prefix, configMapRef, secretRef }, place) => {
    const errors = prefix ? invalidFor(place.child("prefix"), prefix, isEnvVarName(prefix)) : [];
    for (const [field, reference] of Object.entries({ configMapRef, secretRef })) {
      if (!reference) continue;
      const nameAt = place.child(field, "name");
      const { name } = reference;
      // Kubernetes checks it as the beginning of a name, which may end with a dash.
      append(errors, name ? invalidFor(nameAt, name, nameIsDnsSubdomain(name, true)) : [required(nameAt)]);
    }
    if (!configMapRef && !secretRef)
      errors.push(invalidValue(at, "", "must specify one of: `configMapRef` or `secretRef`"));
    else if (configMapRef && secretRef)
      errors.push(invalidValue(at, "", "may not have more than one field specified at a time"));
    return errors;
  });
}
