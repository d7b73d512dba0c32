import { type ComponentStatus, ComponentStatuses, type NewObject } from "../api/index.ts";
import { errorMessage } from "../lib/index.ts";

/** Those of Kubernetes that run beside its API server, by the names of their statuses. */
export type LoopName = "controller-manager" | "scheduler";

/** What `kubectl get componentstatuses` tells: whether the loops run and the storage answers. */
export async function componentStatuses(
  running: ReadonlySet<LoopName>,
  storageAnswers: () => Promise<void>,
): Promise<NewObject<ComponentStatus>[]> {
  const loop = (name: LoopName) => status(name, running.has(name) ? undefined : "it does not run");
  const storage = storageAnswers().then(() => undefined, errorMessage);
  return [loop("controller-manager"), status("etcd-0", await storage), loop("scheduler")];
}

function status(name: string, problem: string | undefined): NewObject<ComponentStatus> {
  const condition = problem === undefined ? { status: "True", message: "ok" } : { status: "False", message: problem };
  const { kind, version } = ComponentStatuses;
  return { kind, apiVersion: version, metadata: { name }, conditions: [{ type: "Healthy", ...condition }] };
}
