// What happens next to a pod: a pure function of what is wanted and what there is.
import { isPodTerminal } from "../../api/index.ts";
import type { ContainerStatus, SandboxStatus } from "../engine/index.ts";
import { crashDelayMs, goDuration, leftMs } from "./crash-backoff.ts";
import { findStatus } from "./find-status.ts";
import {
  appContainersOf,
  containersOf,
  describePod,
  ephemeralContainersOf,
  findContainer,
  initContainersOf,
  type PodContainer,
} from "./pod-containers.ts";
import { type ResizeStep, resizeStep, restartsForSize } from "./pod-resize.ts";
import { latestContainer, type PodView, type Waiting } from "./pod-view.ts";
import { hasOtherDefinition, restartsAfter, shouldRun } from "./restart-policy.ts";
import { type StopCause, stopGraceSeconds } from "./stop-grace.ts";

export type PodAction =
  | { readonly type: "prepareVolumes" }
  | { readonly type: "createSandbox"; readonly attempt: number }
  /** Ends the network and whatever still runs in it. */
  | { readonly type: "stopSandbox"; readonly sandboxId: string }
  /** Gives containers other resources while they run. */
  | { readonly type: "resize"; readonly step: ResizeStep }
  | { readonly type: "startContainer"; readonly container: PodContainer; readonly attempt: number }
  | StopContainerAction
  /** A dead container that nobody can ask the logs of any more. */
  | { readonly type: "removeContainer"; readonly containerId: string }
  /** A sandbox that a later one has replaced, with nothing in it. */
  | { readonly type: "removeSandbox"; readonly sandboxId: string };

export interface StopContainerAction {
  readonly type: "stopContainer";
  readonly containerId: string;
  readonly name: string;
  readonly message: string;
  readonly graceSeconds: number;
  /** The containers whose end this one awaits, but no longer than its grace: sidecars go last. */
  readonly after: readonly string[];
}

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** When to plan again although nothing has happened; undefined when only an event can change the plan. */
  readonly nextCheckMs: number | undefined;
  /** Why containers wait, by name; beyond what `failures` of the view say. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** All containers have ended for good, or the pod is stopped: nothing runs and nothing will. */
  readonly finished: boolean;
  /** Nothing of the pod runs and its sandbox has no network any more. */
  readonly quiet: boolean;
}

/** Dead containers of one name that are kept, for `kubectl logs --previous` and lastState (the kubelet's MaxPerPodContainer). */
const deadContainersMax = 1;

export function planPod(view: PodView): PodPlan {
  if (view.stop) return planStop(view, view.stop.graceSeconds);
  if (isFinished(view)) return planStop(view, Number(view.pod.spec.terminationGracePeriodSeconds ?? 30));
  return planRun(view);
}

/** Whether every container has ended and none will run again; a pod whose init container failed for good is finished too. */
function isFinished(view: PodView): boolean {
  const { pod, containers } = view;
  if (isPodTerminal(pod) || hasFailedInit(view)) return true;
  return appContainersOf(pod).every((container) => {
    const latest = latestContainer(containers, container.spec.name);
    return latest?.state === "exited" && !shouldRun(view, container, latest);
  });
}

function hasFailedInit({ pod, containers }: PodView): boolean {
  return initContainersOf(pod).some((container) => {
    if (container.kind !== "init") return false;
    const latest = latestContainer(containers, container.spec.name);
    return latest?.state === "exited" && latest.exitCode !== 0 && !restartsAfter(pod, container, latest.exitCode);
  });
}

export function isUsable(sandbox: SandboxStatus | undefined, view: PodView): sandbox is SandboxStatus {
  return sandbox?.ready === true && (view.pod.spec.hostNetwork === true || sandbox.ips.length > 0);
}

class Plan {
  readonly actions: PodAction[] = [];
  readonly waiting = new Map<string, Waiting>();
  nextCheckMs: number | undefined;

  /** A step of the pod's setup or teardown; one that failed waits before it is tried again. */
  setUp(view: PodView, action: PodAction): void {
    if (view.nowMs < view.podRetryAtMs) this.checkAt(view.podRetryAtMs);
    else this.actions.push(action);
  }

  checkAt(atMs: number): void {
    this.nextCheckMs = Math.min(this.nextCheckMs ?? Number.POSITIVE_INFINITY, atMs);
  }

  result(finished = false, quiet = false): PodPlan {
    return { actions: this.actions, nextCheckMs: this.nextCheckMs, waiting: this.waiting, finished, quiet };
  }
}

function planRun(view: PodView): PodPlan {
  const plan = new Plan();
  const sandbox = view.sandboxes[0];
  if (view.busy.pod) return plan.result();
  if (!isUsable(sandbox, view)) {
    planSandbox(view, plan);
    return plan.result();
  }
  // A sandbox that an earlier one left behind must not keep its address.
  for (const old of view.sandboxes.slice(1)) {
    if (holdsNetwork(view, old)) plan.setUp(view, { type: "stopSandbox", sandboxId: old.id });
  }
  if (!view.volumesReady) {
    plan.setUp(view, { type: "prepareVolumes" });
    return plan.result();
  }
  const step = resizeStep(view);
  if (step) {
    plan.setUp(view, { type: "resize", step });
    // What starts afterwards needs the room that this makes.
    if (plan.actions.length > 0) return plan.result();
  }
  planContainers(view, sandbox, plan);
  planRemovals(view, plan);
  return plan.result();
}

