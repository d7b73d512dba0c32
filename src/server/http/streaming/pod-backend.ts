// Where the streams of a pod are: the agent of its node. Sentences are those of pkg/registry/core/pod.
import { badRequest, type Pod } from "../../../api/index.ts";
import { boolean } from "../request-options.ts";

/** The container that a request means: the named one, or the only one. Throws 400. */
export function containerOf(pod: Pod, asked: string): string {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const names = [...initContainers, ...containers, ...ephemeralContainers].map((each) => each.name);
  const podName = pod.metadata.name;
  if (asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  const [only, another] = containers;
  if (only && !another) return only.name;
  const choice = only ? `, choose one of: [${names.join(" ")}]` : "";
  throw badRequest(`a container name must be specified for pod ${podName}${choice}`);
}

/** Throws 400 for a pod that has no node yet. */
export function nodeNameOf(pod: Pod): string {
  const { nodeName = "" } = pod.spec;
  if (nodeName === "") throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return nodeName;
}

/** What the agent is asked of /exec and /attach, in the kubelet's names. */
export function commandQuery(query: URLSearchParams, withCommand: boolean): URLSearchParams {
  const asked = new URLSearchParams();
  const names = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" };
  for (const [name, agentName] of Object.entries(names)) if (boolean(query, name)) asked.append(agentName, "1");
  if (withCommand) for (const word of query.getAll("command")) asked.append("command", word);
  return asked;
}

export function portQuery(query: URLSearchParams): URLSearchParams {
  const ports = query.getAll("ports").flatMap((each) => each.split(","));
  return new URLSearchParams(ports.length === 0 ? {} : { port: ports.join(",") });
}
