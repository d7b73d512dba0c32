import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ConfigMaps } from "../api/index.ts";
import { MetricRegistry } from "../lib/index.ts";
import { clientMetrics } from "./client-metrics.ts";
import { inProcessClient } from "./in-process.ts";

test("requests of the clients of a process are counted by program, method and answer", async (t) => {
  const { api } = await startTestControlPlane(t, { controllers: [] });
  const metrics = new MetricRegistry();
  const counted = clientMetrics(metrics);
  const clientOf = (program: string) =>
    inProcessClient(counted(api, program), { name: "admin", groups: ["system:masters"] }, program);
  const key = { namespace: "default", name: "a" };
  await clientOf("one").create(ConfigMaps, { metadata: key });
  await clientOf("one").get(ConfigMaps, key);
  await clientOf("one").list(ConfigMaps);
  await assert.rejects(clientOf("two").delete(ConfigMaps, { ...key, name: "b" }));
  const lines = [
    ...metrics.text().matchAll(/^rest_client_requests_total\{code="(.+?)",method="(\w+)",.*="(\w+)"\} (\d+)$/gm),
  ];
  assert.deepEqual(
    lines.map(([, code, method, program, count]) => `${program} ${method} ${code} ${count}`),
    ["one POST 201 1", "one GET 200 2", "two DELETE 404 1"],
  );
});
