import { hostname } from "node:os";
import { addressAt, parseRange, systemClock } from "../lib/index.ts";
import { gatewayOf, machineAddress } from "../network/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { ClusterPki } from "./pki/index.ts";
import type { ClusterSettings } from "./settings.ts";

/** The keys of a cluster, made when they are missing, with the API server's certificate for all names it has here. */
export async function openClusterPki(directory: DataDirectory, settings: ClusterSettings): Promise<ClusterPki> {
  const address = settings.nodes > 0 ? await machineAddress() : undefined;
  return ClusterPki.open({
    directory: directory.pki,
    clock: systemClock,
    // Pods reach the API under the gateway's address, which stays when the machine moves to another network.
    serverNames: [hostname(), ...(address ? [address] : []), gatewayOf(settings.podRange)],
    serviceAddress: addressAt(parseRange(settings.serviceRange)!, 1),
    clusterDomain: settings.clusterDomain,
  });
}
