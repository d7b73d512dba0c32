// What is told of a pod on its way to other resources, in the kubelet's words (pkg/kubelet/events).
import type { Pod, PodCondition, PodStatus, ResourceRequirements } from "../../api/index.ts";
import type { Int64 } from "../../lib/index.ts";

export interface ResizeEvent {
  readonly type: "normal" | "warning";
  readonly reason: string;
  readonly message: string;
}

/** The events that follow from a new status; `wanted` is the pod as the API has it, `allocated` with what it may have. */
export function resizeEvents(wanted: Pod, allocated: Pod, before: PodStatus, after: PodStatus): ResizeEvent[] {
  const events: ResizeEvent[] = [];
  const [waited, waits] = [before, after].map((status) => conditionOf(status, "PodResizePending"));
  if (waits && (waits.message !== waited?.message || waits.observedGeneration !== waited?.observedGeneration)) {
    const { reason = "", message = "", observedGeneration } = waits;
    const text = `Pod resize ${reason}: ${summary(wanted, observedGeneration, message)}`;
    events.push({ type: "warning", reason: `Resize${reason}`, message: text });
  }
  const [began, goesOn] = [before, after].map((status) => conditionOf(status, "PodResizeInProgress"));
  if (goesOn && !began) {
    const message = `Pod resize started: ${summary(allocated, goesOn.observedGeneration)}`;
    events.push({ type: "normal", reason: "ResizeStarted", message });
  }
  if (goesOn?.message && goesOn.message !== began?.message) {
    const message = `Pod resize error: ${summary(allocated, goesOn.observedGeneration, goesOn.message)}`;
    events.push({ type: "warning", reason: "ResizeError", message });
  }
  if (began && !goesOn) {
    const message = `Pod resize completed: ${summary(allocated, began.observedGeneration)}`;
    events.push({ type: "normal", reason: "ResizeCompleted", message });
  }
  return events;
}

function conditionOf({ conditions }: PodStatus, type: string): PodCondition | undefined {
  return conditions?.find((each) => each.type === type);
}

/** The resources of all containers as JSON, the fields in the order in which Go writes them. */
function summary({ spec }: Pod, generation: Int64 = 0, error?: string): string {
  const sizes = (containers: Pod["spec"]["containers"]) =>
    containers.map(({ name, resources = {} }) => ({ name, resources: inOrder(resources) }));
  const { initContainers = [], containers } = spec;
  return JSON.stringify({
    ...(initContainers.length > 0 ? { initContainers: sizes(initContainers) } : {}),
    containers: sizes(containers),
    generation: Number(generation),
    ...(error ? { error } : {}),
  });
}

function inOrder({ limits, requests }: ResourceRequirements): ResourceRequirements {
  const sorted = (amounts: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(amounts).sort());
  return { ...(limits ? { limits: sorted(limits) } : {}), ...(requests ? { requests: sorted(requests) } : {}) };
}
