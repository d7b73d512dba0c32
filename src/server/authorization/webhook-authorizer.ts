// Asks another server who may do what: https://kubernetes.io/docs/reference/access-authn-authz/webhook/
import { ApiError, type LabelRequirement, parseLabelSelector, readFieldSelector } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { type RemoteReviewer, type RemoteReviews, remoteReview } from "../webhooks/index.ts";
import type { AuthorizerWebhook } from "./authorization-configuration.ts";
import type { Attributes, Authorizer, Decision } from "./authorizer.ts";

export interface WebhookAuthorizerOptions extends RemoteReviews {
  readonly webhook: AuthorizerWebhook;
  readonly reviewer: RemoteReviewer;
}

const keptMax = 8192;
/** What is asked with more characters than this is not kept: who asks chooses them (webhook.go, shouldCache). */
const keptLengthMax = 10_000;
const noOpinion: Decision = { allowed: false, reason: "" };

export class WebhookAuthorizer implements Authorizer {
  readonly #options: WebhookAuthorizerOptions;
  /** Answers by what was asked; those that were asked for longest ago go first. */
  readonly #kept = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();

  constructor(options: WebhookAuthorizerOptions) {
    this.#options = options;
  }

  async authorize(attributes: Attributes): Promise<Decision> {
    const spec = reviewSpec(attributes);
    const unasked = this.#unlessMatching(spec);
    if (unasked) return unasked;
    const key = JSON.stringify(spec);
    const { clock, webhook } = this.#options;
    const kept = this.#kept.get(key);
    if (kept && clock.monotonicMs() < kept.untilMs) return kept.decision;
    try {
      const decision = await this.#ask(spec);
      const isShort = JSON.stringify({ ...attributes, user: undefined }).length < keptLengthMax;
      if (isShort) this.#keep(key, decision, decision.allowed ? webhook.allowedKeptMs : webhook.refusedKeptMs);
      return decision;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #ask(spec: object): Promise<Decision> {
    const { webhook, reviewer } = this.#options;
    const apiVersion = `authorization.k8s.io/${webhook.reviewVersion}`;
    const body = { apiVersion, kind: "SubjectAccessReview", metadata: {}, spec: sent(spec, webhook.reviewVersion) };
    const status = await remoteReview(this.#options, reviewer, body, webhook.timeoutMs);
    const { allowed, denied, reason } = status;
    if (allowed === true && denied === true)
      throw new Error("webhook subject access review returned both allow and deny response");
    const why = typeof reason === "string" ? reason : "";
    return { allowed: allowed === true, ...(denied === true ? { denied } : {}), reason: why };
  }

  #keep(key: string, decision: Decision, ms: number): void {
    this.#kept.delete(key);
    if (ms === 0) return;
    if (this.#kept.size >= keptMax) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(key, { decision, untilMs: this.#options.clock.monotonicMs() + ms });
  }

  /** What is decided without asking, when the conditions do not all hold. One that is false counts more than one that fails. */
  #unlessMatching(request: object): Decision | undefined {
    let failure: Error | undefined;
    for (const condition of this.#options.webhook.matchConditions) {
      const result = condition.evaluate({ request });
      if ("error" in result)
        failure ??= new Error(`expression '${condition.text}' resulted in error: ${result.error.message}`);
      else if (result.value === false) return noOpinion;
    }
    return failure && this.#failed(failure);
  }

  #failed(error: unknown): Decision {
    const isDenied = this.#options.webhook.failurePolicy === "Deny";
    return { ...noOpinion, ...(isDenied ? { denied: true } : {}), error: errorMessage(error) };
  }
}

/** The spec of the SubjectAccessReview; every field is there, so that conditions can look at it. */
function reviewSpec({ user, verb, resource, path = "" }: Attributes): object {
  const subject = { user: user.name, groups: user.groups, uid: user.uid ?? "", extra: user.extra ?? {} };
  if (!resource) return { ...subject, nonResourceAttributes: { path, verb } };
  const { group, version, plural, subresource, namespace, name, fieldSelector, labelSelector } = resource;
  const asked = { namespace, verb, group, version, resource: plural, subresource, name };
  const fields = fieldSelector ? { fieldSelector: { requirements: fieldRequirements(fieldSelector) } } : {};
  const labels = labelSelector ? { labelSelector: { requirements: labelRequirements(labelSelector) } } : {};
  return { ...subject, resourceAttributes: { ...asked, ...fields, ...labels } };
}

/** v1beta1 calls the groups otherwise. */
function sent(spec: object, version: "v1" | "v1beta1"): object {
  if (version === "v1") return spec;
  const { groups, ...rest } = spec as { readonly groups: readonly string[] };
  return { ...rest, group: groups };
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

function fieldRequirements(text: string): Requirement[] {
  return readable(text, readFieldSelector).map(({ field, operator, value }) => ({
    key: field,
    operator: operator === "=" ? "In" : "NotIn",
    values: [value],
  }));
}

const labelOperators: Readonly<Partial<Record<LabelRequirement["operator"], string>>> = {
  in: "In",
  "=": "In",
  "==": "In",
  notin: "NotIn",
  "!=": "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

function labelRequirements(text: string): Requirement[] {
  return readable(text, parseLabelSelector).flatMap(({ key, operator, values }) => {
    // What a review cannot say asks about more than was meant, never less.
    const named = labelOperators[operator];
    return named === undefined ? [] : [{ key, operator: named, values }];
  });
}

/** None for a selector that cannot be read: the request is refused for it later. */
function readable<T>(text: string, read: (text: string) => readonly T[]): readonly T[] {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}
