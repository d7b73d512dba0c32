import { ApiError, httpMethods, type ResourceHandler, type Verb } from "../api/index.ts";
import type { MetricRegistry, Series } from "../lib/index.ts";

/** What client-go says of requests that nothing answered. */
const noAnswer = "<error>";

/**
 * Counts what the clients of this process ask of a handler, under the name that client-go has for it; `program` tells
 * them apart, as a process of its own does elsewhere.
 */
export function clientMetrics(metrics: MetricRegistry): (handler: ResourceHandler, program: string) => ResourceHandler {
  const requests = metrics.counter({
    name: "rest_client_requests_total",
    help: "Requests of this process to the API server, by how they were answered.",
    labels: ["code", "method", "host", "user_agent"],
  });
  return (handler, program) => {
    const series = new Map<string, Map<Verb, Series>>();
    const count = (code: string, verb: Verb) => {
      const ofCode = series.getOrInsertComputed(code, () => new Map());
      ofCode.getOrInsertComputed(verb, () => requests.with(code, httpMethods[verb], "in-process", program)).add();
    };
    return {
      async handle(request, user) {
        try {
          const response = await handler.handle(request, user);
          count(request.verb === "create" ? "201" : "200", request.verb);
          return response;
        } catch (error) {
          count(error instanceof ApiError ? String(error.code) : noAnswer, request.verb);
          throw error;
        }
      },
    };
  };
}
