import { ageColumn, nameColumn } from "../columns.ts";
import { optionalEnum } from "../field-rules.ts";
import { defineResource } from "../resource.ts";
import type { MutatingWebhookConfiguration } from "../types.generated.ts";
import { defaultWebhook, validateWebhooks } from "./webhook-rules.ts";

export const MutatingWebhookConfigurations = defineResource<MutatingWebhookConfiguration>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingWebhookConfiguration",
  plural: "mutatingwebhookconfigurations",
  categories: ["api-extensions"],
  columns: [nameColumn, { name: "Webhooks", type: "integer", of: ({ webhooks }) => webhooks?.length ?? 0 }, ageColumn],
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ webhooks }) => {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= "Never";
    }
  },
  validate: ({ webhooks }, at) =>
    validateWebhooks(webhooks, at.child("webhooks"), ({ reinvocationPolicy }, place) =>
      optionalEnum(place.child("reinvocationPolicy"), reinvocationPolicy, ["IfNeeded", "Never"]),
    ),
});
