// The names of resources that pods ask for and quotas count: k8s.io/kubernetes/pkg/apis/core/helper/helpers.go.
import { invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { quantityMilliValue, validateNonnegativeQuantity } from "../meta/quantity.ts";

const hugePagesPrefix = "hugepages-";
const containerResources = new Set(["cpu", "memory", "ephemeral-storage"]);
const integerResources = new Set([
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);
const quotaResources = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  ...integerResources,
]);
const standardResources = new Set([...quotaResources, "storage"]);

export function isHugePages(name: string): boolean {
  return name.startsWith(hugePagesPrefix);
}

/** Whether Kubernetes itself defines the resource: a name without a domain or in kubernetes.io. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** Whether the name is of a resource that something else than Kubernetes counts, as `example.com/gpu`. */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith("requests.")) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

/** Whether a container may ask for less of the resource than its limit. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

/** Whether only whole units of the resource can be given. */
function isIntegerResource(name: string): boolean {
  return integerResources.has(name) || isExtendedResource(name);
}

export function isStandardQuotaResource(name: string): boolean {
  return quotaResources.has(name) || isHugePages(name) || isHugePages(name.replace(/^requests\./, ""));
}

export function validateResourceName(at: Path, name: string): FieldError[] {
  const errors = invalidFor(at, name, isQualifiedName(name));
  if (errors.length > 0 || name.includes("/")) return errors;
  if (standardResources.has(name) || isHugePages(name) || isHugePages(name.replace(/^requests\./, ""))) return [];
  return [invalidValue(at, name, "must be a standard resource type or fully qualified")];
}

export function validateContainerResourceName(at: Path, name: string): FieldError[] {
  const errors = validateResourceName(at, name);
  if (!name.includes("/")) {
    if (!containerResources.has(name) && !isHugePages(name))
      errors.push(invalidValue(at, name, "must be a standard resource for containers"));
  } else if (!isNativeResource(name) && !isExtendedResource(name))
    errors.push(invalidValue(at, name, "doesn't follow extended resource name standard"));
  return errors;
}

export function validateQuotaResourceName(at: Path, name: string): FieldError[] {
  const errors = validateResourceName(at, name);
  if (!name.includes("/") && !isStandardQuotaResource(name))
    errors.push(invalidValue(at, name, "must be a standard resource for quota"));
  return errors;
}

/** What is wrong with an amount of the resource. */
export function validateResourceAmount(at: Path, name: string, amount: string): FieldError[] {
  const errors = validateNonnegativeQuantity(at, amount);
  if (errors.length === 0 && isIntegerResource(name) && quantityMilliValue(amount) % 1000 !== 0)
    errors.push(invalidValue(at, amount, "must be an integer"));
  return errors;
}
