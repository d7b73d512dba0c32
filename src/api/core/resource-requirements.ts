// What containers and pods may ask for: k8s.io/kubernetes/pkg/apis/core/validation/validation.go,
// validateResourceRequirements and validatePodResources.
import { append } from "../../lib/index.ts";
import { eachEntry, eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFoundValue,
  notSupported,
  type Path,
  required,
} from "../meta/field-error.ts";
import { isDns1123Label } from "../meta/names.ts";
import {
  compareQuantities,
  formatQuantity,
  isQuantity,
  parseQuantity,
  quantitySign,
  quantityValue,
} from "../meta/quantity.ts";
import type { PodSpec, Quantity, ResourceRequirements } from "../types.generated.ts";
import { aggregateContainerLimits, aggregateContainerRequests, isPodLevelResource } from "./pod-resources.ts";
import {
  isHugePages,
  isOvercommitAllowed,
  validateContainerResourceName,
  validateResourceAmount,
  validateResourceName,
} from "./resource-names.ts";

type NameRule = (at: Path, name: string) => FieldError[];

export function validateContainerResources(
  resources: ResourceRequirements | undefined,
  podClaims: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  return resources ? validateRequirements(resources, validateContainerResourceName, podClaims, at) : [];
}

/** What the pod asks for as a whole: no less than its containers together, and no container above its limits. */
export function validatePodResources(spec: PodSpec, podClaims: ReadonlySet<string>, at: Path): FieldError[] {
  const { resources } = spec;
  if (!resources) return [];
  // What else is wrong with the field says nothing where it may not be at all.
  if (spec.os?.name === "windows") return [forbiddenField(at, "may not be set for a windows pod")];
  const errors = resources.claims
    ? [forbiddenField(at.child("claims"), "claims may not be set for Resources at pod-level")]
    : [];
  append(errors, validateRequirements(resources, validatePodResourceName, podClaims, at));
  // What follows compares quantities, which must be some.
  if (errors.length > 0 || spec.containers.some(hasWrongQuantity)) return errors;
  for (const [name, total] of aggregateContainerRequests({ spec })) {
    const asked = resources.requests?.[name];
    if (asked === undefined || compareQuantities(total, asked) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${formatQuantity(total)}`;
    errors.push(invalidValue(at.child("requests").key(name), asked, detail));
  }
  // Huge pages cannot be overcommitted, so the containers' share what the pod has.
  for (const [name, total] of aggregateContainerLimits({ spec })) {
    const limit = resources.limits?.[name];
    if (!isHugePages(name) || limit === undefined || compareQuantities(total, limit) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container limits of ${formatQuantity(total)}`;
    errors.push(invalidValue(at.child("limits").key(name), limit, detail));
  }
  for (const [index, container] of spec.containers.entries())
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const podLimit = resources.limits?.[name];
      if (podLimit === undefined || compareQuantities(limit, podLimit) <= 0) continue;
      const place = at.child("containers").index(index).key(name).child("limits");
      errors.push(invalidValue(place, limit, `must be less than or equal to pod limits of ${podLimit}`));
    }
  return errors;
}

function hasWrongQuantity({ resources }: { readonly resources?: ResourceRequirements }): boolean {
  const all = [...Object.values(resources?.requests ?? {}), ...Object.values(resources?.limits ?? {})];
  return all.some((quantity) => isQuantity(quantity).length > 0);
}

function validatePodResourceName(at: Path, name: string): FieldError[] {
  const errors = validateResourceName(at, name);
  if (errors.length > 0 || isPodLevelResource(name)) return errors;
  return [notSupported(at, name, ["cpu", "hugepages-", "memory"])];
}

function validateRequirements(
  resources: ResourceRequirements,
  validateName: NameRule,
  podClaims: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const { limits = {}, requests = {} } = resources;
  const errors = eachEntry<Quantity>(at.child("limits"), limits, (name, amount, place) => [
    ...validateName(place, name),
    ...validateAmount(place, name, amount),
  ]);
  append(
    errors,
    eachEntry<Quantity>(at.child("requests"), requests, (name, amount, place) => [
      ...validateName(place, name),
      ...validateAmount(place, name, amount),
      ...validateAgainstLimit(name, amount, limits[name], at),
    ]),
  );
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory"))
    errors.push(forbiddenField(at, "HugePages require cpu or memory"));
  append(errors, validateClaims(resources, podClaims, at.child("claims")));
  return errors;
}

function validateAmount(at: Path, name: string, amount: Quantity): FieldError[] {
  const errors = validateResourceAmount(at, name, amount);
  if (errors.length > 0 || !isHugePages(name)) return errors;
  const size = name.slice("hugepages-".length);
  const isPages =
    isQuantity(size).length === 0 &&
    quantitySign(size) > 0 &&
    BigInt(quantityValue(amount)) % BigInt(quantityValue(size)) === 0n;
  return isPages ? [] : [invalidValue(at, amount, `${amount} is not positive integer multiple of ${name}`)];
}

function validateAgainstLimit(name: string, amount: Quantity, limit: Quantity | undefined, at: Path): FieldError[] {
  const requestsAt = at.child("requests");
  if (limit === undefined)
    return isOvercommitAllowed(name)
      ? []
      : [required(at.child("limits"), "Limit must be set for non overcommitable resources")];
  if (isQuantity(amount).length > 0 || isQuantity(limit).length > 0) return [];
  const order = compareQuantities(amount, limit);
  const shown = formatQuantity(parseQuantity(limit));
  if (order !== 0 && !isOvercommitAllowed(name))
    return [invalidValue(requestsAt, amount, `must be equal to ${name} limit of ${shown}`)];
  if (order > 0) return [invalidValue(requestsAt, amount, `must be less than or equal to ${name} limit of ${shown}`)];
  return [];
}

/** Each claim (or one of its requests) once, and only claims of the pod. */
function validateClaims({ claims }: ResourceRequirements, podClaims: ReadonlySet<string>, at: Path): FieldError[] {
  const whole = new Set<string>();
  const parts = new Set<string>();
  return eachItem(at, claims, ({ name, request }, place) => {
    if (!name) return [required(place)];
    const errors: FieldError[] = [];
    const key = request ? `${name}/${request}` : name;
    if (request) append(errors, invalidFor(place.child("request"), request, isDns1123Label(request)));
    const overlaps = request ? parts.has(key) : [...parts].some((part) => part.startsWith(`${name}/`));
    if (whole.has(name)) errors.push(duplicate(place, name));
    else if (overlaps) errors.push(duplicate(place, key));
    (request ? parts : whole).add(key);
    if (!podClaims.has(name)) {
      const list = podClaims.size === 0 ? " which is empty" : `: ${[...podClaims].sort().join(", ")}`;
      errors.push({
        ...notFoundValue(place, name),
        detail: `must be one of the names in pod.spec.resourceClaims${list}`,
      });
    }
    return errors;
  });
}
