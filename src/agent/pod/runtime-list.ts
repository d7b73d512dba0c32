import { podUidLabel } from "../container/container-labels.ts";
import type { ContainerEngine, ContainerStatus, SandboxStatus } from "../engine/index.ts";
import type { RuntimeSnapshot } from "./pod-runtime.ts";

/** What the engine has, by the uid of the pods. */
export type RuntimeList = ReadonlyMap<string, RuntimeSnapshot>;

/** Asks the engine for everything that the agent made. */
export async function listRuntime(engine: ContainerEngine): Promise<RuntimeList> {
  const [sandboxes, containers] = await Promise.all([engine.listSandboxes(), engine.listContainers()]);
  const sandboxStatuses = await Promise.all(sandboxes.map((each) => engine.sandboxStatus(each.id)));
  const containerStatuses = await Promise.all(containers.map((each) => engine.containerStatus(each.id)));
  const found = new Map<string, { sandboxes: SandboxStatus[]; containers: ContainerStatus[] }>();
  const snapshotOf = (uid: string) => {
    const snapshot = found.get(uid) ?? { sandboxes: [], containers: [] };
    found.set(uid, snapshot);
    return snapshot;
  };
  for (const each of sandboxStatuses) if (each) snapshotOf(each.uid).sandboxes.push(each);
  for (const each of containerStatuses) {
    const uid = each?.labels[podUidLabel];
    if (each && uid !== undefined) snapshotOf(uid).containers.push(each);
  }
  return found;
}
