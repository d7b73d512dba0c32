import type { Probe } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { ProbeResult } from "../host.ts";
import { addressOf, type HttpTarget, httpAction, portOf } from "./http-action.ts";
import { timeoutMs } from "./probe-state.ts";

export interface ProbeTarget extends HttpTarget {
  readonly containerId: string;
}

/** `errored`: the probe could not be done, which says nothing about the container. */
export type ProbeOutcome = ProbeResult & { readonly errored: boolean };

/** What is kept of an exec probe's output, as of a probe's answer. */
const outputBytesMax = 10 * 1_024;
/** How often a probe that cannot be done is tried: maxProbeRetries of the kubelet's prober. */
const triesMax = 3;

/** Probes a container once. */
export async function runProbe(
  context: Pick<AgentContext, "engine" | "host">,
  target: ProbeTarget,
  probe: Probe,
): Promise<ProbeOutcome> {
  let outcome = await tryProbe(context, target, probe);
  for (let tries = 1; outcome.errored && tries < triesMax; tries++) outcome = await tryProbe(context, target, probe);
  return outcome;
}

async function tryProbe(
  { engine, host }: Pick<AgentContext, "engine" | "host">,
  target: ProbeTarget,
  probe: Probe,
): Promise<ProbeOutcome> {
  const limitMs = timeoutMs(probe);
  const { connections } = host;
  try {
    if (probe.exec) return { ...(await runExec(engine, target, probe.exec.command ?? [], limitMs)), errored: false };
    if (probe.httpGet)
      return { ...(await connections.http(httpAction(target, probe.httpGet, "probe"), limitMs)), errored: false };
    if (probe.tcpSocket) {
      const { host: name, port } = probe.tcpSocket;
      const number = portOf(target, port);
      return { ...(await connections.tcp(name || addressOf(target), number, limitMs)), errored: false };
    }
    if (probe.grpc) {
      const { port, service } = probe.grpc;
      return { ...(await connections.grpc(addressOf(target), port, service ?? "", limitMs)), errored: false };
    }
    return { success: true, output: "", errored: false };
  } catch (error) {
    return { success: false, output: errorMessage(error), errored: true };
  }
}

async function runExec(
  engine: AgentContext["engine"],
  { containerId }: ProbeTarget,
  command: readonly string[],
  limitMs: number,
): Promise<ProbeResult> {
  const result = await engine.execSync(containerId, command, limitMs).catch((error: unknown) => {
    // A command that takes too long has failed; that it could not be run at all is another thing.
    if (!/timeout|timed out|deadline exceeded/i.test(errorMessage(error))) throw error;
    return undefined;
  });
  if (!result) return { success: false, output: `command ${JSON.stringify(command.join(" "))} timed out` };
  const output = new Uint8Array([
    ...result.stdout.subarray(0, outputBytesMax),
    ...result.stderr.subarray(0, outputBytesMax),
  ]);
  return { success: result.exitCode === 0, output: new TextDecoder().decode(output.subarray(0, outputBytesMax)) };
}
