// Exec, attach and port-forward with the streaming server of a container runtime.
// The protocols are those of k8s.io/apimachinery: remotecommand v4 and portforward.k8s.io.
import type { ExecOptions, StreamSession } from "../engine.ts";
import { SpdyConnection, type SpdyStream, upgradeToSpdy } from "./spdy/index.ts";

const remoteCommandProtocol = "v4.channel.k8s.io";
const portForwardProtocol = "portforward.k8s.io";

/** Runs the exec or attach that the runtime waits for at `url`. */
export async function openSession(url: URL, options: Omit<ExecOptions, "command">): Promise<StreamSession> {
  const { socket, head, protocol } = await upgradeToSpdy(url, [remoteCommandProtocol]);
  const connection = new SpdyConnection(socket, head);
  if (protocol !== remoteCommandProtocol) {
    connection.close();
    throw new Error(`the container engine streams with ${protocol || "no protocol"}, not ${remoteCommandProtocol}`);
  }
  const open = (streamType: string) => connection.open({ streamType });
  const error = open("error");
  const stdin = options.stdin ? open("stdin") : undefined;
  const stdout = options.stdout ? open("stdout") : undefined;
  const stderr = options.stderr && !options.tty ? open("stderr") : undefined;
  const resize = options.tty ? open("resize").writable.getWriter() : undefined;
  const done = exitCode(error);
  // Who does not wait for the end does not want to hear of it either.
  done.catch(() => {});
  return {
    ...(stdin ? { stdin: stdin.writable } : {}),
    ...(stdout ? { stdout: stdout.readable } : {}),
    ...(stderr ? { stderr: stderr.readable } : {}),
    resize(columns, rows) {
      // A terminal that is gone has no size: the session's end tells.
      resize?.write(json({ Width: columns, Height: rows })).catch(() => {});
    },
    done,
    close: () => connection.close(),
  };
}

interface ExitStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** What the Status on the error stream says, which comes when the process has ended. */
async function exitCode(error: SpdyStream): Promise<number> {
  const text = await new Response(error.readable).text();
  if (text === "") throw new Error("the container engine ended the session without saying how the process ended");
  // v4 of the protocol writes a metav1.Status.
  const status = JSON.parse(text) as ExitStatus;
  if (status.status === "Success") return 0;
  const code = status.details?.causes?.find((cause) => cause.reason === "ExitCode")?.message;
  if (status.reason === "NonZeroExitCode" && code !== undefined) return Number(code);
  throw new Error(status.message ?? text);
}

/** Connects to a port in the sandbox whose port-forward waits at `url`. */
export async function openPort(url: URL, port: number) {
  const { socket, head } = await upgradeToSpdy(url, [portForwardProtocol]);
  const connection = new SpdyConnection(socket, head);
  const headers = { port: String(port), requestID: "0" };
  const error = connection.open({ ...headers, streamType: "error" });
  const data = connection.open({ ...headers, streamType: "data" });
  await error.writable.close();
  const failure = new Response(error.readable).text();
  // Heard of below, when the data end; who gives up before does not care.
  failure.catch(() => {});
  // A failure is told on the error stream before both streams end: only then the end of the data is known to be a good one.
  const whole = new TransformStream<Uint8Array, Uint8Array>({
    async flush() {
      const message = await failure;
      if (message !== "") throw new Error(message);
    },
  });
  const readable = data.readable.pipeThrough(whole);
  return { data: { readable, writable: data.writable }, close: () => connection.close() };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
