export * from "./admission.ts";
export {
  type AdmissionChoice,
  type AdmissionOptions,
  imagePolicyKubeconfig,
  planAdmission,
  readAdmissionConfiguration,
} from "./admission-plugins.ts";
export { PolicyMetrics } from "./policies/policy-metrics.ts";
export { ensureSystemPriorityClasses } from "./priority.ts";
export { refuse } from "./refusal.ts";
export { WebhookMetrics } from "./webhooks/webhook-metrics.ts";
