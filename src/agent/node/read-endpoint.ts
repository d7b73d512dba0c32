// What the agent tells whoever may ask over HTTPS: the paths that the kubelet answers GET requests on, but the streams.
import type { StatsSummary } from "../../api/index.ts";
import { formatJson, MetricRegistry, metricsContentType } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { PodSet } from "../pod/pod-set.ts";
import { probeMetricsText } from "../probes/probe-metrics.ts";
import { claimMetricsText } from "../volumes/claim-metrics.ts";
import { containerMetricsText, readSamples } from "./container-metrics.ts";
import { kubeletConfiguration } from "./kubelet-configuration.ts";
import { resourceMetricsText } from "./node-stats.ts";

export interface ReadAnswer {
  readonly contentType: string;
  readonly body: string;
}

const json = (value: object): ReadAnswer => ({ contentType: "application/json", body: formatJson(value) });
const metrics = (body: string): ReadAnswer => ({ contentType: metricsContentType, body });
const podList = (items: readonly object[]) => json({ kind: "PodList", apiVersion: "v1", metadata: {}, items });

export interface ReadSources {
  readonly context: AgentContext;
  readonly pods: PodSet;
  readonly metrics: MetricRegistry | undefined;
  stats(): Promise<StatsSummary>;
}

/** The answer to a GET of the path; undefined where there is nothing. */
export async function readEndpoint(sources: ReadSources, path: string): Promise<ReadAnswer | undefined> {
  const { context, pods, stats } = sources;
  switch (path) {
    case "healthz":
    case "healthz/log":
    case "healthz/ping":
    case "healthz/syncloop":
      return { contentType: "text/plain; charset=utf-8", body: "ok" };
    case "pods":
      return podList(pods.list());
    case "runningpods":
      return podList(runningPods(pods));
    case "configz":
      return json(kubeletConfiguration(context.settings));
    case "stats/summary":
      return json(await stats());
    case "metrics":
      return metrics((sources.metrics ?? new MetricRegistry()).text() + (await claimMetrics(sources)));
    case "metrics/resource":
      return metrics(resourceMetricsText(await stats()));
    case "metrics/cadvisor": {
      const samples = await readSamples(context, pods);
      return metrics(containerMetricsText(samples, context.machine, context.clock.now()));
    }
    case "metrics/probes":
      return metrics(probeMetricsText(pods.workers));
    default:
      return undefined;
  }
}

function claimMetrics({ context: { host, volumes }, pods }: ReadSources): Promise<string> {
  const claims = [...pods.workers].flatMap(({ pod }) => volumes.claims(pod));
  return claimMetricsText(host.files, claims);
}

/** The pods as the engine has them, whatever the API says: names and images of the containers that run. */
function runningPods(pods: PodSet): object[] {
  return [...pods.workers].flatMap(({ pod, runtime }) => {
    const { name, namespace, uid } = pod.metadata;
    const running = runtime.containers.filter(({ state }) => state === "running");
    if (running.length === 0) return [];
    const containers = running.map(({ name: container, image }) => ({ name: container, image, resources: {} }));
    return [{ metadata: { name, namespace, uid }, spec: { containers }, status: {} }];
  });
}
