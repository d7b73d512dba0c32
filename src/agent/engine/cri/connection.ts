import { type CallOptions, Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { fromJSON, type MethodDefinition } from "@grpc/proto-loader";
import { Channel, type Clock } from "../../../lib/index.ts";
import { type CriMethods, criMessages } from "./cri.generated.ts";
import { EngineError, type EngineErrorCode } from "./engine-error.ts";

/** What the kubelet allows a message of a runtime to have; lists of a full node reach some MiB. */
const messageBytesMax = 16 * 1024 * 1024;
/** Answers of a stream that its reader has not taken yet; a reader that is this far behind has to look at everything anew. */
const unreadAnswersMax = 10_000;

export interface CallTime {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

type Method = MethodDefinition<object, object>;

/** The messages of one gRPC package, in protobufjs' JSON form. */
export type Messages = NonNullable<Parameters<typeof fromJSON>[0]["nested"]>;

/** The methods that `messages` define, by their gRPC paths `/package.Service/Method`. */
export function methodsOf(packageName: string, messages: Messages): ReadonlyMap<string, Method> {
  let nested = messages;
  for (const name of packageName.split(".").reverse()) nested = { [name]: { nested } };
  const definition = fromJSON({ nested }, { keepCase: true, longs: Number, enums: String });
  const methods = new Map<string, Method>();
  for (const entry of Object.values(definition)) {
    // A definition holds messages and enums beside services; only the methods of a service have paths.
    for (const method of Object.values(entry) as Partial<Method>[])
      if (typeof method?.path === "string") methods.set(method.path, method as Method);
  }
  return methods;
}

/** Made at the first call: it takes as long as everything else that a command does which asks the engine nothing. */
let criMethods: ReadonlyMap<string, Method> | undefined;

/** A connection to the gRPC socket of a container runtime. It connects at the first call, and again whenever that is needed. */
export class Connection {
  readonly socketPath: string;
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(socketPath: string, clock: Clock) {
    this.socketPath = socketPath;
    this.#clock = clock;
    this.#client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      // A runtime that was restarted is there again after a moment; gRPC's own maximum is two minutes.
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 1_000,
    });
  }

  /** The answer to one call; throws EngineError. */
  call<Name extends keyof CriMethods>(
    name: Name,
    request: CriMethods[Name][0],
    time: CallTime,
  ): Promise<CriMethods[Name][1]> {
    const method = criMethod(name);
    const { signal } = time;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const options: CallOptions = { deadline: this.#clock.now() + time.timeoutMs };
      const onAbort = () => call.cancel();
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        options,
        (error, answer) => {
          signal?.removeEventListener("abort", onAbort);
          if (signal?.aborted) reject(signal.reason);
          else if (error) reject(this.#engineError(name, error, time.timeoutMs));
          // The loader made the decoder of exactly this method.
          else resolve(answer as CriMethods[Name][1]);
        },
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** The answers of a streaming method until the signal is aborted; throws EngineError when the runtime ends them. */
  async *stream<Answer extends object>(method: Method, request: object, signal: AbortSignal): AsyncIterable<Answer> {
    if (signal.aborted) return;
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    );
    const onAbort = () => answers.close();
    const answers = new Channel<Answer>(unreadAnswersMax, () => {
      signal.removeEventListener("abort", onAbort);
      call.cancel();
    });
    signal.addEventListener("abort", onAbort, { once: true });
    call.on("data", (answer: Answer) => {
      if (!answers.push(answer))
        answers.close(new EngineError("unknown", "the container engine's events come too fast"));
    });
    call.on("error", (error: ServiceError) => answers.close(this.#engineError(method.path, error, 0)));
    call.on("end", () => answers.close(new EngineError("unavailable", "the container engine ended its events")));
    yield* answers;
  }

  close(): void {
    this.#client.close();
  }

  #engineError(name: string, error: ServiceError, timeoutMs: number): EngineError {
    const method = name.slice(name.lastIndexOf("/") + 1);
    const cause = { cause: error };
    switch (error.code) {
      case status.UNAVAILABLE: {
        const message = `the container engine at ${this.socketPath} cannot be reached`;
        return new EngineError("unavailable", message, cause);
      }
      case status.DEADLINE_EXCEEDED: {
        const message = `the container engine did not finish ${method} within ${timeoutMs / 1000} s`;
        return new EngineError("timeout", message, cause);
      }
      default:
        // No cause: gRPC's own error says the same once more.
        return new EngineError(codes[error.code] ?? "unknown", withoutGrpcWords(error.details));
    }
  }
}

const codes: Partial<Record<status, EngineErrorCode>> = {
  [status.NOT_FOUND]: "notFound",
  [status.UNIMPLEMENTED]: "unimplemented",
};

/** The stream method of the interface's own events. */
export const containerEventsMethod = () => criMethod("RuntimeService/GetContainerEvents");

function criMethod(name: keyof CriMethods): Method {
  criMethods ??= methodsOf("runtime.v1", criMessages as Messages);
  const method = criMethods.get(`/runtime.v1.${name}`);
  if (!method) throw new Error(`cri.generated.ts has no method ${name}`);
  return method;
}

/** A runtime passes on what it got over gRPC itself (a shim's, a registry's error) with gRPC's words in front of it. */
function withoutGrpcWords(details: string): string {
  return details.replaceAll(/rpc error: code = \w+ desc = /g, "");
}
