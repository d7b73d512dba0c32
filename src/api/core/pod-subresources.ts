// What the subresources of a pod change of it: ephemeralcontainers and resize, by the strategies of
// k8s.io/kubernetes/pkg/registry/core/pod and ValidatePodEphemeralContainersUpdate and ValidatePodResize.
import { append, type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { eachItem } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path } from "../meta/field-error.ts";
import type { Container, Pod, Quantity, ResourceRequirements } from "../types.generated.ts";
import { mirrorPodAnnotation } from "./pod-annotations.ts";
import { podQos } from "./pod-qos.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";

/** The old pod with the ephemeral containers of `body`, the one thing that this subresource changes. */
export function withEphemeralContainers(old: Pod, body: Pod): Draft<Pod> {
  const pod = deepCopy(old);
  const { ephemeralContainers } = deepCopy(body.spec);
  if (ephemeralContainers) pod.spec.ephemeralContainers = ephemeralContainers;
  else delete pod.spec.ephemeralContainers;
  return pod;
}

/** Ephemeral containers are added, never changed or taken away. */
export function validateEphemeralContainersUpdate(next: Pod, old: Pod, at: Path): FieldError[] {
  if (old.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbiddenField(at, "static pods do not support ephemeral containers")];
  const place = at.child("spec", "ephemeralContainers");
  const errors: FieldError[] = [];
  for (const before of old.spec.ephemeralContainers ?? []) {
    const now = next.spec.ephemeralContainers?.find(({ name }) => name === before.name);
    const subject = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!now) errors.push(forbiddenField(place, `${subject} may not be removed\n`));
    else if (!deepEqual(now, before))
      errors.push(forbiddenField(place, withChangedFields(`${subject} may not be changed`, now, before, place)));
  }
  return errors;
}

const containerLists = ["containers", "initContainers"] as const;

/**
 * The old pod with the resources and resize policies of the containers of `body`. Where its containers are not those of
 * the pod, the body is taken as it is, for the validation to refuse.
 */
export function withResizedContainers(old: Pod, body: Pod): Draft<Pod> {
  const pod = deepCopy(old);
  for (const field of containerLists) {
    const resized = deepCopy(body.spec[field] ?? []);
    const containers = pod.spec[field] ?? [];
    if (resized.length !== containers.length || resized.some(({ name }, index) => name !== containers[index]?.name))
      return deepCopy(body);
    for (const [index, { resources, resizePolicy }] of resized.entries()) {
      const container = containers[index];
      if (!container) continue;
      if (resources) container.resources = resources;
      if (resizePolicy) container.resizePolicy = resizePolicy;
    }
  }
  if (body.spec.resources) pod.spec.resources = deepCopy(body.spec.resources);
  return pod;
}

export function validatePodResize(next: Pod, old: Pod, at: Path): FieldError[] {
  if (old.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbiddenField(at, "static pods cannot be resized")];
  if (old.spec.os?.name === "windows") return [forbiddenField(at, "windows pods cannot be resized")];
  if (!deepEqual(next.spec.resources ?? {}, old.spec.resources ?? {}))
    return [forbiddenField(at, "pods with pod-level resources cannot be resized")];
  const specAt = at.child("spec");
  const errors: FieldError[] = [];
  if ((old.status.qosClass ?? podQos(old)) !== podQos(next))
    errors.push(invalidValue(specAt, old.status.qosClass, "Pod QOS Class may not change as a result of resizing"));
  const running = old.status.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources)
    errors.push(forbiddenField(specAt, "Pod running on node without support for resize"));
  const reordered = containerLists.flatMap((field) => validateSameContainers(next, old, field, specAt.child(field)));
  // The other rules compare the containers one by one.
  if (reordered.length > 0) return [...errors, ...reordered];
  for (const field of containerLists)
    for (const [index, before] of (old.spec[field] ?? []).entries()) {
      const container = next.spec[field]?.[index];
      if (!container || deepEqual(container, before)) continue;
      if (field === "initContainers" && !isRestartableInitContainer(before))
        errors.push(forbiddenField(specAt, "resources for non-sidecar init containers are immutable"));
      else append(errors, validateContainerResize(container, before, specAt, specAt.child(field).index(index)));
    }
  return errors;
}

function validateSameContainers(next: Pod, old: Pod, field: (typeof containerLists)[number], at: Path): FieldError[] {
  const containers = next.spec[field] ?? [];
  const before = old.spec[field] ?? [];
  if (containers.length !== before.length)
    return [forbiddenField(at, `${field} may not be added or removed on resize`)];
  return eachItem(at, containers, ({ name }, place, index) =>
    name === before[index]?.name
      ? []
      : [forbiddenField(place.child("name"), `${field} may not be renamed or reordered on resize`)],
  );
}

const resizable = ["cpu", "memory"];

function validateContainerResize(next: Container, old: Container, specAt: Path, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const sidecars = isRestartableInitContainer(old) ? " for sidecar containers" : "";
  if (!deepEqual(fixedPart(next.resources), fixedPart(old.resources)))
    errors.push(forbiddenField(specAt, `only cpu and memory resources${sidecars} are mutable`));
  const isLost = (kind: "requests" | "limits") =>
    Object.keys(old.resources?.[kind] ?? {}).some((name) => next.resources?.[kind]?.[name] === undefined);
  const resourcesAt = at.child("resources");
  if (isLost("requests"))
    errors.push(forbiddenField(resourcesAt.child("requests"), "resource requests cannot be removed"));
  if (isLost("limits")) errors.push(forbiddenField(resourcesAt.child("limits"), "resource limits cannot be removed"));
  return errors;
}

/** What of the resources a resize leaves as it is. */
function fixedPart(resources: ResourceRequirements | undefined): object {
  const others = (list: Readonly<Record<string, Quantity>> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => !resizable.includes(name)));
  return { claims: resources?.claims ?? [], requests: others(resources?.requests), limits: others(resources?.limits) };
}
