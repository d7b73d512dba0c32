import type { LifecycleHandler, Pod } from "../../api/index.ts";
import { errorMessage, isAbort, sleep } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { describePod } from "../pod/pod-containers.ts";
import { type HttpTarget, httpAction } from "../probes/http-action.ts";

/** What a hook is run on. */
export interface HookTarget extends HttpTarget {
  readonly pod: Pod;
  readonly containerId: string;
}

/** A hook may take as long as its container's grace; this bounds one whose server or command never ends. */
const timeoutMs = 600_000;

/** Runs a postStart or preStop handler; throws with what it said when it fails. */
export async function runHook(
  context: Pick<AgentContext, "engine" | "host" | "clock" | "events">,
  target: HookTarget,
  handler: LifecycleHandler,
  signal: AbortSignal,
): Promise<void> {
  if (handler.exec) await runExec(context, target, handler.exec.command ?? [], signal);
  else if (handler.httpGet) await runHttp(context, target, handler.httpGet, signal);
  else if (handler.sleep) await sleep(context.clock, Number(handler.sleep.seconds) * 1_000, signal);
  // The API takes tcpSocket, and nothing ever did it.
  else throw new Error(`Cannot run handler: invalid handler: ${JSON.stringify(handler)}`);
}

async function runExec(
  { engine }: Pick<AgentContext, "engine">,
  target: HookTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const name = target.container.spec.name;
  const about = `Exec lifecycle hook ([${command.join(" ")}]) for Container "${name}" in Pod "${describePod(target.pod)}" failed`;
  let result: Awaited<ReturnType<typeof engine.execSync>>;
  try {
    result = await engine.execSync(target.containerId, command, timeoutMs, signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Error(`${about} - error: ${errorMessage(error)}, message: ""`, { cause: error });
  }
  if (result.exitCode === 0) return;
  const output = new TextDecoder().decode(result.stdout) + new TextDecoder().decode(result.stderr);
  throw new Error(
    `${about} - error: command '${command.join(" ")}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}`,
  );
}

/** Whatever the server answers, it has been told. */
async function runHttp(
  { host, events }: Pick<AgentContext, "host" | "events">,
  target: HookTarget,
  action: NonNullable<LifecycleHandler["httpGet"]>,
  signal: AbortSignal,
): Promise<void> {
  const { pod, container } = target;
  const request = httpAction(target, action, "lifecycle");
  const result = await host.connections.http(request, timeoutMs, signal);
  if (result.success || result.answered) return;
  if (request.scheme === "https" && result.output.includes("server gave HTTP response to HTTPS client")) {
    // What identifies the asker is not for everybody on the way to read.
    const headers = request.headers.filter(({ name }) => name.toLowerCase() !== "authorization");
    const again = await host.connections.http({ ...request, headers, scheme: "http" }, timeoutMs, signal);
    if (again.success || again.answered) {
      const server = `${request.host}:${request.port}`;
      const message = `request to HTTPS lifecycle hook ${server} got HTTP response, retry with HTTP succeeded`;
      return events.warning(pod, "LifecycleHTTPFallback", message);
    }
  }
  throw new Error(
    `HTTP lifecycle hook (${action.path ?? ""}) for Container "${container.spec.name}" in Pod "${describePod(pod)}" failed - error: ${result.output}`,
  );
}
