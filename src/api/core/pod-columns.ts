// The columns of `kubectl get pods`, by the rules of printPod in k8s.io/kubernetes/pkg/printers/internalversion.
import { ageColumn, humanDuration, nameColumn } from "../columns.ts";
import type { Column, RowCondition } from "../resource.ts";
import type { ContainerStateTerminated, ContainerStatus, Pod } from "../types.generated.ts";
import { isPodReady, isPodTerminal, podCondition } from "./pod-condition.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";

interface Summary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: number;
  /** When the last container that was started again had ended; undefined when none was. */
  readonly lastRestartMs: number | undefined;
}

class Restarts {
  count = 0;
  lastMs: number | undefined;

  add(status: ContainerStatus): void {
    this.count += status.restartCount ?? 0;
    const endedMs = Date.parse(status.lastState?.terminated?.finishedAt ?? "");
    if (!Number.isNaN(endedMs) && endedMs > (this.lastMs ?? Number.NEGATIVE_INFINITY)) this.lastMs = endedMs;
  }
}

/** What the READY, STATUS and RESTARTS columns say of a pod. */
function summarizePod(pod: Pod): Summary {
  const { spec, status } = pod;
  const sidecars = new Set((spec.initContainers ?? []).filter(isRestartableInitContainer).map(({ name }) => name));
  let reason = status.reason || status.phase || "";
  if (status.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated"))
    reason = "SchedulingGated";

  let ready = 0;
  let initializing = false;
  const initRestarts = new Restarts();
  const sidecarRestarts = new Restarts();
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    initRestarts.add(container);
    const isSidecar = sidecars.has(container.name);
    if (isSidecar) sidecarRestarts.add(container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar && container.started) {
      if (container.ready) ready++;
      continue;
    }
    initializing = true;
    if (terminated) reason = `Init:${terminationReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") reason = `Init:${waiting.reason}`;
    else reason = `Init:${index}/${spec.initContainers?.length ?? 0}`;
    break;
  }

  let restarts = initRestarts;
  if (!initializing || podCondition(pod, "Initialized")?.status === "True") {
    restarts = sidecarRestarts;
    let hasRunning = false;
    let failure: string | undefined;
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      restarts.add(container);
      const { waiting, terminated, running } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated) {
        reason = terminationReason(terminated);
        if (terminated.exitCode !== 0) failure = reason;
      } else if (container.ready && running) {
        hasRunning = true;
        ready++;
      }
    }
    // That one container completed does not tell of the others.
    if (reason === "Completed") {
      if (hasRunning && isPodReady(pod)) reason = "Running";
      else reason = failure ?? (hasRunning ? "NotReady" : reason);
    }
  }

  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === "NodeLost") reason = "Unknown";
    else if (!isPodTerminal(pod)) reason = "Terminating";
  }
  return {
    ready: `${ready}/${spec.containers.length + sidecars.size}`,
    status: reason,
    restarts: restarts.count,
    lastRestartMs: restarts.lastMs,
  };
}

function terminationReason(terminated: ContainerStateTerminated): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function restartsCell(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartMs } = summarizePod(pod);
  if (restarts === 0 || lastRestartMs === undefined) return String(restarts);
  return `${restarts} (${humanDuration(nowMs - lastRestartMs)} ago)`;
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter((gate) => podCondition(pod, gate.conditionType)?.status === "True");
  return `${open.length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  { name: "Ready", type: "string", of: (pod) => summarizePod(pod).ready },
  { name: "Status", type: "string", of: (pod) => summarizePod(pod).status },
  { name: "Restarts", type: "string", of: restartsCell },
  ageColumn,
  { name: "IP", type: "string", priority: 1, of: (pod) => pod.status.podIPs?.[0]?.ip || "<none>" },
  { name: "Node", type: "string", priority: 1, of: (pod) => pod.spec.nodeName || "<none>" },
  { name: "Nominated Node", type: "string", priority: 1, of: (pod) => pod.status.nominatedNodeName || "<none>" },
  { name: "Readiness Gates", type: "string", priority: 1, of: readinessGatesCell },
];

/** What the row says beside its cells: that the pod will not run again. */
export function podRowConditions({ status }: Pod): readonly RowCondition[] {
  const message = completions.get(status.phase ?? "");
  return message === undefined ? [] : [{ type: "Completed", status: "True", reason: status.phase ?? "", message }];
}

const completions: ReadonlyMap<string, string> = new Map([
  ["Succeeded", "The pod has completed successfully."],
  ["Failed", "The pod failed."],
]);
