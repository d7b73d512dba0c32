// What an httpGet of a probe or a hook asks for: k8s.io/kubernetes/pkg/probe/http/request.go.
import { findContainerPort, type HTTPGetAction } from "../../api/index.ts";
import type { HttpProbe } from "../host.ts";
import type { PodContainer } from "../pod/pod-containers.ts";

export interface HttpTarget {
  readonly container: PodContainer;
  readonly podIp: string | undefined;
}

const version = "1.35";

/** `who` asks: `probe` or `lifecycle`. Throws when there is no such port, or no address. */
export function httpAction(target: HttpTarget, action: HTTPGetAction, who: "probe" | "lifecycle"): HttpProbe {
  const given = (action.httpHeaders ?? []).map(({ name, value }) => ({ name, value }));
  const has = (wanted: string) => given.some(({ name }) => name.toLowerCase() === wanted);
  if (!has("user-agent")) given.push({ name: "User-Agent", value: `kube-${who}/${version}` });
  if (!has("accept")) given.push({ name: "Accept", value: "*/*" });
  // Given as nothing, these two are not to be sent.
  const headers = given.filter(({ name, value }) => value !== "" || !/^(user-agent|accept)$/i.test(name));
  return {
    scheme: action.scheme === "HTTPS" ? "https" : "http",
    host: action.host || addressOf(target),
    port: portOf(target, action.port),
    path: action.path ?? "/",
    headers,
  };
}

export function addressOf({ podIp }: HttpTarget): string {
  if (podIp === undefined) throw new Error("the pod has no address");
  return podIp;
}

export function portOf({ container }: HttpTarget, port: number | string): number {
  const number = findContainerPort(container.spec, port);
  if (number === undefined || number < 1 || number > 65_535) throw new Error(`invalid port number: ${port}`);
  return number;
}
