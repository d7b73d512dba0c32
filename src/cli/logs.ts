import { createReadStream, existsSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { olderLog } from "../cluster/index.ts";
import { UserError } from "../lib/index.ts";
import { existingCluster } from "./target.ts";

const components = ["server", "node", "hollow", "containerd"];

export interface LogsOptions {
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly lines?: number;
}

/** Prints the log of a component, or of each with its name before the lines. */
export async function logs(component: string | undefined, options: LogsOptions): Promise<void> {
  const { directory } = existingCluster(options);
  if (component !== undefined && !components.includes(component)) {
    throw new UserError(`there is no component "${component}": name one of ${components.join(", ")}`);
  }
  const chosen = component === undefined ? components : [component];
  const ends = chosen.map((name) => {
    const path = join(directory.logs, `${name}.log`);
    const prefix = component === undefined ? `${name}: ` : "";
    if (!existsSync(path)) return undefined;
    const older = existsSync(olderLog(path)) ? readFileSync(olderLog(path), "utf8") : "";
    const text = readFileSync(path, "utf8");
    const lines = (older + text).split("\n").slice(0, -1);
    for (const line of options.lines === undefined ? lines : lines.slice(lines.length - options.lines)) {
      process.stdout.write(`${prefix}${line}\n`);
    }
    return { path, prefix, size: Buffer.byteLength(text) };
  });
  if (options.follow) await Promise.all(ends.filter((each) => each !== undefined).map(follow));
}

/** Prints what is appended to a log. When it was rotated since, its last lines before that are in the older file. */
function follow(end: { path: string; prefix: string; size: number }): Promise<never> {
  let { size } = end;
  let reading = false;
  // Gives how many bytes that were: less than asked for when the file was emptied meanwhile.
  const print = async (path: string, start: number, length: number) => {
    let bytes = 0;
    if (length <= start) return bytes;
    for await (const chunk of createReadStream(path, { start, end: length - 1, encoding: "utf8" })) {
      process.stdout.write(end.prefix === "" ? chunk : String(chunk).replaceAll(/^(?=.)/gm, end.prefix));
      bytes += Buffer.byteLength(chunk);
    }
    return bytes;
  };
  const readOn = async () => {
    if (reading) return;
    reading = true;
    for (let now = sizeOf(end.path); now !== size; now = sizeOf(end.path)) {
      if (now < size) {
        await print(olderLog(end.path), size, sizeOf(olderLog(end.path)));
        size = 0;
      }
      size += await print(end.path, size, now);
    }
    reading = false;
  };
  watch(end.path, readOn);
  void readOn();
  // Until the user interrupts it.
  return new Promise(() => {});
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
