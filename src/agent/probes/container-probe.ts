import type { Pod, Probe } from "../../api/index.ts";
import type { Timer } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { ProbeVerdict } from "../pod/pod-view.ts";
import {
  firstProbeDelayMs,
  initialState,
  nextState,
  type ProbeKind,
  type ProbeState,
  periodMs,
} from "./probe-state.ts";
import { type ProbeOutcome, type ProbeTarget, runProbe } from "./run-probe.ts";

/** As the kubelet's metrics name results. */
export type ProbeResultWord = "successful" | "failed";

const kindWords: Record<ProbeKind, string> = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" };

/** One probe of one container: runs it at its times, counts results, tells when the verdict changes. */
export class ContainerProbe {
  readonly #context: AgentContext;
  readonly #kind: ProbeKind;
  readonly #probe: Probe;
  readonly #target: () => ProbeTarget;
  readonly #pod: () => Pod;
  readonly #changed: () => void;
  readonly #count: (result: ProbeResultWord) => void;
  #state: ProbeState;
  #timer: Timer | undefined;
  #running = false;
  #closed = false;

  constructor(
    context: AgentContext,
    probe: {
      readonly kind: ProbeKind;
      readonly spec: Probe;
      readonly pod: () => Pod;
      readonly target: () => ProbeTarget;
      /** Told of every result. */
      readonly count: (result: ProbeResultWord) => void;
    },
    changed: () => void,
  ) {
    this.#context = context;
    this.#kind = probe.kind;
    this.#probe = probe.spec;
    this.#pod = probe.pod;
    this.#target = probe.target;
    this.#changed = changed;
    this.#count = probe.count;
    this.#state = initialState(probe.kind);
  }

  get verdict(): ProbeVerdict {
    return this.#state.verdict;
  }

  /** Probes from now on; a container that started long ago is probed at once. */
  start(startedAtMs: number): void {
    if (this.#timer || this.#running || this.#closed) return;
    const { clock } = this.#context;
    this.#schedule(firstProbeDelayMs(this.#probe, startedAtMs, clock.now()));
  }

  /** The container was ready before this agent: it stays so until its probe fails. */
  assume(verdict: ProbeVerdict): void {
    this.#state = { ...this.#state, verdict };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#context.clock.setTimer(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    if (this.#closed || this.#context.signal.aborted) return;
    const { clock } = this.#context;
    const beganMs = clock.monotonicMs();
    this.#running = true;
    const outcome = await runProbe(this.#context, this.#target(), this.#probe);
    this.#running = false;
    if (this.#closed) return;
    this.#take(outcome);
    // A startup probe that failed for good waits for the container to be killed.
    if (this.#isOver()) return;
    this.#schedule(Math.max(0, periodMs(this.#probe) - (clock.monotonicMs() - beganMs)));
  }

  #isOver(): boolean {
    if (this.#kind === "startup") return this.verdict !== "unknown";
    return this.#kind === "liveness" && this.verdict === "failure";
  }

  #take({ success, output, errored, warning }: ProbeOutcome): void {
    const tell = (reason: string, what: string) => {
      const message = `${kindWords[this.#kind]} probe ${what}: ${output}`;
      this.#context.events.warning(this.#pod(), reason, message, this.#target().container);
    };
    if (errored) {
      // Nothing was learned.
      tell("Unhealthy", "errored and resulted in unknown state");
      return;
    }
    this.#count(success ? "successful" : "failed");
    if (!success) tell("Unhealthy", "failed");
    else if (warning) tell("ProbeWarning", "warning");
    const before = this.verdict;
    this.#state = nextState(this.#state, this.#probe, success);
    if (this.verdict !== before) this.#changed();
  }
}
