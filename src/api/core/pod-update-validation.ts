// What updates of a pod may change: ValidatePodUpdate and ValidatePodStatusUpdate of
// k8s.io/kubernetes/pkg/apis/core/validation.
import { append, type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { eachItem, invalidFor, requiredField } from "../field-rules.ts";
import { shownMap } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, goStruct, invalidValue, type Path } from "../meta/field-error.ts";
import { isIp, parseIp } from "../meta/ip.ts";
import { inclusiveRangeMessage, isDns1123Subdomain, isGroupId, isQualifiedName, isUserId } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import type {
  ContainerStatus,
  LinuxContainerUser,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Toleration,
} from "../types.generated.ts";
import { shownNodeSelectorTerm, validateTolerations } from "./affinity-validation.ts";
import { restartsAfterExit } from "./container-restart.ts";
import { validateImageSpaces } from "./container-validation.ts";
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
  for (const field of ["containers", "initContainers"] as const) {
    const place = specAt.child(field);
    if ((next.spec[field] ?? []).length !== (old.spec[field] ?? []).length)
      return [...errors, forbiddenField(place, "pod updates may not add or remove containers")];
    append(
      errors,
      eachItem(place, next.spec[field], (container, item) => [
        ...requiredField(item.child("image"), container.image),
        ...validateImageSpaces(container, item),
      ]),
    );
  }
  const wrongDeadline = validateDeadlineChange(next, old, specAt.child("activeDeadlineSeconds"));
  append(errors, wrongDeadline);
  // Where there is a wrong deadline, that is all that is said.
  if (wrongDeadline.length > 0 && next.spec.activeDeadlineSeconds !== undefined) return errors;
  append(
    errors,
    validateTolerationChange(next, old, specAt.child("tolerations")),
    validateGateChange(next, old, specAt.child("schedulingGates")),
  );
  const comparable = deepCopy(next.spec);
  takeUpdatable(comparable, old.spec);
  if ((old.spec.schedulingGates ?? []).length > 0) append(errors, takeGated(comparable, old.spec, specAt));
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
  if ((old.spec.tolerations ?? []).every(kept)) return validateTolerations(at, next.spec.tolerations);
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
        shownMap(selector),
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
    errors.push(
      invalidValue(
        termsAt,
        terms.map(shownNodeSelectorTerm),
        "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
      ),
    );
  else
    append(
      errors,
      eachItem(termsAt, before, (term, place, index) =>
        hasOnlyAdditions(terms[index] ?? {}, term)
          ? []
          : [
              invalidValue(
                place,
                shownNodeSelectorTerm(terms[index] ?? {}),
                "only additions are allowed (no mutations or deletions)",
              ),
            ],
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

/** What Kubernetes itself reports; its names need no domain. */
const systemConditions = ["PodScheduled", "Ready", "Initialized"];
const nonnegativeInteger = "must be a non-negative integer";

export function validatePodStatusUpdate(next: Pod, old: Pod, root: Path): FieldError[] {
  const at = root.child("status");
  const { status } = next;
  const errors = validatePodAnnotationUpdate(
    next.metadata.annotations,
    old.metadata.annotations,
    root.child("metadata", "annotations"),
  );
  append(
    errors,
    // Kubernetes looks for the conditions there.
    eachItem(
      root.child("metadata", "conditions"),
      status.conditions,
      ({ type = "", observedGeneration = 0 }, place) => [
        ...(observedGeneration < 0
          ? [invalidValue(place.child("observedGeneration"), observedGeneration, nonnegativeInteger)]
          : []),
        ...(systemConditions.includes(type) ? [] : invalidFor(place.child("Type"), type, isQualifiedName(type))),
      ],
    ),
    validateNomination(next, old, at.child("nominatedNodeName")),
  );
  if ((status.observedGeneration ?? 0) < 0)
    errors.push(invalidValue(at.child("observedGeneration"), status.observedGeneration, nonnegativeInteger));
  append(
    errors,
    immutableField(at.child("qosClass"), status.qosClass, old.status.qosClass),
    validateTransitions(next, old, at),
    validateClaimStatuses(next, at.child("resourceClaimStatuses")),
    validateIps(status.podIPs, at.child("podIPs")),
    validateHostIps(next, at.child("hostIPs")),
  );
  for (const field of statusLists)
    append(
      errors,
      eachItem(at.child(field), status[field], ({ user }, place) => validateUser(next, user, place)),
    );
  return errors;
}

/** A node is nominated for a pod that waits for one. */
function validateNomination({ status }: Pod, old: Pod, at: Path): FieldError[] {
  const name = status.nominatedNodeName;
  if (!name || name === old.status.nominatedNodeName) return [];
  const errors = invalidFor(at, name, isDns1123Subdomain(name));
  if (old.spec.nodeName) errors.push(forbiddenField(at, "may not be set on pods that are already bound to a node"));
  return errors;
}

const statusLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

/** What ended for good must not come back. */
function validateTransitions(next: Pod, old: Pod, at: Path): FieldError[] {
  const { containers = [], initContainers = [], restartPolicy = "Always" } = old.spec;
  const mayRestart: Record<(typeof statusLists)[number], (name: string, exitCode: number) => boolean> = {
    containerStatuses: (name, exitCode) => {
      const container = containers.find((each) => each.name === name);
      return container !== undefined && restartsAfterExit(container, restartPolicy, exitCode);
    },
    initContainerStatuses: (name, exitCode) => {
      const container = initContainers.find((each) => each.name === name);
      if (container && isRestartableInitContainer(container)) return true;
      return restartsAfterExit({}, restartPolicy, exitCode);
    },
    ephemeralContainerStatuses: () => false,
  };
  return statusLists.flatMap((field) =>
    eachItem(at.child(field), old.status[field], ({ name, state }, place) => {
      const ended = state?.terminated;
      const now = next.status[field]?.find((each) => each.name === name);
      if (!ended || !now || now.state?.terminated || mayRestart[field](name, ended.exitCode ?? 0)) return [];
      return [forbiddenField(place.child("state"), "may not be transitioned to non-terminated state")];
    }),
  );
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
      append(errors, invalidFor(nameAt, resourceClaimName, isDns1123Subdomain(resourceClaimName)));
    return errors;
  });
}

