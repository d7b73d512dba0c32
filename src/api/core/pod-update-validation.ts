// What updates of a pod may change: ValidatePodUpdate and ValidatePodStatusUpdate of
// k8s.io/kubernetes/pkg/apis/core/validation.
import { type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path } from "../meta/field-error.ts";
import { isIp, parseIp } from "../meta/ip.ts";
import { inclusiveRangeMessage, isDns1123Subdomain, isQualifiedName } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import type { Container, ContainerStatus, NodeSelectorTerm, Pod, PodSpec, Toleration } from "../types.generated.ts";
import { validatePodAnnotationUpdate } from "./pod-annotations.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";

const maxInt32 = 2 ** 31 - 1;
const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

export function validatePodUpdate(next: Pod, old: Pod, at: Path): FieldError[] {
  const specAt = at.child("spec");
  const errors = validatePodAnnotationUpdate(
    next.metadata.annotations,
    old.metadata.annotations,
    at.child("metadata", "annotations"),
  );
  for (const field of ["containers", "initContainers"] as const)
    if ((next.spec[field] ?? []).length !== (old.spec[field] ?? []).length)
      return [...errors, forbiddenField(specAt.child(field), "pod updates may not add or remove containers")];
  errors.push(
    ...validateDeadlineChange(next, old, specAt.child("activeDeadlineSeconds")),
    ...validateTolerationChange(next, old, specAt.child("tolerations")),
    ...validateGateChange(next, old, specAt.child("schedulingGates")),
  );
  const comparable = deepCopy(next.spec);
  takeUpdatable(comparable, old.spec);
  if ((old.spec.schedulingGates ?? []).length > 0) errors.push(...takeGated(comparable, old.spec, specAt));
  if (!deepEqual(comparable, old.spec)) {
    const rule = `pod updates may not change fields other than ${updatable}`;
    errors.push(forbiddenField(specAt, withChangedFields(rule, comparable, old.spec, specAt)));
  }
  return errors;
}

/** A deadline may be set, and only come nearer. */
function validateDeadlineChange(next: Pod, old: Pod, at: Path): FieldError[] {
  const { activeDeadlineSeconds: seconds } = next.spec;
  const before = old.spec.activeDeadlineSeconds;
  if (seconds === undefined)
    return before === undefined ? [] : [invalidValue(at, null, "must not update from a positive integer to nil value")];
  if (seconds < 0 || seconds > maxInt32) return [invalidValue(at, seconds, inclusiveRangeMessage(0, maxInt32))];
  if (before !== undefined && before < seconds)
    return [invalidValue(at, seconds, "must be less than or equal to previous value")];
  return [];
}

function validateTolerationChange(next: Pod, old: Pod, at: Path): FieldError[] {
  const withoutTime = ({ tolerationSeconds: _, ...rest }: Toleration) => rest;
  const kept = (before: Toleration) =>
    next.spec.tolerations?.some((each) => deepEqual(withoutTime(each), withoutTime(before)));
  if ((old.spec.tolerations ?? []).every(kept)) return [];
  return [forbiddenField(at, "existing toleration can not be modified except its tolerationSeconds")];
}

function validateGateChange(next: Pod, old: Pod, at: Path): FieldError[] {
  return eachItem(at, next.spec.schedulingGates, ({ name }, place) =>
    old.spec.schedulingGates?.some((gate) => gate.name === name)
      ? []
      : [forbiddenField(place.child("name"), `only deletion is allowed, but found new scheduling gate '${name}'`)],
  );
}

/** Makes `spec` like `old` in what any update may change. */
function takeUpdatable(spec: Draft<PodSpec>, old: PodSpec): void {
  for (const field of ["containers", "initContainers"] as const)
    for (const [index, container] of (spec[field] ?? []).entries()) {
      const image = old[field]?.[index]?.image;
      if (image === undefined) delete container.image;
      else container.image = image;
    }
  for (const field of ["activeDeadlineSeconds", "tolerations", "schedulingGates"] as const) take(spec, old, field);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    take(spec, old, "terminationGracePeriodSeconds");
}

function take<Field extends keyof PodSpec>(spec: Draft<PodSpec>, old: PodSpec, field: Field): void {
  const before = old[field];
  if (before === undefined) delete spec[field];
  else spec[field] = deepCopy(before) as Draft<PodSpec>[Field]; // the copy has the type of what it copies
}

