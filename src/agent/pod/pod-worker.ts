// One pod on this node: holds what is known of it, plans with pure functions, and carries the plan out. It moves when
// something happens (the API, the engine, a probe, a timer) and never in between.
import type { Pod, PodStatus } from "../../api/index.ts";
import { deepEqual, errorMessage, isAbort, type Timer } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { PodProbes, type ProbeTotal } from "../probes/pod-probes.ts";
import { ContainerOperations } from "./container-operations.ts";
import { deletePod } from "./delete-pod.ts";
import { type PodAction, type PodPlan, planPod } from "./plan-pod.ts";
import { PodAllocation } from "./pod-allocation.ts";
import { withForeignConditions } from "./pod-conditions.ts";
import { describePod, findContainer } from "./pod-containers.ts";
import { givenSize } from "./pod-resize.ts";
import { PodRuntime, type RuntimeSnapshot } from "./pod-runtime.ts";
import { cleanUp, createSandbox } from "./pod-sandbox.ts";
import { PodSetup } from "./pod-setup.ts";
import { type PodFailure, podStatus } from "./pod-status.ts";
import { latestContainer, type PodStop, type PodView } from "./pod-view.ts";
import { resizeEvents } from "./resize-events.ts";
import { StatusWriter } from "./status-writer.ts";

const graceSecondsDefault = 30;
/** Room on the node comes in more ways than a pod is told of. */
const lookForRoomMs = 30_000;

export interface PodWorkerOptions {
  readonly context: AgentContext;
  readonly pod: Pod;
  readonly snapshot: RuntimeSnapshot;
  /** The other pods that take part of the node's resources. */
  readonly others: () => readonly Pod[];
  /** Called when the pod is gone from the API and nothing of it is left on the machine. */
  readonly onDone: () => void;
}

export class PodWorker {
  readonly runtime: PodRuntime;
  readonly #context: AgentContext;
  readonly #writer: StatusWriter;
  readonly #probes: PodProbes;
  readonly #startTimeMs: number;
  readonly #options: PodWorkerOptions;
  readonly #allocation: PodAllocation;
  #status: PodStatus;
  readonly #operations: ContainerOperations;
  readonly #setup: PodSetup;
  /** Containers whose waiting in backoff was told in an event. */
  readonly #announced = new Set<string>();
  #volumesReady = false;
  #tornDown = false;
  readonly #cleanedUp = Promise.withResolvers<void>();
  #stop: PodStop | undefined;
  #failed: PodFailure | undefined;
  /** The API no longer has the pod. */
  #removed = false;
  #deleteSent = false;
  /** All containers have ended for good. */
  #finished = false;
  #done = false;
  #stepping = false;
  #woken = false;
  /** Nobody knows yet whether the node can run the pod. */
  #undecided = false;
  #timer: Timer | undefined;

