// What a job's policies say of its failed pods and of its succeeded indexes.
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
import type {
  ContainerStatus,
  Job,
  Pod,
  PodCondition,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from "../api/index.ts";
import { countOf, type IndexSet, overlapOf, parseIndexes } from "./job-indexes.ts";

export interface FailureVerdict {
  /** What the rule that matched says; undefined when none did. */
  readonly action?: string;
  /** Whether the failure counts towards the backoff limits. */
  readonly counts: boolean;
  /** Whether the pod's index has failed, whatever its limit. */
  readonly failsIndex: boolean;
  /** Why the job has failed, when that is what the failure means. */
  readonly failsJob?: string;
}

const ordinaryFailure: FailureVerdict = { counts: true, failsIndex: false };

/** What the failure of a pod means: the first rule that matches says it. */
export function judgeFailure({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const what = matchOf(rule, pod);
    if (what === undefined) continue;
    const { action } = rule;
    if (action === "Ignore") return { action, counts: false, failsIndex: false };
    if (action === "FailIndex") return { action, counts: true, failsIndex: true };
    if (action !== "FailJob") return { ...ordinaryFailure, action };
    return { ...ordinaryFailure, action, failsJob: `${what} matching FailJob rule at index ${index}` };
  }
  return ordinaryFailure;
}

/** What of the pod the rule matches, in words; undefined when it does not match. */
function matchOf({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { namespace, name } = pod.metadata;
  if (onExitCodes) {
    const container = matchingContainer(onExitCodes, pod);
    if (!container) return undefined;
    const exitCode = container.state?.terminated?.exitCode;
    return `Container ${container.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
  }
  const condition = pod.status.conditions?.find((each) => matchesSome(each, onPodConditions ?? []));
  return condition && `Pod ${namespace}/${name} has condition ${condition.type}`;
}

function matchesSome({ type, status }: PodCondition, patterns: readonly PodFailurePolicyOnPodConditionsPattern[]) {
  return patterns.some((pattern) => pattern.type === type && pattern.status === status);
}

function matchingContainer(
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
  { status }: Pod,
): ContainerStatus | undefined {
  const containers = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  return containers.find(({ name, state }) => {
    const exitCode = state?.terminated?.exitCode ?? 0;
    if (exitCode === 0 || (containerName !== undefined && containerName !== name)) return false;
    return values.includes(exitCode) === (operator === "In");
  });
}

/** The message of the first rule of the success policy that the succeeded indexes meet. */
export function metSuccessRule({ spec }: Job, succeeded: IndexSet): string | undefined {
  if (succeeded.length === 0) return undefined;
  const met = (spec.successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && countOf(succeeded) >= succeededCount;
    const wanted = parseIndexes(succeededIndexes, spec.completions ?? 0);
    if (wanted.length === 0) return false;
    return overlapOf(wanted, succeeded) >= Math.min(countOf(wanted), succeededCount ?? Number.POSITIVE_INFINITY);
  });
  return met < 0 ? undefined : `Matched rules at index ${met}`;
}