const shownIp = (ip: string) => goStruct({ IP: ip });

function validateIps(ips: readonly { readonly ip?: string }[] | undefined, at: Path): FieldError[] {
  const texts = (ips ?? []).map(({ ip = "" }) => ip);
  const errors = eachItem(at, texts, (ip, place) => invalidFor(place, ip, isIp(ip)));
  const families = texts.map((ip) => parseIp(ip)?.family);
  if (texts.length > 1 && (texts.length > 2 || families[0] === families[1]))
    errors.push(invalidValue(at, texts.map(shownIp), "may specify no more than one IP for each IP family"));
  for (const [index, ip] of texts.entries())
    if (texts.indexOf(ip) < index) errors.push(duplicate(at.index(index), shownIp(ip)));
  return errors;
}

function validateHostIps({ status: { hostIP, hostIPs } }: Pod, at: Path): FieldError[] {
  if (!hostIPs?.length) return [];
  const first = hostIPs[0]?.ip;
  const errors = hostIP === first ? [] : [invalidValue(at.index(0).child("ip"), first, "must be equal to `hostIP`")];
  return [...errors, ...validateIps(hostIPs, at)];
}

function validateUser({ spec }: Pod, user: ContainerStatus["user"], at: Path): FieldError[] {
  if (!user?.linux) return [];
  const place = at.child("linux");
  const os = spec.os?.name ?? "linux";
  if (os === "windows") return [forbiddenField(place, "cannot be set for a windows pod")];
  return os === "linux" ? validateLinuxUser(user.linux, place) : [];
}

function validateLinuxUser({ uid = 0, gid = 0, supplementalGroups }: LinuxContainerUser, at: Path): FieldError[] {
  return [
    ...invalidFor(at.child("uid"), uid, isUserId(uid)),
    ...invalidFor(at.child("gid"), gid, isGroupId(gid)),
    ...eachItem(at.child("supplementalGroups"), supplementalGroups, (id, place) =>
      invalidFor(place, id, isGroupId(id)),
    ),
  ];
}
