import { ApiError, type KubeObject } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { admissionRequest, admit, validateAdmission } from "./admission-chain.ts";
import type { ObjectRequest } from "./context.ts";

/** What a stream is asked for with, as admission sees it: the query in the kinds of core/v1 that no schema is published of. */
const optionsKinds: Readonly<Record<string, string>> = {
  "pods/exec": "PodExecOptions",
  "pods/attach": "PodAttachOptions",
  "pods/portforward": "PodPortForwardOptions",
  "pods/proxy": "PodProxyOptions",
  "services/proxy": "ServiceProxyOptions",
  "nodes/proxy": "NodeProxyOptions",
};

const flags = ["stdin", "stdout", "stderr", "tty"];

/** Asks admission whether the stream below the named object may be opened. Reading a log is no such stream. */
export async function admitConnection(request: ObjectRequest, path: string, query: URLSearchParams): Promise<void> {
  const kindName = optionsKinds[`${request.definition.plural}/${request.subresource}`];
  if (kindName === undefined) return;
  const kind = { group: "", version: "v1", kind: kindName };
  const body = { kind: kindName, apiVersion: "v1", ...optionsOf(kindName, path, query) };
  // It has no metadata, which those who look at bodies of subresources reckon with.
  const object = body as unknown as Draft<KubeObject>;
  const admission = {
    ...admissionRequest(request, "CONNECT", object, undefined),
    kind,
    replaceObject: () => {
      throw new ApiError(500, "InternalError", "what a stream is asked for with cannot be changed");
    },
  };
  await admit(request, admission);
  await validateAdmission(request, admission);
}

function optionsOf(kind: string, path: string, query: URLSearchParams): object {
  if (kind.endsWith("ProxyOptions")) return path === "" ? {} : { path };
  if (kind === "PodPortForwardOptions") {
    const ports = query.getAll("ports").map(Number).filter(Number.isInteger);
    return ports.length > 0 ? { ports } : {};
  }
  const set = flags.filter((each) => query.get(each) === "true" || query.get(each) === "1");
  const container = query.get("container");
  const command = query.getAll("command");
  return {
    ...Object.fromEntries(set.map((each) => [each, true])),
    ...(container ? { container } : {}),
    ...(kind === "PodExecOptions" && command.length > 0 ? { command } : {}),
  };
}
