import { type Pod, type PodStatus, podQos } from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";
import { containerStatuses, type StatusContext, withKnownEnds } from "./container-status.ts";
import { isUsable, type PodPlan } from "./plan-pod.ts";
import { disruptionCondition, isOwnCondition, podConditions, resizeConditions } from "./pod-conditions.ts";
import { appContainersOf, ephemeralContainersOf, initContainersOf } from "./pod-containers.ts";
import { podPhase } from "./pod-phase.ts";
import type { PodView } from "./pod-view.ts";

export interface StatusInput {
  readonly view: PodView;
  readonly plan: PodPlan;
  /** `containerd`. */
  readonly runtimeName: string;
  /** The node's addresses, the first is hostIP. */
  readonly nodeIps: readonly string[];
  /** When the agent saw the pod first. */
  readonly startTimeMs: number;
  /** Why the pod failed as a whole (DeadlineExceeded, OutOfcpu, …). */
  readonly failed: PodFailure | undefined;
}

export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  /** What is said of it where others than the pod are the cause: the message of the condition DisruptionTarget. */
  readonly disruption?: string;
}

/** What the API shows of the pod; fields that the agent does not own are taken over from the object. */
export function podStatus(input: StatusInput): PodStatus {
  const { view, plan, failed } = input;
  const { pod } = view;
  const failure = failed && { reason: failed.reason, message: failed.message };
  const previous: PodStatus = pod.status ?? {};
  const { generation } = pod.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const startTime = previous.startTime ?? timestamp(input.startTimeMs);
  const qosClass = previous.qosClass ?? podQos(pod);
  // Nothing of it ever was here: clients show the reason only where no container says something else.
  if (failed && view.stop?.why === "rejected") {
    return { ...previous, ...observed, phase: "Failed", ...failure, startTime, qosClass };
  }
  const ended = plan.finished && plan.quiet;
  // The last container's end and the pod's are told in one: the kubelet tells of them when the sandbox has stopped, too.
  if (view.stop && !ended && hasRunOut(view)) return previous;
  const context: StatusContext = { view, waiting: plan.waiting, runtimeName: input.runtimeName };
  const stopped = ended && view.stop !== undefined;
  const init = containerStatuses(context, initContainersOf(pod), previous.initContainerStatuses);
  const initialized = init.every((each) => each.ready || each.state?.terminated?.exitCode === 0 || each.started);
  const known = containerStatuses(context, appContainersOf(pod), previous.containerStatuses);
  const apps = stopped && initialized ? withKnownEnds(known) : known;
  const ephemeral = containerStatuses(context, ephemeralContainersOf(pod), previous.ephemeralContainerStatuses);
  const phase = phaseOf(input, init, apps, ended);
  const sandbox = view.sandboxes[0];
  const sandboxReady = isUsable(sandbox, view);
  const conditions = podConditions({ pod, phase, init, apps, sandboxReady, nowMs: view.nowMs });
  if (view.stop === undefined) conditions.push(...resizeConditions(view));
  // Why it failed is told with that it failed: until its last container has ended it has not.
  const disruption = phase === "Failed" ? failed?.disruption : undefined;
  if (disruption !== undefined) conditions.push(disruptionCondition(view, disruption));
  const others = (previous.conditions ?? []).filter(
    ({ type }) => !isOwnCondition(type) && !(disruption !== undefined && type === "DisruptionTarget"),
  );
  return {
    ...previous,
    ...observed,
    phase,
    ...(phase === "Failed" ? failure : {}),
    conditions: [...conditions, ...others],
    startTime,
    qosClass,
    ...addressesOf(pod, input.nodeIps, sandboxReady ? sandbox.ips : undefined),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: apps,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

/** Whether containers ran and none does any more. */
function hasRunOut({ containers }: PodView): boolean {
  return containers.length > 0 && containers.every((each) => each.state === "exited");
}

function phaseOf(
  { view, plan, failed }: StatusInput,
  init: NonNullable<PodStatus["initContainerStatuses"]>,
  apps: NonNullable<PodStatus["containerStatuses"]>,
  ended: boolean,
) {
  const before = view.pod.status?.phase;
  // A pod never comes back from its end.
  if (before === "Succeeded" || before === "Failed") return before;
  if (failed && ended) return "Failed";
  const running = view.containers.some((each) => each.state === "running");
  const finished = ended || (plan.finished && view.stop === undefined && !running);
  return podPhase(view.pod, { init, apps }, finished);
}

/** hostIP and podIP in both their forms; the pod's addresses stay in the status after its sandbox is gone. */
function addressesOf(
  pod: Pod,
  nodeIps: readonly string[],
  sandboxIps: readonly string[] | undefined,
): Partial<PodStatus> {
  const ips = pod.spec.hostNetwork ? nodeIps : (sandboxIps ?? []);
  return {
    ...(nodeIps[0] === undefined ? {} : { hostIP: nodeIps[0], hostIPs: nodeIps.map((ip) => ({ ip })) }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
  };
}
