// How far and how fast an autoscaler may follow its metrics: pkg/controller/podautoscaler/horizontal.go,
// normalizeDesiredReplicas.
import type { HorizontalPodAutoscalerBehavior, HPAScalingPolicy, HPAScalingRules } from "../api/index.ts";

/** Something that happened to the count at a time: what was recommended, or by how much it was changed. */
export interface CountAt {
  readonly atMs: number;
  readonly count: number;
}

/** What is remembered of one autoscaler. */
export interface ScalingHistory {
  /** What the metrics asked for, before any limit. */
  readonly recommendations: readonly CountAt[];
  /** Replicas added, and (negative) taken away. */
  readonly changes: readonly CountAt[];
}

export interface Limits {
  readonly min: number;
  readonly max: number;
  readonly current: number;
  readonly behavior: HorizontalPodAutoscalerBehavior | undefined;
}

/** The status, reason and message of a condition. */
export interface Judgement {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface LimitedScale {
  readonly replicas: number;
  readonly history: ScalingHistory;
  readonly ableToScale: Judgement;
  readonly scalingLimited: Judgement;
}

/** kube-controller-manager's --horizontal-pod-autoscaler-downscale-stabilization. */
const downscaleStabilizationMs = 5 * 60_000;

/** What becomes of `desired` under the limits, and of the history. */
export function limitScale(desired: number, limits: Limits, history: ScalingHistory, nowMs: number): LimitedScale {
  const { behavior, current } = limits;
  const upMs = behavior ? (behavior.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000 : 0;
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds;
  const downMs = downSeconds === undefined ? downscaleStabilizationMs : downSeconds * 1000;
  const stabilized = stabilize(desired, limits, history.recommendations, nowMs - upMs, nowMs - downMs);
  const recommendations = [
    // At its very end a window still holds what is in it where there is no behavior, and is not worth a difference here.
    ...history.recommendations.filter(({ atMs }) => atMs >= nowMs - Math.max(upMs, downMs)),
    { atMs: nowMs, count: desired },
  ];
  const { replicas, reason, message } = behavior
    ? withinRates(stabilized, limits, behavior, history.changes, nowMs)
    : withinRules(stabilized, limits);
  return {
    replicas,
    history: { ...history, recommendations },
    ableToScale: stabilized === desired ? readyForNewScale : stabilizedBy(behavior !== undefined && desired >= current),
    scalingLimited: { status: replicas === stabilized ? "False" : "True", reason, message },
  };
}

const readyForNewScale: Judgement = {
  status: "True",
  reason: "ReadyForNewScale",
  message: "recommended size matches current size",
};

function stabilizedBy(up: boolean): Judgement {
  const [which, end] = up ? ["lower", "lowest"] : ["higher", "highest"];
  return {
    status: "True",
    reason: up ? "ScaleUpStabilized" : "ScaleDownStabilized",
    message: `recent recommendations were ${which} than current one, applying the ${end} recent recommendation`,
  };
}

/** The least that the recommendations of either window allow to change. */
function stabilize(
  desired: number,
  { behavior, current }: Limits,
  recommendations: readonly CountAt[],
  upSinceMs: number,
  downSinceMs: number,
): number {
  let lowest = desired;
  let highest = desired;
  for (const { atMs, count } of recommendations) {
    if (atMs > upSinceMs) lowest = Math.min(lowest, count);
    if (atMs > downSinceMs || (!behavior && atMs === downSinceMs)) highest = Math.max(highest, count);
  }
  if (!behavior) return highest;
  return Math.min(Math.max(current, lowest), highest);
}

interface Allowed {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

const withinRange = {
  reason: "DesiredWithinRange",
  message: "the desired count is within the acceptable range",
};
const tooFew = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
};
const tooMany = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
};
const tooFastUp = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const tooFastDown = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};

/** Without behavior: at most twice as many at once, and four from few. */
function withinRules(desired: number, { min, max, current }: Limits): Allowed {
  const fastest = Math.max(2 * current, 4);
  const most = Math.min(max, fastest);
  if (desired < min) return { replicas: min, ...tooFew };
  if (desired > most) return { replicas: most, ...(max > fastest ? tooFastUp : tooMany) };
  return { replicas: desired, ...withinRange };
}

function withinRates(
  desired: number,
  { min, max, current }: Limits,
  { scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior,
  changes: readonly CountAt[],
  nowMs: number,
): Allowed {
  if (desired > current) {
    const fastest = Math.max(current, farthest("up", current, scaleUp, changes, nowMs));
    const most = Math.min(max, fastest);
    if (desired > most) return { replicas: most, ...(max > fastest ? tooFastUp : tooMany) };
  } else if (desired < current) {
    const fastest = Math.min(current, farthest("down", current, scaleDown, changes, nowMs));
    const least = Math.max(min, fastest);
    if (desired < least) return { replicas: least, ...(min < fastest ? tooFastDown : tooFew) };
  }
  return { replicas: desired, ...withinRange };
}

/** How far the policies allow to go, counted from where each one's period began. */
function farthest(
  direction: "up" | "down",
  current: number,
  rules: HPAScalingRules | undefined,
  changes: readonly CountAt[],
  nowMs: number,
): number {
  const { selectPolicy = "Max", policies = [] } = rules ?? {};
  if (selectPolicy === "Disabled") return current;
  const proposals = policies.map((policy) => {
    const sinceMs = nowMs - policy.periodSeconds * 1000;
    const changed = changes.reduce((sum, { atMs, count }) => (atMs > sinceMs ? sum + count : sum), 0);
    return allowedBy(policy, direction, current - changed);
  });
  // The most change is the highest count on the way up and the lowest on the way down.
  const wantsHighest = (direction === "up") === (selectPolicy === "Max");
  return wantsHighest ? Math.max(...proposals) : Math.min(...proposals);
}

function allowedBy({ type, value }: HPAScalingPolicy, direction: "up" | "down", start: number): number {
  if (type === "Pods") return direction === "up" ? start + value : start - value;
  // Upwards a percentage must not round to nothing.
  return direction === "up" ? Math.ceil(start * (1 + value / 100)) : Math.trunc(start * (1 - value / 100));
}

/** The history after the count was changed by `count`. */
export function withChange(
  history: ScalingHistory,
  count: number,
  { behavior }: Limits,
  nowMs: number,
): ScalingHistory {
  // Without behavior nobody asks.
  if (!behavior) return { ...history, changes: [] };
  const periods = [...(behavior.scaleUp?.policies ?? []), ...(behavior.scaleDown?.policies ?? [])];
  const longestMs = Math.max(0, ...periods.map(({ periodSeconds }) => periodSeconds * 1000));
  const recent = history.changes.filter(({ atMs }) => atMs > nowMs - longestMs);
  return { ...history, changes: [...recent, { atMs: nowMs, count }] };
}
