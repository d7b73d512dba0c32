import type { CounterFamily, HistogramFamily, HistogramSeries, MetricRegistry, Series } from "../../lib/index.ts";
import type { Level, Rejection } from "./seats.ts";

/** What is counted of the requests of one schema on one level. */
export interface FlowSeries {
  readonly dispatched: Series;
  readonly execution: HistogramSeries;
  readonly wait: HistogramSeries;
  rejected(reason: Rejection): Series;
}

/** As k8s.io/apiserver/pkg/util/flowcontrol/metrics has them. */
const secondsBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const prefix = "apiserver_flowcontrol_";
const both = ["priority_level", "flow_schema"];

/** Counts under the names apiserver_flowcontrol_… */
export class FlowMetrics {
  readonly #dispatched: CounterFamily;
  readonly #rejected: CounterFamily;
  readonly #wait: HistogramFamily;
  readonly #execution: HistogramFamily;

  constructor(metrics: MetricRegistry, levels: () => Iterable<Level>) {
    this.#dispatched = metrics.counter({
      name: `${prefix}dispatched_requests_total`,
      help: "Requests that were let go on.",
      labels: both,
    });
    this.#rejected = metrics.counter({
      name: `${prefix}rejected_requests_total`,
      help: "Requests that were turned away.",
      labels: [...both, "reason"],
    });
    this.#wait = metrics.histogram({
      name: `${prefix}request_wait_duration_seconds`,
      help: "How long requests waited for a seat, of those that had to.",
      labels: both,
      buckets: secondsBuckets,
    });
    this.#execution = metrics.histogram({
      name: `${prefix}request_execution_seconds`,
      help: "How long requests took once they were let go on.",
      labels: both,
      buckets: secondsBuckets,
    });
    const gauges: readonly [name: string, help: string, of: (level: Level) => number][] = [
      ["nominal_limit_seats", "Seats that are a level's share.", ({ limits }) => limits.nominal],
      ["lower_limit_seats", "Seats of a level that are never lent.", ({ limits }) => limits.min],
      ["upper_limit_seats", "Seats that a level may have with borrowed ones.", ({ limits }) => limits.max],
      ["current_executing_seats", "Seats in use.", ({ inUse }) => inUse],
      ["current_executing_requests", "Requests under way.", ({ executing }) => executing],
      ["current_inqueue_requests", "Requests that wait for a seat.", ({ waiting }) => waiting],
    ];
    for (const [name, help, of] of gauges) {
      const gauge = metrics.gauge({ name: `${prefix}${name}`, help, labels: ["priority_level"] });
      metrics.onScrape(() => {
        gauge.clear();
        for (const level of levels()) gauge.with(level.name).value = of(level);
      });
    }
  }

  seriesOf(schema: string, level: string): FlowSeries {
    return {
      dispatched: this.#dispatched.with(level, schema),
      execution: this.#execution.with(level, schema),
      wait: this.#wait.with(level, schema),
      rejected: (reason) => this.#rejected.with(level, schema, reason),
    };
  }
}
