import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, settle, silentLogger, VirtualClock } from "../../../lib/index.ts";
import type { ContainerEngine, EngineEvent } from "../../engine/index.ts";
import { ContainerEnds } from "./container-ends.ts";

/** An engine whose containers and events the test writes down. */
function scene() {
  const clock = new VirtualClock();
  const states = new Map<string, string>();
  const listeners: Channel<EngineEvent>[] = [];
  const engine = {
    containerStatus: async (id: string) => (states.has(id) ? { state: states.get(id) } : undefined),
    events(signal: AbortSignal) {
      const events = new Channel<EngineEvent>(100);
      listeners.push(events);
      signal.addEventListener("abort", () => events.close());
      return events;
    },
  } as unknown as ContainerEngine; // what is asked about ends of containers
  const ends = new ContainerEnds(engine, clock, silentLogger);
  const wait = (id: string, signal = new AbortController().signal) => {
    const waiting = { over: false };
    void ends.ended(id, signal).then(() => {
      waiting.over = true;
    });
    return waiting;
  };
  return { clock, states, listeners, wait };
}

test("the end of a container is told to all who wait for it and to nobody else", async () => {
  const { states, listeners, wait } = scene();
  for (const id of ["a", "b"]) states.set(id, "running");
  const waiting = [wait("a"), wait("a"), wait("b")];
  await settle();
  assert.equal(listeners.length, 1);
  listeners[0]!.push({ type: "stopped", containerId: "a" });
  await settle();
  assert.deepEqual(
    waiting.map((each) => each.over),
    [true, true, false],
  );
});

test("waiting for a container that has ended, or is not there, is over at once", async () => {
  const { states, wait } = scene();
  states.set("a", "exited");
  const waiting = [wait("a"), wait("missing")];
  await settle();
  assert.deepEqual(
    waiting.map((each) => each.over),
    [true, true],
  );
});

test("the engine is listened to only while somebody waits", async () => {
  const { states, listeners, wait } = scene();
  states.set("a", "running");
  const gone = new AbortController();
  const waiting = wait("a", gone.signal);
  await settle();
  gone.abort();
  await settle();
  assert.equal(waiting.over, true);
  assert.equal(listeners[0]!.closed, true);
});

test("an end whose event was lost is found a little later", async () => {
  const { clock, states, listeners, wait } = scene();
  states.set("a", "running");
  const waiting = wait("a");
  await settle();
  listeners[0]!.close(new Error("the engine went away"));
  states.set("a", "exited");
  await clock.advance(9_000);
  assert.equal(waiting.over, false);
  await clock.advance(2_000);
  assert.equal(waiting.over, true);
});
