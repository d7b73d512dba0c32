// Several channels over one WebSocket: Kubernetes' subprotocols *.channel.k8s.io, where a message begins with its channel.
import type { WebSocket } from "ws";

export const channelProtocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
] as const;

/** Only v5 has it: the message that ends a channel is this byte and the channel's number. */
const closeChannel = 255;
const digitZero = 0x30;
/** What may wait to be sent before who writes is made to wait. */
const unsentBytesMax = 256 * 1024;

/** A WebSocket and the subprotocol that was agreed on; empty when the client named none. */
export interface NegotiatedSocket {
  readonly socket: WebSocket;
  readonly protocol: string;
}

/** Takes what came on a channel; while it is at it, nothing more is read. */
export type ChannelReader = (channel: number, data: Uint8Array) => Promise<void> | void;

export class ChannelSocket {
  readonly #socket: WebSocket;
  readonly #base64: boolean;
  readonly protocol: string;

  /** `onEnd` is told of a channel that the client ended. */
  constructor({ socket, protocol }: NegotiatedSocket, onData: ChannelReader, onEnd: (channel: number) => void) {
    this.#socket = socket;
    this.protocol = protocol;
    this.#base64 = protocol.includes("base64");
    const hasEnds = protocol.startsWith("v5.");
    socket.binaryType = "nodebuffer";
    let turn: Promise<void> = Promise.resolve();
    let waiting = 0;
    socket.on("message", (message: Buffer) => {
      if (message.length === 0) return;
      if (hasEnds && message[0] === closeChannel) {
        turn = turn.then(() => onEnd(message[1] ?? 0));
        return;
      }
      const channel = this.#base64 ? message[0]! - digitZero : message[0]!;
      const content = message.subarray(1);
      const data = this.#base64 ? Buffer.from(content.toString("latin1"), "base64") : content;
      waiting++;
      socket.pause();
      const next = () => {
        if (--waiting === 0) socket.resume();
      };
      // Who reads channels answers for its own failures; the next message is not one of them.
      turn = turn.then(() => onData(channel, data)).then(next, next);
    });
  }

  /** Resolves when there is room for more. Nothing is sent to a client that is gone. */
  send(channel: number, data: Uint8Array): Promise<void> | undefined {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return undefined;
    const message = this.#base64
      ? String.fromCharCode(digitZero + channel) + Buffer.from(data).toString("base64")
      : Buffer.concat([Uint8Array.of(channel), data]);
    if (socket.bufferedAmount < unsentBytesMax) {
      socket.send(message);
      return undefined;
    }
    return new Promise((resolve) => {
      // An error means that the client is gone: its "close" event ends the session.
      socket.send(message, () => resolve());
    });
  }

  close(): void {
    this.#socket.close(1000);
  }
}
