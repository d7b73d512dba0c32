// Behaviours that one pod shows by what it prints: written as a table, started together, each a test of its own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { busyboxImage } from "../images/oci.ts";
import { eventually, TestCluster } from "./cluster.ts";

export const busybox = "example.com/busybox:1";

/** A pod of one container that runs once. */
export interface PodCase {
  /** The behaviour's name, and what is shown of it. */
  readonly shows: string;
  /** For the shell. */
  readonly command: string;
  /** What it prints, or what is in that. */
  readonly prints: string | RegExp | readonly RegExp[];
  /** More of the container, of the pod's spec, and of its metadata. */
  readonly container?: object;
  readonly spec?: object;
  readonly metadata?: object;
}

/** A cluster whose node has busybox. */
export async function clusterWithBusybox(name: string): Promise<TestCluster> {
  const cluster = await TestCluster.prepare(name);
  await cluster.up();
  const archive = join(cluster.directory, "busybox.tar");
  writeFileSync(archive, busyboxImage(busybox));
  await cluster.roder(["image", "load", archive]);
  return cluster;
}

export const apply = (cluster: TestCluster, ...objects: readonly object[]) =>
  cluster.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));

/** A pod that runs `command` once in busybox. */
export function onePod(name: string, { command, container, spec, metadata }: Omit<PodCase, "shows" | "prints">) {
  const main = { name: "main", image: busybox, command: ["sh", "-c", command], ...container };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [main], ...spec },
  };
}

/** A ConfigMap, or a Secret when `kind` says so. */
export const keep = (kind: "ConfigMap" | "Secret", name: string, data: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind,
  metadata: { name },
  ...(kind === "Secret" ? { stringData: data } : { data }),
});

/** What a container printed until the pod had succeeded. */
export async function printed(cluster: TestCluster, name: string): Promise<string> {
  await eventually(`pod ${name} succeeds`, async () => {
    const { status } = await cluster.json<{ status: { phase: string } }>("get", "pod", name);
    assert.notEqual(status.phase, "Failed", await cluster.kubectl("logs", name));
    return status.phase === "Succeeded";
  });
  return cluster.kubectl("logs", name);
}

/** How long all cases of a file may take together. */
const casesMsMax = 300_000;

/** Starts the pods of all cases with the first test, and tests each. */
export function testPods(cluster: () => TestCluster, cases: readonly PodCase[]): void {
  const names = new Map(cases.map((each, index) => [each, `case-${index}`]));
  let ended: Promise<ReadonlyMap<string, string>> | undefined;
  const runAll = async () => {
    await apply(cluster(), ...cases.map((each) => onePod(names.get(each)!, each)));
    return phasesAtEnd(cluster(), [...names.values()]);
  };
  for (const each of cases) {
    test(each.shows, async () => {
      ended ??= runAll();
      const name = names.get(each)!;
      const phase = (await ended).get(name);
      const output = await cluster().kubectl("logs", name);
      assert.equal(phase, "Succeeded", output);
      if (typeof each.prints === "string") assert.equal(output, each.prints);
      else for (const pattern of [each.prints].flat()) assert.match(output, pattern);
    });
  }
}

/** The phases of the pods that ended, when all have or the time is over: one that hangs is its own test's matter. */
async function phasesAtEnd(cluster: TestCluster, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const phases = new Map<string, string>();
  const each = ["pods", "-o", 'jsonpath={.metadata.name} {.status.phase}{"\\n"}'];
  const isLast = (line: string) => {
    const [name = "", phase = ""] = line.split(" ");
    if (phase === "Succeeded" || phase === "Failed") phases.set(name, phase);
    return names.every((name) => phases.has(name));
  };
  try {
    await cluster.shows("all cases have ended", each, isLast, casesMsMax);
  } catch (error) {
    console.error(error);
  }
  return phases;
}
