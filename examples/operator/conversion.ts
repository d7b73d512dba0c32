/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/ */
import type { Greeting } from "./greeting.ts";

export interface ConversionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly Greeting[];
  };
}

export function answerConversion({ apiVersion, kind, request }: ConversionReview): object {
  const { uid, desiredAPIVersion, objects } = request;
  const convertedObjects = objects.map((each) => convert(each, desiredAPIVersion));
  return { apiVersion, kind, response: { uid, convertedObjects, result: { status: "Success" } } };
}

export function convert(greeting: Greeting, apiVersion: string): Greeting {
  if (greeting.apiVersion === apiVersion) return greeting;
  if (greeting.apiVersion === "greetings.example.com/v1") {
    const [salutation = "", ...rest] = (greeting.spec.text ?? "").split(", ");
    const name = rest.join(", ");
    return { ...greeting, apiVersion: "greetings.example.com/v2", spec: { salutation, name } };
  }
  const { salutation = "", name = "" } = greeting.spec;
  return { ...greeting, apiVersion: "greetings.example.com/v1", spec: { text: `${salutation}, ${name}` } };
}
