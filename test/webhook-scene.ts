import type { TestContext } from "node:test";
import {
  type KubeObject,
  type MutatingWebhook,
  type RuleWithOperations,
  ServiceAccounts,
  type ValidatingWebhook,
} from "../src/api/index.ts";
import type { WebhookRequest } from "../src/server/webhooks/index.ts";
import { startTestControlPlane } from "./control-plane.ts";

export interface Review {
  readonly request: {
    readonly uid: string;
    readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
    readonly requestKind: object;
    readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
    readonly operation: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subResource?: string;
    readonly userInfo: { readonly username: string };
    readonly dryRun: boolean;
    readonly options: { readonly kind: string } | null;
    readonly object: (KubeObject & { readonly data?: Record<string, string>; readonly spec?: object }) | null;
    readonly oldObject: KubeObject | null;
  };
}

export type Hook = (review: Review, call: WebhookRequest) => object;

export const allow: Hook = () => ({ allowed: true });
export const deny: Hook = () => ({ allowed: false, status: { message: "no way", code: 418, reason: "Teapot" } });
export const patch = (...operations: object[]) => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: btoa(JSON.stringify(operations)),
});
export const addKey = (name: string): object => patch({ op: "add", path: `/data/${name}`, value: "yes" });

/** A control plane whose webhooks are these functions, by the host of their URL. */
export async function scene(t: TestContext, hooks: Record<string, Hook>) {
  const reviews: Review[] = [];
  const plane = await startTestControlPlane(t, {
    controllers: ["customresourcedefinition"],
    async callWebhook(call) {
      const review = call.body as Review;
      reviews.push(review);
      const hook = hooks[new URL(call.url).hostname];
      if (!hook) throw new Error("connect: connection refused");
      const response = { uid: review.request.uid, ...hook(review, call) };
      return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
    },
  });
  await plane.create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  return { ...plane, reviews };
}

export const ruleOf = (
  resources: string,
  operations: readonly string[] = ["CREATE"],
  more: RuleWithOperations = {},
): RuleWithOperations => ({ apiGroups: ["*"], apiVersions: ["*"], resources: [resources], operations, ...more });

export const hookOf = (
  host: string,
  rule: RuleWithOperations,
  more: Partial<MutatingWebhook> = {},
): MutatingWebhook & ValidatingWebhook => ({
  name: `${host}.example.com`,
  clientConfig: { url: `https://${host}/` },
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  rules: [rule],
  ...more,
});

export const configuration = (name: string, ...webhooks: readonly MutatingWebhook[]) => ({
  metadata: { name, labels: { suite: "list" } },
  webhooks,
});

export const configMap = (name: string, data: Record<string, string> = { start: "yes" }) => ({
  metadata: { namespace: "default", name },
  data,
});
