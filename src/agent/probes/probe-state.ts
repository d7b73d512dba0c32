// How results of one probe become a verdict: pure, by the rules of the kubelet's prober/worker.go.
import type { Probe } from "../../api/index.ts";
import type { ProbeVerdict } from "../pod/pod-view.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeState {
  readonly verdict: ProbeVerdict;
  /** How often the last result came in a row. */
  readonly runLength: number;
  readonly lastSuccess: boolean | undefined;
}

const defaults = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 };

/** What holds before the first result: a container lives until its probe says otherwise, and is not ready until it says so. */
export function initialState(kind: ProbeKind): ProbeState {
  const verdict = kind === "liveness" ? "success" : kind === "readiness" ? "failure" : "unknown";
  return { verdict, runLength: 0, lastSuccess: undefined };
}

export function nextState(state: ProbeState, probe: Probe, success: boolean): ProbeState {
  const runLength = success === state.lastSuccess ? state.runLength + 1 : 1;
  const threshold = success
    ? (probe.successThreshold ?? defaults.successThreshold)
    : (probe.failureThreshold ?? defaults.failureThreshold);
  const verdict: ProbeVerdict = runLength < threshold ? state.verdict : success ? "success" : "failure";
  return { verdict, runLength, lastSuccess: success };
}

export function periodMs(probe: Probe): number {
  return (probe.periodSeconds ?? defaults.periodSeconds) * 1_000;
}

export function timeoutMs(probe: Probe): number {
  return (probe.timeoutSeconds ?? defaults.timeoutSeconds) * 1_000;
}

/** For how long a container that started then is not probed yet; a clock that was set back makes that no longer. */
export function firstProbeDelayMs(probe: Probe, startedAtMs: number, nowMs: number): number {
  const delayMs = (probe.initialDelaySeconds ?? 0) * 1_000;
  return Math.max(0, Math.min(delayMs, startedAtMs + delayMs - nowMs));
}