/** A sandbox whose process or machine ended has not given its address back. */
const holdsNetwork = (view: PodView, sandbox: SandboxStatus) => sandbox.ready || !view.stopped.has(sandbox.id);

function planSandbox(view: PodView, plan: Plan): void {
  const leftovers = view.sandboxes.filter(
    (each) => holdsNetwork(view, each) || view.containers.some((c) => c.sandboxId === each.id && c.state === "running"),
  );
  if (leftovers.length > 0) {
    for (const each of leftovers) plan.setUp(view, { type: "stopSandbox", sandboxId: each.id });
  } else if (!view.volumesReady) plan.setUp(view, { type: "prepareVolumes" });
  else plan.setUp(view, { type: "createSandbox", attempt: (view.sandboxes[0]?.attempt ?? -1) + 1 });
}

function planContainers(view: PodView, sandbox: SandboxStatus, plan: Plan): void {
  planUnhealthy(view, plan);
  const next: PodContainer[] = [];
  for (const container of ephemeralContainersOf(view.pod)) {
    if (!latestContainer(view.containers, container.spec.name)) next.push(container);
  }
  next.push(...wantedNow(view, sandbox));
  for (const container of next) {
    if (view.busy.starting !== undefined) break;
    if (startOrWait(view, container, plan)) break;
  }
}

/** Stops running containers that are not as they should be. */
function planUnhealthy(view: PodView, plan: Plan): void {
  for (const status of view.containers) {
    if (status.state !== "running" && status.state !== "unknown") continue;
    const container = findContainer(view.pod, status.name);
    if (!container || container.kind === "ephemeral") continue;
    if (view.busy.stopping.has(status.id)) continue;
    const wrong = whatIsWrong(view, container, status);
    if (!wrong) continue;
    plan.actions.push({
      type: "stopContainer",
      containerId: status.id,
      name: status.name,
      message: whyStopped(view, container, wrong),
      graceSeconds: stopGraceSeconds(view.pod, container, wrong.cause),
      after: [],
    });
  }
}

interface Wrong {
  /** What goes on after the container's name, or the whole sentence where that begins it. */
  readonly why: string;
  readonly cause: StopCause;
  /** Whether it comes again whatever the policy says. */
  readonly isReplaced?: boolean;
}

function whatIsWrong(view: PodView, container: PodContainer, status: ContainerStatus): Wrong | undefined {
  // An init container has begun its one work: what it would do now is for the next pod.
  if (container.kind !== "init" && hasOtherDefinition(container, status))
    return { why: "definition changed", cause: "changed", isReplaced: true };
  if (status.state === "unknown")
    return { why: 'is in "unknown" state, try killing it before restart', cause: "changed" };
  if (restartsForSize(view, container, status)) return { why: "resize requires restart", cause: "changed" };
  const probes = view.probes.get(status.id);
  if (probes?.liveness === "failure") return { why: "failed liveness probe", cause: "livenessProbe" };
  if (probes?.startup === "failure") return { why: "failed startup probe", cause: "startupProbe" };
  return undefined;
}

/** In the kubelet's words, which say of containers alone whether they come again. */
function whyStopped({ pod }: PodView, container: PodContainer, { why, isReplaced }: Wrong): string {
  const isUnknown = why.startsWith("is in");
  if (container.kind !== "app")
    return isUnknown ? `Init container ${why}` : `Init container ${container.spec.name} ${why}`;
  const again = isReplaced || restartsAfter(pod, container, killedCode) ? ", will be restarted" : "";
  return `${isUnknown ? "Container" : `Container ${container.spec.name}`} ${why}${again}`;
}

/** 128 + SIGKILL. */
const killedCode = 137;

/** The containers that should be started now, in order, were it not for backoffs. */
function wantedNow(view: PodView, sandbox: SandboxStatus): PodContainer[] {
  const { pod, containers } = view;
  const wanted: PodContainer[] = [];
  const apps = appContainersOf(pod);
  const latestHere = ({ spec }: PodContainer) => latestContainer(containers, spec.name, sandbox.id);
  const appsBegan = apps.some((each) => latestHere(each) !== undefined);
  const inits = initContainersOf(pod);
  // One that began had those before it done, also where the engine has forgotten them or they ended since.
  const lastBegun = inits.findLastIndex((each) => latestHere(each) !== undefined);
  for (const [index, container] of inits.entries()) {
    const latest = latestHere(container);
    const isDone = appsBegan || index < lastBegun;
    if (container.kind === "sidecar") {
      if (!latest || latest.state === "exited" || latest.state === "created") wanted.push(container);
      if (isDone) continue;
      // Those after a sidecar wait until it has started.
      if (latest?.state !== "running" || !hasStarted(view, latest)) return wanted;
      continue;
    }
    if (isDone || (latest?.state === "exited" && latest.exitCode === 0)) continue;
    if (!latest || latest.state === "exited" || latest.state === "created") wanted.push(container);
    return wanted;
  }
  for (const container of apps) {
    const latest = latestContainer(containers, container.spec.name);
    const running =
      latest && latest.sandboxId === sandbox.id && (latest.state === "running" || latest.state === "unknown");
    if (!running && shouldRun(view, container, latest)) wanted.push(container);
  }
  return wanted;
}