  constructor(options: PodWorkerOptions) {
    const { context, pod, snapshot } = options;
    this.#options = options;
    this.#context = context;
    this.#allocation = new PodAllocation(context, pod, options.others);
    this.#status = pod.status ?? {};
    this.#startTimeMs = context.clock.now();
    this.#writer = new StatusWriter(context, pod);
    this.runtime = new PodRuntime(context, () => this.#pod, snapshot);
    this.#probes = new PodProbes(context, () => this.wake());
    this.#setup = new PodSetup(
      context,
      () => this.#pod,
      () => this.wake(),
    );
    this.#operations = new ContainerOperations({
      context,
      runtime: this.runtime,
      pod: () => this.#pod,
      podIps: () => this.podIps,
      changed: () => this.wake(),
    });
    for (const each of snapshot.containers) this.#operations.knowGiven(each.id, givenSize(this.#pod, each));
    this.update(pod);
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** With the resources that the node lets it have. */
  get #pod(): Pod {
    return this.#allocation.pod;
  }

  /** What the agent last found, whether or not the API has it already. */
  get status(): PodStatus {
    return this.#status;
  }

  get podIps(): readonly string[] {
    return this.#pod.spec.hostNetwork ? this.#context.settings.nodeIps : (this.runtime.sandboxes[0]?.ips ?? []);
  }

  /** How the probes of its containers went. */
  get probeTotals(): readonly ProbeTotal[] {
    return this.#probes.totals;
  }

  /** Whether the pod still takes part of the node's resources. */
  get isActive(): boolean {
    return !this.#isTerminal() && this.#failed === undefined;
  }

  /** Whether it wants resources that the node does not let it have now. */
  get waitsForRoom(): boolean {
    return this.#allocation.waitsForRoom;
  }

  /** The API has another version of the pod. */
  update(pod: Pod): void {
    const { labels, annotations } = this.#pod.metadata;
    this.#writer.seen(pod);
    this.#allocation.allocate(pod);
    // Volumes of the downward API show them.
    if (!deepEqual([labels, annotations], [pod.metadata.labels, pod.metadata.annotations])) this.#refreshVolumes();
    const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      this.#stopWith(
        "deleted",
        Number(deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault),
      );
    }
    this.wake();
  }

  /** The API has the pod no more: after its end, or at any time when it was deleted by force. */
  remove(): void {
    this.#removed = true;
    this.#stopWith("deleted", Number(this.#pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault));
    this.wake();
  }

  /** Nothing is done for the pod until it is known why the node cannot run it, or that it can. */
  async decideBy(decision: Promise<PodFailure | undefined>): Promise<void> {
    this.#undecided = true;
    const failure = await decision;
    this.#undecided = false;
    if (failure) this.reject(failure);
    else this.wake();
  }

  /** The node cannot run the pod. */
  reject(failure: PodFailure): void {
    this.#failed = failure;
    this.#context.events.warning(this.#pod, failure.reason, failure.message);
    this.#stopWith("rejected", 0);
    this.wake();
  }

  /**
   * The node has no room for the pod: it fails, with a second for its containers to end. False when it has ended, or ends for
   * another reason than that it is deleted.
   */
  evict(failure: Omit<PodFailure, "reason">, annotations?: Readonly<Record<string, string>>): boolean {
    return this.#giveWay({ ...failure, reason: "Evicted" }, 1, annotations);
  }

  /** The pod makes room for a critical one, with its own time to end. */
  preempt(): void {
    const message = "Preempted in order to admit critical pod";
    const disruption = "Pod was preempted by Kubelet to accommodate a critical pod.";
    const graceSeconds = this.#pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault;
    this.#giveWay({ reason: "Preempting", message, disruption }, Number(graceSeconds));
  }

  #giveWay(failure: PodFailure, graceSeconds: number, annotations?: Readonly<Record<string, string>>): boolean {
    if (!this.isActive || (this.#stop && this.#stop.why !== "deleted")) return false;
    this.#failed = failure;
    this.#context.events.gaveWay(this.#pod, failure.reason, failure.message, annotations);
    this.#stopWith("evicted", graceSeconds);
    this.wake();
    return true;
  }

  /** Resolves when the pod has ended and its volumes are gone. */
  get cleanedUp(): Promise<void> {
    return this.#cleanedUp.promise;
  }

  /** Removes the containers of a pod that has ended; the API keeps what is to know of them, but not their logs. */
  async removeDead(): Promise<void> {
    if (!this.#tornDown) return;
    const dead = this.runtime.containers.filter(({ state }) => state === "exited");
    await Promise.all(dead.map(({ id }) => this.#operations.removeContainer(id)));
  }

  /** Whether the container or sandbox is this pod's. */
  owns(id: string): boolean {
    return [...this.runtime.containers, ...this.runtime.sandboxes].some((each) => each.id === id);
  }

  /** Something happened to one of the pod's containers or sandboxes. */
  engineChanged(id: string): void {
    this.runtime
      .refresh(id)
      .catch((error) => {
        // The relist makes it good.
        this.#context.log.warn("engine does not answer", { pod: describePod(this.#pod), error: errorMessage(error) });
      })
      .finally(() => this.wake());
  }

  /** Everything was listed again, from `startedMs` on: events may have been lost. */
  async relisted(snapshot: RuntimeSnapshot, startedMs: number): Promise<void> {
    await this.runtime.replace(snapshot, startedMs);
    this.wake();
  }

  /** A ConfigMap or Secret that the pod names has changed: what failed for want of it may succeed now. */
  sourceChanged(): void {
    this.#setup.retryNow();
    this.#operations.retryConfiguration();
    this.#refreshVolumes();
    this.wake();
  }

  /** Resolves when the API has the status that follows from what is known now, or the pod is gone from it. */
  async reported(): Promise<void> {
    // The step that is due runs before what waits behind it.
    await Promise.resolve();
    await this.#writer.written();
  }

  /** Plans soon, once for however many reasons there are. */
  wake(): void {
    if (this.#done || this.#context.signal.aborted) return;
    this.#woken = true;
    if (this.#stepping) return;
    this.#stepping = true;
    queueMicrotask(() => {
      try {
        while (this.#woken && !this.#done && !this.#undecided) {
          this.#woken = false;
          this.#step();
        }
      } finally {
        this.#stepping = false;
      }
    });
  }

  /** The agent stops: the containers go on running. */
  close(): void {
    this.#done = true;
    this.#timer?.cancel();
    this.#probes.close();
    this.#operations.abortStart();
  }

  #stopWith(why: PodStop["why"], wantedSeconds: number): void {
    const before = this.#stop;
    // The grace of a pod that stops can only shrink.
    const graceSeconds = before ? Math.min(before.graceSeconds, wantedSeconds) : wantedSeconds;
    if (before && before.why === why && before.graceSeconds === graceSeconds) return;
    this.#stop = { why, graceSeconds, sinceMs: before?.sinceMs ?? this.#context.clock.now() };
    this.#operations.abortStart();
  }

  #currentPod(): Pod {
    return { ...this.#pod, status: withForeignConditions(this.#status, this.#pod.status) };
  }

  #view(): PodView {
    const { sandboxes, stopped, containers } = this.runtime;
    return {
      pod: this.#currentPod(),
      nowMs: this.#context.clock.now(),
      sandboxes,
      stopped,
      containers,
      probes: this.#probes.verdicts(),
      volumesReady: this.#volumesReady,
      podRetryAtMs: this.#context.clock.now() + this.#setup.waitMs,
      failures: this.#operations.failures,
      backoffs: this.#operations.backoffs,
      resizing: this.#allocation.resizing(this.#operations.given),
      stop: this.#stop,
      busy: { pod: this.#setup.busy, starting: this.#operations.starting, stopping: this.#operations.stopping },
    };
  }

  #step(): void {
    if (this.#allocation.waitsForRoom) this.#allocation.allocate();
    this.#checkDeadline();
    this.#operations.tellEnded();
    this.#probe();
    const view = this.#view();
    const plan = planPod(view);
    this.#finished = plan.finished;
    this.#announceBackoffs(plan);
    for (const action of plan.actions) this.#carryOut(action, view);
    this.#report(plan);
    this.#setTimer(plan.nextCheckMs);
    if (plan.quiet) this.#conclude();
  }

  #probe(): void {
    this.#probes.update({
      pod: this.#currentPod(),
      containers: this.runtime.containers,
      podIps: this.podIps,
      starting: this.#operations.starting,
      stopping: this.#stop !== undefined || this.#finished,
    });
  }

  #report(plan: PodPlan): void {
    const { settings, runtimeName } = this.#context;
    const view = this.#view();
    const before = this.#status;
    this.#status = podStatus({
      view,
      plan,
      runtimeName,
      nodeIps: settings.nodeIps,
      startTimeMs: this.#startTimeMs,
      failed: this.#failed,
    });
    for (const { type, reason, message } of resizeEvents(this.#allocation.wanted, this.#pod, before, this.#status))
      this.#context.events[type](this.#pod, reason, message);
    if (before.phase === "Pending" && this.#status.phase === "Running")
      this.#context.metrics?.podStarted((this.#context.clock.now() - this.#startTimeMs) / 1000);
    if (!this.#removed) this.#writer.write(this.#status);
  }

  #setTimer(planMs: number | undefined): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const deadlineMs = this.#stop || this.#isTerminal() ? undefined : this.#deadlineMs();
    const { clock } = this.#context;
    const roomMs = this.#allocation.waitsForRoom ? clock.now() + lookForRoomMs : undefined;
    const never = Number.POSITIVE_INFINITY;
    const atMs = Math.min(planMs ?? never, deadlineMs ?? never, roomMs ?? never);
    if (atMs === never) return;
    this.#timer = clock.setTimer(atMs - clock.now(), () => this.wake());
  }

  #deadlineMs(): number | undefined {
    const { activeDeadlineSeconds } = this.#pod.spec;
    if (activeDeadlineSeconds === undefined) return undefined;
    const { startTime } = this.#status;
    return (
      (startTime === undefined ? this.#startTimeMs : Date.parse(startTime)) + Number(activeDeadlineSeconds) * 1_000
    );
  }

  #checkDeadline(): void {
    const deadlineMs = this.#deadlineMs();
    if (deadlineMs === undefined || this.#stop || this.#isTerminal() || this.#context.clock.now() < deadlineMs) return;
    const message = "Pod was active on the node longer than the specified deadline";
    this.#failed = { reason: "DeadlineExceeded", message };
    this.#context.events.normal(this.#pod, "DeadlineExceeded", message);
    this.#stopWith("deadline", Number(this.#pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault));
  }

  #isTerminal(): boolean {
    return this.#status.phase === "Succeeded" || this.#status.phase === "Failed";
  }

  #announceBackoffs(plan: PodPlan): void {
    for (const name of plan.waiting.keys()) {
      const latest = latestContainer(this.runtime.containers, name);
      if (!latest || this.#announced.has(latest.id)) continue;
      this.#announced.add(latest.id);
      const message = `Back-off restarting failed container ${name} in pod ${describePod(this.#pod)}`;
      this.#context.events.warning(this.#pod, "BackOff", message, findContainer(this.#pod, name));
    }
  }

  #carryOut(action: PodAction, view: PodView): void {
    switch (action.type) {
      case "prepareVolumes":
        this.#setUp("prepare volumes", () => this.#prepareVolumes());
        return;
      case "createSandbox":
        if (action.attempt > 0) {
          const message = "Pod sandbox changed, it will be killed and re-created.";
          this.#context.events.normal(this.#pod, "SandboxChanged", message);
        }
        this.#setUp("create the sandbox", async () => {
          const sandbox = await createSandbox(this.#context, this.#pod, action.attempt);
          this.runtime.knowSandbox(sandbox);
        });
        return;
      case "stopSandbox":
        this.#setUp("stop the sandbox", () => this.#stopSandbox(action.sandboxId));
        return;
      case "resize":
        this.#setUp("resize the pod", () => this.#allocation.apply(action.step, this.#operations));
        return;
      case "startContainer":
        void this.#operations.start(action.container, action.attempt, view);
        return;
      case "stopContainer":
        void this.#operations.stop(action, view);
        return;
      case "removeContainer":
        void this.#operations.removeContainer(action.containerId);
        return;
      case "removeSandbox":
        void this.#operations.removeSandbox(action.sandboxId);
    }
  }

  #setUp(what: string, work: () => Promise<void>): void {
    this.#setup.run(what, this.#status.phase === "Pending" ? "create" : "sync", work);
  }

  #refreshVolumes(): void {
    if (!this.#volumesReady || this.#stop) return;
    const { volumes, log } = this.#context;
    volumes.refresh(this.#pod).catch((error) => {
      log.warn("volumes not refreshed", { pod: describePod(this.#pod), error: errorMessage(error) });
    });
  }

  async #prepareVolumes(): Promise<void> {
    const { volumes, events } = this.#context;
    try {
      await volumes.prepare(this.#pod, this.#operations.signal);
      this.#volumesReady = true;
    } catch (error) {
      if (!isAbort(error)) events.warning(this.#pod, "FailedMount", errorMessage(error));
      throw error;
    }
  }

  async #stopSandbox(id: string): Promise<void> {
    await this.#context.engine.stopSandbox(id);
    const containers = this.runtime.containers.filter((each) => each.sandboxId === id);
    await Promise.all([id, ...containers.map((each) => each.id)].map((each) => this.runtime.refresh(each)));
    if (this.runtime.sandboxes.some((each) => each.id === id && each.ready)) throw new Error("it is still there");
    this.runtime.knowStopped(id);
  }

  /** Nothing runs any more: gives the volumes back, tells the API, and at last forgets the pod. */
  #conclude(): void {
    if (this.#setup.busy || this.#setup.waitMs > 0) return;
    if (!this.#tornDown) {
      this.#setUp("tear down the volumes", async () => {
        await this.#context.volumes.tearDown(this.#pod.metadata.uid);
        this.#tornDown = true;
        this.#cleanedUp.resolve();
      });
    } else if (this.#removed) {
      this.#setUp("clean up", async () => {
        await cleanUp(this.#context, this.#pod, this.runtime.sandboxes);
        this.close();
        this.#options.onDone();
      });
    } else if (this.#pod.metadata.deletionTimestamp !== undefined && !this.#deleteSent) {
      this.#setUp("delete the object", async () => {
        await this.#writer.written();
        await deletePod(this.#context.client, this.#pod);
        this.#deleteSent = true;
      });
    }
  }
}
