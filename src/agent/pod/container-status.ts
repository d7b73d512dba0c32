// What the API shows of each container, in the kubelet's words.
import type {
  ContainerStatus as ApiContainerStatus,
  ContainerState,
  ContainerStateTerminated,
} from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";
import { restartCountOf } from "../container/container-labels.ts";
import type { ContainerStatus } from "../engine/index.ts";
import { hasStarted } from "./plan-pod.ts";
import type { PodContainer } from "./pod-containers.ts";
import type { PodView, Waiting } from "./pod-view.ts";
import { shouldRun } from "./restart-policy.ts";

export interface StatusContext {
  readonly view: PodView;
  /** Why containers wait, of the plan. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** `containerd`: what container IDs begin with. */
  readonly runtimeName: string;
}

/** The exit code of a container that nothing is known of any more: as if killed. */
const unknownExitCode = 137;

/** The statuses of `containers`, in their order; `previous` is what the API shows now. */
export function containerStatuses(
  context: StatusContext,
  containers: readonly PodContainer[],
  previous: readonly ApiContainerStatus[] | undefined,
): ApiContainerStatus[] {
  const { pod } = context.view;
  const initial = (pod.spec.initContainers?.length ?? 0) > 0 ? "PodInitializing" : "ContainerCreating";
  return containers.map((container) => {
    const old = previous?.find((each) => each.name === container.spec.name);
    const runs = context.view.containers.filter((each) => each.name === container.spec.name);
    if (old && (isBetweenRuns(context, container, runs[0], old) || isStarting(context, runs[0]))) return old;
    const status = runs[0]
      ? statusOfRuns(context, container, runs[0], runs[1], old)
      : statusWithoutRun(context, container, old, initial);
    return withWaitingReason(context, container, runs[0], status);
  });
}

/**
 * Whether the container was stopped for another one to take its place and that one is about to come: the kubelet does both
 * in one step, and the API shows no end in between.
 */
function isBetweenRuns(
  { view, waiting, runtimeName }: StatusContext,
  container: PodContainer,
  latest: ContainerStatus | undefined,
  old: ApiContainerStatus,
): boolean {
  const { name } = container.spec;
  if (latest?.state !== "exited" || view.stop || !view.busy.stopping.has(latest.id)) return false;
  const wasRunning = old.state?.running !== undefined && old.containerID === `${runtimeName}://${latest.id}`;
  const waits = waiting.has(name) || view.failures.has(name);
  return wasRunning && !waits && shouldRun(view, container, latest);
}

/** Whether the container is on its way, its postStart hook included: until then the API shows what was before. */
function isStarting({ view }: StatusContext, latest: ContainerStatus | undefined): boolean {
  return latest !== undefined && latest.state !== "exited" && view.busy.starting === latest.name && !view.stop;
}

function statusOfRuns(
  context: StatusContext,
  container: PodContainer,
  latest: ContainerStatus,
  before: ContainerStatus | undefined,
  old: ApiContainerStatus | undefined,
): ApiContainerStatus {
  const { view, runtimeName } = context;
  const containerID = `${runtimeName}://${latest.id}`;
  const running = latest.state === "running";
  const started = running && hasStarted(view, latest);
  const allocated = container.spec.resources;
  // Of a container that has ended nothing else can be said any more.
  const resources = running ? (view.resizing.given.get(latest.id) ?? allocated) : allocated;
  return {
    name: container.spec.name,
    image: latest.image || (container.spec.image ?? ""),
    imageID: latest.imageId,
    containerID,
    restartCount: restartCountOf(latest.annotations, latest.attempt),
    ready: isReady(context, container, latest, started),
    ...(container.kind === "ephemeral" ? {} : { started }),
    state: stateOf(latest, runtimeName),
    lastState: lastStateOf(before, runtimeName, old, containerID),
    ...volumeMountsOf(container),
    ...(allocated?.requests ? { allocatedResources: allocated.requests } : {}),
    ...(resources ? { resources } : {}),
  };
}

/** What the container mounts, and whether what is mounted below it is read-only too, which no engine here can do. */
function volumeMountsOf({ spec }: PodContainer): Pick<ApiContainerStatus, "volumeMounts"> {
  const mounts = spec.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  return {
    volumeMounts: mounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: "Disabled" } : {}),
    })),
  };
}

