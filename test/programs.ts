// Programs of the machine, run to their end.
import { spawn } from "node:child_process";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

const timeoutMsDefault = 120_000;

/** Runs a program to its end, whatever its exit code; a program that takes too long is killed and rejects. */
export function execute(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { env: options.env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? timeoutMsDefault);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const outcome = {
        code: code ?? -1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      };
      if (signal)
        reject(new Error(`${command} ${args.join(" ")} was ended by ${signal}:\n${outcome.stdout}${outcome.stderr}`));
      else done(outcome);
    });
  });
}

/** Runs a program that must succeed; resolves with what it printed. */
export async function succeed(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await execute(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
