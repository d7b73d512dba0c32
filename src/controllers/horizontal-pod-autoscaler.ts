// Keeps the replicas of whatever has a scale at what its metrics ask for: pkg/controller/podautoscaler/horizontal.go.
import {
  APIServices,
  ApiError,
  type HorizontalPodAutoscaler,
  type HorizontalPodAutoscalerStatus,
  HorizontalPodAutoscalers,
  type LabelRequirement,
  type MetricStatus,
  matchesLabels,
  type Pod,
  parseApiVersion,
  parseLabelSelector,
  quantityMilliValue,
  type ResourceReference,
  type Scale,
  withCondition,
} from "../api/index.ts";
import {
  also,
  type Cache,
  defineController,
  type Key,
  keyOf,
  type ReconcileContext,
  splitKey,
} from "../client/index.ts";
import { deepEqual, errorMessage, MetricRegistry, timestamp } from "../lib/index.ts";
import type { Tolerances } from "./horizontal-pod-autoscaler-calculation.ts";
import { type Judgement, limitScale, type ScalingHistory, withChange } from "./horizontal-pod-autoscaler-limits.ts";
import { AutoscalerMonitor, actionOf, type ScalingAction } from "./horizontal-pod-autoscaler-monitor.ts";
import {
  invalidMetricType,
  MetricFailure,
  type MetricProposal,
  proposalOf,
  type ScaledPods,
} from "./horizontal-pod-autoscaler-proposal.ts";
import type { KindCatalog } from "./resource-catalog.ts";
import { podsByLabel, podsWith } from "./selection.ts";

/** kube-controller-manager's --horizontal-pod-autoscaler-sync-period. What fails is tried again after as long. */
const syncPeriodMs = 15_000;
/** kube-controller-manager's --horizontal-pod-autoscaler-tolerance, in thousandths. */
const toleranceMilli = 100;
/** retry.DefaultRetry: how often one rescale is sent while others write the target. */
const updatesMax = 5;

/** What is remembered of an autoscaler between two looks. */
interface Memory {
  history: ScalingHistory | undefined;
  /** The pods that it scales, since it last asked. */
  selector: readonly LabelRequirement[] | undefined;
  /** How many replicas it wanted then. */
  desired: number | undefined;
}

/** `metrics` is where autoscalers are counted. */
export function horizontalPodAutoscalerController(catalog: KindCatalog, metrics = new MetricRegistry()) {
  const memories = new Map<Key, Memory>();
  const monitor = new AutoscalerMonitor(metrics, () =>
    [...memories].map(([key, { desired: replicas }]) => {
      const { namespace = "", name } = splitKey(key);
      return { namespace, name, replicas };
    }),
  );
  return defineController({
    // Events carry the name.
    name: "horizontal-pod-autoscaler",
    watches: {
      also: [
        // Not its own status: what the metrics say changes with every look.
        also(HorizontalPodAutoscalers, (autoscaler, _cache, old) =>
          old && deepEqual(old.spec, autoscaler.spec) ? [] : [keyOf(autoscaler)],
        ),
        // Only read.
        also(APIServices, () => []),
      ],
    },
    indexes: [podsByLabel],
    async reconcile(context, key) {
      const autoscaler = context.cache.get(HorizontalPodAutoscalers, key);
      if (!autoscaler) {
        memories.delete(key);
        return;
      }
      const memory = memories.get(key) ?? { history: undefined, selector: undefined, desired: undefined };
      memories.set(key, memory);
      const look = new Look(context, catalog, autoscaler, memory, memories, monitor);
      const startMs = context.clock.monotonicMs();
      const status = await look.take();
      if (!deepEqual(status, autoscaler.status)) await writeStatus(context, { ...autoscaler, status });
      const seconds = (context.clock.monotonicMs() - startMs) / 1000;
      monitor.looked(look.action, look.hasFailed ? "internal" : "none", seconds);
      return { afterMs: syncPeriodMs };
    },
  });
}

