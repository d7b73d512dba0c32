import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { Clock } from "../../lib/index.ts";
import type { WebhookCaller, WebhookRequest } from "../webhooks/index.ts";

/** More than any review of objects that the server takes is answered with. */
const answerBytesMax = 16 * 1024 * 1024;
const connectionsMax = 64;

/** Calls webhooks over HTTPS; connections are kept for the next call. */
export function httpsWebhookCaller(clock: Clock): WebhookCaller {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: 8, timeout: 60_000 });
  return (call) => send(agent, clock, call);
}

function send(
  agent: Agent,
  clock: Clock,
  { url, address, authority, client, authorization, body, answers, timeoutMs, signal }: WebhookRequest,
): Promise<unknown> {
  const { hostname, port, pathname, search } = new URL(url);
  const text = body === undefined ? "" : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      agent,
      method: body === undefined ? "GET" : "POST",
      host: address?.host ?? hostname,
      port: address?.port ?? (port === "" ? 443 : Number(port)),
      path: `${pathname}${search}`,
      ...(isIP(hostname) ? {} : { servername: hostname }),
      ...(authority === undefined ? {} : { ca: authority }),
      ...(client ? { cert: client.certificate, key: client.privateKey } : {}),
      headers: {
        host: new URL(url).host,
        accept: "application/json, */*",
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      },
      ...(signal ? { signal } : {}),
    });
    const timer = clock.setTimer(timeoutMs, () => request.destroy(new Error("context deadline exceeded")));
    request.on("close", () => timer.cancel());
    request.on("error", reject);
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on("data", (part: Buffer) => {
        length += part.length;
        if (length > answerBytesMax) request.destroy(new Error(`the answer is longer than ${answerBytesMax} bytes`));
        else parts.push(part);
      });
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode = 0 } = response;
        if (statusCode < 200 || statusCode > 299) {
          reject(new Error(`the server answered ${statusCode}`));
          return;
        }
        const whole = Buffer.concat(parts).toString();
        if (answers === "text") {
          resolve(whole);
          return;
        }
        try {
          resolve(JSON.parse(whole));
        } catch (error) {
          reject(new Error("the answer is no JSON", { cause: error }));
        }
      });
    });
    request.end(text);
  });
}
