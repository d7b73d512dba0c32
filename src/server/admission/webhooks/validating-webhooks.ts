import { type ValidatingWebhook, ValidatingWebhookConfigurations } from "../../../api/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { isAdmissionConfiguration } from "../matching/request-rules.ts";
import type { ReviewedObjects } from "../matching/variables.ts";
import {
  invocationOf,
  type ReadyWebhook,
  readyWebhooks,
  review,
  type WebhookAdmissionOptions,
} from "./webhook-call.ts";

type Ready = ReadyWebhook<ValidatingWebhook>;

/** Asks webhooks, all at once, whether an object may be as it will be. */
export function validatingWebhooks(options: WebhookAdmissionOptions): AdmissionPlugin {
  const compiled = new Compiled(options.lookup, [ValidatingWebhookConfigurations], () =>
    readyWebhooks<ValidatingWebhook>(options.lookup.list(ValidatingWebhookConfigurations)),
  );

  async function validate(request: AdmissionRequest, webhooks: readonly Ready[]): Promise<void> {
    const wanted: [Ready, ReviewedObjects][] = [];
    for (const each of webhooks) {
      const reviewed = await invocationOf(request, each, options);
      if (reviewed) wanted.push([each, reviewed]);
    }
    const answers = await Promise.allSettled(
      wanted.map(([each, reviewed]) => review(request, each, reviewed, false, options)),
    );
    // The first by order is told, so that the same request is answered the same way.
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  return {
    name: "ValidatingAdmissionWebhook",
    validate(request) {
      const webhooks = compiled.get();
      if (webhooks.length === 0 || isAdmissionConfiguration(request)) return undefined;
      return validate(request, webhooks);
    },
  };
}