function isReady({ view }: StatusContext, container: PodContainer, latest: ContainerStatus, started: boolean): boolean {
  switch (container.kind) {
    case "ephemeral":
      return false;
    case "init":
      return latest.state === "exited" && latest.exitCode === 0;
    default: {
      const readiness = view.probes.get(latest.id)?.readiness;
      return started && (readiness === undefined || readiness === "success");
    }
  }
}

function stateOf(status: ContainerStatus, runtimeName: string): ContainerState {
  switch (status.state) {
    case "running":
      return { running: { startedAt: timestamp(status.startedAtMs) } };
    case "exited":
      return { terminated: terminated(status, runtimeName) };
    default:
      return { waiting: {} };
  }
}

function terminated(status: ContainerStatus, runtimeName: string): ContainerStateTerminated {
  return {
    exitCode: status.exitCode,
    ...(status.reason === "" ? {} : { reason: status.reason }),
    ...(status.message === "" ? {} : { message: status.message }),
    startedAt: timestamp(status.startedAtMs),
    finishedAt: timestamp(status.finishedAtMs),
    containerID: `${runtimeName}://${status.id}`,
  };
}

/** How the run before the newest ended: as the engine still knows it, else as the API remembers it. */
function lastStateOf(
  before: ContainerStatus | undefined,
  runtimeName: string,
  old: ApiContainerStatus | undefined,
  containerID: string,
): ContainerState {
  if (before?.state === "exited") return { terminated: terminated(before, runtimeName) };
  if (old?.state?.terminated && old.state.terminated.containerID !== containerID)
    return { terminated: old.state.terminated };
  return old?.lastState ?? {};
}

function statusWithoutRun(
  { view }: StatusContext,
  container: PodContainer,
  old: ApiContainerStatus | undefined,
  initial: string,
): ApiContainerStatus {
  if (old?.state?.terminated) return old;
  const status = {
    name: container.spec.name,
    image: container.spec.image ?? "",
    imageID: "",
    ready: false,
    ...(container.kind === "ephemeral" ? {} : { started: false }),
    restartCount: old?.restartCount ?? 0,
    state: { waiting: { reason: initial } },
    lastState: old?.lastState ?? {},
    ...volumeMountsOf(container),
  };
  if (!old?.state?.running) return status;
  // It ran when the agent last looked, and the engine knows it no more.
  if (view.stop) return { ...status, state: { terminated: lostState(old, goneAtStop) } };
  return { ...status, lastState: { terminated: lostState(old, goneWhileRunning) } };
}

const goneAtStop = "The container could not be located when the pod was terminated";
const goneWhileRunning =
  "The container could not be located when the pod was deleted.  The container used to be Running";

function lostState(old: ApiContainerStatus | undefined, message: string): ContainerStateTerminated {
  return {
    exitCode: unknownExitCode,
    reason: "ContainerStatusUnknown",
    message,
    ...(old?.state?.running?.startedAt === undefined ? {} : { startedAt: old.state.running.startedAt }),
    ...(old?.containerID === undefined ? {} : { containerID: old.containerID }),
  };
}

/** A container that is to run and does not says why: what the last try to start it found, or that it backs off. */
function withWaitingReason(
  { view, waiting }: StatusContext,
  container: PodContainer,
  latest: ContainerStatus | undefined,
  status: ApiContainerStatus,
): ApiContainerStatus {
  const { name } = container.spec;
  const why = waiting.get(name) ?? view.failures.get(name);
  if (!why || view.stop || latest?.state === "running" || !shouldRun(view, container, latest)) return status;
  const state = { waiting: { reason: why.reason, ...(why.message === "" ? {} : { message: why.message }) } };
  const ended = status.state?.terminated;
  return { ...status, state, lastState: ended ? { terminated: ended } : (status.lastState ?? {}) };
}

/** At the end of a pod every container has a known end: one that was never seen to end counts as failed. */
export function withKnownEnds(statuses: readonly ApiContainerStatus[]): ApiContainerStatus[] {
  return statuses.map((status) =>
    status.state?.terminated
      ? status
      : { ...status, ready: false, started: false, state: { terminated: lostState(status, goneAtStop) } },
  );
}
