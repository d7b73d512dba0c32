import {
  ApiError,
  conversionFailed,
  conversionReview,
  convertedObjects,
  type KubeObject,
  type WebhookConversion,
} from "../../api/index.ts";
import { errorMessage, type Random, uuid } from "../../lib/index.ts";
import { callWebhook, type Webhooks } from "../webhooks/index.ts";

/** As Kubernetes waits for conversions. */
const timeoutMs = 30_000;

/** Asks the webhook of a CRD for the objects in another version. Throws ApiError 500 in Kubernetes' words. */
export async function convertByWebhook(
  webhooks: Webhooks,
  random: Random,
  webhook: WebhookConversion,
  apiVersion: string,
  objects: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  const [first] = objects;
  if (!first) return [];
  try {
    const review = conversionReview(webhook.conversionReviewVersions, uuid(random), apiVersion, objects);
    const answer = await callWebhook(webhooks, webhook.clientConfig ?? {}, review, timeoutMs);
    return convertedObjects(review, answer);
  } catch (error) {
    throw error instanceof ApiError ? error : conversionFailed(first, `failed: ${errorMessage(error)}`);
  }
}
