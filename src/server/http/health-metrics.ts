import { MetricRegistry, metricsContentType } from "../../lib/index.ts";
import type { PathRoute } from "./handler.ts";

/** Told of every health check that was made. */
export type ObserveCheck = (name: string, endpoint: string, isWell: boolean) => void;

/** What service level indicators are made of: how often each check was well, at /metrics/slis. */
export function healthMetrics(): { readonly observe: ObserveCheck; readonly route: PathRoute } {
  const metrics = new MetricRegistry();
  const last = metrics.gauge({
    name: "kubernetes_healthcheck",
    help: "How the last check ended: 1 is well.",
    labels: ["name", "type"],
  });
  const all = metrics.counter({
    name: "kubernetes_healthchecks_total",
    help: "Checks by how they ended.",
    labels: ["name", "type", "status"],
  });
  return {
    observe(name, endpoint, isWell) {
      last.with(name, endpoint).value = isWell ? 1 : 0;
      all.with(name, endpoint, isWell ? "success" : "error").add();
    },
    route: async (request, response) => {
      if (request.path !== "/metrics/slis" || (request.method !== "GET" && request.method !== "HEAD")) return false;
      response.end(200, { "content-type": metricsContentType }, metrics.text());
      return true;
    },
  };
}
