import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import { type Pod, Pods } from "../../api/index.ts";
import type { HttpProbe } from "../host.ts";
import { initialState, nextState } from "./probe-state.ts";

test("a verdict changes when as many results as its threshold come in a row", () => {
  const probe = { failureThreshold: 2, successThreshold: 3 };
  const verdicts = (kind: "liveness" | "readiness" | "startup", results: string) => {
    let state = initialState(kind);
    return [...results].map((result) => {
      state = nextState(state, probe, result === "+");
      return state.verdict;
    });
  };
  assert.deepEqual(verdicts("readiness", "++-+++-+--"), [
    "failure",
    "failure",
    "failure",
    "failure",
    "failure",
    "success",
    "success",
    "success",
    "success",
    "failure",
  ]);
  assert.deepEqual(verdicts("liveness", "-+--"), ["success", "success", "success", "failure"]);
  assert.deepEqual(verdicts("startup", "-"), ["unknown"]);
});

test("a readiness probe makes the pod ready and unready", async () => {
  const seen: HttpProbe[] = [];
  let healthy = false;
  const { pass, run, pod, events } = await agentScene({
    host: {
      http: (probe) => {
        seen.push(probe);
        return { success: healthy, output: "HTTP probe failed with statuscode: 503" };
      },
    },
  });
  const readinessProbe = { httpGet: { port: "http", path: "/ready" }, periodSeconds: 5, failureThreshold: 2 };
  const ports = [{ name: "http", containerPort: 8080 }];
  await run({ containers: [{ name: "app", image: "app:1", readinessProbe, ports }] });
  await pass(1_000);
  const ready = async () => (await pod()).status.conditions?.find((each) => each.type === "Ready");
  assert.equal((await ready())?.message, "containers with unready status: [app]");
  assert.deepEqual([seen[0]?.host, seen[0]?.port, seen[0]?.path], ["10.88.0.1", 8080, "/ready"]);
  assert.ok((await events()).includes("Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"));
  healthy = true;
  await pass(5_000);
  assert.equal((await ready())?.status, "True");
  healthy = false;
  await pass(5_000);
  assert.equal((await ready())?.status, "True");
  await pass(5_000);
  assert.equal((await ready())?.status, "False");
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 0);
});

test("a failed liveness probe kills the container, with the probe's own grace, and it starts again", async () => {
  let healthy = true;
  const { pass, run, pod, events } = await agentScene({
    engine: { script: () => ({ stopMs: 60_000 }) },
    host: { tcp: () => ({ success: healthy, output: "connection refused" }) },
  });
  const livenessProbe = { tcpSocket: { port: 80 }, periodSeconds: 2, terminationGracePeriodSeconds: 5 };
  await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] });
  await pass(10_000);
  healthy = false;
  await pass(6_000);
  assert.ok((await events()).includes("Killing: Container app failed liveness probe, will be restarted"));
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 0);
  healthy = true;
  await pass(5_000);
  const [container] = (await pod()).status.containerStatuses!;
  assert.equal(container?.restartCount, 1);
  assert.equal(container?.lastState?.terminated?.exitCode, 137);
  assert.ok(container?.state?.running);
});

test("Pod http liveness probe, redirected to a non-local address: counts as success and is told in an event", async () => {
  const output = "Probe terminated redirects, Response body: elsewhere";
  const { pass, run, pod, events } = await agentScene({
    host: { http: () => ({ success: true, warning: true, output }) },
  });
  const livenessProbe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 1 };
  await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] });
  await pass(3_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 0);
  assert.ok((await events()).includes(`ProbeWarning: Liveness probe warning: ${output}`));
});

test("a container that a probe restarts is never shown as ended before its pod is", async () => {
  let healthy = true;
  const { client, pass, run, pod } = await agentScene({
    engine: { script: () => ({ stopMs: 2_000 }) },
    host: { tcp: () => ({ success: healthy, output: "connection refused" }) },
  });
  const livenessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 1 };
  const { resourceVersion } = (await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] })).metadata;
  const watching = new AbortController();
  const seen: string[] = [];
  const watched = (async () => {
    for await (const { object } of client.watch(Pods, { resourceVersion, signal: watching.signal })) {
      const [app] = (object as Pod).status.containerStatuses ?? [];
      seen.push(`${(object as Pod).status.phase} ${Object.keys(app?.state ?? {})} ${app?.restartCount}`);
    }
  })();
  healthy = false;
  await pass(1_000);
  healthy = true;
  await pass(5_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 1);
  await client.delete(Pods, { namespace: "default", name: "web" });
  await pass(60_000);
  watching.abort();
  await watched.catch((error) => assert.ok(watching.signal.aborted, error));
  assert.deepEqual([...new Set(seen)], ["Running running 1", "Failed terminated 1"]);
});

