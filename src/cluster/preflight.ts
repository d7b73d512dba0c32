// What must hold before a start touches anything; every failure is one sentence with its mend.

import { createSocket } from "node:dgram";
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { createServer, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { type AddressRange, parseRange, rangeContains, rangesOverlap, UserError } from "../lib/index.ts";
import { makeDirectories } from "./directories.ts";

/** Below this a start would fail half-way: storage and logs need room. */
const freeBytesMin = 64 * 1024 * 1024;

/** The longest path of a socket (unix(7)), and what the node's engine appends to the data directory. */
const socketPathMax = 107;
const longestSocket = "containerd/containerd.sock.ttrpc";

/** Refuses a data directory whose path leaves no room for the node's sockets. */
export function requireShortRoot(root: string): void {
  const lengthMax = socketPathMax - longestSocket.length - 1;
  if (Buffer.byteLength(root) <= lengthMax) return;
  throw new UserError(
    `the path ${root} is too long for the sockets in it: choose a --data-dir of at most ${lengthMax} characters`,
  );
}

/** Makes the data directory, and refuses one that cannot be written or whose disk is full: there nothing is made. */
export function prepareDataRoot(root: string): void {
  const { blocks, bavail, bsize } = statfsSync(existingPart(root));
  // A file system without blocks has no bound, or is none for files, as /proc is.
  if (blocks > 0 && bavail * bsize < freeBytesMin) throw diskFull(root);
  try {
    makeDirectories(root);
    accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC") throw diskFull(root);
    throw new UserError(
      `cannot write to ${root} (${code}): choose another --data-dir, or run as the user who owns it`,
      {
        cause: error,
      },
    );
  }
}

function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path));
}

function diskFull(root: string): UserError {
  const mib = freeBytesMin / 1024 / 1024;
  return new UserError(
    `the disk that holds ${existingPart(root)} is full: free space there (${mib} MiB at least), or choose another --data-dir`,
  );
}

/** Refuses a port that somebody else has. */
export async function requireFreePort(address: string, port: number): Promise<void> {
  // A name would be looked up, and who answers that decides.
  if (isIP(address) === 0) throw new UserError(`--bind-address "${address}" is no address: give one of this machine's`);
  const problem = await listenProblem({ host: address, port });
  switch (problem?.code) {
    case undefined:
      return;
    case "EADDRINUSE":
      throw new UserError(`port ${port} is in use by another program: stop it, or choose another with --port`);
    case "EACCES":
      throw new UserError(`port ${port} may only be used by root: choose one above 1023 with --port`);
    case "EADDRNOTAVAIL":
      throw new UserError(`this machine has no address ${address}: choose another --bind-address`);
    default:
      throw problem;
  }
}

/** How many ports after the wanted one are tried: as many as there may be clusters on one machine. */
const agentPortsMax = 100;

/** A free port for the node's agent: `wanted`, or the next that nobody has. The API server learns it from the node's status. */
export async function freeAgentPort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + agentPortsMax; port++) {
    if ((await listenProblem({ port })) === undefined) return port;
  }
  throw new UserError(`the ports from ${wanted} on are in use by other programs, and the node needs one: stop one`);
}

const dnsPort = 53;
/** One of loopback's that nobody uses by itself. */
const unusedAddress = "127.53.53.53";

/**
 * Refuses a machine where a name server listens on every address, and so on the one of the cluster's. That address is
 * not there yet; `unusedAddress` is taken in the same way.
 */
export async function requireFreeDnsPort(): Promise<void> {
  const problem =
    (await listenProblem({ host: unusedAddress, port: dnsPort })) ?? (await bindProblem(unusedAddress, dnsPort));
  if (problem?.code !== "EADDRINUSE") return;
  throw new UserError(
    `another name server listens on port ${dnsPort} of every address, where the cluster's needs one: stop it, or let it listen on its own addresses only`,
  );
}

/** What keeps a TCP server from listening; undefined when nothing does. */
async function listenProblem(where: { host?: string; port: number }): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  try {
    return await new Promise((resolve) => {
      server.once("error", resolve);
      server.listen({ ...where, exclusive: true }, () => resolve(undefined));
    });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** The same for UDP. */
function bindProblem(address: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.once("error", (error) => socket.close(() => resolve(error)));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

/** The addresses that the machine has, by interface. */
export function machineAddresses(): MachineAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, each]) =>
    (each ?? []).map(({ address }) => ({ name, address })),
  );
}

export interface MachineAddress {
  readonly name: string;
  readonly address: string;
}

/** Refuses ranges that are none, that overlap, or in which one of `own` lies. */
export function requireFreeRanges(podRange: string, serviceRange: string, own: readonly MachineAddress[]): void {
  const pods = requireRange("--pod-range", podRange);
  const services = requireRange("--service-range", serviceRange);
  if (rangesOverlap(pods, services))
    throw new UserError(`--pod-range ${podRange} and --service-range ${serviceRange} overlap: choose others`);
  for (const { name, address } of own) {
    const taken = rangeContains(pods, address)
      ? "--pod-range"
      : rangeContains(services, address)
        ? "--service-range"
        : "";
    if (taken !== "")
      throw new UserError(`the machine's own address ${address} (${name}) lies in ${taken}: choose another range`);
  }
}

/** A smaller range has no room for a node's pods, or for the system's services. */
const prefixLengthMax = 28;

function requireRange(flag: string, text: string): AddressRange {
  const range = parseRange(text);
  if (range && range.prefixLength <= prefixLengthMax) return range;
  throw new UserError(`${flag} "${text}" is no IPv4 range of at least /${prefixLengthMax}, as 10.42.0.0/16 is`);
}
