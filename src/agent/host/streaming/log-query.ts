import type { LogOptions } from "./log-lines.ts";
import { RequestError } from "./request-error.ts";

/** The query of /containerLogs: PodLogOptions under the API's names. The API server has validated it; others are refused. */
export function logOptionsOf(query: URLSearchParams, nowMs: number): LogOptions & { readonly previous: boolean } {
  const number = (name: string, min: number) => {
    const text = query.get(name);
    if (text === null) return undefined;
    if (!/^-?\d+$/.test(text)) throw new RequestError(400, `{"message": "Unable to decode query."}`);
    if (Number(text) < min) throw new RequestError(422, `{"message": "Invalid request."}`);
    return Number(text);
  };
  const tailLines = number("tailLines", 0);
  const limitBytes = number("limitBytes", 1);
  const sinceSeconds = number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  const sinceMs = sinceTime === null ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceMs)) throw new RequestError(400, `{"message": "Unable to decode query."}`);
  const since = sinceMs ?? (sinceSeconds === undefined ? undefined : nowMs - sinceSeconds * 1_000);
  return {
    follow: query.get("follow") === "true",
    previous: query.get("previous") === "true",
    timestamps: query.get("timestamps") === "true",
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { sinceMs: since }),
  };
}
