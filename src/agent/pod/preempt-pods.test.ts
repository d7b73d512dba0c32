import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import type { Pod } from "../../api/index.ts";
import { podsToPreempt } from "./preempt-pods.ts";

const amounts = (cpu: string, memory: string) => ({ cpu, memory });
function pod(
  name: string,
  requests?: object,
  more: { readonly limits?: object; readonly priority?: number } = {},
): Pod {
  const { limits, priority = 0 } = more;
  const resources = { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
  // What decides is all that is looked at.
  return { metadata: { name }, spec: { priority, containers: [{ name: "app", resources }] } } as unknown as Pod; // what is read
}
const critical = pod("critical", undefined, { priority: 2_000_000_000 });
const low = amounts("100m", "100");
const high = amounts("200m", "200");
const bestEffort = pod("best-effort");
const burstable = pod("burstable", low);
const highBurstable = pod("high-burstable", high);
const guaranteed = pod("guaranteed", low, { limits: low });
const highGuaranteed = pod("high-guaranteed", high, { limits: high });

test("as few and as unimportant pods go as make room for a critical one", () => {
  const names = (others: readonly Pod[], missing: Readonly<Record<string, number>>) =>
    podsToPreempt(
      critical,
      others,
      Object.entries(missing).map(([name, amount]) => ({ name, amount })),
    )?.map(({ metadata }) => metadata.name);
  assert.deepEqual(names([critical], { cpu: 1 }), undefined, "none of its own rank");
  assert.deepEqual(names([bestEffort], { cpu: 100 }), undefined, "nothing to take");
  const all = [bestEffort, burstable, highBurstable, guaranteed, highGuaranteed];
  assert.deepEqual(names(all, { pods: 1 }), ["best-effort"]);
  assert.deepEqual(names(all, { cpu: 100, memory: 100 }), ["burstable"]);
  assert.deepEqual(names(all, { cpu: 150 }), ["high-burstable"]);
  assert.deepEqual(names(all, { cpu: 300 }), ["high-burstable", "burstable"]);
  assert.deepEqual(names(all, { cpu: 400, memory: 100 }), ["guaranteed", "high-burstable", "burstable"]);
  assert.deepEqual(names([guaranteed, highGuaranteed], { cpu: 100 }), ["guaranteed"], "the smaller of equals");
  const important = pod("important", low, { priority: 100 });
  assert.deepEqual(names([important, guaranteed], { cpu: 100 }), ["guaranteed"], "priority before class");
});

test("a critical pod that named the node takes the room of another, or says that there is none", async () => {
  const { run, pod: read, events, pass } = await agentScene({ host: { machine: { cpus: 1 } } });
  const sized = (cpu: string) => [{ name: "app", image: "app:1", resources: { requests: { cpu } } }];
  const priorityClassName = "system-cluster-critical";
  await run({ name: "small", containers: sized("200m") });
  await run({ name: "large", containers: sized("700m") });
  await run({ name: "critical", priorityClassName, containers: sized("600m") });
  await pass(1_000);
  assert.equal((await read("critical")).status.phase, "Running");
  assert.equal((await read("small")).status.phase, "Running");
  const { status } = await read("large");
  const message = "Preempted in order to admit critical pod";
  assert.deepEqual([status.phase, status.reason, status.message], ["Failed", "Preempting", message]);
  const condition = status.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.deepEqual(
    [condition?.reason, condition?.message],
    ["TerminationByKubelet", "Pod was preempted by Kubelet to accommodate a critical pod."],
  );
  assert.ok((await events("large")).includes(`Preempting: ${message}`));
  const refused = await run({ name: "greedy", priorityClassName, containers: sized("900m") });
  assert.equal(refused.status.reason, "UnexpectedAdmissionError");
  assert.match(
    refused.status.message ?? "",
    /no set of running pods found to reclaim resources: \[\(res: cpu, q: 700\), \]$/,
  );
  assert.equal((await read("small")).status.phase, "Running");
});
