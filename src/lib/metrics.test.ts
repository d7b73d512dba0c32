import assert from "node:assert/strict";
import { test } from "node:test";
import { exponentialBuckets, MetricRegistry } from "./metrics.ts";

test("metrics are told in the text format of Prometheus", () => {
  const registry = new MetricRegistry();
  const requests = registry.counter({ name: "requests_total", help: "Requests.", labels: ["verb", "code"] });
  const depth = registry.gauge({ name: "depth", help: "Depth." });
  const sizes = registry.histogram({ name: "sizes", help: "Sizes.", labels: ["verb"], buckets: [1, 10] });
  requests.with("GET", "200").add();
  requests.with("GET", "200").add(2);
  requests.with('a"b\\c\nd', "").add();
  registry.onScrape(() => {
    depth.with().value = 7;
  });
  for (const value of [1, 2, 100]) sizes.with("GET").observe(value);
  assert.equal(
    registry.text(),
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{verb="GET",code="200"} 3
requests_total{verb="a\\"b\\\\c\\nd",code=""} 1
# HELP depth Depth.
# TYPE depth gauge
depth 7
# HELP sizes Sizes.
# TYPE sizes histogram
sizes_bucket{verb="GET",le="1"} 1
sizes_bucket{verb="GET",le="10"} 2
sizes_bucket{verb="GET",le="+Inf"} 3
sizes_sum{verb="GET"} 103
sizes_count{verb="GET"} 3
`,
  );
});

test("a name belongs to one metric", () => {
  const registry = new MetricRegistry();
  registry.counter({ name: "a", help: "" });
  assert.throws(() => registry.gauge({ name: "a", help: "" }), /the metric a is there already/);
});

test("exponential buckets grow by their factor", () => {
  assert.deepEqual(exponentialBuckets(1000, 10, 3), [1000, 10_000, 100_000]);
});
