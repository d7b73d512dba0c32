import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";

const image = "app:1";

test("init containers run one after the other, then the containers", async () => {
  const order: string[] = [];
  const { pass, run, pod } = await agentScene({
    engine: {
      script: ({ name }) => {
        order.push(name);
        return name === "app" ? {} : { exitAfterMs: 1_000 };
      },
    },
  });
  await run({
    initContainers: [
      { name: "first", image, resources: { limits: { cpu: "1" } } },
      { name: "second", image },
    ],
  });
  assert.deepEqual(order, ["first"]);
  const { status } = await pod();
  assert.equal(status.phase, "Pending");
  assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, "PodInitializing");
  assert.equal(
    status.conditions?.find((each) => each.type === "Initialized")?.message,
    "containers with incomplete status: [first second]",
  );
  await pass(1_000);
  assert.deepEqual(order, ["first", "second"]);
  await pass(1_000);
  assert.deepEqual(order, ["first", "second", "app"]);
  const after = (await pod()).status;
  assert.equal(after.phase, "Running");
  assert.equal(after.initContainerStatuses?.[0]?.ready, true);
  assert.equal(after.initContainerStatuses?.[0]?.state?.terminated?.reason, "Completed");
  const had = { limits: { cpu: "1" }, requests: { cpu: "1" } };
  assert.deepEqual(after.initContainerStatuses?.[0]?.resources, had, "what it had is told after its end");
});

test("an init container that fails is tried again with backoff, or fails the pod that never restarts", async () => {
  for (const [restartPolicy, phase] of [
    ["Never", "Failed"],
    ["OnFailure", "Pending"],
    ["Always", "Pending"],
  ] as const) {
    const { pass, run, pod, stop } = await agentScene({
      engine: { script: () => ({ exitAfterMs: 1_000, exitCode: 1 }) },
    });
    await run({ restartPolicy, initContainers: [{ name: "setup", image }] });
    await pass(2_500);
    const { status } = await pod();
    assert.equal(status.phase, phase, restartPolicy);
    const reason = status.initContainerStatuses?.[0]?.state?.waiting?.reason;
    assert.equal(reason, restartPolicy === "Never" ? undefined : "CrashLoopBackOff");
    assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, "PodInitializing");
    stop();
  }
});

test("what follows a sidecar waits for its startup probe", async () => {
  let healthy = false;
  const { pass, run, pod } = await agentScene({ host: { tcp: () => ({ success: healthy, output: "refused" }) } });
  const startupProbe = { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 100 };
  await run({ initContainers: [{ name: "mesh", image, restartPolicy: "Always", startupProbe }] });
  await pass(3_000);
  const { status } = await pod();
  assert.equal(status.initContainerStatuses?.[0]?.started, false);
  assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, "PodInitializing");
  healthy = true;
  await pass(1_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.ready, true);
});

test("a sidecar that ends is restarted beside running containers; the pod ends with its containers", async () => {
  const { pass, run, pod, engine } = await agentScene({
    engine: { script: ({ name }) => (name === "app" ? { exitAfterMs: 60_000 } : { exitAfterMs: 5_000 }) },
  });
  await run({ restartPolicy: "Never", initContainers: [{ name: "mesh", image, restartPolicy: "Always" }] });
  await pass(6_000);
  const { status } = await pod();
  assert.equal(status.initContainerStatuses?.[0]?.restartCount, 1);
  assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
  await pass(60_000);
  assert.equal((await pod()).status.phase, "Succeeded");
  assert.ok((await engine.listContainers()).every((each) => each.state === "exited"));
});

test("a pod that ran stays Running and initialized while its sidecar starts again", async () => {
  let starts = 0;
  const { run, pass, pod, engine } = await agentScene({
    engine: {
      script: ({ name }) => ({
        ...(name === "mesh" && starts++ === 0 ? { exitAfterMs: 5_000 } : {}),
        exec: () => ({ exitCode: starts > 1 ? 1 : 0 }),
      }),
    },
  });
  const startupProbe = { exec: { command: ["up"] }, periodSeconds: 1, failureThreshold: 100 };
  await run({ initContainers: [{ name: "mesh", image: "app:1", restartPolicy: "Always", startupProbe }] });
  await pass(1_000);
  assert.equal((await pod()).status.phase, "Running");
  await pass(5_000);
  const { status } = await pod();
  assert.deepEqual(
    [status.initContainerStatuses?.[0]?.restartCount, status.initContainerStatuses?.[0]?.started, status.phase],
    [1, false, "Running"],
  );
  const condition = (type: string) => status.conditions?.find((each) => each.type === type)?.status;
  assert.deepEqual([condition("Initialized"), condition("Ready")], ["True", "False"]);
  assert.equal((await engine.listContainers()).filter(({ state }) => state === "running").length, 2);
});
