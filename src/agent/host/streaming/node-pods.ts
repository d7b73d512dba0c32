// What the agent's server asks about the pods of its node.
import type { ContainerState, Pod } from "../../../api/index.ts";
import { containerNameLabel, podUidLabel } from "../../container/container-labels.ts";
import type { ContainerEngine } from "../../engine/index.ts";
import { findStatus } from "../../pod/find-status.ts";
import { findContainer } from "../../pod/pod-containers.ts";
import { RequestError } from "./request-error.ts";

/** The pods bound to this node, with their status as the agent knows it. */
export interface NodePods {
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
}

// Codes and sentences are those of the kubelet: people know them from kubectl.

export function findPod(pods: NodePods, namespace: string, name: string, uid = ""): Pod {
  const pod = pods.find(namespace, name);
  if (!pod) throw new RequestError(404, "pod does not exist");
  if (uid !== "" && pod.metadata.uid !== uid) throw new RequestError(404, "pod not found");
  return pod;
}

/** The id of the container of that name that runs now. */
export async function runningContainer(engine: ContainerEngine, pod: Pod, name: string): Promise<string> {
  const containers = await engine.listContainers();
  const found = containers.find(
    ({ labels, state }) =>
      state === "running" && labels[podUidLabel] === pod.metadata.uid && labels[containerNameLabel] === name,
  );
  if (!found) throw new RequestError(500, `container not found (${JSON.stringify(name)})`);
  return found.id;
}

export async function readySandbox(engine: ContainerEngine, pod: Pod): Promise<string> {
  const sandboxes = await engine.listSandboxes();
  const found = sandboxes.find(({ labels, ready }) => ready && labels[podUidLabel] === pod.metadata.uid);
  if (found) return found.id;
  throw new RequestError(500, `pod not found (${JSON.stringify(`${pod.metadata.name}_${pod.metadata.namespace}`)})`);
}

/** The id of the container whose log is asked for: the running one rather than one that has ended. */
export function containerToLog(pod: Pod, name: string, previous: boolean): string {
  const subject = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata.name)}`;
  const refused = (why: string) => new RequestError(400, `${subject} ${why}`);
  if (!findContainer(pod, name)) {
    const words = `container ${JSON.stringify(name)} not found in pod ${JSON.stringify(pod.metadata.name)}`;
    throw new RequestError(404, words);
  }
  const status = findStatus(pod, name);
  if (!status) throw refused("is not available");
  const { running, terminated, waiting }: ContainerState = status.state ?? {};
  const last = engineId(status.lastState?.terminated?.containerID);
  if (previous) {
    if (last === "") throw new RequestError(400, `previous terminated ${subject} not found`);
    return last;
  }
  if (running) return engineId(status.containerID);
  // The next container did not start: there are only words of the one before.
  if (terminated) {
    const id = engineId(terminated.containerID) || last;
    if (id === "") throw refused("is terminated");
    return id;
  }
  if (last !== "") return last;
  if (waiting) throw refused(`is waiting to start: ${waitingWords[waiting.reason ?? ""] ?? waiting.reason ?? ""}`);
  throw refused("is waiting to start - no logs yet");
}

const waitingWords: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

/** The engine's id in `containerd://ID`. */
function engineId(containerId: string | undefined): string {
  return containerId?.slice(containerId.indexOf("://") + 3) ?? "";
}
