import { type Clock, type Logger, MetricRegistry, type Random } from "../../lib/index.ts";
import { ApiServices } from "../aggregation/index.ts";
import type { ApiServer } from "../api-server.ts";
import type { Auditor } from "../audit/index.ts";
import type { AnonymousAccess, Authenticator } from "../authentication/index.ts";
import { FlowControl } from "../flow-control/index.ts";
import { observeApiServices } from "./api-service-metrics.ts";
import type { ExtensionServers } from "./extension-servers.ts";
import { Handler, type PathRoute } from "./handler.ts";
import type { HealthCheck } from "./health.ts";
import { healthMetrics } from "./health-metrics.ts";
import { type Listener, listen, type TlsFiles } from "./listener.ts";
import { RequestMetrics } from "./metrics.ts";
import { observeObjects } from "./object-metrics.ts";
import { openApiRoute } from "./openapi.ts";
import { discoveryRoute, healthRoute, rootRoute, type VersionInfo, versionRoute } from "./paths.ts";
import { type Profiler, profileRoute } from "./profiles.ts";
import type { StreamingRoutes } from "./streaming-routes.ts";

/** What one server takes on; the figures of Kubernetes where they are left out. */
export interface HttpLimits {
  /** Requests under way at once, which priority levels share; streams and watches that have begun are not counted. */
  readonly seats?: number;
  /** How long a client may take to send the head of a request. */
  readonly headersTimeoutMs?: number;
  /** How long a client may take for the TLS handshake. */
  readonly handshakeTimeoutMs?: number;
  /** How long a request may take that is no watch and no stream. */
  readonly requestTimeoutMs?: number;
}

export interface HttpServerOptions {
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  /** Who may come without proving who they are: everybody when left out, as far as roles let them. */
  readonly anonymous?: AnonymousAccess;
  readonly tls: TlsFiles;
  /** All interfaces when left out. */
  readonly address?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Host and port under which clients reach the server. */
  readonly advertised: string;
  readonly version: VersionInfo;
  readonly healthChecks?: readonly HealthCheck[];
  /** Exec, attach, portforward, log and proxy; they are not found when left out. */
  readonly streaming?: StreamingRoutes;
  /** The servers behind APIServices; nothing is aggregated when left out. */
  readonly extensions?: ExtensionServers;
  /** Answer more paths that are about no resource. */
  readonly paths?: readonly PathRoute[];
  readonly limits?: HttpLimits;
  /** Writes the audit log; there is none when left out. */
  readonly auditor?: Auditor;
  /** Takes the profiles below /debug/pprof; they are not found when left out. */
  readonly profiler?: Profiler;
  /** What /metrics tells; what is counted elsewhere in the process can be among it. */
  readonly metrics?: MetricRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const everybody: AnonymousAccess = { isAllowed: true, paths: [] };

/** Serves the API over HTTPS. Rejects when it cannot listen. */
export function startHttpServer(options: HttpServerOptions): Promise<Listener> {
  const { api, authenticator, anonymous = everybody, streaming, clock, random, log, tls, address, port } = options;
  const { seats, ...limits } = options.limits ?? {};
  const registry = options.metrics ?? new MetricRegistry();
  const metrics = new RequestMetrics(registry);
  observeObjects(registry, api.registry, api.lookup);
  registry
    .gauge({ name: "kubernetes_build_info", help: "The version.", labels: Object.keys(buildInfo(options.version)) })
    .with(...Object.values(buildInfo(options.version)))
    .add();
  const health = healthMetrics();
  const flow = new FlowControl({ lookup: api.lookup, clock, metrics: registry, ...(seats ? { seats } : {}) });
  const { extensions } = options;
  const served = { registry: api.registry, apiServices: extensions?.apiServices ?? new ApiServices(api.lookup) };
  observeApiServices(registry, served.apiServices);
  const paths = [
    healthRoute(options.healthChecks ?? [], log, health.observe),
    health.route,
    versionRoute(options.version),
    discoveryRoute(served, options.advertised, extensions),
    openApiRoute(api.registry, extensions),
    ...(options.paths ?? []),
    ...(options.profiler ? [profileRoute(options.profiler)] : []),
    metrics.route,
    rootRoute(served, ["/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3"]),
  ];
  const handler = new Handler({
    api,
    authenticator,
    anonymous,
    frontProxyCa: tls.frontProxyCa,
    streaming,
    extensions,
    paths,
    clock,
    log,
    metrics,
    flow,
    ...(options.auditor ? { auditor: options.auditor } : {}),
    ...limits,
  });
  metrics.observeInFlight(
    () => handler.inFlight,
    () => handler.queued,
  );
  const { headersTimeoutMs, handshakeTimeoutMs } = limits;
  return listen({
    handler,
    tls,
    port,
    clock,
    random,
    log,
    ...(address === undefined ? {} : { address }),
    ...(headersTimeoutMs === undefined ? {} : { headersTimeoutMs }),
    ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }),
  });
}

/** /version under the names of Kubernetes' labels. */
function buildInfo(version: VersionInfo): Readonly<Record<string, string>> {
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = version;
  return {
    major,
    minor,
    git_version: gitVersion,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    build_date: buildDate,
    go_version: goVersion,
    compiler,
    platform,
  };
}
