// Brings what the agent knows of its pods to the API: only what changed, one write at a time for each pod.
import { ApiError, type Pod, type PodCondition, type PodStatus, Pods } from "../../api/index.ts";
import { type Client, jitteredBackoffMs } from "../../client/index.ts";
import { type Clock, deepEqual, errorMessage, type Logger, pause, type Random } from "../../lib/index.ts";
import { isOwnCondition, isOwnDisruption } from "./pod-conditions.ts";

export interface StatusWriterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const retryBackoff = { firstMs: 200, maxMs: 10_000 };

/** The status of one pod in the API. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pod: Pod;
  /** What the API has, as far as the agent wrote or read it. */
  #written: PodStatus;
  /** The version of the pod that the conditions in `#written` are of. */
  #revision: number;
  #wanted: PodStatus;
  #isWriting = false;
  #writing = Promise.resolve();
  #gone = false;

  constructor(options: StatusWriterOptions, pod: Pod) {
    this.#options = options;
    this.#pod = pod;
    this.#written = pod.status ?? {};
    this.#revision = Number(pod.metadata.resourceVersion);
    this.#wanted = this.#written;
  }

  /**
   * Tells what the API has now. Conditions of the agent that somebody else wrote, as the node controller does for nodes
   * that it does not hear of, are written again with the next status.
   */
  seen({ metadata, status }: Pod): void {
    const revision = Number(metadata.resourceVersion);
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#written = { ...this.#written, conditions: status?.conditions ?? [] };
  }

  /** Writes `status` soon; of several the last one counts. */
  write(status: PodStatus): void {
    this.#wanted = status;
    if (this.#gone || this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#run();
  }

  /** Resolves when the API has the last status, or when the pod is gone from it. */
  async written(): Promise<void> {
    while (this.#isWriting) await this.#writing;
  }

  async #run(): Promise<void> {
    const { clock, random, signal, log } = this.#options;
    let failures = 0;
    try {
      while (!this.#gone && !signal.aborted) {
        const status = this.#wanted;
        const patch = statusPatch(this.#written, status);
        if (!patch) return;
        try {
          const answer = await this.#send(patch);
          this.#written = { ...status, conditions: this.#written.conditions ?? [] };
          this.seen(answer);
          failures = 0;
        } catch (error) {
          if (isGone(error)) {
            this.#gone = true;
            return;
          }
          if (signal.aborted) return;
          log.warn("pod status not written", { pod: this.#pod.metadata.name, error: errorMessage(error) });
          await pause(clock, jitteredBackoffMs(retryBackoff, failures++, random), signal);
        }
      }
    } finally {
      this.#isWriting = false;
    }
  }

  async #send(status: object): Promise<Pod> {
    const { namespace = "", name, uid } = this.#pod.metadata;
    // The uid makes it fail for another pod of the same name.
    const patch = { metadata: { uid }, status };
    const type = "application/strategic-merge-patch+json";
    return await this.#options.client.patch(Pods, { namespace, name }, patch, { subresource: "status", type });
  }
}

/** Whether the API no longer has this pod: it is gone, or another one has its name, whose uid cannot become this one's. */
function isGone(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 404 || error.status.details?.causes?.some(({ field }) => field === "metadata.uid") === true;
}

/**
 * The strategic merge patch from one status to the other; undefined when nothing changed. Conditions of others are left
 * out, so that they are never overwritten.
 */
export function statusPatch(from: PodStatus, to: PodStatus): object | undefined {
  const patch: Record<string, unknown> = {};
  // Statuses are records of JSON values.
  const before = from as Readonly<Record<string, unknown>>;
  const after = to as Readonly<Record<string, unknown>>;
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (key === "conditions" || isSame(before[key], after[key])) continue;
    patch[key] = after[key] ?? null;
  }
  // Lists that merge by their keys are replaced: an address that is gone must go.
  for (const key of ["podIPs", "hostIPs"]) {
    const list = patch[key];
    if (Array.isArray(list)) patch[key] = [{ $patch: "replace" }, ...list];
  }
  const conditions = conditionPatches(from.conditions ?? [], to.conditions ?? []);
  if (conditions.length > 0) patch.conditions = conditions;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Whether both say the same, but for times that the API shows as null because nobody set them. */
function isSame(shown: unknown, wanted: unknown): boolean {
  return deepEqual(shown, wanted) || deepEqual(withoutUnset(shown), wanted);
}

function withoutUnset(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnset);
  if (typeof value !== "object" || value === null) return value;
  const set = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(set.map(([key, each]) => [key, withoutUnset(each)]));
}

/** The agent's conditions that changed; a field that a condition lost is taken away. */
function conditionPatches(from: readonly PodCondition[], to: readonly PodCondition[]): object[] {
  const gone = from.filter(({ type }) => isOwnCondition(type) && !to.some((each) => each.type === type));
  const changed = to.flatMap((condition) => {
    if (!isOwnCondition(condition.type) && !isOwnDisruption(condition)) return [];
    const before = from.find((each) => each.type === condition.type);
    if (isSame(before, condition)) return [];
    const lost = Object.keys(before ?? {}).filter((key) => !(key in condition));
    return [{ ...condition, ...Object.fromEntries(lost.map((key) => [key, null])) }];
  });
  return [...changed, ...gone.map(({ type }) => ({ type, $patch: "delete" }))];
}