test("Pod liveness probe, using http endpoint, multiple restarts (slow): a server that breaks after ten seconds is started again every time", async () => {
  let at = 0;
  let startedMs = 0;
  const { pass, run, pod, clock } = await agentScene({
    host: {
      http: () => ({
        success: clock.monotonicMs() - startedMs < 10_000,
        output: "HTTP probe failed with statuscode: 500",
      }),
    },
  });
  startedMs = clock.monotonicMs();
  const livenessProbe = { httpGet: { port: 8080, path: "/healthz" }, periodSeconds: 3, failureThreshold: 1 };
  await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] });
  // The waits between the starts double from 10 s on: five are over within 20 minutes.
  for (let seconds = 0; at < 5 && seconds < 1_200; seconds++) {
    await pass(1_000);
    const [container] = (await pod()).status.containerStatuses ?? [];
    if ((container?.restartCount ?? 0) === at) continue;
    assert.equal(container?.restartCount, ++at, "one at a time");
    startedMs = clock.monotonicMs();
  }
  assert.equal(at, 5);
});

test("until the startup probe succeeds no other probe runs; when it fails for good the container is killed", async () => {
  const probed: string[] = [];
  const { pass, run, pod, events } = await agentScene({
    engine: {
      script: () => ({
        exec: ([name = ""]) => {
          probed.push(name);
          return { exitCode: name === "never" || (name === "start" && probed.length < 3) ? 1 : 0 };
        },
      }),
    },
  });
  const probe = (name: string) => ({ exec: { command: [name] }, periodSeconds: 1 });
  const probes = { startupProbe: probe("start"), livenessProbe: probe("live"), readinessProbe: probe("ready") };
  await run({ containers: [{ name: "app", image: "app:1", ...probes }] });
  await pass(1_500);
  assert.deepEqual(probed, ["start", "start"]);
  assert.equal((await pod()).status.containerStatuses?.[0]?.started, false);
  await pass(1_000);
  assert.deepEqual(probed.slice(2, 5), ["start", "live", "ready"]);
  assert.equal((await pod()).status.containerStatuses?.[0]?.ready, true);
  const failing = { ...probes, startupProbe: { ...probe("never"), failureThreshold: 2 } };
  await run({ name: "slow", containers: [{ name: "app", image: "app:1", ...failing }] });
  await pass(1_000);
  assert.ok((await events("slow")).includes("Killing: Container app failed startup probe, will be restarted"));
});

test("a probe begins after its initial delay", async () => {
  let probes = 0;
  const { pass, run } = await agentScene({
    host: {
      grpc: () => {
        probes++;
        return { success: true, output: "" };
      },
    },
  });
  const livenessProbe = { grpc: { port: 9000 }, initialDelaySeconds: 30 };
  await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] });
  await pass(29_000);
  assert.equal(probes, 0);
  await pass(11_500);
  assert.equal(probes, 2);
});

test("a probe that cannot be done says nothing about the container", async () => {
  const { pass, run, pod, events } = await agentScene();
  const livenessProbe = { httpGet: { port: "nowhere" }, periodSeconds: 1 };
  await run({ containers: [{ name: "app", image: "app:1", livenessProbe }] });
  await pass(10_000);
  assert.equal((await pod()).status.containerStatuses?.[0]?.restartCount, 0);
  assert.ok(
    (await events()).includes(
      "Unhealthy: Liveness probe errored and resulted in unknown state: invalid port number: nowhere",
    ),
  );
});

test("a command of a probe that cannot be run is tried again, and one that takes too long has failed", async () => {
  let tries = 0;
  const { pass, run, events } = await agentScene({
    engine: {
      script: () => ({
        exec: ([name]) => {
          tries++;
          if (name === "broken") throw new Error("no such process");
          return { delayMs: 5_000 };
        },
      }),
    },
  });
  const probing = (name: string) => ({
    name,
    containers: [
      { name: "app", image: "app:1", readinessProbe: { exec: { command: [name, "now"] }, periodSeconds: 100 } },
    ],
  });
  await run(probing("broken"));
  assert.equal(tries, 3);
  assert.ok(
    (await events("broken")).includes(
      "Unhealthy: Readiness probe errored and resulted in unknown state: no such process",
    ),
  );
  await run(probing("slow"));
  await pass(2_000);
  assert.ok((await events("slow")).includes('Unhealthy: Readiness probe failed: command "slow now" timed out'));
});
