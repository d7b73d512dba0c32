// What one pod's worker does to its containers: starts one at a time, stops and removes them, and remembers how starts failed.
import type { Pod, ResourceRequirements } from "../../api/index.ts";
import { assert, errorMessage, pause } from "../../lib/index.ts";
import { containerHash } from "../container/container-labels.ts";
import { StartError } from "../container/start-error.ts";
import type { AgentContext } from "../context.ts";
import { removeContainerFiles } from "../logs/container-logs.ts";
import { type CrashBackoff, nextCrashBackoff } from "./crash-backoff.ts";
import type { StopContainerAction } from "./plan-pod.ts";
import { containersOf, describePod, type PodContainer } from "./pod-containers.ts";
import type { PodRuntime } from "./pod-runtime.ts";
import { configOf } from "./pod-sandbox.ts";
import { latestContainer, type PodView, type StartFailure } from "./pod-view.ts";
import { startContainer } from "./start-container.ts";
import { stopContainer } from "./stop-container.ts";

export interface OperatedPod {
  readonly context: AgentContext;
  readonly runtime: PodRuntime;
  readonly pod: () => Pod;
  readonly podIps: () => readonly string[];
  /** Called when something changed that a new plan must see. */
  readonly changed: () => void;
}

/** The pause after a stop that did not succeed. */
const stopRetryMs = 500;

export class ContainerOperations {
  readonly #operated: OperatedPod;
  readonly #failures = new Map<string, StartFailure>();
  /** By container name and hash: a container of another definition has not failed yet. */
  readonly #backoffs = new Map<string, CrashBackoff>();
  readonly #stopping = new Map<string, number>();
  readonly #removing = new Set<string>();
  readonly #given = new Map<string, ResourceRequirements>();
  readonly #waiters = new Set<{ readonly ids: readonly string[]; readonly resolve: () => void }>();
  readonly #startAbort = new AbortController();
  #starting: string | undefined;

  constructor(operated: OperatedPod) {
    this.#operated = operated;
  }

  /** By container name. */
  get failures(): ReadonlyMap<string, StartFailure> {
    return this.#failures;
  }

