import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName } from "../../../test/agent-scene.ts";
import { ApiError, Pods } from "../../api/index.ts";

test("a restarted agent adopts what runs, without a restart and without the pod turning unready", async () => {
  const { client, pass, engine, run, restart, pod } = await agentScene();
  const readinessProbe = { tcpSocket: { port: 80 }, initialDelaySeconds: 5 };
  await run({ containers: [{ name: "app", image: "app:1", readinessProbe }] });
  await pass(6_000);
  const { status: before, metadata } = await pod();
  assert.equal(before.containerStatuses?.[0]?.ready, true);
  const ready: (boolean | undefined)[] = [];
  const watching = new AbortController();
  void (async () => {
    const { resourceVersion } = metadata;
    for await (const { object } of client.watch(Pods, { resourceVersion, signal: watching.signal })) {
      if ("status" in object) ready.push(object.status.containerStatuses?.[0]?.ready);
    }
  })().catch(() => {});
  await restart();
  await pass(1_000);
  watching.abort();
  assert.equal((await engine.listContainers()).length, 1);
  assert.deepEqual((await pod()).status.containerStatuses, before.containerStatuses);
  assert.ok(!ready.includes(false));
});

test("after a reboot a pod gets a new sandbox and its restart counts go on", async () => {
  const { pass, engine, run, restart, pod, events } = await agentScene();
  await run({});
  engine.reboot();
  await restart();
  await pass(1_000);
  const { status } = await pod();
  assert.equal(status.phase, "Running");
  assert.equal(status.podIP, "10.88.0.2");
  const [container] = status.containerStatuses!;
  assert.equal(container?.restartCount, 1);
  assert.equal(container?.ready, true);
  assert.equal(container?.lastState?.terminated?.exitCode, 255);
  assert.ok((await events()).some((each) => each.startsWith("SandboxChanged:")));
});

test("after a reboot a node is not reported before its pods are, but for no longer than five seconds", async () => {
  const { engine, run, restart, pass, pod, requests, refuse } = await agentScene();
  await run({});
  engine.reboot();
  const busy = () => new ApiError(503, "ServiceUnavailable", "busy");
  refuse(({ plural, verb }) => (plural === "pods" && verb === "patch" ? busy() : undefined));
  const reports = () => requests.filter(({ plural, verb }) => plural === "nodes" && verb === "patch").length;
  const before = reports();
  const restarted = restart();
  await pass(4_000);
  assert.equal(reports(), before);
  await pass(2_000);
  assert.equal(reports(), before + 1);
  await restarted;
  refuse(() => undefined);
  await pass(30_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 1);
});

test("a pod that was said to be unready because nobody heard of its node is ready again", async () => {
  const { client, run, pass, pod, requests } = await agentScene();
  await run({});
  const unready = { type: "Ready", status: "False", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const type = "application/strategic-merge-patch+json";
  const key = { namespace: "default", name: "web" };
  await client.patch(Pods, key, { status: { conditions: [unready] } }, { subresource: "status", type });
  await pass();
  const { status } = await pod();
  assert.equal(status.conditions?.find((each) => each.type === "Ready")?.status, "True");
  const before = requests.length;
  await pass(5_000);
  assert.deepEqual(
    requests.slice(before).filter(({ plural }) => plural === "pods"),
    [],
  );
});

test("restart counts go on even when the engine has forgotten everything", async () => {
  const { pass, engine, run, restart, pod } = await agentScene();
  await run({});
  for (const sandbox of await engine.listSandboxes()) await engine.removeSandbox(sandbox.id);
  await restart();
  await pass(1_000);
  const [container] = (await pod()).status.containerStatuses!;
  assert.equal(container?.restartCount, 1);
  assert.equal(container?.lastState?.terminated?.reason, "ContainerStatusUnknown");
});

test("a pod that ended before the agent restarted does not run again", async () => {
  const { pass, engine, run, restart, pod } = await agentScene({
    engine: { script: () => ({ exitAfterMs: 1_000 }) },
  });
  await run({ restartPolicy: "Never" });
  await pass(2_000);
  for (const sandbox of await engine.listSandboxes()) await engine.removeSandbox(sandbox.id);
  await restart();
  await pass(10_000);
  assert.equal((await pod()).status.phase, "Succeeded");
  assert.deepEqual(await engine.listContainers(), []);
});

test("pods that were deleted while no agent was there are ended and removed", async () => {
  const { client, pass, engine, host, run, restart, stop } = await agentScene();
  await run({});
  stop();
  await pass();
  await client.delete(Pods, { namespace: "default", name: "web" }, { body: { gracePeriodSeconds: 0 } });
  await restart();
  assert.deepEqual(await engine.listContainers(), []);
  assert.deepEqual(await engine.listSandboxes(), []);
  assert.deepEqual(await host.files.list("/data/agent/pods"), []);
  assert.deepEqual(await host.files.list("/data/agent/logs"), []);
  assert.deepEqual(
    [...host.limits.keys()].filter((path) => path.includes("/pod")),
    [],
  );
});

test("an exit whose event was lost is found by the relist", async () => {
  const { pass, engine, run, pod } = await agentScene();
  await run({ restartPolicy: "Never" });
  const [container] = await engine.listContainers();
  engine.loseEvents(() => engine.exit(container!.id, 1));
  await pass(60_000);
  assert.equal((await pod()).status.phase, "Running");
  await pass(240_000);
  assert.equal((await pod()).status.phase, "Failed");
});

test("an agent that ends leaves no relist behind", async () => {
  const relistMs = 301_000;
  const { clock, pass, restart, stop } = await agentScene({ settings: { periods: { relistMs } } });
  const setTimer = clock.setTimer.bind(clock);
  const relists = new Set<object>();
  clock.setTimer = (delayMs, fire) => {
    const timer = setTimer(delayMs, fire);
    if (delayMs !== relistMs) return timer;
    relists.add(timer);
    const cancel = () => {
      relists.delete(timer);
      timer.cancel();
    };
    return { cancel };
  };
  await restart();
  assert.equal(relists.size, 1);
  stop();
  await pass(1_000);
  assert.equal(relists.size, 0);
});

test("pods of other nodes are left alone", async () => {
  const { pass, engine, run } = await agentScene();
  await run({ nodeName: `${nodeName}0` });
  await pass(1_000);
  assert.deepEqual(await engine.listSandboxes(), []);
});
