import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../../../lib/index.ts";
import type { ProbeResult } from "../../host.ts";

const method = "/grpc.health.v1.Health/Check";
const servingStatuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = "SERVING";

/** Asks the server's health service; the messages are those of the kubelet's grpc prober. */
export function probeGrpc(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
  clock: Clock,
): Promise<ProbeResult> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const client = new Client(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  const seconds = `${timeoutMs / 1_000}s`;
  return new Promise<ProbeResult>((resolve) => {
    const deadline = clock.now() + timeoutMs;
    client.makeUnaryRequest(method, encodeService, decodeStatus, service, { deadline }, (error, answer) => {
      if (error) resolve({ success: false, output: describe(error, address, seconds) });
      else if (answer === serving) resolve({ success: true, output: "service healthy" });
      else resolve({ success: false, output: `service unhealthy (responded with "${answer}")` });
    });
  }).finally(() => client.close());
}

function describe(error: ServiceError, address: string, seconds: string): string {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`;
    case status.DEADLINE_EXCEEDED:
      return `timeout: failed to connect service "${address}" within ${seconds}: context deadline exceeded`;
    case status.UNAVAILABLE:
      return `error: failed to connect service at "${address}": ${error.details}`;
    default:
      return `error: health rpc probe failed: rpc error: code = ${status[error.code]} desc = ${error.details}`;
  }
}

/** HealthCheckRequest: field 1, the service's name. */
function encodeService(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7];
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse: field 1, the status; left out when it is the first. */
function decodeStatus(message: Buffer): string {
  return servingStatuses[message[0] === 0x08 ? (message[1] ?? 0) : 0] ?? "UNKNOWN";
}
