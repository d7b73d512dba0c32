import type { Pod } from "../../api/index.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStatus, SandboxStatus } from "../engine/index.ts";
import { withTerminationMessage } from "./termination-message.ts";

/** What the engine has of a pod. */
export interface RuntimeSnapshot {
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly ContainerStatus[];
}

/** What the agent knows of a pod in the engine; events and the agent's own actions keep it, not questions. */
export class PodRuntime {
  readonly #context: Pick<AgentContext, "engine" | "host" | "paths">;
  readonly #pod: () => Pod;
  #sandboxes: readonly SandboxStatus[] = [];
  readonly #stopped = new Set<string>();
  #containers: readonly ContainerStatus[] = [];

  constructor(context: Pick<AgentContext, "engine" | "host" | "paths">, pod: () => Pod, snapshot: RuntimeSnapshot) {
    this.#context = context;
    this.#pod = pod;
    this.#sandboxes = newestFirst(snapshot.sandboxes);
    this.#containers = newestFirst(snapshot.containers);
  }

  /** Newest first. */
  get sandboxes(): readonly SandboxStatus[] {
    return this.#sandboxes;
  }

  /** The ids of those that this agent stopped. */
  get stopped(): ReadonlySet<string> {
    return this.#stopped;
  }

  knowStopped(sandboxId: string): void {
    this.#stopped.add(sandboxId);
  }

  /** Of every sandbox, newest first. */
  get containers(): readonly ContainerStatus[] {
    return this.#containers;
  }

  knowSandbox(sandbox: SandboxStatus): void {
    this.#sandboxes = newestFirst([...this.#sandboxes.filter((each) => each.id !== sandbox.id), sandbox]);
  }

  /** Takes over the state of a container; the end of one comes with its termination message. */
  async knowContainer(status: ContainerStatus): Promise<void> {
    const before = this.#containers.find((each) => each.id === status.id);
    // An answer that was on its way when the end became known is older than the end.
    if (before?.state === "exited") return;
    const known = status.state === "exited" ? await withTerminationMessage(this.#context, this.#pod(), status) : status;
    this.#containers = newestFirst([...this.#containers.filter((each) => each.id !== status.id), known]);
  }

  forgetContainer(id: string): void {
    this.#containers = this.#containers.filter((each) => each.id !== id);
  }

  forgetSandbox(id: string): void {
    this.#stopped.delete(id);
    this.#sandboxes = this.#sandboxes.filter((each) => each.id !== id);
    this.#containers = this.#containers.filter((each) => each.sandboxId !== id);
  }

  /** Asks the engine for the present state of one container or sandbox. */
  async refresh(id: string): Promise<void> {
    if (this.#sandboxes.some((each) => each.id === id)) {
      const sandbox = await this.#context.engine.sandboxStatus(id);
      if (sandbox) this.knowSandbox(sandbox);
      else this.forgetSandbox(id);
      return;
    }
    const status = await this.#context.engine.containerStatus(id);
    if (status) await this.knowContainer(status);
    else this.forgetContainer(id);
  }

  /** Takes over what a relist found; `startedMs` is when it began: what is younger the relist may have missed. */
  async replace(snapshot: RuntimeSnapshot, startedMs: number): Promise<void> {
    const isYoung = (each: { readonly createdAtMs: number }) => each.createdAtMs >= startedMs;
    const found = new Set([...snapshot.containers, ...snapshot.sandboxes].map((each) => each.id));
    this.#containers = this.#containers.filter((each) => found.has(each.id) || isYoung(each));
    this.#sandboxes = this.#sandboxes.filter((each) => found.has(each.id) || isYoung(each));
    for (const each of snapshot.sandboxes) this.knowSandbox(each);
    for (const each of snapshot.containers) await this.knowContainer(each);
  }
}

/** Each is made with a higher attempt than its predecessor; a clock that was set back would tell the dead from the new wrongly. */
function newestFirst<T extends { readonly attempt: number; readonly createdAtMs: number }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
}
