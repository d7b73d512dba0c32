import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, FaultyApi, pass } from "../../test/faulty-api.ts";
import { Leases, type ResourceHandler, serviceUnavailable } from "../api/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../lib/index.ts";
import { inProcessClient, runLeaderElection } from "./index.ts";

async function scene() {
  const api = await FaultyApi.start();
  const clock = new VirtualClock();
  const leaders = new Set<string>();
  /** Whose requests get no answer until they are given up. */
  const unanswered = new Set<string>();
  const handler: ResourceHandler = {
    handle(request, user) {
      if (!unanswered.has(user.name)) return api.handle(request, user);
      return new Promise((_, reject) => {
        request.signal?.addEventListener("abort", () => reject(request.signal?.reason), { once: true });
      });
    },
  };
  const candidate = (identity: string) => {
    const client = inProcessClient(handler, { name: identity, groups: [] });
    const stop = new AbortController();
    const ended = runLeaderElection({
      client,
      clock,
      random: seededRandom(identity.length),
      log: silentLogger,
      signal: stop.signal,
      name: "kube-scheduler",
      identity,
      async lead(signal) {
        leaders.add(identity);
        assert.equal(leaders.size, 1, "two leaders at once");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        leaders.delete(identity);
      },
    });
    return { client, stop, ended };
  };
  return { api, clock, leaders, unanswered, candidate };
}

test("one candidate leads, and another takes over at once when it gives the lease back", async () => {
  const { clock, leaders, candidate } = await scene();
  const first = candidate("first");
  await atRest();
  candidate("second");
  await pass(clock, 60_000);
  assert.deepEqual([...leaders], ["first"]);
  first.stop.abort();
  await first.ended;
  await pass(clock, 5_000);
  assert.deepEqual([...leaders], ["second"]);
  const lease = await first.client.get(Leases, { namespace: "kube-system", name: "kube-scheduler" });
  assert.equal(lease.spec?.holderIdentity, "second");
  assert.equal(lease.spec?.leaseDurationSeconds, 15);
});

test("a leader that cannot renew stops before another can lead", async () => {
  const { api, clock, leaders, candidate } = await scene();
  candidate("first");
  await atRest();
  candidate("other-one");
  await pass(clock, 10_000);
  // Only the first is cut off.
  let firstIsCutOff = true;
  const refuse = serviceUnavailable("partition");
  api.failure = (request) => {
    const last = api.requests.at(-1);
    return firstIsCutOff && last?.request === request && last.user.name === "first" ? refuse : undefined;
  };
  await pass(clock, 11_900);
  assert.equal(leaders.size, 0);
  await pass(clock, 20_000);
  assert.deepEqual([...leaders], ["other-one"]);
  firstIsCutOff = false;
  await pass(clock, 60_000);
  assert.deepEqual([...leaders], ["other-one"]);
});

test("a leader whose server does not answer stops before another can lead", async () => {
  const { clock, leaders, unanswered, candidate } = await scene();
  candidate("first");
  await atRest();
  candidate("other-one");
  await pass(clock, 10_000);
  unanswered.add("first");
  await pass(clock, 10_000);
  assert.equal(leaders.size, 0);
  await pass(clock, 20_000);
  assert.deepEqual([...leaders], ["other-one"]);
});
