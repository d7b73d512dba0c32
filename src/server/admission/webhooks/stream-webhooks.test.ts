// Webhooks that are asked before a stream opens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalText } from "../../../../test/refusal.ts";
import { allow, configuration, deny, hookOf, patch, ruleOf, scene } from "../../../../test/webhook-scene.ts";
import { MutatingWebhookConfigurations, ValidatingWebhookConfigurations } from "../../../api/index.ts";

test("Admission webhook, deny attach", async (t) => {
  const { api, create, reviews } = await scene(t, { deny });
  const hook = hookOf("deny", ruleOf("pods/attach", ["CONNECT"]));
  await create(ValidatingWebhookConfigurations, configuration("deny", hook));
  const stream = { resource: "pods", namespace: "default", name: "a", path: "" };
  const user = { name: "jane", groups: [] };
  const attach = { ...stream, subresource: "attach", query: new URLSearchParams("container=own&stdin=true") };
  assert.match(
    await refusalText(api.admitConnection(attach, user)),
    /^418 admission webhook "deny\.example\.com" denied/,
  );
  await api.admitConnection({ ...attach, subresource: "exec" }, user);
  assert.deepEqual(
    reviews.map(({ request: { operation, object, subResource } }) => ({ operation, object, subResource })),
    [
      {
        operation: "CONNECT",
        object: { kind: "PodAttachOptions", apiVersion: "v1", stdin: true, container: "own" },
        subResource: "attach",
      },
    ],
  );
});

test("a webhook changes what a stream is opened with, and its warnings reach the client", async (t) => {
  const change = (...operations: object[]) => ({ ...patch(...operations), warnings: ["as root no more"] });
  const { api, create } = await scene(t, {
    exec: () =>
      change(
        { op: "replace", path: "/command", value: ["id", "-u"] },
        { op: "remove", path: "/tty" },
        { op: "add", path: "/container", value: "safe" },
      ),
    proxy: () => change({ op: "replace", path: "/path", value: "/public/a b" }),
    wrong: () => patch({ op: "replace", path: "/stdin", value: "yes" }),
  });
  const hooks = [
    ["exec", "pods/exec"],
    ["proxy", "services/proxy"],
    ["wrong", "pods/attach"],
  ] as const;
  for (const [host, resource] of hooks)
    await create(MutatingWebhookConfigurations, configuration(host, hookOf(host, ruleOf(resource, ["CONNECT"]))));
  const user = { name: "jane", groups: [] };
  const stream = { resource: "pods", namespace: "default", name: "a", path: "" };
  const query = new URLSearchParams("command=sh&stdin=1&tty=true");
  const exec = await api.admitConnection({ ...stream, subresource: "exec", query }, user);
  assert.equal(String(exec.query), "stdin=true&container=safe&command=id&command=-u");
  assert.deepEqual(exec.warnings, ["as root no more"]);
  const proxy = { ...stream, resource: "services", subresource: "proxy", path: "/secret", query };
  const { path, query: same } = await api.admitConnection(proxy, user);
  assert.deepEqual([path, same], ["/public/a%20b", query]);
  assert.equal(
    await refusalText(api.admitConnection({ ...stream, subresource: "attach", query }, user)),
    '500 Internal error occurred: PodAttachOptions.stdin cannot be "yes"',
  );
});

test("a webhook sees the path of a proxy as the backend reads it", async (t) => {
  const { api, create, reviews } = await scene(t, { allow });
  await create(
    ValidatingWebhookConfigurations,
    configuration("allow", hookOf("allow", ruleOf("pods/proxy", ["CONNECT"]))),
  );
  const stream = {
    resource: "pods",
    namespace: "default",
    name: "a",
    subresource: "proxy",
    query: new URLSearchParams(),
  };
  const admitted = await api.admitConnection({ ...stream, path: "/%61dmin" }, { name: "jane", groups: [] });
  assert.deepEqual(reviews[0]?.request.object, { kind: "PodProxyOptions", apiVersion: "v1", path: "/admin" });
  assert.equal(admitted.path, "/%61dmin", "what nobody changed goes on as it came");
});
