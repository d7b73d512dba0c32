// Which container a request for logs, exec, attach or port-forward means; the errors are the kubelet's, people search for them.
import { ApiError, badRequest } from "../../api/index.ts";
import type { ContainerStatus } from "../engine/index.ts";
import { findStatus } from "./find-status.ts";
import { findContainer } from "./pod-containers.ts";
import type { PodSet } from "./pod-set.ts";
import { latestContainer } from "./pod-view.ts";
import type { PodWorker } from "./pod-worker.ts";

export interface ContainerQuery {
  readonly namespace: string;
  readonly podName: string;
  /** Any pod of that name when left out. */
  readonly podUid?: string;
  /** The first container when left out. */
  readonly containerName?: string;
}

export interface ContainerLocation {
  readonly containerId: string;
  readonly containerName: string;
  readonly sandboxId: string;
  readonly logPath: string;
  readonly running: boolean;
  /** Whether the container has a terminal. */
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** The running container that exec and attach mean. Throws ApiError 404. */
export function locateContainer(pods: PodSet, query: ContainerQuery): ContainerLocation {
  const worker = workerOf(pods, query);
  if (!worker) throw notThere("pod does not exist");
  const name = query.containerName ?? worker.pod.spec.containers[0]?.name ?? "";
  const container = latestContainer(worker.runtime.containers, name);
  if (container?.state !== "running") throw notThere(`container not found ("${name}")`);
  return locationOf(worker, container);
}

/** The sandbox that port-forward means. Throws ApiError 404. */
export function locateSandbox(pods: PodSet, query: ContainerQuery): { readonly sandboxId: string } {
  const worker = workerOf(pods, query);
  if (!worker) throw notThere("pod does not exist");
  const sandbox = worker.runtime.sandboxes[0];
  if (!sandbox?.ready) throw notThere(`pod not found ("${query.podName}_${query.namespace}")`);
  return { sandboxId: sandbox.id };
}

/** The container whose log is asked for; with `previous` the one before the last restart. Throws ApiError 400 or 404. */
export function locateLog(pods: PodSet, query: ContainerQuery, previous: boolean): ContainerLocation {
  const worker = workerOf(pods, query);
  const { podName } = query;
  if (!worker) throw notThere(`pod "${podName}" does not exist`);
  const name = query.containerName ?? worker.pod.spec.containers[0]?.name ?? "";
  if (!findContainer(worker.pod, name)) throw notThere(`container "${name}" not found in pod "${podName}"`);
  const id = previous ? previousId(worker, name, podName) : currentId(worker, name, podName);
  const found = worker.runtime.containers.find((each) => id.endsWith(`://${each.id}`));
  if (!found) throw badRequest(`unable to retrieve container logs for ${id}`);
  return locationOf(worker, found);
}

function previousId(worker: PodWorker, name: string, podName: string): string {
  const id = statusOf(worker, name)?.lastState?.terminated?.containerID;
  if (id) return id;
  throw badRequest(`previous terminated container "${name}" in pod "${podName}" not found`);
}

function currentId(worker: PodWorker, name: string, podName: string): string {
  const about = `container "${name}" in pod "${podName}"`;
  const status = statusOf(worker, name);
  if (!status) throw badRequest(`${about} is not available`);
  const { state, lastState, containerID } = status;
  if (state?.running && containerID) return containerID;
  const ended = state?.terminated?.containerID ?? lastState?.terminated?.containerID;
  if (ended) return ended;
  if (state?.terminated) throw badRequest(`${about} is terminated`);
  const reason = state?.waiting?.reason;
  switch (reason) {
    case undefined:
      throw badRequest(`${about} is waiting to start - no logs yet`);
    case "ErrImagePull":
      throw badRequest(`${about} is waiting to start: image can't be pulled`);
    case "ImagePullBackOff":
      throw badRequest(`${about} is waiting to start: trying and failing to pull image`);
    default:
      throw badRequest(`${about} is waiting to start: ${reason}`);
  }
}

function statusOf(worker: PodWorker, name: string) {
  return findStatus({ ...worker.pod, status: worker.status }, name);
}

function workerOf(pods: PodSet, { namespace, podName, podUid }: ContainerQuery): PodWorker | undefined {
  const named = [...pods.workers].filter(
    ({ pod: { metadata } }) => metadata.name === podName && metadata.namespace === namespace,
  );
  // One that is still going away may have the name as well; the newest is meant.
  return podUid === undefined ? named.at(-1) : named.find(({ pod }) => pod.metadata.uid === podUid);
}

function locationOf(worker: PodWorker, status: ContainerStatus): ContainerLocation {
  const { tty = false, stdin = false } = findContainer(worker.pod, status.name)?.spec ?? {};
  return {
    containerId: status.id,
    containerName: status.name,
    sandboxId: status.sandboxId,
    logPath: status.logPath,
    running: status.state === "running",
    tty,
    stdin,
  };
}

function notThere(message: string): ApiError {
  return new ApiError(404, "NotFound", message);
}
