// Plays one scenario again and again, with a fault at another write each time. In a thread of its own, where the hooks of
// the test runner do not make every promise four times as dear.
import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { type KubeObject, type ResourceRequest, serviceUnavailable } from "../src/api/index.ts";
import { type Fault, startTestControlPlane, type TestControlPlane } from "./control-plane.ts";
import { type Scenario, scenarios, userOf } from "./controller-scenarios.ts";
import { createNodes, playNodes, renewLeases } from "./pretended-nodes.ts";

const nodes = ["node-1"];

/** Pods get where they are going, and then time passes while nodes live. */
async function settle(plane: TestControlPlane, ms: number): Promise<void> {
  const untilMs = plane.clock.monotonicMs() + ms;
  const leftMs = () => untilMs - plane.clock.monotonicMs();
  while (leftMs() > 0) {
    const acted = await playNodes(plane, nodes);
    await plane.rest(acted > 0 ? 500 : Math.min(10_000, leftMs()));
    await renewLeases(plane, nodes);
  }
}

const modes = {
  "is refused": () => Promise.reject(serviceUnavailable("the server is currently unable to handle the request")),
  "is carried out and its answer lost": async (_, send) => {
    await send();
    throw new Error("connection reset");
  },
  "is the last thing before the process dies": async ({ crash }, send) => {
    await send();
    crash();
    throw new Error("this process has ended");
  },
  "does not happen because the process dies": ({ crash }) => {
    crash();
    return Promise.reject(new Error("this process has ended"));
  },
} satisfies Record<string, (plane: TestControlPlane, send: Parameters<Fault>[1]) => ReturnType<Fault>>;
type Mode = keyof typeof modes;

/** Events are told once, or not at all; everything else counts. */
function isWrite({ verb, plural }: ResourceRequest): boolean {
  return !["get", "list", "watch"].includes(verb) && plural !== "events";
}

interface Run {
  readonly writes: readonly string[];
  readonly state: readonly string[];
}

/** Plays the scenario, with a fault at the write of that number, counted from one. */
async function play({ steps }: Scenario, faulty?: { number: number; mode: Mode }): Promise<Run> {
  // It is stopped below.
  const plane = await startTestControlPlane({ after: () => {} });
  await createNodes(plane, nodes);
  await settle(plane, 4_000);
  const writes: string[] = [];
  plane.between(async (request, send) => {
    if (!isWrite(request)) return await send();
    const { verb, plural, name = "", subresource = "" } = request;
    writes.push(`${verb} ${plural} ${subresource} ${name}`);
    return writes.length === faulty?.number ? await modes[faulty.mode](plane, send) : await send();
  });
  const user = userOf(plane, (ms) => settle(plane, ms));
  for (const step of steps) {
    await step(user);
    await settle(plane, 30_000);
  }
  // Quarantines and second looks end.
  await settle(plane, 60_000);
  const state = await stateOf(plane);
  await plane.stop();
  return { writes, state };
}

/** Fields in the order of their names and conditions in that of their types: nobody orders these. */
function ordered(key: string, value: unknown): unknown {
  if (key === "observedGeneration" || key === "resourceVersion") return undefined;
  // Signatures differ each time.
  if (key === "token" || key === "certificate") return "SIGNED";
  // Conditions have a type.
  if (key === "conditions" && Array.isArray(value)) return value.toSorted((a, b) => (a.type < b.type ? -1 : 1));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All objects, without what differs from run to run: times, names and addresses that were drawn, versions. */
async function stateOf({ registry, client }: TestControlPlane): Promise<readonly string[]> {
  const objects: KubeObject[] = [];
  const seen = new Set<string>();
  for (const definition of registry.all()) {
    if (!definition.verbs.includes("list") || ["events", "leases", "componentstatuses"].includes(definition.plural))
      continue;
    const { items } = await client.list(definition);
    for (const item of items) {
      if (seen.has(item.metadata.uid)) continue;
      seen.add(item.metadata.uid);
      objects.push(item);
    }
  }
  const drawn = objects.flatMap(({ metadata }): [string, string][] => [
    [metadata.uid, "UID"],
    ...(metadata.generateName ? [[metadata.name, `${metadata.generateName}*`] as [string, string]] : []),
  ]);
  const texts = objects.map((object) => {
    const { resourceVersion: _, generation: _generation, managedFields: _fields, ...metadata } = object.metadata;
    let text = JSON.stringify({ ...object, metadata }, ordered);
    for (const [name, instead] of drawn) text = text.replaceAll(name, instead);
    // A volume says which claim it had, also when that is gone.
    text = text.replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, "UID");
    return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME").replaceAll(/10\.4[23]\.\d+\.\d+/g, "ADDRESS");
  });
  return texts.sort();
}

/** What differed from the undisturbed run, a text for each fault. */
async function differences(scenario: Scenario, everyMode: boolean): Promise<readonly string[]> {
  const undisturbed = await play(scenario);
  const names = Object.keys(modes) as Mode[]; // its keys
  const wrong: string[] = [];
  for (let number = 1; number <= undisturbed.writes.length; number++)
    for (const [index, mode] of names.entries()) {
      if (!everyMode && index !== number % names.length) continue;
      const { state, writes } = await play(scenario, { number, mode });
      const more = state.filter((each) => !undisturbed.state.includes(each));
      const less = undisturbed.state.filter((each) => !state.includes(each));
      const lines = [...more.map((each) => `  + ${each}`), ...less.map((each) => `  - ${each}`)];
      if (String(state) !== String(undisturbed.state))
        wrong.push([`write ${number} (${writes[number - 1]}) ${mode}:`, ...lines].join("\n"));
    }
  return wrong;
}

const scenario = scenarios.find(({ name }) => name === workerData.scenario);
assert.ok(scenario && parentPort);
parentPort.postMessage(await differences(scenario, workerData.everyMode));
