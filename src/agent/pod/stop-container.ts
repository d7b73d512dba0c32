import { errorMessage, isAbort, waitAtMost } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { runHook } from "../lifecycle/hook.ts";
import type { StopContainerAction } from "./plan-pod.ts";
import { findContainer } from "./pod-containers.ts";
import type { PodView } from "./pod-view.ts";

/** Every container gets this long before it is killed, whatever hooks used up (the kubelet's minimumGracePeriodInSeconds). */
const graceSecondsMin = 2;

export interface StopInput {
  readonly view: PodView;
  readonly action: StopContainerAction;
  readonly podIp: string | undefined;
  /** Resolves when the containers that must end before this one have ended. */
  readonly turn: Promise<void>;
  /** A second stop with less grace: the hook has begun before. */
  readonly again: boolean;
}

/** Runs the preStop hook within the grace, waits for the container's turn, and stops it with what is left. */
export async function stopContainer(context: AgentContext, input: StopInput): Promise<void> {
  const { action, again } = input;
  const { clock, engine, events } = context;
  const container = findContainer(input.view.pod, action.name);
  if (!again) events.normal(input.view.pod, "Killing", action.message, container);
  const deadlineMs = clock.monotonicMs() + action.graceSeconds * 1_000;
  const leftMs = () => deadlineMs - clock.monotonicMs();
  if (!again && action.graceSeconds > 0) {
    await runPreStop(context, input, leftMs());
    await waitAtMost(clock, leftMs(), input.turn);
  }
  await engine.stopContainer(action.containerId, Math.max(graceSecondsMin, Math.ceil(leftMs() / 1_000)));
}

async function runPreStop(context: AgentContext, { view, action, podIp }: StopInput, graceMs: number): Promise<void> {
  const container = findContainer(view.pod, action.name);
  const handler = container?.spec.lifecycle?.preStop;
  if (!container || !handler) return;
  const { pod } = view;
  const stop = new AbortController();
  const hook = runHook(context, { pod, container, containerId: action.containerId, podIp }, handler, stop.signal);
  try {
    await waitAtMost(context.clock, graceMs, hook);
  } catch (error) {
    // The container is stopped all the same: a hook that fails must not keep it.
    if (!isAbort(error)) {
      context.log.info("preStop hook failed", { pod: pod.metadata.name, error: errorMessage(error) });
      context.events.warning(pod, "FailedPreStopHook", "PreStopHook failed", container);
    }
  } finally {
    stop.abort();
  }
}
