// Pods that went away while the agent was not there: their containers, files and mounts go too.
import { errorMessage } from "../../lib/index.ts";
import { terminationGraceOf } from "../container/container-labels.ts";
import { possiblePodCgroups } from "../container/linux-resources.ts";
import type { AgentContext } from "../context.ts";
import type { RuntimeSnapshot } from "./pod-runtime.ts";
import type { PodSet } from "./pod-set.ts";
import type { RuntimeList } from "./runtime-list.ts";

/** Ends and removes what belongs to no pod of this node any more. */
export async function removeOrphans(context: AgentContext, pods: PodSet, runtime: RuntimeList): Promise<void> {
  const { host, paths } = context;
  const onDisk = [...(await host.files.list(paths.pods)), ...(await host.files.list(paths.memory))];
  const uids = new Set([...runtime.keys(), ...onDisk]);
  for (const uid of uids) {
    if (!pods.get(uid)) await tolerantly(context, uid, () => removeOrphan(context, uid, runtime.get(uid)));
  }
  for (const name of await host.files.list(paths.logs)) {
    // A pod's log directory ends with its uid.
    const uid = name.split("_").at(-1) ?? "";
    if (!pods.get(uid)) await tolerantly(context, uid, () => host.files.remove(`${paths.logs}/${name}`));
  }
}

async function tolerantly({ log }: AgentContext, uid: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // The next start of the agent tries again.
    log.warn("orphaned pod not removed", { uid, error: errorMessage(error) });
  }
}

async function removeOrphan(context: AgentContext, uid: string, snapshot: RuntimeSnapshot | undefined): Promise<void> {
  const { engine, host, paths, settings, volumes } = context;
  const running = (snapshot?.containers ?? []).filter((each) => each.state === "running");
  await Promise.all(running.map((each) => engine.stopContainer(each.id, terminationGraceOf(each.annotations) ?? 30)));
  for (const sandbox of snapshot?.sandboxes ?? []) {
    await engine.stopSandbox(sandbox.id);
    await engine.removeSandbox(sandbox.id);
  }
  await volumes.tearDown(uid);
  await host.files.remove(paths.pod(uid));
  for (const cgroup of possiblePodCgroups(settings.cgroupRoot, uid)) await host.cgroups.remove(cgroup);
}
