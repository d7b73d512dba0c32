// Logs that bound themselves: a log and the one before it, of at most `logBytesMax` each, a line more or less.
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { type Clock, errorMessage, type Logger, pause } from "../lib/index.ts";

const logBytesMax = 10 * 1024 * 1024;
const pieceBytes = 64 * 1024;
/** How often the log of another program is looked at: containerd writes some lines for a container, not megabytes. */
const checkMs = 60_000;

/** Where the lines before the last rotation are. */
export const olderLog = (path: string) => `${path}.1`;

/**
 * Moves the lines of a log that is longer than `bytesMax` to the older file, in place of those before. The file itself
 * stays: its writers have it open, for appending, and would go on in a renamed one.
 */
export function rotateLog(path: string, bytesMax = logBytesMax): void {
  let file: number;
  try {
    file = openSync(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // nothing was written yet
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    if (size <= bytesMax) return;
    rmSync(olderLog(path), { force: true });
    // On a full disk lines stay where they are, until they are as many as both files may hold.
    if (copyLines(file, size, olderLog(path)) || size > 2 * bytesMax) ftruncateSync(file, 0);
  } finally {
    closeSync(file);
  }
}

/** Copies up to the very end, so that what another process writes meanwhile comes along. False when there is no room. */
function copyLines(from: number, size: number, path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path));
  if (bavail * bsize < size) return false;
  const to = openSync(path, "w", 0o600);
  try {
    const piece = Buffer.alloc(pieceBytes);
    let position = 0;
    for (;;) {
      const bytes = readSync(from, piece, 0, piece.length, position);
      if (bytes === 0) return true;
      if (writeSync(to, piece, 0, bytes) < bytes) break;
      position += bytes;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(to);
  }
  rmSync(path);
  return false;
}

/** Rotates the log of a program that does not do it itself, until the signal. */
export async function keepRotated(
  path: string,
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
  bytesMax = logBytesMax,
): Promise<void> {
  while (!signal.aborted) {
    try {
      rotateLog(path, bytesMax);
    } catch (error) {
      log.warn("a log was not rotated", { path, error: errorMessage(error) });
    }
    await pause(clock, checkMs, signal);
  }
}

/**
 * Takes the lines of this process for a file that is open for appending, and rotates it. Never throws: on a full disk
 * lines are lost, and the next that can be written is preceded by how many.
 */
export class LogFile {
  readonly #file: number;
  readonly #path: string;
  readonly #bytesMax: number;
  #lostLines = 0;

  constructor(file: number, bytesMax = logBytesMax) {
    this.#file = file;
    this.#path = readlinkSync(`/proc/self/fd/${file}`);
    this.#bytesMax = bytesMax;
  }

  write(line: string): void {
    try {
      const bytes = Buffer.from(this.#lostLines > 0 ? `\n${lossNotice(this.#lostLines)}\n${line}` : line);
      if (writeSync(this.#file, bytes) < bytes.length) {
        this.#lostLines++;
        return;
      }
      this.#lostLines = 0;
      if (fstatSync(this.#file).size > this.#bytesMax) rotateLog(this.#path, this.#bytesMax);
    } catch {
      this.#lostLines++; // A log that cannot be written must not end the process that writes it.
    }
  }
}

function lossNotice(lines: number): string {
  return JSON.stringify({ level: "warn", lines, msg: "lines of this log are lost: they could not be written" });
}
