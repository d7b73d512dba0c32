import { connect } from "node:net";
import { type Clock, dialError } from "../../../lib/index.ts";
import type { ProbeResult } from "../../host.ts";

/** Whether something accepts a connection. */
export function probeTcp(host: string, port: number, timeoutMs: number, clock: Clock): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (result: ProbeResult) => {
      timer.cancel();
      socket.destroy();
      resolve(result);
    };
    const timer = clock.setTimer(timeoutMs, () =>
      done({ success: false, output: `dial tcp ${host}:${port}: i/o timeout` }),
    );
    socket.once("connect", () => done({ success: true, output: "" }));
    socket.once("error", (error) => done({ success: false, output: dialError(error, host, port) }));
  });
}
