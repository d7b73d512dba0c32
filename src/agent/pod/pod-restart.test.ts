import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import { Pods } from "../../api/index.ts";

test("a container that ends is restarted at once, then after 10 s, 20 s, … 5 min", async () => {
  const starts: number[] = [];
  const scene = await agentScene({
    engine: {
      script: () => {
        starts.push(scene === undefined ? 0 : scene.clock.now());
        return { exitAfterMs: 1_000, exitCode: 1 };
      },
    },
  });
  await scene.run({});
  await scene.pass(1_200_000);
  const gaps = starts.slice(1).map((at, index) => at - starts[index]! - 1_000);
  assert.deepEqual(gaps.slice(0, 8), [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
});

test("a crashing container shows CrashLoopBackOff, its last state and its restarts", async () => {
  const { clock, pass, run, pod, events } = await agentScene({
    engine: { script: () => ({ exitAfterMs: 1_000, exitCode: 3 }) },
  });
  const { metadata } = await run({});
  await pass(2_500);
  const { status } = await pod();
  const [container] = status.containerStatuses!;
  assert.equal(status.phase, "Running");
  assert.deepEqual(container?.state?.waiting, {
    reason: "CrashLoopBackOff",
    message: `back-off 10s restarting failed container=app pod=web_default(${metadata.uid})`,
  });
  assert.equal(container?.restartCount, 1);
  assert.equal(container?.ready, false);
  assert.equal(container?.lastState?.terminated?.exitCode, 3);
  assert.equal(container?.lastState?.terminated?.reason, "Error");
  const expected = `BackOff: Back-off restarting failed container app in pod web_default(${metadata.uid})`;
  assert.ok((await events()).includes(expected));
  // A clock that is set back does not hold it for longer.
  clock.leap(-86_400_000);
  await pass(10_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 2);
});

test("a container that lived long starts over with its backoff", async () => {
  let lifeMs = 1_000;
  const { pass, run, pod } = await agentScene({
    engine: { script: () => ({ exitAfterMs: lifeMs, exitCode: 1 }) },
  });
  await run({});
  lifeMs = 700_000;
  await pass(1_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 1);
  lifeMs = 1_000;
  await pass(700_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 2);
});

test("restartPolicy decides what the end of the containers makes of the pod", async () => {
  for (const [restartPolicy, exitCode, phase] of [
    ["Never", 0, "Succeeded"],
    ["Never", 1, "Failed"],
    ["OnFailure", 0, "Succeeded"],
    ["OnFailure", 1, "Running"],
    ["Always", 0, "Running"],
  ] as const) {
    const { pass, run, pod, stop } = await agentScene({
      engine: { script: () => ({ exitAfterMs: 1_000, exitCode }) },
    });
    await run({ restartPolicy });
    await pass(1_500);
    assert.equal((await pod()).status.phase, phase, `${restartPolicy} ${exitCode}`);
    stop();
  }
});

test("a pod that succeeded says so in its conditions and keeps its container for the logs", async () => {
  const { pass, run, pod, engine } = await agentScene({ engine: { script: () => ({ exitAfterMs: 1_000 }) } });
  await run({ restartPolicy: "Never" });
  await pass(1_500);
  const { status } = await pod();
  const condition = (type: string) => status.conditions?.find((each) => each.type === type);
  assert.equal(condition("Ready")?.reason, "PodCompleted");
  assert.equal(condition("Initialized")?.reason, "PodCompleted");
  assert.equal(condition("PodReadyToStartContainers")?.status, "False");
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.reason, "Completed");
  assert.equal((await engine.listContainers()).length, 1);
  assert.equal((await engine.listSandboxes())[0]?.ready, false);
});

test("of the dead containers the last one is kept, for its logs", async () => {
  const { pass, run, engine } = await agentScene({ engine: { script: () => ({ exitAfterMs: 1_000, exitCode: 1 }) } });
  await run({});
  await pass(40_000);
  const attempts = (await engine.listContainers()).map((each) => each.attempt);
  assert.deepEqual(attempts, [2, 3]);
});

test("a new image of a running pod's container restarts it", async () => {
  const { client, pass, engine, run, pod, events } = await agentScene({ engine: { images: ["app:1", "app:2"] } });
  const created = await run({});
  const { Pods } = await import("../../api/index.ts");
  const containers = [{ name: "app", image: "app:2" }];
  await client.update(Pods, { ...(await pod()), spec: { ...created.spec, containers } });
  await pass();
  const [container] = (await pod()).status.containerStatuses!;
  assert.equal(container?.image, "app:2");
  assert.equal(container?.restartCount, 1);
  assert.ok((await events()).includes("Killing: Container app definition changed, will be restarted"));
  assert.equal((await engine.listContainers()).filter((each) => each.state === "running").length, 1);
});

test("a container that backs off starts at once with another image", async () => {
  const { run, pass, pod, client } = await agentScene({
    engine: {
      images: ["app:1", "app:2"],
      script: ({ image }) => (image === "app:1" ? { exitAfterMs: 100, exitCode: 1 } : {}),
    },
  });
  await run({});
  await pass(15_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.state?.waiting?.reason, "CrashLoopBackOff");
  const { namespace = "", name } = (await pod()).metadata;
  const patch = { spec: { containers: [{ name: "app", image: "app:2" }] } };
  await client.patch(Pods, { namespace, name }, patch, { type: "application/strategic-merge-patch+json" });
  await pass(500);
  assert.ok((await pod()).status.containerStatuses?.[0]?.state?.running);
});

test("a container that never restarts comes again with another image while it runs", async () => {
  const { run, pass, pod, client, events } = await agentScene({ engine: { images: ["app:1", "app:2"] } });
  await run({ restartPolicy: "Never" });
  const { namespace = "", name } = (await pod()).metadata;
  const patch = { spec: { containers: [{ name: "app", image: "app:2" }] } };
  await client.patch(Pods, { namespace, name }, patch, { type: "application/strategic-merge-patch+json" });
  await pass(1_000);
  const { phase, containerStatuses } = (await pod()).status;
  assert.deepEqual(
    [phase, containerStatuses?.[0]?.image, containerStatuses?.[0]?.restartCount],
    ["Running", "app:2", 1],
  );
  assert.ok((await events()).includes("Killing: Container app definition changed, will be restarted"));
});

test("a container runs for the API when its postStart hook is done, and is ready with that", async () => {
  const { client, pass, run, pod } = await agentScene({
    engine: { script: () => ({ exec: () => ({ delayMs: 5_000 }) }) },
  });
  const seen: string[] = [];
  const follow = async (signal: AbortSignal) => {
    for await (const event of client.watch(Pods, { namespace: "default", signal })) {
      if (event.type === "BOOKMARK") continue;
      const { phase, containerStatuses: [container] = [] } = event.object.status;
      if (container) seen.push(`${phase} ${Object.keys(container.state ?? {})} ${container.ready}`);
    }
  };
  const stop = new AbortController();
  const followed = follow(stop.signal);
  const lifecycle = { postStart: { exec: { command: ["warm-up"] } } };
  await run({ containers: [{ name: "app", image: "app:1", lifecycle }] });
  await pass(4_000);
  assert.deepEqual((await pod()).status.containerStatuses?.[0]?.state, { waiting: { reason: "ContainerCreating" } });
  await pass(2_000);
  stop.abort();
  await followed;
  assert.deepEqual([...new Set(seen)], ["Pending waiting false", "Running running true"]);
});