/** Whether the container passed its startup probe, or has none. */
export function hasStarted(view: PodView, status: ContainerStatus): boolean {
  if (view.busy.starting === status.name) return false;
  const startup = view.probes.get(status.id)?.startup;
  return startup === undefined || startup === "success";
}

/** Whether the container is started now. */
function startOrWait(view: PodView, container: PodContainer, plan: Plan): boolean {
  const { name } = container.spec;
  const latest = latestContainer(view.containers, name);
  if (latest?.state === "exited") {
    const backoff = view.backoffs.get(name);
    const delayMs = crashDelayMs(backoff, latest.finishedAtMs, view.nowMs);
    if (backoff && delayMs > 0) {
      const message = `back-off ${goDuration(backoff.delayMs)} restarting failed container=${name} pod=${describePod(view.pod)}`;
      plan.waiting.set(name, { reason: "CrashLoopBackOff", message });
      plan.checkAt(view.nowMs + delayMs);
      return false;
    }
  }
  const failure = view.failures.get(name);
  if (failure && leftMs(failure.retryAtMs, failure.retryAfterMs, view.nowMs) > 0) {
    plan.checkAt(failure.retryAtMs);
    return false;
  }
  plan.actions.push({ type: "startContainer", container, attempt: nextAttempt(view, name, latest) });
  return true;
}

/** The restart count of the next container: one more than the engine's newest, or than what the API remembers of one that ran. */
function nextAttempt(view: PodView, name: string, latest: ContainerStatus | undefined): number {
  const remembered = findStatus(view.pod, name);
  const ran =
    remembered && (remembered.state?.running || remembered.state?.terminated || remembered.lastState?.terminated);
  return Math.max(latest ? latest.attempt + 1 : 0, ran ? remembered.restartCount + (latest ? 0 : 1) : 0);
}

function planRemovals(view: PodView, plan: Plan): void {
  for (const { spec } of containersOf(view.pod)) {
    const dead = view.containers.filter((each) => each.name === spec.name && each.state === "exited");
    const alive = view.containers.some((each) => each.name === spec.name && each.state === "running");
    // While nothing runs, the newest dead one is the state and the one before it the last state.
    for (const each of dead.slice(alive ? deadContainersMax : deadContainersMax + 1)) {
      plan.actions.push({ type: "removeContainer", containerId: each.id });
    }
  }
  // An agent that ended between creating and starting left it behind; another one is made in its place.
  for (const { id, name, state } of view.containers) {
    if (state === "created" && name !== view.busy.starting)
      plan.actions.push({ type: "removeContainer", containerId: id });
  }
  for (const old of view.sandboxes.slice(1)) {
    const isEmpty = !view.containers.some((each) => each.sandboxId === old.id);
    if (!holdsNetwork(view, old) && isEmpty) plan.actions.push({ type: "removeSandbox", sandboxId: old.id });
  }
}

function planStop(view: PodView, graceSeconds: number): PodPlan {
  const plan = new Plan();
  const running = view.containers.filter((each) => each.state === "running" || each.state === "unknown");
  const sidecars = initContainersOf(view.pod)
    .filter((each) => each.kind === "sidecar")
    .map((each) => each.spec.name);
  const others = running.filter((each) => !sidecars.includes(each.name)).map((each) => each.id);
  for (const status of running) {
    const given = view.busy.stopping.get(status.id);
    if (given !== undefined && given <= graceSeconds) continue;
    const at = sidecars.indexOf(status.name);
    const later = at < 0 ? [] : running.filter((each) => sidecars.indexOf(each.name) > at).map((each) => each.id);
    const container = findContainer(view.pod, status.name);
    plan.actions.push({
      type: "stopContainer",
      containerId: status.id,
      name: status.name,
      message: `Stopping container ${status.name}`,
      graceSeconds:
        container && view.stop === undefined ? stopGraceSeconds(view.pod, container, "finished") : graceSeconds,
      after: at < 0 ? [] : [...others, ...later],
    });
  }
  const busy = running.length > 0 || view.busy.pod || view.busy.starting !== undefined;
  const held = view.sandboxes.filter((each) => holdsNetwork(view, each));
  if (!busy) for (const each of held) plan.setUp(view, { type: "stopSandbox", sandboxId: each.id });
  return plan.result(true, !busy && held.length === 0);
}
