import {
  type CounterFamily,
  exponentialBuckets,
  type GaugeFamily,
  type HistogramFamily,
  type HistogramSeries,
  type MetricRegistry,
  metricsContentType,
  type Series,
} from "../../lib/index.ts";
import type { PathRoute } from "./handler.ts";
import type { ResourcePath } from "./request-path.ts";

/** What a request was, in the words of Kubernetes' metrics. */
export interface RequestLabels {
  /** One of Kubernetes' verbs, or the method where the request is about no resource. */
  readonly verb: string;
  readonly path: ResourcePath | undefined;
  readonly isDryRun: boolean;
  readonly isApply: boolean;
}

/** What of an answered request is counted. */
export interface RequestOutcome {
  readonly code: number;
  readonly seconds: number;
  /** Of which it waited for its turn; nobody's objective speaks of that. */
  readonly waitedSeconds: number;
  readonly bytes: number;
}

/** What is observed of all requests with the same labels, found once. */
interface RequestSeries {
  readonly labels: readonly string[];
  readonly duration: HistogramSeries | undefined;
  readonly objective: HistogramSeries | undefined;
  readonly size: HistogramSeries | undefined;
  readonly byCode: Map<number, Series>;
}

/** As k8s.io/apiserver/pkg/endpoints/metrics has them. */
const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sizeBuckets = exponentialBuckets(1000, 10, 7);
/** What metrics call the verbs: as the methods that bring them. */
const verbs: Readonly<Record<string, string>> = { create: "POST", update: "PUT" };
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT"]);
const sized: ReadonlySet<string> = new Set(["GET", "LIST"]);
const component = "apiserver";

