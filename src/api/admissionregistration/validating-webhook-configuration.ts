import { ageColumn, nameColumn } from "../columns.ts";
import { defineResource } from "../resource.ts";
import type { ValidatingWebhookConfiguration } from "../types.generated.ts";
import { defaultWebhook, validateWebhooks } from "./webhook-rules.ts";

export const ValidatingWebhookConfigurations = defineResource<ValidatingWebhookConfiguration>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingWebhookConfiguration",
  plural: "validatingwebhookconfigurations",
  categories: ["api-extensions"],
  columns: [nameColumn, { name: "Webhooks", type: "integer", of: ({ webhooks }) => webhooks?.length ?? 0 }, ageColumn],
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ webhooks }) => {
    for (const webhook of webhooks ?? []) defaultWebhook(webhook);
  },
  validate: ({ webhooks }, at) => validateWebhooks(webhooks, at.child("webhooks")),
});
