import { type Pod, type PodCondition, Pods, podCondition } from "../api/index.ts";
import { type Client, type EventRecorder, keyOf } from "../client/index.ts";
import { type Clock, errorMessage, type Logger, timestamp } from "../lib/index.ts";
import { asPod, objectKeyOf } from "./pod-key.ts";
import type { QueuedPod } from "./queue.ts";

interface PodReportsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly events: EventRecorder;
  /** Takes part in the bounds on what is written at once. */
  readonly write: (writing: Promise<void>) => void;
  /** The pod as it was seen last. */
  readonly latest: (pod: Pod) => Pod;
}

/** How long a pod's failure is not told again in the same words. */
const repeatMs = 5 * 60_000;

/** How long the text of an event may be: Kubernetes' NoteLengthLimit. */
const eventLengthMax = 1_024;

/** As much of a text as an event can hold. */
function shortened(text: string): string {
  const end = " ...";
  return text.length <= eventLengthMax ? text : `${text.slice(0, eventLengthMax - end.length)}${end}`;
}

/** Tells why pods have no node, in events and in their status. */
export class PodReports {
  readonly #options: PodReportsOptions;

  constructor(options: PodReportsOptions) {
    this.#options = options;
  }

  /**
   * Tells it, unless it was just told; writes the nomination to a node too, null takes it away. Resolves when the status is
   * written, rejects when it cannot be; undefined when there is nothing to write.
   */
  tell(queued: QueuedPod, reason: string, message: string, nominated?: string | null): Promise<void> | undefined {
    const { clock, events, log, signal, write } = this.#options;
    const { pod, reported } = queued;
    const nominates = nominated !== undefined && !this.#isNominated(queued, nominated ?? "");
    const nowMs = clock.monotonicMs();
    const isRepeated = reported?.message === message && nowMs - reported.atMs < repeatMs;
    if (isRepeated && !nominates) return undefined;
    if (!isRepeated) {
      queued.reported = { message, atMs: nowMs };
      events.warning(asPod(pod), "FailedScheduling", shortened(message));
    }
    if (nominates) queued.nominated = nominated ?? "";
    const writing = this.#setStatus(pod, reason, message, nominates ? { nominatedNodeName: nominated } : {});
    write(
      writing.catch((error: unknown) => {
        // It tells people, and the next failure says it again; who waits for it hears of it.
        if (!signal.aborted) log.debug("condition not written", { pod: keyOf(pod), error: errorMessage(error) });
      }),
    );
    return writing;
  }

  /** Writes to which node the pod will be bound. That it cannot be written keeps nobody from going on. */
  async nominate(queued: QueuedPod, nodeName: string): Promise<void> {
    if (this.#isNominated(queued, nodeName)) return;
    queued.nominated = nodeName;
    try {
      await this.#patchStatus(queued.pod, { nominatedNodeName: nodeName });
    } catch (error) {
      const { log, signal } = this.#options;
      if (!signal.aborted) log.debug("nomination not written", { pod: keyOf(queued.pod), error: errorMessage(error) });
    }
  }

  /** Whether the pod's status says so; what was written last may not have been seen yet. */
  #isNominated({ pod, nominated }: QueuedPod, nodeName: string): boolean {
    const { nominatedNodeName = "" } = this.#options.latest(pod).status ?? {};
    return nominatedNodeName === nodeName && (nominated ?? nodeName) === nodeName;
  }

  async #setStatus(pod: Pod, reason: string, message: string, more: object): Promise<void> {
    const { clock } = this.#options;
    const old = podCondition(pod, "PodScheduled");
    const isSaid = old?.status === "False" && old.reason === reason && old.message === message;
    if (isSaid && Object.keys(more).length === 0) return;
    const condition: PodCondition = {
      type: "PodScheduled",
      status: "False",
      reason,
      message,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      lastTransitionTime:
        old?.status === "False" && old.lastTransitionTime ? old.lastTransitionTime : timestamp(clock.now()),
    };
    await this.#patchStatus(pod, { conditions: [condition], ...more });
  }

  async #patchStatus(pod: Pod, status: object): Promise<void> {
    const { client, signal } = this.#options;
    await client.patch(
      Pods,
      objectKeyOf(pod),
      { metadata: { uid: pod.metadata.uid }, status },
      { subresource: "status", type: "application/strategic-merge-patch+json", signal },
    );
  }
}
