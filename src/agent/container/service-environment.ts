import type { Service } from "../../api/index.ts";

/** The Service of the API server, that every pod is told of. */
const masterService = { namespace: "default", name: "kubernetes" };

/**
 * The variables that tell a pod of the Services of its namespace, and of the API server.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export function serviceEnvironment(
  namespace: string,
  services: readonly Service[],
  enableServiceLinks: boolean,
): Record<string, string> {
  const env: Record<string, string> = {};
  const seen = new Map<string, Service>();
  for (const service of services) {
    const { clusterIP } = service.spec;
    if (!clusterIP || clusterIP === "None") continue;
    const { name } = service.metadata;
    const isMaster = service.metadata.namespace === masterService.namespace && name === masterService.name;
    if (isMaster && !seen.has(name)) seen.set(name, service);
    else if (enableServiceLinks && service.metadata.namespace === namespace) seen.set(name, service);
  }
  for (const service of seen.values()) addVariables(env, service);
  return env;
}

function addVariables(env: Record<string, string>, { metadata, spec }: Service): void {
  const name = variableName(metadata.name);
  const ip = spec.clusterIP ?? "";
  const host = ip.includes(":") ? `[${ip}]` : ip;
  const [first] = spec.ports ?? [];
  if (!first) return;
  env[`${name}_SERVICE_HOST`] = ip;
  env[`${name}_SERVICE_PORT`] = String(first.port);
  for (const port of spec.ports ?? []) {
    if (port.name) env[`${name}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
  }
  spec.ports?.forEach((port, index) => {
    const protocol = port.protocol ?? "TCP";
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    if (index === 0) env[`${name}_PORT`] = url;
    env[prefix] = url;
    env[`${prefix}_PROTO`] = protocol.toLowerCase();
    env[`${prefix}_PORT`] = String(port.port);
    env[`${prefix}_ADDR`] = ip;
  });
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
