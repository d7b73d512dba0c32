/** What the operator is about, in its two versions. The API server stores v2 and asks for conversions. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly deletionTimestamp?: string;
}

interface Versioned<Version extends string> {
  readonly apiVersion: `greetings.example.com/${Version}`;
  readonly kind: "Greeting";
  readonly metadata: ObjectMeta;
  readonly status?: GreetingStatus;
}

export interface GreetingStatus {
  readonly observedGeneration?: number;
  readonly configMap?: string;
}

/** One text: "Hello, World". */
export interface GreetingV1 extends Versioned<"v1"> {
  readonly spec: { readonly text?: string };
}

/** Its two parts. */
export interface GreetingV2 extends Versioned<"v2"> {
  readonly spec: { readonly salutation?: string; readonly name?: string };
}

export type Greeting = GreetingV1 | GreetingV2;

export const salutationDefault = "Hello";

export function textOf({ spec }: GreetingV2): string {
  const { salutation = salutationDefault, name = "" } = spec;
  return `${salutation}, ${name}`;
}
