import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, type SceneOptions } from "../../../test/agent-scene.ts";
import { type LifecycleHandler, Pods } from "../../api/index.ts";
import type { HttpProbe, ProbeResult } from "../host.ts";

async function afterHook(postStart: LifecycleHandler, answer: (probe: HttpProbe) => ProbeResult) {
  const asked: HttpProbe[] = [];
  const { run, events } = await agentScene({
    host: {
      http: (probe) => {
        asked.push(probe);
        return answer(probe);
      },
    },
  });
  await run({ containers: [{ name: "app", image: "app:1", lifecycle: { postStart } }] });
  return { asked, told: await events() };
}

test("a hook over HTTP has done its work when the server answers, whatever it says", async () => {
  const httpHeaders = [{ name: "Accept", value: "" }];
  const { asked, told } = await afterHook({ httpGet: { port: 8080, path: "/started", httpHeaders } }, () => ({
    success: false,
    answered: true,
    output: "HTTP probe failed with statuscode: 500",
  }));
  assert.deepEqual(asked[0]?.headers, [{ name: "User-Agent", value: "kube-lifecycle/1.35" }]);
  assert.ok(!told.some((each) => each.startsWith("FailedPostStartHook")));
});

test("a hook over HTTPS whose server does not encrypt is asked again without, and without credentials", async () => {
  const httpHeaders = [{ name: "Authorization", value: "Bearer secret" }];
  const { asked, told } = await afterHook({ httpGet: { port: 8443, scheme: "HTTPS", httpHeaders } }, ({ scheme }) =>
    scheme === "http"
      ? { success: true, output: "" }
      : { success: false, output: "http: server gave HTTP response to HTTPS client" },
  );
  assert.deepEqual(
    asked.map(({ scheme, headers }) => [scheme, headers.some(({ name }) => name === "Authorization")]),
    [
      ["https", true],
      ["http", false],
    ],
  );
  assert.ok(
    told.includes(
      "LifecycleHTTPFallback: request to HTTPS lifecycle hook 10.88.0.1:8443 got HTTP response, retry with HTTP succeeded",
    ),
  );
});

test("a hook that connects to a port and no more cannot be run", async () => {
  const { told } = await afterHook({ tcpSocket: { port: 80 } }, () => ({ success: true, output: "" }));
  assert.ok(told.some((each) => each.startsWith("FailedPostStartHook")));
});

/** How a pod of the defaults ends whose postStart hook never does. */
async function deletedDuringHook(options: SceneOptions, postStart: LifecycleHandler) {
  const { client, run, pass } = await agentScene(options);
  await run({ containers: [{ name: "app", image: "app:1", lifecycle: { postStart } }] });
  const [pod] = (await client.list(Pods)).items;
  await client.delete(Pods, pod!.metadata);
  await pass(31_000);
  assert.deepEqual((await client.list(Pods)).items, []);
}

test("a pod that is deleted does not wait for the server that its postStart hook asks", () =>
  deletedDuringHook(
    {
      host: {
        http: (_, signal) =>
          new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true })),
      },
    },
    { httpGet: { port: 80 } },
  ));

test("a pod that is deleted does not wait for the command of its postStart hook", () =>
  deletedDuringHook(
    { engine: { script: () => ({ exec: () => ({ delayMs: 300_000 }) }) } },
    { exec: { command: ["x"] } },
  ));