async function writeStatus({ client, events, log }: ReconcileContext, autoscaler: HorizontalPodAutoscaler) {
  try {
    await client.update(HorizontalPodAutoscalers, autoscaler, { subresource: "status" });
  } catch (error) {
    // The next look says it again; before that nothing would be different.
    log.debug("an autoscaler's status was not written", { key: keyOf(autoscaler), error: errorMessage(error) });
    events.warning(autoscaler, "FailedUpdateStatus", errorMessage(error));
  }
}

/** Why a look ended early; the status says it already. */
class LookFailed extends Error {}

interface Target {
  readonly resource: ResourceReference;
  readonly scale: Scale;
}

/** One look at the metrics, and what follows from it. */
class Look {
  /** What was done. */
  action: ScalingAction = "none";
  hasFailed = false;
  readonly #context: ReconcileContext;
  readonly #catalog: KindCatalog;
  readonly #autoscaler: HorizontalPodAutoscaler;
  readonly #memory: Memory;
  readonly #memories: ReadonlyMap<Key, Memory>;
  readonly #monitor: AutoscalerMonitor;
  readonly #nowMs: number;
  #status: HorizontalPodAutoscalerStatus;

  constructor(
    context: ReconcileContext,
    catalog: KindCatalog,
    autoscaler: HorizontalPodAutoscaler,
    memory: Memory,
    memories: ReadonlyMap<Key, Memory>,
    monitor: AutoscalerMonitor,
  ) {
    this.#context = context;
    this.#catalog = catalog;
    this.#autoscaler = autoscaler;
    this.#memory = memory;
    this.#memories = memories;
    this.#monitor = monitor;
    this.#nowMs = context.clock.now();
    this.#status = autoscaler.status;
  }

  /** Scales where that is to be done; the status to write. */
  async take(): Promise<HorizontalPodAutoscalerStatus> {
    try {
      await this.#scale(await this.#target());
    } catch (error) {
      if (!(error instanceof LookFailed)) throw error;
      this.hasFailed = true;
    }
    return this.#status;
  }