  /** By container name. */
  get backoffs(): ReadonlyMap<string, CrashBackoff> {
    return new Map(
      containersOf(this.#operated.pod()).flatMap(({ spec }) => {
        const backoff = this.#backoffs.get(backoffKey(spec));
        return backoff ? [[spec.name, backoff] as const] : [];
      }),
    );
  }

  /** The grace that was given, by container id; also of those that have stopped. */
  get stopping(): ReadonlyMap<string, number> {
    return this.#stopping;
  }

  /** The resources that each container was last given, by its id. */
  get given(): ReadonlyMap<string, ResourceRequirements> {
    return this.#given;
  }

  knowGiven(id: string, resources: ResourceRequirements): void {
    this.#given.set(id, resources);
  }

  /** The container that is being started. */
  get starting(): string | undefined {
    return this.#starting;
  }

  /** Aborted when the pod stops: pulls and hooks end then. */
  get signal(): AbortSignal {
    return this.#startAbort.signal;
  }

  /** The pod stops: what is being started is given up. */
  abortStart(): void {
    this.#startAbort.abort();
  }

  /** What failed for want of configuration may be tried again at once. */
  retryConfiguration(): void {
    for (const [name, failure] of this.#failures) {
      if (failure.reason === "CreateContainerConfigError") this.#failures.set(name, { ...failure, retryAtMs: 0 });
    }
  }

  async start(container: PodContainer, attempt: number, view: PodView): Promise<void> {
    const { context, runtime, pod, podIps, changed } = this.#operated;
    const { name } = container.spec;
    const sandbox = runtime.sandboxes[0];
    assert(sandbox && this.#starting === undefined, "one container is started at a time, in a sandbox");
    this.#starting = name;
    const latest = latestContainer(view.containers, name);
    if (latest?.state === "exited") {
      const key = backoffKey(container.spec);
      this.#backoffs.set(key, nextCrashBackoff(this.#backoffs.get(key), latest.finishedAtMs, context.clock.now()));
    }
    try {
      await startContainer(context, {
        view,
        container,
        attempt,
        sandboxId: sandbox.id,
        sandbox: await configOf(context, pod(), sandbox.attempt),
        podIps: podIps(),
        signal: this.signal,
        changed: async (status) => {
          await runtime.knowContainer(status);
          if (!this.#given.has(status.id)) this.#given.set(status.id, container.spec.resources ?? {});
          changed();
        },
      });
      this.#failures.delete(name);
    } catch (error) {
      this.#startFailed(name, error);
    } finally {
      this.#starting = undefined;
      changed();
    }
  }

  #startFailed(name: string, error: unknown): void {
    const { context, pod } = this.#operated;
    if (this.signal.aborted) return;
    const known = error instanceof StartError ? error : new StartError("CreateContainerError", errorMessage(error));
    const about = { pod: describePod(pod()), container: name, error: errorMessage(error) };
    context.log.info("container not started", about);
    const { reason, message, retryAfterMs } = known;
    const retryAtMs = context.clock.now() + retryAfterMs;
    this.#failures.set(name, { reason, message, retryAtMs, retryAfterMs });
  }

  async stop(action: StopContainerAction, view: PodView): Promise<void> {
    const { context, runtime, pod, podIps, changed } = this.#operated;
    const { containerId: id, name } = action;
    const again = this.#stopping.has(id);
    this.#stopping.set(id, action.graceSeconds);
    try {
      await stopContainer(context, { view, action, podIp: podIps()[0], turn: this.#ended(action.after), again });
      await runtime.refresh(id);
      const left = runtime.containers.find((each) => each.id === id);
      if (left?.state === "running") throw new Error("it still runs");
    } catch (error) {
      const about = { pod: describePod(pod()), container: name, error: errorMessage(error) };
      context.log.warn("container not stopped", about);
      // An agent that ends meanwhile leaves the rest to the next one.
      await pause(context.clock, stopRetryMs, context.signal);
      if (this.#stopping.get(id) === action.graceSeconds) this.#stopping.delete(id);
    } finally {
      changed();
    }
  }

  /** Lets go on who waits for containers that have ended. */
  tellEnded(): void {
    const { containers } = this.#operated.runtime;
    const running = new Set(containers.filter((each) => each.state === "running").map((each) => each.id));
    for (const waiter of this.#waiters) {
      if (waiter.ids.some((id) => running.has(id))) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves when none of the containers runs any more. */
  #ended(ids: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add({ ids, resolve });
      this.tellEnded();
    });
  }

  async removeContainer(id: string): Promise<void> {
    const { context, runtime, pod } = this.#operated;
    const dead = runtime.containers.find((each) => each.id === id);
    await this.#remove(id, async () => {
      await context.engine.removeContainer(id);
      if (dead) await removeContainerFiles(context.host.files, context.paths, pod(), dead);
      runtime.forgetContainer(id);
      this.#given.delete(id);
      this.#stopping.delete(id);
    });
  }

  async removeSandbox(id: string): Promise<void> {
    const { context, runtime } = this.#operated;
    await this.#remove(id, async () => {
      await context.engine.removeSandbox(id);
      runtime.forgetSandbox(id);
    });
  }

  async #remove(id: string, work: () => Promise<void>): Promise<void> {
    if (this.#removing.has(id)) return;
    const { context, pod } = this.#operated;
    this.#removing.add(id);
    try {
      await work();
    } catch (error) {
      // Left to the next time that something happens to the pod: nothing depends on it.
      context.log.debug("not removed", { pod: describePod(pod()), id, error: errorMessage(error) });
    } finally {
      this.#removing.delete(id);
    }
  }
}

const backoffKey = (spec: PodContainer["spec"]) => `${spec.name} ${containerHash(spec)}`;
