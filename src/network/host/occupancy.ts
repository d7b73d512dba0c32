// Whose the interfaces of this machine are, and what stands in the way of a cluster's network.
import { parseRange, rangesOverlap } from "../../lib/index.ts";
import { run } from "./commands.ts";
import type { NodeNetwork } from "./node-network.ts";

/** An interface, as `ip -json -details address` tells. */
export interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly addr_info?: readonly { readonly family: string; readonly local?: string }[];
}

/** A route of the main table, as `ip -json route` tells. */
export interface Route {
  readonly dst: string;
  readonly dev?: string;
}

const ownerMark = "roder ";

/** What a cluster's bridge says of whose it is. The kernel keeps it as the interface's alias, and forgets both together. */
export function ownerAlias({ directory }: NodeNetwork): string {
  return ownerMark + directory;
}

/** The directories of the other clusters whose bridges are here. */
export async function otherClusters(network: NodeNetwork): Promise<string[]> {
  return (await links())
    .map(({ ifalias = "" }) => ifalias)
    .filter((alias) => alias.startsWith(ownerMark) && alias !== ownerAlias(network))
    .map((alias) => alias.slice(ownerMark.length));
}

export async function links(): Promise<Link[]> {
  // Without the details it tells no alias.
  return JSON.parse(await run("ip", ["-json", "-details", "address", "show"])) as Link[];
}

/** What on this machine is in the way of a cluster's network. */
export interface NetworkConflict {
  /** The words of a sentence. */
  readonly what: string;
  /** What would have to be another one. */
  readonly of: "name" | "podRange" | "serviceRange";
}

/** What is in the way of the cluster's network; undefined when nothing is. */
export async function findConflict(network: NodeNetwork): Promise<NetworkConflict | undefined> {
  const routes = JSON.parse((await run("ip", ["-json", "-4", "route", "show", "table", "main"])) || "[]") as Route[];
  return conflictOf(network, await links(), routes);
}

export function conflictOf(
  network: NodeNetwork,
  allLinks: readonly Link[],
  routes: readonly Route[],
): NetworkConflict | undefined {
  const bridge = allLinks.find((each) => each.ifname === network.bridge);
  const alias = bridge?.ifalias;
  if (alias !== undefined && alias !== ownerAlias(network)) {
    const owner = alias.startsWith(ownerMark) ? `the cluster of ${alias.slice(ownerMark.length)}` : `"${alias}"`;
    return { what: `the interface ${network.bridge} belongs to ${owner}`, of: "name" };
  }
  for (const which of ["podRange", "serviceRange"] as const) {
    const range = network[which];
    for (const { ifname, addr_info: addresses = [] } of allLinks) {
      if (ifname === network.bridge) continue;
      const found = addresses.find(({ family, local = "" }) => family === "inet" && overlaps(range, local));
      // The machine's end of a link to one of the cluster's own pods has the gateway's address.
      if (found && !(bridge && isGateway(bridge, found.local))) {
        return { what: `${ifname} has the address ${found.local} of the range ${range}`, of: which };
      }
    }
    for (const { dst, dev } of routes) {
      // The routes to the cluster's own pods, and the one that ends what goes to none.
      const isOwn =
        dev === network.bridge || (dev === undefined && dst === network.podRange) || (bridge && !dst.includes("/"));
      if (dst !== "default" && !isOwn && overlaps(range, dst)) {
        return {
          what: `a route${dev === undefined ? "" : ` by ${dev}`} to ${dst} overlaps the range ${range}`,
          of: which,
        };
      }
    }
  }
  return undefined;
}

const isGateway = (bridge: Link, address: string | undefined) =>
  (bridge.addr_info ?? []).some(({ local }) => local === address);

function overlaps(range: string, addressOrRange: string): boolean {
  const own = parseRange(range);
  const other = parseRange(addressOrRange.includes("/") ? addressOrRange : `${addressOrRange}/32`);
  return own !== undefined && other !== undefined && rangesOverlap(own, other);
}