/** A pod that waits at gates may still be narrowed to fewer nodes. */
function takeGated(spec: Draft<PodSpec>, old: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const selector = spec.nodeSelector ?? {};
  if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => selector[key] !== value))
    errors.push(
      invalidValue(
        at.child("nodeSelector"),
        selector,
        "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
      ),
    );
  take(spec, old, "nodeSelector");
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const before = old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const termsAt = at.child(
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
  );
  if (before.length > 0 && before.length !== terms.length)
    errors.push(invalidValue(termsAt, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
  else
    errors.push(
      ...eachItem(termsAt, before, (term, place, index) =>
        hasOnlyAdditions(terms[index] ?? {}, term)
          ? []
          : [invalidValue(place, terms[index], "only additions are allowed (no mutations or deletions)")],
      ),
    );
  const { nodeAffinity: _, ...others } = spec.affinity ?? {};
  const kept = old.affinity?.nodeAffinity;
  if (kept || old.affinity || Object.keys(others).length > 0)
    spec.affinity = { ...others, ...(kept && { nodeAffinity: deepCopy(kept) }) };
  else delete spec.affinity;
  return errors;
}

function hasOnlyAdditions(next: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const [expressions = [], fields = []] = [next.matchExpressions, next.matchFields];
  const [oldExpressions = [], oldFields = []] = [old.matchExpressions, old.matchFields];
  // An empty term matches nothing; anything added to it would let it match.
  if (oldExpressions.length + oldFields.length === 0) return expressions.length + fields.length === 0;
  return (
    deepEqual(expressions.slice(0, oldExpressions.length), oldExpressions) &&
    deepEqual(fields.slice(0, oldFields.length), oldFields)
  );
}

export function validatePodStatusUpdate(next: Pod, old: Pod, at: Path): FieldError[] {
  const statusAt = at.child("status");
  const { status } = next;
  const errors = validatePodAnnotationUpdate(
    next.metadata.annotations,
    old.metadata.annotations,
    at.child("metadata", "annotations"),
  );
  errors.push(
    ...eachItem(at.child("metadata", "conditions"), status.conditions, ({ type = "" }, place) =>
      invalidFor(place.child("Type"), type, isQualifiedName(type)),
    ),
  );
  if (status.nominatedNodeName && status.nominatedNodeName !== old.status.nominatedNodeName)
    errors.push(
      ...invalidFor(
        statusAt.child("nominatedNodeName"),
        status.nominatedNodeName,
        isDns1123Subdomain(status.nominatedNodeName),
      ),
    );
  errors.push(...immutableField(statusAt.child("qosClass"), status.qosClass, old.status.qosClass));
  const { restartPolicy, containers = [], initContainers = [] } = old.spec;
  for (const [field, list, policy] of [
    ["containerStatuses", containers, restartPolicy],
    ["initContainerStatuses", initContainers, restartPolicy],
    // Nothing starts an ephemeral container twice.
    ["ephemeralContainerStatuses", [], "Never"],
  ] as const)
    errors.push(
      ...validateTransitions(next.status[field], old.status[field], list, policy ?? "Always", statusAt.child(field)),
    );
  errors.push(...validateClaimStatuses(next, statusAt.child("resourceClaimStatuses")));
  errors.push(...validateIps(status.podIPs, statusAt.child("podIPs")));
  if (status.hostIPs?.length) {
    const place = statusAt.child("hostIPs");
    if (status.hostIP !== status.hostIPs[0]?.ip)
      errors.push(invalidValue(place.index(0).child("ip"), status.hostIPs[0]?.ip, "must be equal to `hostIP`"));
    errors.push(...validateIps(status.hostIPs, place));
  }
  return errors;
}

/** What ended for good must not come back. */
function validateTransitions(
  next: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  containers: readonly Container[],
  policy: string,
  at: Path,
): FieldError[] {
  if (policy === "Always") return [];
  return eachItem(at, old, ({ name, state }, place) => {
    const ended = state?.terminated;
    if (!ended || (ended.exitCode !== 0 && policy === "OnFailure")) return [];
    const container = containers.find((each) => each.name === name);
    // A container's own restart policy comes before the pod's.
    if (container && (isRestartableInitContainer(container) || container.restartPolicy !== undefined)) return [];
    const now = next?.find((each) => each.name === name);
    if (!now || now.state?.terminated) return [];
    return [forbiddenField(place.child("state"), "may not be transitioned to non-terminated state")];
  });
}

function validateClaimStatuses({ spec, status }: Pod, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, status.resourceClaimStatuses, ({ name, resourceClaimName }, place) => {
    const nameAt = place.child("name");
    const errors: FieldError[] = [];
    if (!spec.resourceClaims?.some((claim) => claim.name === name))
      errors.push(invalidValue(nameAt, name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(name)) errors.push(duplicate(nameAt, name));
    seen.add(name);
    if (resourceClaimName !== undefined)
      errors.push(...invalidFor(nameAt, resourceClaimName, isDns1123Subdomain(resourceClaimName)));
    return errors;
  });
}

function validateIps(ips: readonly { readonly ip: string }[] | undefined, at: Path): FieldError[] {
  const texts = (ips ?? []).map(({ ip }) => ip);
  const errors = eachItem(at, texts, (ip, place) => invalidFor(place, ip, isIp(ip)));
  const families = texts.map((ip) => parseIp(ip)?.family);
  if (texts.length > 1 && (texts.length > 2 || families[0] === families[1]))
    errors.push(invalidValue(at, ips, "may specify no more than one IP for each IP family"));
  for (const [index, ip] of texts.entries())
    if (texts.indexOf(ip) < index) errors.push(duplicate(at.index(index), { ip }));
  return errors;
}
