import { defineResource } from "../resource.ts";
import type { ValidatingWebhookConfiguration } from "../types.generated.ts";

export const ValidatingWebhookConfigurations = defineResource<ValidatingWebhookConfiguration>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingWebhookConfiguration",
  plural: "validatingwebhookconfigurations",
  categories: ["api-extensions"],
});
