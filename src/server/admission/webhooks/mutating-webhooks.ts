import {
  apiVersionOf,
  applyJsonPatch,
  internalError,
  type KubeObject,
  type MutatingWebhook,
  MutatingWebhookConfigurations,
  whyNotPatched,
} from "../../../api/index.ts";
import { deepCopy, deepEqual, errorMessage, parseJson } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { isAdmissionConfiguration } from "../matching/request-rules.ts";
import type { ReviewedObjects } from "../matching/variables.ts";
import { type MutationOutcome, Reinvocation } from "../reinvocation.ts";
import type { ReviewAnswer } from "./admission-review.ts";
import {
  invocationOf,
  type ReadyWebhook,
  readyWebhooks,
  review,
  roundOf,
  type WebhookAdmissionOptions,
} from "./webhook-call.ts";

type Ready = ReadyWebhook<MutatingWebhook>;

/** Asks webhooks, one after the other, for changes to objects. */
export function mutatingWebhooks(options: WebhookAdmissionOptions): AdmissionPlugin {
  const compiled = new Compiled(options.lookup, [MutatingWebhookConfigurations], () =>
    readyWebhooks<MutatingWebhook>(options.lookup.list(MutatingWebhookConfigurations)),
  );
  const reinvocation = new Reinvocation<Ready>(({ webhook }) => webhook.reinvocationPolicy === "IfNeeded");
  return {
    name: "MutatingAdmissionWebhook",
    admit(request) {
      const webhooks = compiled.get();
      if (webhooks.length === 0 || isAdmissionConfiguration(request)) return undefined;
      return reinvocation.askAll(request, webhooks, (each) => ask(request, each, options));
    },
  };
}

async function ask(
  request: AdmissionRequest,
  ready: Ready,
  options: WebhookAdmissionOptions,
): Promise<MutationOutcome> {
  const reviewed = await invocationOf(request, ready, options);
  if (!reviewed) return "unasked";
  const mutated = await mutate(request, ready, reviewed, options);
  const { webhook, configuration, index } = ready;
  request.annotate(
    `mutation.webhook.admission.k8s.io/round_${roundOf(request)}_index_${index}`,
    JSON.stringify({ configuration, webhook: webhook.name, mutated }),
  );
  return mutated ? "changed" : "unchanged";
}

/** Whether the webhook changed the object. */
async function mutate(
  request: AdmissionRequest,
  ready: Ready,
  reviewed: ReviewedObjects,
  options: WebhookAdmissionOptions,
): Promise<boolean> {
  const answer = await review(request, ready, reviewed, true, options);
  if (!answer?.patch) return false;
  const patched = patchedBy(ready.webhook.name, answer, reviewed);
  if (patched === undefined || deepEqual(patched, reviewed.object)) return false;
  const { definition, kind } = request;
  const isOwn = kind.kind === definition.kind && kind.group === definition.group;
  const before = deepCopy(request.object);
  // What it looks like was decided by the server that sent the patch; the pipeline decodes it.
  const own = isOwn ? await options.versions.convert(patched as KubeObject, reviewed.as, definition) : patched;
  try {
    request.replaceObject(own);
  } catch (error) {
    throw internalError(error);
  }
  return !deepEqual(before, request.object);
}

function patchedBy(webhook: string, { patch = "" }: ReviewAnswer, { object, as }: ReviewedObjects): unknown {
  let operations: unknown;
  try {
    operations = parseJson(decodeText(patch));
  } catch (error) {
    throw internalError(
      new Error(`the patch of admission webhook ${JSON.stringify(webhook)} cannot be read: ${errorMessage(error)}`),
    );
  }
  if (Array.isArray(operations) && operations.length === 0) return undefined;
  if (!object)
    throw internalError(
      new Error(
        `admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`,
      ),
    );
  try {
    return applyJsonPatch({ apiVersion: apiVersionOf(as), ...object }, operations);
  } catch (error) {
    throw internalError(new Error(whyNotPatched(error)));
  }
}

function decodeText(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}