  async #target(): Promise<Target> {
    const { scaleTargetRef } = this.#autoscaler.spec;
    const { group, version } = parseApiVersion(scaleTargetRef.apiVersion ?? "");
    const { kind, name } = scaleTargetRef;
    try {
      const served = this.#catalog.all().filter((each) => each.kind === kind && each.group === group);
      const resource = served.find((each) => each.version === version) ?? served[0];
      if (!resource) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      const scale = await this.#readScale(resource, name);
      this.#set("AbleToScale", {
        status: "True",
        reason: "SucceededGetScale",
        message: "the HPA controller was able to get the target's current scale",
      });
      return { resource, scale };
    } catch (error) {
      const why = errorMessage(error);
      this.#context.events.warning(this.#autoscaler, "FailedGetScale", why);
      const message = `the HPA controller was unable to get the target's current scale: ${why}`;
      throw this.#failed("AbleToScale", "FailedGetScale", message);
    }
  }

  async #readScale(resource: Target["resource"], name: string): Promise<Scale> {
    const { namespace = "" } = this.#autoscaler.metadata;
    // What this subresource gives.
    return (await this.#context.client.get(
      resource,
      { namespace, name },
      { subresource: "scale" },
    )) as unknown as Scale;
  }

  async #scale(target: Target): Promise<void> {
    const { minReplicas: min = 1, maxReplicas: max, behavior } = this.#autoscaler.spec;
    const current = target.scale.spec.replicas ?? 0;
    const limits = { min, max, current, behavior };
    this.#memory.history ??= { recommendations: [{ atMs: this.#nowMs, count: current }], changes: [] };
    let desired = current;
    let reason = "";
    let metrics: readonly MetricStatus[] | undefined;
    if (current === 0 && min !== 0)
      this.#set("ScalingActive", {
        status: "False",
        reason: "ScalingDisabled",
        message: "scaling is disabled since the replica count of the target is zero",
      });
    else if (current > max) [desired, reason] = [max, "Current number of replicas above Spec.MaxReplicas"];
    else if (current < min) [desired, reason] = [min, "Current number of replicas below Spec.MinReplicas"];
    else {
      const asked = await this.#ask(target.scale);
      metrics = asked.metrics;
      if (asked.replicas > current) reason = `${asked.name} above target`;
      else if (asked.replicas < current) reason = "All metrics below target";
      const limited = limitScale(asked.replicas, limits, this.#memory.history, this.#nowMs);
      this.#memory.history = limited.history;
      this.#set("AbleToScale", limited.ableToScale);
      this.#set("ScalingLimited", limited.scalingLimited);
      desired = limited.replicas;
    }
    this.#memory.desired = desired;
    if (desired !== current) {
      await this.#rescale(target, desired, reason, metrics);
      this.action = actionOf(desired, current);
      this.#memory.history = withChange(this.#memory.history, desired - current, limits, this.#nowMs);
    }
    this.#report(current, desired, metrics);
    if (desired !== current) this.#status = { ...this.#status, lastScaleTime: timestamp(this.#nowMs) };
  }

  async #rescale({ resource, scale }: Target, replicas: number, reason: string, metrics?: readonly MetricStatus[]) {
    const { client, events } = this.#context;
    try {
      let read = scale;
      for (let attempt = 1; ; attempt++) {
        try {
          const next = { ...read, spec: { ...read.spec, replicas } };
          await client.update(resource, next, { subresource: "scale" });
          break;
        } catch (error) {
          const isConflict = error instanceof ApiError && error.code === 409;
          if (!isConflict || attempt === updatesMax) throw error;
          read = await this.#readScale(resource, this.#autoscaler.spec.scaleTargetRef.name);
        }
      }
    } catch (error) {
      const why = errorMessage(error);
      events.warning(this.#autoscaler, "FailedRescale", `New size: ${replicas}; reason: ${reason}; error: ${why}`);
      this.#report(scale.spec.replicas ?? 0, this.#autoscaler.status.desiredReplicas, metrics);
      const message = `the HPA controller was unable to update the target scale: ${why}`;
      throw this.#failed("AbleToScale", "FailedUpdateScale", message);
    }
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    this.#set("AbleToScale", { status: "True", reason: "SucceededRescale", message });
    events.normal(this.#autoscaler, "SuccessfulRescale", `New size: ${replicas}; reason: ${reason}`);
  }

  /** The most that a metric asks for. Where some say nothing the others may only scale up. */
  async #ask(scale: Scale) {
    const { metrics: specs = [] } = this.#autoscaler.spec;
    const { cache, client } = this.#context;
    const { namespace = "" } = this.#autoscaler.metadata;
    const specReplicas = scale.spec.replicas ?? 0;
    const selector = this.#selectorOf(scale);
    const pods = selectedPods(cache, namespace, selector.requirements);
    const scaled: ScaledPods = {
      selector: selector.text,
      pods,
      specReplicas,
      statusReplicas: scale.status.replicas,
      tolerances: tolerancesOf(this.#autoscaler),
      nowMs: this.#nowMs,
    };
    const source = { client, cache, catalog: this.#catalog, namespace };
    const metrics: MetricStatus[] = [];
    const failures: MetricFailure[] = [];
    let [replicas, name] = [0, ""];
    for (const spec of specs) {
      try {
        const proposal = await this.#propose(spec, scaled, source);
        metrics.push(proposal.status);
        if (replicas === 0 || proposal.replicas > replicas) [replicas, name] = [proposal.replicas, proposal.name];
      } catch (error) {
        if (!(error instanceof MetricFailure)) throw error;
        // An empty status keeps the place of the metric, as clients expect it.
        metrics.push({ type: "" });
        failures.push(error);
        this.#context.events.warning(this.#autoscaler, error.reason, error.detail);
      }
    }
    const [first] = failures;
    if (first && (failures.length >= specs.length || replicas < specReplicas)) {
      const message = `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first.message}`;
      this.#report(specReplicas, this.#autoscaler.status.desiredReplicas, metrics);
      this.#context.events.warning(this.#autoscaler, "FailedComputeMetricsReplicas", message);
      const detail = `the HPA was unable to compute the replica count: ${first.detail}`;
      throw this.#failed("ScalingActive", first.reason, detail);
    }
    const message = `the HPA was able to successfully calculate a replica count from ${name}`;
    this.#set("ScalingActive", { status: "True", reason: "ValidMetricFound", message });
    return { replicas, name, metrics };
  }

  async #propose(...[spec, scaled, source]: Parameters<typeof proposalOf>): Promise<MetricProposal> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    const seconds = () => (clock.monotonicMs() - startMs) / 1000;
    try {
      const proposal = await proposalOf(spec, scaled, source);
      const action = actionOf(proposal.replicas, this.#autoscaler.status.currentReplicas ?? 0);
      this.#monitor.computed(action, "none", spec.type, seconds());
      return proposal;
    } catch (error) {
      const isSpec = error instanceof MetricFailure && error.reason === invalidMetricType;
      this.#monitor.computed("none", isSpec ? "spec" : "internal", spec.type, seconds());
      throw error;
    }
  }

  #selectorOf({ spec, status: { selector = "" } }: Scale) {
    const fail = (event: string, condition: string, why: string, message: string) => {
      this.#context.events.warning(this.#autoscaler, event, why);
      this.#report(spec.replicas ?? 0, this.#autoscaler.status.desiredReplicas, undefined);
      this.#context.events.warning(this.#autoscaler, "FailedComputeMetricsReplicas", why);
      return this.#failed("ScalingActive", condition, message);
    };
    if (selector === "")
      throw fail(
        "SelectorRequired",
        "InvalidSelector",
        "selector is required",
        "the HPA target's scale is missing a selector",
      );
    let requirements: readonly LabelRequirement[];
    try {
      requirements = parseLabelSelector(selector);
    } catch (error) {
      const why = `couldn't convert selector into a corresponding internal selector object: ${errorMessage(error)}`;
      throw fail("InvalidSelector", "InvalidSelector", why, why);
    }
    this.#memory.selector = requirements;
    const rivals = this.#scalersOf(requirements);
    if (rivals.length > 1) {
      const why = `pods by selector ${selector} are controlled by multiple HPAs: [${rivals.join(" ")}]`;
      throw fail("AmbiguousSelector", "AmbiguousSelector", why, why);
    }
    return { text: selector, requirements };
  }

  /** The autoscalers, this one among them, that scale any of the pods. */
  #scalersOf(requirements: readonly LabelRequirement[]): Key[] {
    const { namespace = "" } = this.#autoscaler.metadata;
    const { cache } = this.#context;
    const pods = selectedPods(cache, namespace, requirements);
    return cache
      .list(HorizontalPodAutoscalers, namespace)
      .map(keyOf)
      .filter((key) => {
        const selector = this.#memories.get(key)?.selector;
        return selector && pods.some(({ metadata }) => matchesLabels(selector, metadata.labels));
      });
  }

  #set(type: string, judgement: Judgement): void {
    const conditions = withCondition(this.#status.conditions, { type, ...judgement }, this.#nowMs);
    this.#status = { ...this.#status, conditions };
  }

  #failed(type: string, reason: string, message: string): LookFailed {
    this.#set(type, { status: "False", reason, message });
    return new LookFailed(message);
  }

  #report(currentReplicas: number, desiredReplicas: number, currentMetrics: readonly MetricStatus[] | undefined): void {
    const { lastScaleTime, conditions } = this.#status;
    this.#status = {
      ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
      currentReplicas,
      desiredReplicas,
      ...(currentMetrics ? { currentMetrics } : {}),
      ...(conditions ? { conditions } : {}),
    };
  }
}

function selectedPods(cache: Cache, namespace: string, requirements: readonly LabelRequirement[]): readonly Pod[] {
  const equal = requirements.filter(({ operator }) => operator === "=" || operator === "==");
  const labels = Object.fromEntries(equal.map(({ key, values: [value = ""] }) => [key, value]));
  return podsWith(cache, namespace, labels).filter(({ metadata }) => matchesLabels(requirements, metadata.labels));
}

function tolerancesOf({ spec: { behavior } }: HorizontalPodAutoscaler): Tolerances {
  const share = (tolerance: string | undefined) =>
    (tolerance === undefined ? toleranceMilli : quantityMilliValue(tolerance)) / 1000;
  return { scaleUp: share(behavior?.scaleUp?.tolerance), scaleDown: share(behavior?.scaleDown?.tolerance) };
}
