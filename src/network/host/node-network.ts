// The interface, routes and kernel settings that a node needs before its first pod, and their removal.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { addressAt, parseRange } from "../../lib/index.ts";
import { run } from "./commands.ts";
import { links, otherClusters, ownerAlias } from "./occupancy.ts";

export interface NodeNetwork {
  /** The bridge that holds the gateway's address and takes what is sent to the service range. */
  readonly bridge: string;
  readonly nftTable: string;
  /** All pods of the cluster. */
  readonly podRange: string;
  readonly serviceRange: string;
  /** Where the CNI configuration, its reservations and the record of changed kernel settings are kept. */
  readonly directory: string;
}

/** The names that a cluster's network takes on the machine; interface names have at most 15 characters. */
export function networkNames(cluster: string): { bridge: string; nftTable: string } {
  if (cluster === "roder") return { bridge: "roder0", nftTable: "roder" };
  let hash = 0x811c9dc5; // FNV-1a
  for (const byte of new TextEncoder().encode(cluster)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return { bridge: `roder-${hash.toString(16).padStart(8, "0")}`, nftTable: `roder-${cluster}` };
}

/** The first address of a node's pods: the gateway of each, and where the node's DNS server listens. */
export function gatewayOf(podCidr: string): string {
  const range = parseRange(podCidr);
  if (!range) throw new Error(`"${podCidr}" is no IPv4 range`);
  return addressAt(range, 1);
}

/** Of the kernel settings that are changed, what they must be. */
const kernelSettings: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  // Lets a NodePort answer on 127.0.0.1; the rules drop packets from outside to loopback addresses.
  "net/ipv4/conf/all/route_localnet": "1",
};

const settingsFile = ({ directory }: Pick<NodeNetwork, "directory">) => join(directory, "kernel-settings.json");

/** Makes bridge, routes and settings; doing it again changes nothing. Nothing of the cluster's ranges leaves the machine. */
export async function setUpNodeNetwork(network: NodeNetwork): Promise<void> {
  await mkdir(network.directory, { recursive: true, mode: 0o700 });
  changeKernelSettings(network);
  const { bridge } = network;
  if (!(await interfaceExists(bridge))) await run("ip", ["link", "add", bridge, "type", "bridge"]);
  await run("ip", ["link", "set", bridge, "alias", ownerAlias(network), "up"]);
  // Before any service exists: packets to it are translated on the way, and what is left over ends at the bridge.
  await run("ip", ["route", "replace", network.serviceRange, "dev", bridge]);
  await run("ip", ["route", "replace", "unreachable", network.podRange, "metric", "4096"]);
}

/** Gives the node its gateway's address and writes the CNI configuration for its pods. */
export async function configurePods(network: NodeNetwork, podCidr: string): Promise<void> {
  const gateway = gatewayOf(podCidr);
  await run("ip", ["address", "replace", `${gateway}/32`, "dev", network.bridge]);
  await run("ip", ["route", "replace", network.serviceRange, "dev", network.bridge, "src", gateway]);
  const configuration = cniConfiguration(podCidr, join(network.directory, "networks"), await uplinkMtu());
  await mkdir(join(network.directory, "net.d"), { recursive: true, mode: 0o700 });
  writeFileSync(join(network.directory, "net.d", "10-roder.conflist"), configuration, { mode: 0o600 });
}

/**
 * Pods hang on point-to-point links (the ptp plugin), not on a bridge: all their packets are routed, so the answers of
 * a pod on the same node pass the translation that the question passed, without bridge-netfilter.
 */
function cniConfiguration(podCidr: string, reservations: string, mtu: number): string {
  const ipam = {
    type: "host-local",
    dataDir: reservations,
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return JSON.stringify({ cniVersion: "0.4.0", name: "roder", plugins: [{ type: "ptp", mtu, ipMasq: false, ipam }] });
}

/** The MTU of the interface with the default route; 1500 where there is none. */
async function uplinkMtu(): Promise<number> {
  const routes = JSON.parse((await run("ip", ["-json", "-4", "route", "show", "default"])) || "[]") as {
    dev?: string;
  }[];
  const device = routes[0]?.dev;
  if (!device) return 1_500;
  const links = JSON.parse(await run("ip", ["-json", "link", "show", "dev", device])) as { mtu: number }[];
  return links[0]?.mtu ?? 1_500;
}

/** Asked of the kernel, not of /sys, which may show another network namespace than this process is in. */
async function interfaceExists(name: string): Promise<boolean> {
  return (await links()).some((each) => each.ifname === name);
}

/** The address by which others reach this machine: the default route's source, else any that is not loopback's. */
export async function machineAddress(): Promise<string | undefined> {
  const routes = JSON.parse((await run("ip", ["-json", "-4", "route", "show", "default"])) || "[]") as {
    dev?: string;
  }[];
  const all = networkInterfaces();
  const usual = routes[0]?.dev === undefined ? [] : (all[routes[0].dev] ?? []);
  const others = Object.entries(all).flatMap(([name, each]) => (name.startsWith("roder") ? [] : (each ?? [])));
  return [...usual, ...others].find((each) => each.family === "IPv4" && !each.internal)?.address;
}

/**
 * Removes what setUpNodeNetwork, configurePods and the service proxy made, and puts kernel settings back that no other
 * cluster needs. What another cluster of the same name has here stays.
 */
export async function tearDownNodeNetwork(network: NodeNetwork): Promise<void> {
  const { bridge, nftTable } = network;
  const own = (await links()).find((each) => each.ifname === bridge);
  if (own?.ifalias !== undefined && own.ifalias !== ownerAlias(network)) return;
  const script = `add table ip ${nftTable}\ndelete table ip ${nftTable}\n`;
  await run("nft", ["-f", "-"], script);
  if (own) {
    const routes = JSON.parse((await run("ip", ["-json", "-4", "route", "show", "type", "unreachable"])) || "[]") as {
      dst?: string;
    }[];
    if (routes.some((each) => each.dst === network.podRange)) {
      await run("ip", ["route", "delete", "unreachable", network.podRange, "metric", "4096"]);
    }
    // Last: without the bridge, as after a boot, a route to the range is another cluster's.
    await run("ip", ["link", "delete", bridge]);
  }
  await restoreKernelSettings(network);
}

/** What changed settings were before, as recorded. */
function settingsBefore(network: Pick<NodeNetwork, "directory">): Record<string, string> {
  const file = settingsFile(network);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, string>) : {};
}

/** In one step: half a record would keep the node from starting and the cluster from being removed. */
function recordBefore(network: Pick<NodeNetwork, "directory">, before: Readonly<Record<string, string>>): void {
  const file = settingsFile(network);
  writeFileSync(`${file}.new`, JSON.stringify(before), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

function changeKernelSettings(network: NodeNetwork): void {
  const before = settingsBefore(network);
  for (const [name, value] of Object.entries(kernelSettings)) {
    const now = readFileSync(`/proc/sys/${name}`, "utf8").trim();
    if (now === value) continue;
    before[name] ??= now;
    recordBefore(network, before);
    writeFileSync(`/proc/sys/${name}`, value);
  }
}

async function restoreKernelSettings(network: NodeNetwork): Promise<void> {
  const before = settingsBefore(network);
  const heir = (await otherClusters(network)).find((directory) => existsSync(directory));
  if (heir === undefined) {
    for (const [name, value] of Object.entries(before)) writeFileSync(`/proc/sys/${name}`, value);
  } else {
    // The last cluster to go puts them back.
    recordBefore({ directory: heir }, { ...before, ...settingsBefore({ directory: heir }) });
  }
  rmSync(settingsFile(network), { force: true });
}
