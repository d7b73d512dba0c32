import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, forbidden, Pods } from "../../api/index.ts";
import { MetricRegistry } from "../../lib/index.ts";
import { startTestServer } from "../server-for-tests.ts";

test("the steps of admission and their plugins are measured, and whether they refused", async () => {
  const metrics = new MetricRegistry();
  const server = await startTestServer({
    metrics,
    admission: [
      {
        name: "test",
        validate: ({ definition, name }) => {
          if (name === "bad") throw forbidden(definition, name, "no");
        },
      },
      { name: "silent", resources: [Pods], validate() {} },
    ],
  });
  const create = (name: string) =>
    server.send("create", ConfigMaps, { namespace: "default", body: { metadata: { name } } });
  await create("good");
  await assert.rejects(create("bad"), /forbidden/);
  const counts = [...metrics.text().matchAll(/^apiserver_admission_step_\w+_count\{(.*)\} (\d+)$/gm)];
  assert.deepEqual(
    counts.map(([, labels, count]) => `${labels} ${count}`),
    [
      'type="admit",operation="CREATE",rejected="false" 2',
      'type="validate",operation="CREATE",rejected="false" 1',
      'type="validate",operation="CREATE",rejected="true" 1',
    ],
  );
  const ofPlugins = [...metrics.text().matchAll(/^apiserver_admission_controller_\w+_count\{(.*)\} (\d+)$/gm)];
  assert.deepEqual(
    ofPlugins.map(([, labels, count]) => `${labels} ${count}`),
    [
      'name="test",type="validate",operation="CREATE",rejected="false" 1',
      'name="test",type="validate",operation="CREATE",rejected="true" 1',
    ],
  );
  await server.close();
});
