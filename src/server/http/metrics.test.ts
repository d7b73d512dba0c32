import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";
import { type MetricDescription, MetricRegistry } from "../../lib/index.ts";
import { RequestMetrics } from "./metrics.ts";

let https: HttpsServer;
aroundTests(
  async () => {
    https = await startHttpsServer();
  },
  () => https.close(),
);

const configMaps = "/api/v1/namespaces/default/configmaps";

function create(name: string, query = "") {
  return https.send("POST", `${configMaps}${query}`, { body: JSON.stringify({ metadata: { name } }) });
}

const metrics = async () => (await https.send("GET", "/metrics")).text;

/** The value of the one series whose labels begin with these. */
function seriesValue(text: string, name: string, labels: string): number {
  const [line] = text.split("\n").filter((each) => each.startsWith(`${name}{${labels}`));
  return Number(line?.split(" ").at(-1));
}

test("requests are counted under the names and labels that dashboards know", async () => {
  await create("counted");
  await create("counted");
  await create("tried", "?dryRun=All");
  await https.send("GET", `${configMaps}/counted`);
  await https.send("GET", configMaps);
  await https.send("PATCH", `${configMaps}/applied?fieldManager=test`, {
    headers: { "content-type": "application/apply-patch+yaml" },
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\n",
  });
  const text = await metrics();
  const resource = 'group="",version="v1",resource="configmaps",subresource="",scope=';
  const end = 'component="apiserver"';
  const total = "apiserver_request_total";
  assert.equal(seriesValue(text, total, `verb="POST",dry_run="",${resource}"resource",${end},code="201"`), 1);
  assert.equal(seriesValue(text, total, `verb="POST",dry_run="",${resource}"resource",${end},code="409"`), 1);
  assert.equal(seriesValue(text, total, `verb="POST",dry_run="All",${resource}"resource",${end},code="201"`), 1);
  assert.equal(seriesValue(text, total, `verb="GET",dry_run="",${resource}"resource",${end},code="200"`), 1);
  assert.equal(seriesValue(text, total, `verb="LIST",dry_run="",${resource}"namespace",${end},code="200"`), 1);
  assert.equal(seriesValue(text, total, `verb="APPLY",dry_run="",${resource}"resource",${end},code="201"`), 1);
  const duration = "apiserver_request_duration_seconds";
  assert.equal(seriesValue(text, `${duration}_count`, `verb="POST",dry_run="",${resource}"resource",${end}`), 2);
  assert.equal(
    seriesValue(text, `${duration}_bucket`, `verb="POST",dry_run="",${resource}"resource",${end},le="+Inf"`),
    2,
  );
  assert.equal(
    seriesValue(text, "apiserver_request_sli_duration_seconds_count", `verb="LIST",${resource}"namespace"`),
    1,
  );
  assert.ok(seriesValue(text, "apiserver_response_sizes_sum", `verb="LIST",${resource}"namespace"`) > 100);
  assert.equal(
    seriesValue(text, "apiserver_current_inflight_requests", 'request_kind="readOnly"'),
    1,
    "the scrape itself",
  );
  assert.equal(seriesValue(text, "apiserver_current_inqueue_requests", 'request_kind="mutating"'), 0);
  assert.ok(seriesValue(text, "apiserver_flowcontrol_dispatched_requests_total", 'priority_level="exempt"') > 5);
});

test("watches are counted while they run, and their events", async () => {
  const watch = await https.stream(`${configMaps}?watch=true&resourceVersion=0&fieldSelector=metadata.name%3Dwatched`);
  await create("watched");
  await watch.next();
  const text = await metrics();
  assert.equal(seriesValue(text, "apiserver_longrunning_requests", 'verb="WATCH",group="",version="v1"'), 1);
  assert.equal(seriesValue(text, "apiserver_watch_events_total", 'group="",version="v1",resource="configmaps"'), 1);
  assert.ok(seriesValue(text, "apiserver_watch_events_bytes_total", 'group="",version="v1"') > 100);
  assert.equal(seriesValue(text, "apiserver_flowcontrol_current_executing_requests", 'priority_level="exempt"'), 1);
  watch.end();
});

test("stored objects are counted by resource", async () => {
  const objects = async (resource: string) =>
    seriesValue(await metrics(), "apiserver_storage_objects", `resource="${resource}"`);
  const before = await objects("configmaps");
  await create("stored");
  assert.equal(await objects("configmaps"), before + 1);
  assert.equal(await objects("deployments.apps"), 0);
  const text = await metrics();
  assert.equal(seriesValue(text, "apiserver_resource_objects", 'group="",resource="configmaps"'), before + 1);
  assert.equal(seriesValue(text, "apiserver_resource_objects", 'group="apps",resource="deployments"'), 0);
});

test("checks of health are counted, and the version is told", async () => {
  await https.send("GET", "/readyz");
  const slis = (await https.send("GET", "/metrics/slis")).text;
  assert.equal(seriesValue(slis, "kubernetes_healthcheck", 'name="ping",type="readyz"'), 1);
  assert.equal(seriesValue(slis, "kubernetes_healthchecks_total", 'name="ping",type="readyz",status="success"'), 1);
  assert.equal(seriesValue(await metrics(), "kubernetes_build_info", 'major="1",minor="35",git_version="v1.35.0'), 1);
});

test("what is not served has no series of its own", async () => {
  await https.send("GET", "/api/v1/namespaces/default/no-such-kind");
  await https.send("GET", `${configMaps}/a/no-such-part`);
  await https.send("NOTIFY", "/no-such-path");
  assert.doesNotMatch(await metrics(), /no-such|NOTIFY/);
});

test("methods that nothing has are kept as one, however many a client makes up", () => {
  const registry = new MetricRegistry();
  let found = 0;
  const counter = registry.counter.bind(registry);
  registry.counter = (description: MetricDescription) => {
    const family = counter(description);
    const series = family.with.bind(family);
    family.with = (...values) => {
      found++;
      return series(...values);
    };
    return family;
  };
  const metrics = new RequestMetrics(registry);
  const outcome = { code: 405, seconds: 0, waitedSeconds: 0, bytes: 0 };
  for (let each = 0; each < 10; each++)
    metrics.finished({ verb: `METHOD${each}`, path: undefined, isDryRun: false, isApply: false }, outcome);
  assert.equal(found, 1);
  assert.match(registry.text(), /^apiserver_request_total\{verb="other".*code="405"\} 10$/m);
});
