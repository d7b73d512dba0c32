import {
  ApiError,
  forbidden,
  internalError,
  type KubeObject,
  type MutatingWebhook,
  type ResourceDefinition,
  timeout,
  type ValidatingWebhook,
} from "../../../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random, uuid } from "../../../lib/index.ts";
import type { Authorizer } from "../../authorization/index.ts";
import { callWebhook, type Webhooks } from "../../webhooks/index.ts";
import type { AdmissionRequest } from "../admission.ts";
import { type CompiledExpression, compileMatchConditions, matchConditions } from "../matching/match-conditions.ts";
import { type MatchingOptions, wantedAs } from "../matching/request-rules.ts";
import { type ReviewedObjects, requestVariables } from "../matching/variables.ts";
import { admissionReview, denial, type ReviewAnswer, readAnswer, reviewVersion } from "./admission-review.ts";
import type { WebhookMetrics, WebhookRejection } from "./webhook-metrics.ts";

export interface WebhookAdmissionOptions extends MatchingOptions {
  readonly webhooks: Webhooks;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly webhookMetrics?: WebhookMetrics;
}

/** A webhook of a configuration, ready to be asked. */
export interface ReadyWebhook<T extends ValidatingWebhook | MutatingWebhook> {
  readonly webhook: T;
  readonly configuration: string;
  /** Its place among all of them. */
  readonly index: number;
  readonly conditions: readonly CompiledExpression[];
}

/** The webhooks of configurations in their order, which is that of the configurations' names. */
export function readyWebhooks<T extends ValidatingWebhook | MutatingWebhook>(
  configurations: readonly (KubeObject & { readonly webhooks?: readonly T[] })[],
): readonly ReadyWebhook<T>[] {
  const all = configurations.flatMap(({ metadata, webhooks = [] }) =>
    webhooks.map((webhook) => ({ webhook, configuration: metadata.name })),
  );
  return all.map((each, index) => ({
    ...each,
    index,
    conditions: compileMatchConditions(each.webhook.matchConditions),
  }));
}

/** The objects as the webhook wants to see them; undefined when the request is not for it. Throws ApiError. */
export async function invocationOf(
  request: AdmissionRequest,
  { webhook, conditions }: ReadyWebhook<ValidatingWebhook>,
  options: WebhookAdmissionOptions,
): Promise<ReviewedObjects | undefined> {
  const { rules = [], matchPolicy, namespaceSelector, objectSelector } = webhook;
  const as = wantedAs(request, { rules, matchPolicy, namespaceSelector, objectSelector }, options);
  if (!as) return undefined;
  const reviewed = await reviewedAs(request, as, options);
  if (conditions.length === 0) return reviewed;
  const result = await matchConditions(conditions, requestVariables(request, reviewed, options.authorizer));
  if (result === "matches") return reviewed;
  if (result === "differs" || webhook.failurePolicy === "Ignore") return undefined;
  throw forbidden(request.definition, request.name, result.error);
}

/** The objects of the request as this resource shows them. */
export async function reviewedAs(
  request: AdmissionRequest,
  as: ResourceDefinition,
  { versions }: MatchingOptions,
): Promise<ReviewedObjects> {
  const { definition, kind, old } = request;
  // With apiVersion and kind, which are implied inside the server.
  const shown = (object: KubeObject | undefined): Promise<KubeObject> | undefined => {
    if (!object) return undefined;
    const { group, version } = kind;
    const complete = { ...object, kind: kind.kind, apiVersion: group === "" ? version : `${group}/${version}` };
    const isOwn = kind.kind === definition.kind && kind.group === definition.group;
    return isOwn ? versions.convert(complete, definition, as) : Promise.resolve(complete);
  };
  return { as, object: await shown(request.object as KubeObject | undefined), old: await shown(old) };
}

/** Asks the webhook. undefined when it could not be asked and may be passed over. Throws ApiError when it refuses. */
export async function review(
  request: AdmissionRequest,
  { webhook, index }: ReadyWebhook<ValidatingWebhook>,
  reviewed: ReviewedObjects,
  mayPatch: boolean,
  options: WebhookAdmissionOptions,
): Promise<ReviewAnswer | undefined> {
  const { name, failurePolicy, sideEffects } = webhook;
  if (request.dryRun && sideEffects !== "None" && sideEffects !== "NoneOnDryRun")
    throw new ApiError(400, "BadRequest", `admission webhook ${JSON.stringify(name)} does not support dry run`);
  checkTime(request, options.clock);
  const startMs = options.clock.monotonicMs();
  const observe = (code: number, rejection?: WebhookRejection) => {
    const type = mayPatch ? "admit" : "validating";
    const seconds = (options.clock.monotonicMs() - startMs) / 1000;
    options.webhookMetrics?.observe({ name, type, operation: request.operation }, { code, seconds, rejection });
  };
  let answer: ReviewAnswer;
  try {
    answer = await ask(request, webhook, reviewed, mayPatch, options);
  } catch (error) {
    observe(503, failurePolicy === "Ignore" ? undefined : "calling_webhook_error");
    const failure = new Error(`failed calling webhook ${JSON.stringify(name)}: ${errorMessage(error)}`);
    if (failurePolicy !== "Ignore") throw internalError(failure);
    options.log.warn("a webhook that failed is passed over", { webhook: name, error: errorMessage(error) });
    const kind = mayPatch ? "mutation" : "validating";
    request.annotate(
      `failed-open.${kind}.webhook.admission.k8s.io/round_${mayPatch ? roundOf(request) : 0}_index_${index}`,
      name,
    );
    checkTime(request, options.clock);
    return undefined;
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations)) request.annotate(`${name}/${key}`, value);
  for (const sentence of answer.warnings) request.warn(sentence);
  const refusal = answer.allowed ? undefined : denial(name, answer.result);
  observe(refusal?.code ?? 200, refusal && "no_error");
  if (refusal) throw refusal;
  checkTime(request, options.clock);
  return answer;
}

/** A timer may ring this much early. */
const earlyMs = 5;

/** Who was told already that it took too long would not know of what is written now. */
function checkTime({ endMs }: AdmissionRequest, clock: Clock): void {
  if (clock.monotonicMs() + earlyMs >= endMs) throw timeout("request did not complete within requested timeout");
}

/** As the audit log counts them. */
export function roundOf({ rounds }: AdmissionRequest): 0 | 1 {
  return rounds.isSecond ? 1 : 0;
}

async function ask(
  request: AdmissionRequest,
  { clientConfig, timeoutSeconds = 10, admissionReviewVersions }: ValidatingWebhook,
  reviewed: ReviewedObjects,
  mayPatch: boolean,
  { webhooks, clock, random }: WebhookAdmissionOptions,
): Promise<ReviewAnswer> {
  const asked = { uid: uuid(random), version: reviewVersion(admissionReviewVersions), mayPatch };
  const body = admissionReview(request, reviewed, asked);
  let answer: unknown;
  try {
    const timeoutMs = Math.min(timeoutSeconds * 1000, request.endMs - clock.monotonicMs());
    answer = await callWebhook(webhooks, clientConfig, body, timeoutMs);
  } catch (error) {
    throw new Error("failed to call webhook", { cause: error });
  }
  return readAnswer(answer, asked);
}
