import { defineResource } from "../resource.ts";
import type { MutatingWebhookConfiguration } from "../types.generated.ts";

export const MutatingWebhookConfigurations = defineResource<MutatingWebhookConfiguration>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingWebhookConfiguration",
  plural: "mutatingwebhookconfigurations",
  categories: ["api-extensions"],
});
