// Port-forward over a WebSocket with a pair of channels for each port: data, then errors.
import { errorMessage } from "../../../lib/index.ts";
import type { ContainerEngine } from "../../engine/index.ts";
import { ChannelSocket, type NegotiatedSocket } from "./channel-socket.ts";

export async function servePorts(
  negotiated: NegotiatedSocket,
  engine: ContainerEngine,
  sandboxId: string,
  ports: readonly number[],
) {
  const writers = new Map<number, WritableStreamDefaultWriter<Uint8Array>>();
  // What comes before a port is connected waits for it.
  const connecting = ports.map((port) => engine.portForward(sandboxId, port));
  // A port that cannot be connected is told on its error channel below; here it only must not be unhandled till then.
  for (const connection of connecting) connection.catch(() => {});
  const channels = new ChannelSocket(
    negotiated,
    async (channel, data) => {
      const connection = await connecting[channel / 2]?.catch(() => undefined);
      if (!connection) return;
      const writer = writers.get(channel) ?? connection.data.writable.getWriter();
      writers.set(channel, writer);
      // A port that closed says so on its error channel or by its end.
      await writer.write(data).catch(() => {});
    },
    () => {},
  );
  const closeAll = () => {
    const nothingToClose = () => {};
    for (const connection of connecting) connection.then((each) => each.close(), nothingToClose);
  };
  negotiated.socket.once("close", closeAll);
  await Promise.all(
    ports.map(async (port, index) => {
      const [data, error] = [2 * index, 2 * index + 1];
      const number = Uint8Array.of(port & 0xff, port >> 8);
      await channels.send(data, number);
      await channels.send(error, number);
      try {
        const connection = await connecting[index]!;
        for await (const chunk of connection.data.readable) await channels.send(data, chunk);
      } catch (failure) {
        // The engine's words say which port it is.
        await channels.send(error, Buffer.from(errorMessage(failure)));
      }
    }),
  );
  closeAll();
  channels.close();
}
