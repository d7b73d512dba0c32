import { type Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { decodeJson } from "../../api/index.ts";
import { type Clock, formatJson } from "../../lib/index.ts";
import { AnswerError, refusedAnswer, type WebhookCaller, type WebhookRequest } from "../webhooks/index.ts";
import { AuthorityAgent } from "./authority-agent.ts";
import { connectionError } from "./connection-error.ts";

/** More than any review of objects that the server takes is answered with. */
const answerBytesMax = 16 * 1024 * 1024;
const connectionsMax = 64;

/** Calls webhooks over HTTPS; connections are kept for the next call. */
export function httpsWebhookCaller(clock: Clock): WebhookCaller {
  const agent = new AuthorityAgent({
    keepAlive: true,
    maxSockets: connectionsMax,
    maxFreeSockets: 8,
    timeout: 60_000,
  });
  return (call) => send(agent, clock, call);
}

function send(
  agent: Agent,
  clock: Clock,
  { url, address, authority, client, authorization, body, answers, timeoutMs, signal }: WebhookRequest,
): Promise<unknown> {
  const { hostname, port, pathname, search } = new URL(url);
  const text = body === undefined ? "" : formatJson(body);
  const at = address ?? { host: hostname, port: port === "" ? 443 : Number(port) };
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      agent,
      method: body === undefined ? "GET" : "POST",
      ...at,
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
    request.on("error", (error) => reject(connectionError(error, at)));
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
        const { statusCode = 0, headers } = response;
        const whole = Buffer.concat(parts).toString();
        if (statusCode < 200 || statusCode > 299) {
          reject(refusedAnswer(statusCode, headers["content-type"], whole));
          return;
        }
        if (answers === "text") {
          resolve(whole);
          return;
        }
        try {
          resolve(reviewOf(whole, statusCode, headers["content-type"]));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.end(text);
  });
}

/** The answer's JSON; throws as client-go does. */
function reviewOf(text: string, code: number, contentType = ""): unknown {
  if (text === "")
    throw new AnswerError(`0-length response with status code: ${code} and content type: ${contentType}`);
  return decodeJson(text, (why) => new AnswerError(`couldn't get version/kind; json parse error: ${why}`)).value;
}
