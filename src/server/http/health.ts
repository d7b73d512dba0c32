import { errorMessage, type Logger } from "../../lib/index.ts";
import type { ObserveCheck } from "./health-metrics.ts";
import type { HttpHeaders } from "./message.ts";

/** Something whose failure makes the server unhealthy. */
export interface HealthCheck {
  readonly name: string;
  /** Throws with the reason when it is not well. */
  check(): Promise<void> | void;
  /** Whether it only keeps the server from being ready and says nothing about its life. */
  readonly onlyReadiness?: boolean;
}

export interface HealthAnswer {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string;
}

const endpoints = ["healthz", "livez", "readyz"];

/** The answer of /healthz, /livez, /readyz and of their single checks below; undefined for every other path. */
export async function healthAnswer(
  path: string,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
  log: Logger,
  observe: ObserveCheck = () => {},
): Promise<HealthAnswer | undefined> {
  const [, endpoint = "", ...rest] = path.split("/");
  if (!endpoints.includes(endpoint)) return undefined;
  const all = [ping, ...checks.filter((each) => endpoint === "readyz" || !each.onlyReadiness)];
  const name = rest.join("/");
  const run = (check: HealthCheck) => runCheck(check, endpoint, observe);
  if (name === "") return report(endpoint, all, query, log, run);
  const found = all.find((each) => each.name === name);
  if (!found) return undefined;
  const failure = await run(found);
  return failure === undefined ? plain(200, "ok") : plain(500, `internal server error: ${failure}\n`);
}

const ping: HealthCheck = { name: "ping", check: () => {} };

async function report(
  endpoint: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
  log: Logger,
  run: (check: HealthCheck) => Promise<string | undefined>,
): Promise<HealthAnswer> {
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let failed = false;
  for (const each of checks) {
    if (excluded.delete(each.name)) {
      lines.push(`[+]${each.name} excluded: ok`);
      continue;
    }
    const failure = await run(each);
    // The reason may tell secrets, so it is for the log and not for everybody who may ask.
    lines.push(failure === undefined ? `[+]${each.name} ok` : `[-]${each.name} failed: reason withheld`);
    if (failure === undefined) continue;
    failed = true;
    log.info("a health check failed", { endpoint, check: each.name, error: failure });
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((each) => JSON.stringify(each)).join(", ");
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed) return plain(500, `${lines.join("\n")}\n${endpoint} check failed\n`);
  return plain(200, query.has("verbose") ? `${lines.join("\n")}\n${endpoint} check passed\n` : "ok");
}

/** Why the check failed; undefined when it is well. */
async function runCheck(check: HealthCheck, endpoint: string, observe: ObserveCheck): Promise<string | undefined> {
  try {
    await check.check();
    observe(check.name, endpoint, true);
    return undefined;
  } catch (error) {
    observe(check.name, endpoint, false);
    return errorMessage(error);
  }
}

function plain(status: number, body: string): HealthAnswer {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status, headers: { ...headers, "cache-control": "no-cache, private" }, body };
}
