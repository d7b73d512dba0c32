import { createReadStream, existsSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/index.ts";
import { existingCluster } from "./target.ts";

const components = ["server", "node", "containerd"];

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
    const text = readFileSync(path, "utf8");
    const lines = text.split("\n").slice(0, -1);
    for (const line of options.lines === undefined ? lines : lines.slice(lines.length - options.lines)) {
      process.stdout.write(`${prefix}${line}\n`);
    }
    return { path, prefix, size: Buffer.byteLength(text) };
  });
  if (options.follow) await Promise.all(ends.filter((each) => each !== undefined).map(follow));
}

function follow(end: { path: string; prefix: string; size: number }): Promise<never> {
  let { size } = end;
  let reading = false;
  const readOn = () => {
    const now = statSync(end.path).size;
    if (reading || now <= size) return;
    reading = true;
    const stream = createReadStream(end.path, { start: size, end: now - 1, encoding: "utf8" });
    stream.on("data", (chunk) =>
      process.stdout.write(end.prefix === "" ? chunk : String(chunk).replaceAll(/^(?=.)/gm, end.prefix)),
    );
    stream.on("close", () => {
      size = now;
      reading = false;
      readOn();
    });
  };
  watch(end.path, readOn);
  readOn();
  // Until the user interrupts it.
  return new Promise(() => {});
}
