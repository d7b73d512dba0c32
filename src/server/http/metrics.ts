import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { PathRoute } from "./handler.ts";
import type { ResourcePath } from "./request-path.ts";

/** What a request was, in the words of Kubernetes' metrics. */
export interface RequestLabels {
  readonly verb: string;
  readonly path: ResourcePath | undefined;
}

/** Counts requests under the names that dashboards for Kubernetes know. */
export class RequestMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #watches: Gauge;

  constructor() {
    const registers = [this.#registry];
    const resource = ["verb", "group", "version", "resource", "subresource", "scope"];
    this.#requests = new Counter({
      name: "apiserver_request_total",
      help: "Requests by what they asked for and how they were answered.",
      labelNames: [...resource, "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "apiserver_request_duration_seconds",
      help: "How long requests took, watches and streams left out.",
      labelNames: resource,
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    });
    this.#watches = new Gauge({
      name: "apiserver_longrunning_requests",
      help: "Watches and streams under way.",
      labelNames: ["verb", "group", "version", "resource"],
      registers,
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  /** A request was answered. */
  finished({ verb, path }: RequestLabels, code: number, seconds: number): void {
    const labels = { verb: verb.toUpperCase(), ...resourceLabels(path) };
    this.#requests.inc({ ...labels, code });
    if (verb !== "watch") this.#durations.observe(labels, seconds);
  }

  /** Tells with every scrape how many requests are under way. */
  observeInFlight(inFlight: () => { readonly reads: number; readonly writes: number }): void {
    const name = "apiserver_current_inflight_requests";
    new Gauge({
      name,
      help: "Requests under way, watches and streams left out.",
      labelNames: ["request_kind"],
      registers: [this.#registry],
      collect() {
        const { reads, writes } = inFlight();
        this.set({ request_kind: "readOnly" }, reads);
        this.set({ request_kind: "mutating" }, writes);
      },
    });
  }

  /** Counts a watch or stream for as long as it runs. */
  async longRunning({ verb, path }: RequestLabels, run: () => Promise<void>): Promise<void> {
    const labels = {
      verb: verb.toUpperCase(),
      group: path?.group ?? "",
      version: path?.version ?? "",
      resource: path?.plural ?? "",
    };
    this.#watches.inc(labels);
    try {
      await run();
    } finally {
      this.#watches.dec(labels);
    }
  }

  /** GET /metrics in the text format of Prometheus. */
  readonly route: PathRoute = async (request, response) => {
    if (request.path !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) return false;
    response.end(200, { "content-type": this.#registry.contentType }, await this.#registry.metrics());
    return true;
  };
}

function resourceLabels(path: ResourcePath | undefined) {
  if (!path) return { group: "", version: "", resource: "", subresource: "", scope: "" };
  const { group, version, plural: resource, subresource, namespace, name } = path;
  const scope = name !== "" ? "resource" : namespace !== "" ? "namespace" : "cluster";
  return { group, version, resource, subresource, scope };
}
