import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import { type Pod, Pods } from "../../api/index.ts";

const query = { namespace: "default", podName: "web" };

function message(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("exec and port-forward find running containers and sandboxes, or say why not", async () => {
  const { agent, run, pod } = await agentScene({
    engine: { script: ({ name }) => (name === "done" ? { exitAfterMs: 0 } : {}) },
  });
  await run({
    restartPolicy: "Never",
    containers: [
      { name: "app", image: "app:1", tty: true },
      { name: "done", image: "app:1" },
    ],
  });
  const { metadata } = await pod();
  const found = agent.findContainer(query);
  assert.deepEqual([found.containerName, found.running, found.tty], ["app", true, true]);
  assert.equal(found.logPath, `/data/agent/logs/default_web_${metadata.uid}/app/0.log`);
  assert.equal(agent.findSandbox(query).sandboxId, found.sandboxId);
  assert.equal(agent.findContainer({ ...query, podUid: metadata.uid }).containerId, found.containerId);
  assert.equal(
    message(() => agent.findContainer({ ...query, podUid: "other" })),
    "pod does not exist",
  );
  assert.equal(
    message(() => agent.findContainer({ ...query, containerName: "none" })),
    'container not found ("none")',
  );
  assert.equal(
    message(() => agent.findContainer({ ...query, containerName: "done" })),
    'container not found ("done")',
  );
});

test("logs are those of the newest run that there was, or of the one before", async () => {
  const { agent, run, pass } = await agentScene({ engine: { script: () => ({ exitAfterMs: 1_000, exitCode: 1 }) } });
  await run({});
  assert.equal(
    message(() => agent.findLog(query, true)),
    'previous terminated container "app" in pod "web" not found',
  );
  await pass(2_500);
  assert.match(agent.findLog(query, false).logPath, /\/1\.log$/);
  await pass(10_000);
  assert.match(agent.findLog(query, false).logPath, /\/2\.log$/);
  assert.match(agent.findLog(query, true).logPath, /\/1\.log$/);
  assert.equal(
    message(() => agent.findLog({ ...query, podName: "none" }, false)),
    'pod "none" does not exist',
  );
  assert.equal(
    message(() => agent.findLog({ ...query, containerName: "none" }, false)),
    'container "none" not found in pod "web"',
  );
});

test("a container that waits has no logs, for a reason", async () => {
  const { agent, run } = await agentScene({ engine: { pull: () => new Error("no") } });
  await run({ containers: [{ name: "app", image: "gone:1" }] });
  assert.equal(
    message(() => agent.findLog(query, false)),
    'container "app" in pod "web" is waiting to start: image can\'t be pulled',
  );
});

test("an ephemeral container is started in a running pod, beside its target, and never again", async () => {
  const { client, engine, pass, pod, run } = await agentScene({
    engine: { script: ({ name }) => (name === "debug" ? { exitAfterMs: 1_000 } : {}) },
  });
  await run({});
  const ephemeralContainers = [{ name: "debug", image: "app:1", targetContainerName: "app" }];
  const current: Pod = await pod();
  await client.update(
    Pods,
    { ...current, spec: { ...current.spec, ephemeralContainers } },
    { subresource: "ephemeralcontainers" },
  );
  await pass();
  const [app, debug] = await engine.listContainers();
  assert.equal(debug?.name, "debug");
  assert.equal(engine.configOf(debug!.id)?.targetContainerId, app?.id);
  await pass(30_000);
  const { status } = await pod();
  assert.equal(status.ephemeralContainerStatuses?.[0]?.state?.terminated?.exitCode, 0);
  assert.equal(status.conditions?.find((each) => each.type === "Ready")?.status, "True");
  assert.equal((await engine.listContainers()).length, 2);
});
