// Exec and attach over WebSockets: between the channels of the client and a session of the engine.
import { errorMessage } from "../../../lib/index.ts";
import type { ExecOptions, StreamSession } from "../../engine/index.ts";
import { ChannelSocket, type NegotiatedSocket } from "./channel-socket.ts";

const stdinChannel = 0;
const stdoutChannel = 1;
const stderrChannel = 2;
const errorChannel = 3;
const resizeChannel = 4;

/**
 * Carries one session to its end, and tells the client how the process ended, or why it did not begin; what comes before it
 * has begun waits. Who calls it closes the session with the socket.
 */
export async function serveSession(
  negotiated: NegotiatedSocket,
  opening: Promise<StreamSession>,
  options: Omit<ExecOptions, "command">,
) {
  const begun = opening.then((session) => ({ session, stdin: session.stdin?.getWriter() }));
  // Input for a process that ended already, or never began, is of no use; how it ended is told below.
  const unread = () => {};
  const channels = new ChannelSocket(
    negotiated,
    async (channel, data) => {
      const { session, stdin } = await begun;
      if (channel === stdinChannel) await stdin?.write(data).catch(unread);
      if (channel === resizeChannel) resize(session, data);
    },
    (channel) => {
      if (channel === stdinChannel) begun.then(({ stdin }) => stdin?.close()).catch(unread);
    },
  );
  let session: StreamSession;
  try {
    ({ session } = await begun);
  } catch (error) {
    await channels.send(errorChannel, Buffer.from(statusMessage(channels.protocol, failureStatus(error))));
    return channels.close();
  }
  // The lowest channel that is written tells the client that the session is there.
  const first = options.stdout ? stdoutChannel : options.stderr ? stderrChannel : errorChannel;
  await channels.send(first, new Uint8Array());
  const outputs = [forward(session.stdout, stdoutChannel, channels), forward(session.stderr, stderrChannel, channels)];
  const status = await session.done.then(exitStatus, failureStatus);
  // The last output has come before the end, but may not be passed on yet.
  await Promise.all(outputs);
  const message = statusMessage(channels.protocol, status);
  if (message !== "") await channels.send(errorChannel, Buffer.from(message));
  channels.close();
  session.close();
}

async function forward(stream: ReadableStream<Uint8Array> | undefined, channel: number, channels: ChannelSocket) {
  if (!stream) return;
  try {
    for await (const chunk of stream) await channels.send(channel, chunk);
  } catch {
    // The session broke off, which its end tells.
  }
}

function resize(session: StreamSession, data: Uint8Array): void {
  try {
    const { Width, Height } = JSON.parse(Buffer.from(data).toString()) as { Width?: unknown; Height?: unknown };
    if (typeof Width === "number" && typeof Height === "number") session.resize(Width, Height);
  } catch {
    // A size that is none changes nothing.
  }
}

interface ExitStatus {
  readonly metadata: object;
  readonly status: "Success" | "Failure";
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes: readonly { readonly reason?: string; readonly message: string }[] };
  readonly code?: number;
}

function exitStatus(code: number): ExitStatus {
  if (code === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

function failureStatus(error: unknown): ExitStatus {
  // The engine's own Status has these words already when it comes from another server of Kubernetes' making.
  const message = errorMessage(error).replace(/^Internal error occurred: /, "");
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** From v4 on the error channel brings a Status in every case; before, only the words of a failure. */
function statusMessage(protocol: string, status: ExitStatus): string {
  return /^v[45]\./.test(protocol) ? JSON.stringify(status) : (status.message ?? "");
}
