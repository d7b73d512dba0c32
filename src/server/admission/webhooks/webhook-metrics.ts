import type { MetricRegistry } from "../../../lib/index.ts";
import type { Operation } from "../admission.ts";

/** What a call of a webhook was: `admit` for those that may change the object. */
export interface WebhookCall {
  readonly name: string;
  readonly type: "admit" | "validating";
  readonly operation: Operation;
}

/** Why a request was refused: by what the webhook said, or because it could not be asked. */
export type WebhookRejection = "no_error" | "calling_webhook_error";

export interface WebhookOutcome {
  /** As HTTP has them: 200, that of the refusal, or 503 when there was no answer. */
  readonly code: number;
  readonly seconds: number;
  /** Undefined when the request went on. */
  readonly rejection: WebhookRejection | undefined;
}

/** As k8s.io/apiserver/pkg/admission/metrics has them. */
const secondsBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

/** Counts what is asked of admission webhooks. Their names are those of configurations, which administrators write. */
export class WebhookMetrics {
  readonly observe: (call: WebhookCall, outcome: WebhookOutcome) => void;

  constructor(metrics: MetricRegistry) {
    const labels = ["name", "type", "operation"];
    const durations = metrics.histogram({
      name: "apiserver_admission_webhook_admission_duration_seconds",
      help: "How long admission webhooks took to answer.",
      labels: [...labels, "rejected"],
      buckets: secondsBuckets,
    });
    const requests = metrics.counter({
      name: "apiserver_admission_webhook_request_total",
      help: "What was asked of admission webhooks.",
      labels: [...labels, "code", "rejected"],
    });
    const rejections = metrics.counter({
      name: "apiserver_admission_webhook_rejection_count",
      help: "Requests that were refused because of admission webhooks.",
      labels: [...labels, "error_type", "rejection_code"],
    });
    const passedOver = metrics.counter({
      name: "apiserver_admission_webhook_fail_open_count",
      help: "Requests that went on although an admission webhook failed.",
      labels: ["name", "type"],
    });
    this.observe = ({ name, type, operation }, { code, seconds, rejection }) => {
      const rejected = String(rejection !== undefined);
      durations.with(name, type, operation, rejected).observe(seconds);
      requests.with(name, type, operation, String(code), rejected).add();
      if (rejection) rejections.with(name, type, operation, rejection, String(code)).add();
      else if (code !== 200) passedOver.with(name, type).add();
    };
  }
}