/** Counts requests under the names that dashboards for Kubernetes know. */
export class RequestMetrics {
  readonly #registry: MetricRegistry;
  readonly #requests: CounterFamily;
  readonly #durations: HistogramFamily;
  readonly #objectives: HistogramFamily;
  readonly #sizes: HistogramFamily;
  readonly #longRunning: GaugeFamily;
  readonly #inFlight: GaugeFamily;
  readonly #queued: GaugeFamily;
  readonly #watchEvents: CounterFamily;
  readonly #watchBytes: CounterFamily;
  readonly #series = new Map<string, RequestSeries>();
  #last: { readonly labels: RequestLabels; readonly series: RequestSeries } | undefined;

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
    const target = ["group", "version", "resource", "subresource", "scope", "component"];
    this.#requests = registry.counter({
      name: "apiserver_request_total",
      help: "Requests by what they asked for and how they were answered.",
      labels: ["verb", "dry_run", ...target, "code"],
    });
    this.#durations = registry.histogram({
      name: "apiserver_request_duration_seconds",
      help: "How long requests took, watches and streams left out.",
      labels: ["verb", "dry_run", ...target],
      buckets: durationBuckets,
    });
    this.#objectives = registry.histogram({
      name: "apiserver_request_sli_duration_seconds",
      help: "How long requests took, watches, streams and the wait for a seat left out.",
      labels: ["verb", ...target],
      buckets: durationBuckets,
    });
    this.#sizes = registry.histogram({
      name: "apiserver_response_sizes",
      help: "Bytes of the bodies of reads, as they were sent.",
      labels: ["verb", ...target],
      buckets: sizeBuckets,
    });
    this.#longRunning = registry.gauge({
      name: "apiserver_longrunning_requests",
      help: "Watches and streams under way.",
      labels: ["verb", ...target],
    });
    this.#inFlight = registry.gauge({
      name: "apiserver_current_inflight_requests",
      help: "Requests under way, watches and streams left out.",
      labels: ["request_kind"],
    });
    this.#queued = registry.gauge({
      name: "apiserver_current_inqueue_requests",
      help: "Requests that wait for a seat.",
      labels: ["request_kind"],
    });
    this.#watchEvents = registry.counter({
      name: "apiserver_watch_events_total",
      help: "Events that were sent to watchers.",
      labels: ["group", "version", "resource"],
    });
    this.#watchBytes = registry.counter({
      name: "apiserver_watch_events_bytes_total",
      help: "Bytes of the events that were sent to watchers.",
      labels: ["group", "version", "resource"],
    });
  }

  /** A request was answered. */
  finished(labels: RequestLabels, { code, seconds, waitedSeconds, bytes }: RequestOutcome): void {
    const series = this.#seriesOf(labels);
    let answered = series.byCode.get(code);
    if (!answered) {
      answered = this.#requests.with(...series.labels, String(code));
      series.byCode.set(code, answered);
    }
    answered.add();
    series.duration?.observe(seconds);
    series.objective?.observe(seconds - waitedSeconds);
    series.size?.observe(bytes);
  }

  /** Tells with every scrape how many requests are under way and how many wait. */
  observeInFlight(inFlight: () => { readonly reads: number; readonly writes: number }, queued: typeof inFlight): void {
    this.#registry.onScrape(() => {
      for (const [gauge, look] of [
        [this.#inFlight, inFlight],
        [this.#queued, queued],
      ] as const) {
        const { reads, writes } = look();
        gauge.with("readOnly").value = reads;
        gauge.with("mutating").value = writes;
      }
    });
  }

  /** Counts a watch or stream for as long as it runs. */
  async longRunning(labels: RequestLabels, run: () => Promise<void>): Promise<void> {
    const [verb = "", , ...target] = this.#seriesOf(labels).labels;
    const series = this.#longRunning.with(verb, ...target);
    series.add();
    try {
      await run();
    } finally {
      series.add(-1);
    }
  }

  /** Where the events of a watch of this resource are counted. */
  watchSeries({ group, version, plural }: ResourcePath): { readonly events: Series; readonly bytes: Series } {
    return {
      events: this.#watchEvents.with(group, version, plural),
      bytes: this.#watchBytes.with(group, version, plural),
    };
  }

  /** Most requests are like the one before; that is seen without making a text to look them up by. */
  #seriesOf(labels: RequestLabels): RequestSeries {
    if (!this.#last || !areLike(this.#last.labels, labels)) this.#last = { labels, series: this.#filedSeries(labels) };
    return this.#last.series;
  }

  #filedSeries({ verb, path, isDryRun, isApply }: RequestLabels): RequestSeries {
    const scope = path ? scopeOf(verb, path) : "";
    const { group, version, plural, subresource } = path ?? noPath;
    const name = path ? (isApply ? "APPLY" : (verbs[verb] ?? verb.toUpperCase())) : methodOf(verb);
    const key = `${name} ${group} ${version} ${plural} ${subresource} ${scope} ${isDryRun}`;
    let series = this.#series.get(key);
    if (!series) {
      const target = [group, version, plural, subresource, scope, component];
      const isLong = name === "WATCH" || name === "CONNECT";
      series = {
        labels: [name, isDryRun ? "All" : "", ...target],
        duration: isLong ? undefined : this.#durations.with(name, isDryRun ? "All" : "", ...target),
        objective: isLong ? undefined : this.#objectives.with(name, ...target),
        size: sized.has(name) ? this.#sizes.with(name, ...target) : undefined,
        byCode: new Map(),
      };
      this.#series.set(key, series);
    }
    return series;
  }

  /** GET /metrics in the text format of Prometheus. */
  readonly route: PathRoute = async (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    if (request.path !== "/metrics") return false;
    response.end(200, { "content-type": metricsContentType }, this.#registry.text());
    return true;
  };
}

const noPath = { group: "", version: "", plural: "", subresource: "" };

function scopeOf(verb: string, { name, namespace }: ResourcePath): string {
  if (name !== "" || verb === "create") return "resource";
  return namespace !== "" ? "namespace" : "cluster";
}

/** Whether two requests are counted together. */
function areLike(a: RequestLabels, b: RequestLabels): boolean {
  const [left, right] = [a.path, b.path];
  if (a.verb !== b.verb || a.isDryRun !== b.isDryRun || a.isApply !== b.isApply) return false;
  if (!left || !right) return left === right;
  return (
    left.plural === right.plural &&
    left.group === right.group &&
    left.version === right.version &&
    left.subresource === right.subresource &&
    scopeOf(a.verb, left) === scopeOf(b.verb, right)
  );
}

/** Anybody may send any method: those that nothing has are one. */
function methodOf(verb: string): string {
  return methods.has(verb) ? verb : "other";
}
