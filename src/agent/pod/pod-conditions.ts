import type { ContainerStatus, Pod, PodCondition, PodStatus } from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";
import { initContainersOf } from "./pod-containers.ts";
import { hasBegun, type PodPhase } from "./pod-phase.ts";
import { isResizing } from "./pod-resize.ts";
import type { PodFailure } from "./pod-status.ts";
import type { PodView } from "./pod-view.ts";

type Verdict = Pick<PodCondition, "status" | "reason" | "message">;

export interface ConditionInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly init: readonly ContainerStatus[];
  readonly apps: readonly ContainerStatus[];
  /** Whether the sandbox is there with its network. */
  readonly sandboxReady: boolean;
  readonly nowMs: number;
}

/** The conditions that the node's agent owns; all others belong to whoever wrote them. */
const ownConditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"] as const;

/** The conditions of a pod on its way to other resources; they are not there when it has what it wants. */
const resizeConditionTypes = ["PodResizePending", "PodResizeInProgress"] as const;

/** Whether a condition is the agent's to write and to take away. */
export function isOwnCondition(type: string): boolean {
  return ([...ownConditions, ...resizeConditionTypes] as readonly string[]).includes(type);
}

const byAgent = "TerminationByKubelet";

/** Tells others, a Job's policy for example, that it was the node that ended the pod. */
export function disruptionCondition({ pod, stop }: PodView, message: string): PodCondition {
  const { generation } = pod.metadata;
  return {
    type: "DisruptionTarget",
    status: "True",
    reason: byAgent,
    message,
    lastTransitionTime: timestamp(stop?.sinceMs ?? 0),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** Whether the agent wrote it, though others write conditions of that type too. */
export function isOwnDisruption({ type, reason }: PodCondition): boolean {
  return type === "DisruptionTarget" && reason === byAgent;
}

export function resizeConditions(view: PodView): PodCondition[] {
  const { pending, error } = view.resizing;
  const { generation } = view.pod.metadata;
  const inProgress = error === undefined ? {} : { reason: "Error", message: error };
  const verdicts: [string, Partial<PodFailure> | undefined][] = [
    ["PodResizePending", pending],
    ["PodResizeInProgress", isResizing(view) ? inProgress : undefined],
  ];
  return verdicts.flatMap(([type, verdict]) => {
    if (!verdict) return [];
    const old = view.pod.status?.conditions?.find((each) => each.type === type);
    const lastTransitionTime = old?.lastTransitionTime ?? timestamp(view.nowMs);
    const seen = generation === undefined ? {} : { observedGeneration: generation };
    return [{ type, status: "True", ...verdict, lastTransitionTime, ...seen }];
  });
}

/** The agent's conditions, in the kubelet's order; a transition time changes only with the status. */
export function podConditions(input: ConditionInput): PodCondition[] {
  const containersReady = containersReadyVerdict(input);
  const verdicts: Record<(typeof ownConditions)[number], Verdict> = {
    PodReadyToStartContainers: { status: input.sandboxReady ? "True" : "False" },
    Initialized: initializedVerdict(input),
    Ready: readyVerdict(input.pod, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: "True" },
  };
  const { generation } = input.pod.metadata;
  return ownConditions.map((type) => {
    const old = input.pod.status?.conditions?.find((each) => each.type === type);
    const since = old?.status === verdicts[type].status ? old.lastTransitionTime : undefined;
    return {
      type,
      ...verdicts[type],
      lastTransitionTime: since ?? timestamp(input.nowMs),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}

function initializedVerdict({ pod, phase, init, apps }: ConditionInput): Verdict {
  const containers = initContainersOf(pod);
  const incomplete: string[] = [];
  const unknown: string[] = [];
  for (const { kind, spec } of containers) {
    const status = init.find((each) => each.name === spec.name);
    if (!status) unknown.push(spec.name);
    else if (kind === "sidecar" ? !status.started : !status.ready) incomplete.push(spec.name);
  }
  if (phase === "Succeeded" && unknown.length === 0) return { status: "True", reason: "PodCompleted" };
  if (hasBegun(apps)) return { status: "True" };
  return namedVerdict("ContainersNotInitialized", "incomplete", incomplete, unknown);
}

function containersReadyVerdict({ pod, phase, init, apps }: ConditionInput): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const sidecars = initContainersOf(pod).filter((each) => each.kind === "sidecar");
  const unready: string[] = [];
  const unknown: string[] = [];
  for (const { name } of [...sidecars.map((each) => each.spec), ...pod.spec.containers]) {
    const status = [...init, ...apps].find((each) => each.name === name);
    if (!status) unknown.push(name);
    else if (!status.ready) unready.push(name);
  }
  return namedVerdict("ContainersNotReady", "unready", unready, unknown);
}

function namedVerdict(reason: string, word: string, not: readonly string[], unknown: readonly string[]): Verdict {
  const sentences = [
    ...(not.length > 0 ? [`containers with ${word} status: [${not.join(" ")}]`] : []),
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(" ")}]`] : []),
  ];
  return sentences.length === 0 ? { status: "True" } : { status: "False", reason, message: sentences.join(", ") };
}

function readyVerdict(pod: Pod, containersReady: Verdict): Verdict {
  if (containersReady.status !== "True") return containersReady;
  const sentences: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find((each) => each.type === conditionType);
    if (!condition) sentences.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== "True") {
      sentences.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
    }
  }
  return sentences.length === 0
    ? { status: "True" }
    : { status: "False", reason: "ReadinessGatesNotReady", message: sentences.join(", ") };
}

/** The agent's own status with the conditions that others wrote, as the API has them. */
export function withForeignConditions(own: PodStatus, api: PodStatus | undefined): PodStatus {
  const isOwn = ({ type }: PodCondition) => isOwnCondition(type);
  const foreign = (api?.conditions ?? []).filter((each) => !isOwn(each));
  return { ...own, conditions: [...(own.conditions ?? []).filter(isOwn), ...foreign] };
}
