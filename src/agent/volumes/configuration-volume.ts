import type { Pod, ProjectedVolumeSource, Volume, VolumeProjection } from "../../api/index.ts";
import type { AgentContext } from "../context.ts";
import { configMapPayload, downwardPayload, type Payload, type PayloadFile, secretPayload } from "./payload.ts";
import type { ServiceAccountTokens } from "./service-account-tokens.ts";

export type ConfigurationKind = "configmap" | "secret" | "downward-api" | "projected";

const modeDefault = 0o644;
const tokenModeWithOwner = 0o600;

/** The payload of a volume, and when it changes by itself. */
export interface ConfigurationContent {
  readonly payload: Payload;
  readonly refreshAtMs: number;
}

/** The kubelet's name of the plugin; undefined for volumes of other kinds. */
export function configurationKind(volume: Volume): ConfigurationKind | undefined {
  if (volume.configMap) return "configmap";
  if (volume.secret) return "secret";
  if (volume.downwardAPI) return "downward-api";
  return volume.projected ? "projected" : undefined;
}

/** Reads what a volume shows. Throws with what is missing. */
export class ConfigurationReader {
  readonly #context: Pick<AgentContext, "objects" | "settings" | "node">;
  readonly #tokens: ServiceAccountTokens;

  constructor(context: Pick<AgentContext, "objects" | "settings" | "node">, tokens: ServiceAccountTokens) {
    this.#context = context;
    this.#tokens = tokens;
  }

  async read(pod: Pod, volume: Volume): Promise<ConfigurationContent> {
    const { configMap, secret, downwardAPI, projected } = volume;
    if (projected) return this.#projected(pod, projected);
    const defaultMode = (configMap ?? secret ?? downwardAPI)?.defaultMode;
    const source: VolumeProjection = {
      ...(configMap ? { configMap } : {}),
      ...(secret ? { secret: { ...secret, ...(secret.secretName ? { name: secret.secretName } : {}) } } : {}),
      ...(downwardAPI ? { downwardAPI } : {}),
    };
    return this.#source(pod, source, defaultMode ?? modeDefault);
  }

  async #projected(pod: Pod, { sources, defaultMode }: ProjectedVolumeSource) {
    const payload = new Map<string, PayloadFile>();
    const errors: string[] = [];
    let refreshAtMs = Number.POSITIVE_INFINITY;
    for (const source of sources ?? []) {
      try {
        const content = await this.#source(pod, source, defaultMode ?? modeDefault);
        for (const [path, file] of content.payload) payload.set(path, file);
        refreshAtMs = Math.min(refreshAtMs, content.refreshAtMs);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
    if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`);
    return { payload, refreshAtMs };
  }

  async #source(pod: Pod, source: VolumeProjection, defaultMode: number): Promise<ConfigurationContent> {
    const { objects, settings, node } = this.#context;
    const namespace = pod.metadata.namespace ?? "";
    const { configMap, secret, downwardAPI, serviceAccountToken } = source;
    const lasting = (payload: Payload) => ({ payload, refreshAtMs: Number.POSITIVE_INFINITY });
    if (configMap) {
      const { name = "", items, optional = false } = configMap;
      return lasting(
        configMapPayload(name, await objects.configMap(namespace, name), { items, defaultMode, optional }),
      );
    }
    if (secret) {
      const { name = "", items, optional = false } = secret;
      return lasting(secretPayload(name, await objects.secret(namespace, name), { items, defaultMode, optional }));
    }
    if (downwardAPI) {
      // The addresses of a pod are not known when its volumes are made: only variables show them.
      const addresses = { podIps: [], hostIps: settings.nodeIps };
      const allocatable = node()?.status?.allocatable ?? {};
      return lasting(downwardPayload(pod, downwardAPI.items ?? [], defaultMode, addresses, allocatable));
    }
    if (serviceAccountToken) {
      const { token, refreshAtMs } = await this.#tokens.token(pod, serviceAccountToken);
      const uid = commonUser(pod);
      const owned = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
      const file = {
        content: new TextEncoder().encode(token),
        mode: owned ? tokenModeWithOwner : defaultMode,
        ...(uid === undefined ? {} : { uid }),
      };
      return { payload: new Map([[serviceAccountToken.path, file]]), refreshAtMs };
    }
    throw new Error("this kind of projected source is not supported");
  }
}

/** The user that all containers of a pod run as, when the pod says one: its token is readable to that user only. */
function commonUser(pod: Pod): number | undefined {
  const ofPod = pod.spec.securityContext?.runAsUser;
  const users = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(
    (each) => each.securityContext?.runAsUser ?? ofPod,
  );
  const [first] = users;
  return first !== undefined && users.every((each) => each === first) ? Number(first) : undefined;
}
