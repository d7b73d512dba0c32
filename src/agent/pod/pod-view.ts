import type { Pod } from "../../api/index.ts";
import type { ContainerStatus, SandboxStatus } from "../engine/index.ts";
import type { CrashBackoff } from "./crash-backoff.ts";
import type { Resizing } from "./pod-resize.ts";

/** What a container's probes have found so far; left out: there is no such probe. */
export interface ProbeVerdicts {
  readonly startup?: ProbeVerdict;
  readonly liveness?: ProbeVerdict;
  readonly readiness?: ProbeVerdict;
}
/** `unknown` until a threshold is reached for the first time. */
export type ProbeVerdict = "unknown" | "success" | "failure";

/** Why a container waits; what the API shows as `state.waiting`. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

/** The last try to start a container failed; it is tried again at `retryAtMs`, `retryAfterMs` later. */
export interface StartFailure extends Waiting {
  readonly retryAtMs: number;
  readonly retryAfterMs: number;
}

/** Why the pod's containers are stopped. */
export interface PodStop {
  /**
   * `deleted`: the object is being deleted, or is gone. `deadline`: activeDeadlineSeconds passed. `evicted`: it uses more
   * of the node than it may. `rejected`: the node cannot run it.
   */
  readonly why: "deleted" | "deadline" | "evicted" | "rejected";
  readonly graceSeconds: number;
  readonly sinceMs: number;
}

/** What the worker is doing now and must not be asked for again. */
export interface PodBusy {
  /** A volume or sandbox operation runs. */
  readonly pod: boolean;
  /** The name of the container that is being started: one at a time, in order, as the kubelet does. */
  readonly starting: string | undefined;
  /** The containers that are being stopped or were, and the grace they were given. */
  readonly stopping: ReadonlyMap<string, number>;
}

/** Everything that decides what happens next to a pod. Plans and statuses are pure functions of it. */
export interface PodView {
  readonly pod: Pod;
  readonly nowMs: number;
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** The sandboxes that were stopped in order; any other one may hold its address, also after its process ended. */
  readonly stopped: ReadonlySet<string>;
  /** Newest first, of every sandbox. */
  readonly containers: readonly ContainerStatus[];
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>;
  /** Whether the volumes are there to be mounted into containers. */
  readonly volumesReady: boolean;
  /** When volumes or sandbox may be tried again after they failed. */
  readonly podRetryAtMs: number;
  /** By container name. */
  readonly failures: ReadonlyMap<string, StartFailure>;
  /** By container name. */
  readonly backoffs: ReadonlyMap<string, CrashBackoff>;
  readonly resizing: Resizing;
  readonly stop: PodStop | undefined;
  readonly busy: PodBusy;
}

/** The newest container of that name, whatever its sandbox. */
export function latestContainer(
  containers: readonly ContainerStatus[],
  name: string,
  sandboxId?: string,
): ContainerStatus | undefined {
  return containers.find((each) => each.name === name && (sandboxId === undefined || each.sandboxId === sandboxId));
}
