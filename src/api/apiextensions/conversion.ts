// What a conversion webhook is asked and what it may answer:
// k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go.
import { deepCopy, errorMessage } from "../../lib/index.ts";
import { ApiError, fieldErrorBody } from "../meta/api-error.ts";
import { rootPath } from "../meta/field-error.ts";
import { validateObjectMeta } from "../meta/object-meta.ts";
import type { KubeObject } from "../resource.ts";
import { isObject, type JsonObject } from "../schema/json-value.ts";

/** The body that a conversion webhook gets. */
export interface ConversionReview {
  readonly kind: "ConversionReview";
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly KubeObject[];
  };
}

const reviewVersions = ["v1", "v1beta1"];

/** The review in the first of the versions that the webhook reads and the server speaks. */
export function conversionReview(
  webhookReads: readonly string[],
  uid: string,
  desiredAPIVersion: string,
  objects: readonly KubeObject[],
): ConversionReview {
  const version = webhookReads.find((each) => reviewVersions.includes(each));
  if (version === undefined) throw new Error("no supported conversion review versions");
  const apiVersion = `apiextensions.k8s.io/${version}`;
  return { kind: "ConversionReview", apiVersion, request: { uid, desiredAPIVersion, objects } };
}

/** The error of a conversion that failed; Kubernetes gives it no reason. */
export function conversionFailed(object: KubeObject, why: string): ApiError {
  const of = `${object.apiVersion}, Kind=${object.kind}`;
  return new ApiError(500, "", `conversion webhook for ${of} ${why}`);
}

/** The converted objects that the webhook answered; metadata but labels and annotations is that of the originals. */
export function convertedObjects(review: ConversionReview, answer: unknown): readonly KubeObject[] {
  const { objects, desiredAPIVersion } = review.request;
  const [first] = objects;
  if (!first) return [];
  const converted = answeredObjects(review, answer);
  if (converted.length !== objects.length)
    throw conversionFailed(first, `returned ${converted.length} objects, expected ${objects.length}`);
  return objects.map((original, index) => {
    try {
      return checkedObject(original, converted[index], desiredAPIVersion);
    } catch (error) {
      throw conversionFailed(original, `returned invalid object at index ${index}: ${errorMessage(error)}`);
    }
  });
}

function answeredObjects({ apiVersion, request }: ConversionReview, answer: unknown): readonly unknown[] {
  const [first] = request.objects;
  const fail = (why: string) => conversionFailed(first!, `failed: ${why}`); // only reviews with objects are sent
  if (!isObject(answer)) throw fail("the answer is no object");
  if (apiVersion.endsWith("/v1") && (answer.apiVersion !== apiVersion || answer.kind !== "ConversionReview"))
    throw fail(
      `expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${answer.apiVersion ?? ""}, Kind=${answer.kind ?? ""}`,
    );
  const { response } = answer;
  if (!isObject(response)) throw fail("no response provided");
  if (apiVersion.endsWith("/v1") && response.uid !== request.uid)
    throw fail(`expected response.uid=${JSON.stringify(request.uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  const result: JsonObject = isObject(response.result) ? response.result : {};
  if (result.status !== "Success")
    throw fail(
      typeof result.message === "string" && result.message !== ""
        ? result.message
        : `response.result.status was '${result.status ?? ""}', not 'Success'`,
    );
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

function checkedObject(original: KubeObject, converted: unknown, apiVersion: string): KubeObject {
  if (!isObject(converted)) throw new Error("it is no object");
  if (converted.apiVersion !== apiVersion)
    throw new Error(`invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ""})`);
  if (converted.kind !== original.kind)
    throw new Error(`invalid kind (expected ${original.kind}, received ${converted.kind ?? ""})`);
  const { metadata } = converted;
  if (metadata === undefined) throw new Error("missing metadata in converted object");
  if (!isObject(metadata)) throw new Error("invalid metadata in converted object");
  for (const [field, name] of [
    ["name", "name"],
    ["namespace", "namespace"],
    ["uid", "UID"],
  ] as const)
    if ((metadata[field] ?? "") !== (original.metadata[field] ?? ""))
      throw new Error(`must have the same ${name}: ${original.metadata[field] ?? ""} != ${metadata[field] ?? ""}`);
  // The rest of a converted object is checked by the schema of its version, and its identity was above.
  return { ...converted, metadata: restoredMetadata(original, metadata) } as unknown as KubeObject;
}

function restoredMetadata(original: KubeObject, converted: JsonObject): JsonObject {
  const { labels: _, annotations: __, ...restored } = deepCopy(original.metadata);
  const kept: Record<string, unknown> = { ...restored };
  for (const field of ["labels", "annotations"] as const) {
    const values = converted[field];
    if (values === undefined || values === null) continue;
    if (!isObject(values)) throw new Error(`invalid metadata.${field} in converted object`);
    for (const [key, value] of Object.entries(values))
      if (typeof value !== "string")
        throw new Error(`metadata.${field}[${key}] must be a string, but is not in converted object`);
    kept[field] = values;
  }
  const rules = { namespaced: restored.namespace !== undefined, validateName: () => [], customResource: true };
  const [error] = validateObjectMeta(rootPath.child("metadata"), kept as unknown as KubeObject["metadata"], rules); // just made of one
  if (error) throw new Error(`${error.field}: ${fieldErrorBody(error)}`);
  return kept;
}
