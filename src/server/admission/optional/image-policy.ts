// Asks another server whether a pod may run its images, as plugin/pkg/admission/imagepolicy does:
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#imagepolicywebhook
import { ConfigurationErrors, Fields, invalidValue, type Pod, Pods, required, rootPath } from "../../../api/index.ts";
import { errorMessage } from "../../../lib/index.ts";
import { type RemoteReviewer, type RemoteReviews, remoteReview } from "../../webhooks/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { refuse } from "../refusal.ts";

export interface ImagePolicy {
  /** The file that says where the other server is. */
  readonly kubeconfig: string;
  readonly allowedKeptMs: number;
  readonly deniedKeptMs: number;
  /** How long to wait before it is asked again; longer each time. */
  readonly retryBackoffMs: number;
  /** Whether images are allowed that it cannot be asked about. */
  readonly defaultAllow: boolean;
}

/** What -1 and 0 mean, and what may be said beside them. */
interface Range {
  readonly unitMs: number;
  readonly defaultMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly text: string;
}

const timeToLive = { unitMs: 1_000, minMs: 1_000, maxMs: 30 * 60_000, text: "1s and 30m0s" };
const ranges: Readonly<Record<"allowTTL" | "denyTTL" | "retryBackoff", Range>> = {
  allowTTL: { ...timeToLive, defaultMs: 5 * 60_000 },
  denyTTL: { ...timeToLive, defaultMs: 30_000 },
  retryBackoff: { unitMs: 1, defaultMs: 500, minMs: 1, maxMs: 5 * 60_000, text: "1ms and 5m0s" },
};

/** Reads what an AdmissionConfiguration says of the plugin. Throws an Error that says what is wrong. */
export function readImagePolicy(value: unknown): ImagePolicy {
  const errors = new ConfigurationErrors();
  const whole = new Fields(value, rootPath, errors);
  const fields = whole.object("imagePolicy") ?? new Fields({}, rootPath.child("imagePolicy"), errors);
  const kubeconfig = fields.text("kubeConfigFile");
  const at = fields.at.child("kubeConfigFile");
  if (kubeconfig === "") errors.add(required(at));
  else if (!kubeconfig.startsWith("/")) errors.add(invalidValue(at, kubeconfig, "must be an absolute path"));
  const ms = (name: keyof typeof ranges) => {
    const { unitMs, defaultMs, minMs, maxMs, text } = ranges[name];
    const given = fields.wholeNumber(name) ?? 0;
    if (given === -1) return 0;
    if (given === 0) return defaultMs;
    if (given * unitMs < minMs || given * unitMs > maxMs)
      errors.add(invalidValue(fields.at.child(name), given, `valid value is between ${text}`));
    return given * unitMs;
  };
  const times = { allowedKeptMs: ms("allowTTL"), deniedKeptMs: ms("denyTTL"), retryBackoffMs: ms("retryBackoff") };
  const policy = { kubeconfig, ...times, defaultAllow: fields.flag("defaultAllow") ?? false };
  fields.done();
  whole.done();
  errors.throwIfAny();
  return policy;
}

interface Answer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly notes: readonly (readonly [name: string, value: string])[];
}

const keptMax = 1024;
const timeoutMs = 30_000;
const notePrefix = "imagepolicywebhook.image-policy.k8s.io/";
const failedOpen = "alpha.image-policy.k8s.io/failed-open";

export function imagePolicyWebhook(
  policy: ImagePolicy,
  reviewer: RemoteReviewer,
  reviews: RemoteReviews,
): AdmissionPlugin {
  const kept = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();

  async function answerTo(spec: object): Promise<Answer> {
    const key = JSON.stringify(spec);
    const nowMs = reviews.clock.monotonicMs();
    const known = kept.get(key);
    if (known && nowMs < known.untilMs) return known.answer;
    const body = { kind: "ImageReview", apiVersion: "imagepolicy.k8s.io/v1alpha1", metadata: {}, spec, status: {} };
    const answer = readAnswer(await remoteReview(reviews, reviewer, body, timeoutMs, policy.retryBackoffMs));
    const keptMs = answer.allowed ? policy.allowedKeptMs : policy.deniedKeptMs;
    kept.delete(key);
    // Those that were asked for longest ago go first.
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value as string); // not empty
    if (keptMs > 0) kept.set(key, { answer, untilMs: reviews.clock.monotonicMs() + keptMs });
    return answer;
  }

  function withoutAnswer(request: AdmissionRequest, error: unknown): void {
    if (!policy.defaultAllow) throw refuse(request, `Post ${JSON.stringify(reviewer.url)}: ${errorMessage(error)}`);
    request.annotate(`${notePrefix}failed-open`, "true");
    const { metadata } = request.object!; // a write of a pod has one
    metadata.annotations = { ...metadata.annotations, [failedOpen]: "true" };
  }

  return {
    name: "ImagePolicyWebhook",
    resources: [Pods],
    async validate(request) {
      const { operation, subresource, object, namespace } = request;
      if (operation !== "CREATE" && operation !== "UPDATE") return;
      if (!object || (subresource !== "" && subresource !== "ephemeralcontainers")) return;
      const { spec, metadata } = object as unknown as Pod; // of such a request
      const containers =
        subresource === "" ? [...spec.containers, ...(spec.initContainers ?? [])] : (spec.ephemeralContainers ?? []);
      const notes = Object.entries(metadata.annotations ?? {}).filter(([name]) =>
        name.includes(".image-policy.k8s.io/"),
      );
      const asked = {
        containers: containers.map(({ image }) => (image ? { image } : {})),
        ...(notes.length > 0 ? { annotations: Object.fromEntries(notes) } : {}),
        ...(namespace ? { namespace } : {}),
      };
      let answer: Answer;
      try {
        answer = await answerTo(asked);
      } catch (error) {
        withoutAnswer(request, error);
        return;
      }
      for (const [name, value] of answer.notes) request.annotate(`${notePrefix}${name}`, value);
      if (answer.allowed) return;
      const denied = `image policy webhook backend denied one or more images: ${answer.reason}`;
      throw refuse(request, answer.reason === "" ? "one or more images rejected by webhook backend" : denied);
    },
  };
}

function readAnswer({ allowed, reason, auditAnnotations }: Readonly<Record<string, unknown>>): Answer {
  const notes = Object.entries(auditAnnotations ?? {}).filter(([, value]) => typeof value === "string");
  return { allowed: allowed === true, reason: typeof reason === "string" ? reason : "", notes };
}
