import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import { ApiError, Pods } from "../../api/index.ts";
import type { Client } from "../../client/index.ts";

const key = { namespace: "default", name: "web" };

async function exists(client: Client): Promise<boolean> {
  try {
    await client.get(Pods, key);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return false;
    throw error;
  }
}

test("a deleted pod is stopped, reported and removed with all that was made for it", async () => {
  const { client, pass, engine, host, run, events } = await agentScene();
  await run({});
  await client.delete(Pods, key);
  await pass();
  assert.equal(await exists(client), false);
  assert.deepEqual(await engine.listContainers(), []);
  assert.deepEqual(await engine.listSandboxes(), []);
  assert.deepEqual(await host.files.list("/data/agent/pods"), []);
  assert.deepEqual(await host.files.list("/data/agent/logs"), []);
  assert.equal((await events()).at(-1), "Killing: Stopping container app");
});

test("a container that does not stop is killed when its grace is over", async () => {
  const { client, pass, run, pod } = await agentScene({ engine: { script: () => ({ stopMs: 60_000 }) } });
  await run({ terminationGracePeriodSeconds: 20 });
  await client.delete(Pods, key);
  await pass(19_000);
  assert.ok((await pod()).status.containerStatuses?.[0]?.state?.running);
  await pass(1_000);
  assert.equal(await exists(client), false);
});

test("a shorter grace of a second delete shortens the wait", async () => {
  const { client, pass, run } = await agentScene({ engine: { script: () => ({ stopMs: 60_000 }) } });
  await run({ terminationGracePeriodSeconds: 50 });
  await client.delete(Pods, key);
  await pass(5_000);
  await client.delete(Pods, key, { body: { gracePeriodSeconds: 5 } });
  await pass(4_000);
  assert.equal(await exists(client), true);
  await pass(2_000);
  assert.equal(await exists(client), false);
});

test("a pod that vanished from the API is stopped all the same", async () => {
  const { client, pass, engine, run } = await agentScene({ engine: { script: () => ({ stopMs: 5_000 }) } });
  await run({ terminationGracePeriodSeconds: 10 });
  await client.delete(Pods, key, { body: { gracePeriodSeconds: 0 } });
  await pass(1_000);
  assert.equal((await engine.listContainers())[0]?.state, "running");
  await pass(9_000);
  assert.deepEqual(await engine.listContainers(), []);
});

test("the preStop hook runs before the container is asked to stop, within its grace", async () => {
  const told: string[] = [];
  const { client, pass, engine, run } = await agentScene({
    engine: {
      script: () => ({
        exec: (command) => {
          told.push(command.join(" "));
          return { delayMs: 3_000 };
        },
      }),
    },
  });
  const lifecycle = { preStop: { exec: { command: ["drain"] } } };
  await run({ containers: [{ name: "app", image: "app:1", lifecycle }] });
  await client.delete(Pods, key);
  await pass(2_000);
  assert.deepEqual(told, ["drain"]);
  assert.equal((await engine.listContainers())[0]?.state, "running");
  await pass(1_000);
  assert.equal(await exists(client), false);
});

test("a preStop hook that outlasts the grace does not keep the container", async () => {
  const { client, pass, run } = await agentScene({
    engine: { script: () => ({ exec: () => ({ delayMs: 100_000 }) }) },
  });
  const lifecycle = { preStop: { exec: { command: ["drain"] } } };
  await run({ containers: [{ name: "app", image: "app:1", lifecycle }], terminationGracePeriodSeconds: 10 });
  await client.delete(Pods, key);
  await pass(9_000);
  assert.equal(await exists(client), true);
  await pass(1_000);
  assert.equal(await exists(client), false);
});

test("sidecars stop after the containers, the last one first", async () => {
  const { client, pass, engine, run } = await agentScene({
    engine: { script: ({ name }) => ({ stopMs: name === "app" ? 4_000 : 1_000 }) },
  });
  const sidecar = { image: "app:1", restartPolicy: "Always" };
  await run({
    initContainers: [
      { name: "mesh", ...sidecar },
      { name: "logs", ...sidecar },
    ],
  });
  await pass();
  const running = async () => {
    const containers = await engine.listContainers();
    return containers.filter((each) => each.state === "running").map((each) => each.name);
  };
  assert.deepEqual(await running(), ["mesh", "logs", "app"]);
  await client.delete(Pods, key);
  await pass(3_900);
  assert.deepEqual(await running(), ["mesh", "logs", "app"]);
  await pass(200);
  assert.deepEqual(await running(), ["mesh", "logs"]);
  await pass(1_000);
  assert.deepEqual(await running(), ["mesh"]);
  await pass(1_000);
  assert.equal(await exists(client), false);
});

test("a pod past its active deadline fails", async () => {
  const { pass, run, pod } = await agentScene();
  await run({ activeDeadlineSeconds: 60 });
  await pass(59_000);
  assert.equal((await pod()).status.phase, "Running");
  await pass(1_000);
  const { status } = await pod();
  assert.equal(status.phase, "Failed");
  assert.equal(status.reason, "DeadlineExceeded");
  assert.equal(status.message, "Pod was active on the node longer than the specified deadline");
});

test("a pod that fails says why when its last container has ended, and not before", async () => {
  const { pass, run, pod } = await agentScene({ engine: { script: () => ({ stopMs: 4_000 }) } });
  await run({ activeDeadlineSeconds: 60 });
  await pass(62_000);
  const stopping = (await pod()).status;
  assert.deepEqual([stopping.phase, stopping.reason, stopping.message], ["Running", undefined, undefined]);
  await pass(2_000);
  const { phase, reason } = (await pod()).status;
  assert.deepEqual([phase, reason], ["Failed", "DeadlineExceeded"]);
});
