// The API server's face to the network: one TLS listener for HTTP/2 and HTTP/1.1.
export type { PathRoute } from "./handler.ts";
export type { HealthCheck } from "./health.ts";
export { issuerDiscoveryRoute } from "./issuer-discovery.ts";
export type { Listener, TlsFiles } from "./listener.ts";
export * from "./message.ts";
export { sendJson, type VersionInfo } from "./paths.ts";
export type { Profiler } from "./profiles.ts";
export { type HttpLimits, type HttpServerOptions, startHttpServer } from "./server.ts";
export type { StreamingRoute, StreamingRoutes } from "./streaming-routes.ts";
