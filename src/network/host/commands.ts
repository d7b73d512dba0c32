import { spawn } from "node:child_process";

/** Runs a program without a shell; resolves with its output, rejects with its own words. */
export function run(command: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    // A program that ends before it read all says why itself.
    child.stdin.on("error", () => {});
    child.on("error", (error) => reject(new Error(`cannot run ${command}`, { cause: error })));
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`${command} ${args.join(" ")} failed: ${Buffer.concat(err).toString().trim()}`));
    });
    child.stdin.end(input);
  });
}
