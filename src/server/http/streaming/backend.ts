import type { OutgoingHttpHeaders } from "node:http";
import { ApiError, isHollow, type Node, serviceUnavailable } from "../../../api/index.ts";

/** Where a request goes on to. */
export interface Backend {
  readonly protocol: "http:" | "https:";
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
  readonly trust: Trust;
  /** Says to the backend who asks; without it, the backend is not told. */
  readonly identify?: (passed: OutgoingHttpHeaders) => OutgoingHttpHeaders;
}

/**
 * `agent`: with the API server's certificate, to a server whose certificate of the cluster's authority names this node.
 * `extension`: with a certificate of the front proxy's, to the server of a Service; `authority` is whom it must be signed
 * by, the machine's own authorities when left out.
 * `anyone`: whoever answers; what runs in pods has certificates that nobody here could verify.
 */
export type Trust =
  | { readonly kind: "agent"; readonly nodeName: string; readonly verify: boolean }
  | {
      readonly kind: "extension";
      readonly serverName: string;
      readonly authority: string | undefined;
      readonly verify: boolean;
      readonly certificate: string;
      readonly key: string;
    }
  | { readonly kind: "anyone" };

/** The 503 for what runs on a simulated node. */
export function hollow(nodeName: string): ApiError {
  return serviceUnavailable(`node ${JSON.stringify(nodeName)} is simulated: nothing runs on it`);
}

/** How nodes are reached: kubeadm's --kubelet-preferred-address-types, and what is left. */
const addressTypes = ["InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS"];
const agentPortDefault = 10_250;

/** The address and the agent's port of a node. Throws when it has said none, and 503 for simulated nodes. */
export function agentOf(node: Node): { readonly host: string; readonly port: number } {
  if (isHollow(node)) throw hollow(node.metadata.name);
  const addresses = node.status?.addresses ?? [];
  for (const type of addressTypes) {
    const found = addresses.find((each) => each.type === type);
    if (found) {
      const { Port: port } = node.status.daemonEndpoints?.kubeletEndpoint ?? { Port: 0 };
      return { host: found.address, port: port || agentPortDefault };
    }
  }
  const known = addresses.map(({ type, address }) => `{${type} ${address}}`).join(" ");
  throw new ApiError(500, "", `no preferred addresses found; known addresses: [${known}]`);
}
