// What must hold before a start touches anything; every failure is one sentence with its mend.
import { accessSync, constants, existsSync, mkdirSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { type AddressRange, parseRange, rangeContains, rangesOverlap, UserError } from "../lib/index.ts";

/** Below this a start would fail half-way: storage and logs need room. */
const freeBytesMin = 64 * 1024 * 1024;

/** Makes the data directory, and refuses one that cannot be written or whose disk is full. */
export function prepareDataRoot(root: string): void {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
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
  const disk = statfsSync(root);
  if (disk.bavail * disk.bsize < freeBytesMin) throw diskFull(root);
}

function diskFull(root: string): UserError {
  return new UserError(
    `the disk that holds ${existsSync(root) ? root : dirname(root)} is full: free space there, or choose another --data-dir`,
  );
}

/** Refuses a port that somebody else has. */
export async function requireFreePort(address: string, port: number, option: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address, port, exclusive: true }, resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new UserError(`port ${port} is in use by another program: stop it, or choose another with ${option}`);
    if (code === "EACCES")
      throw new UserError(`port ${port} may only be used by root: choose one above 1023 with ${option}`);
    if (code === "EADDRNOTAVAIL")
      throw new UserError(`this machine has no address ${address}: choose another --bind-address`);
    throw error;
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
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
