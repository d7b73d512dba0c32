// Messages whose JSON is no object with their fields: from their fields to JSON and back.

import { formatJson } from "../../lib/index.ts";
import { decodeJson } from "../schema/json.ts";
import { apiMachinery } from "./message-fields.ts";
import { ProtobufError } from "./wire-reader.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface SpecialMessage {
  /** The value in JSON. Throws a ProtobufError. */
  readonly toJson: (fields: Fields) => unknown;
  /** The fields of a value that is not null; bytes as they are instead of in base64. */
  readonly toFields: (json: unknown) => Fields;
}

const bytes = new TextEncoder();

/** JSON that stands as bytes in a message. */
function embedded(field: string): SpecialMessage {
  return {
    toJson: (fields) => {
      const base64 = String(fields[field] ?? "");
      if (base64 === "") return null;
      const refusal = (why: string) => new ProtobufError(`embedded JSON cannot be read: ${why}`);
      return decodeJson(Uint8Array.fromBase64(base64), refusal).value;
    },
    toFields: (json) => ({ [field]: bytes.encode(formatJson(json)) }),
  };
}

/** A zero time has no fields at all, and is null in JSON. `digits` are those of the fraction. */
function time(digits: 0 | 6): SpecialMessage {
  return {
    toJson: ({ seconds, nanos }) => {
      if (seconds === undefined && nanos === undefined) return null;
      const ms = Number(seconds ?? 0) * 1000;
      if (!(Math.abs(ms) <= 8.64e15)) throw new ProtobufError("a time is out of range");
      // The text form needs a date; the clock is not asked.
      const whole = new Date(ms).toISOString().slice(0, 19);
      const fraction = String(Number(nanos ?? 0))
        .padStart(9, "0")
        .slice(0, digits);
      return digits === 0 ? `${whole}Z` : `${whole}.${fraction}Z`;
    },
    // Stored times are canonical: UTC, the fraction behind the twentieth character.
    toFields: (json) => {
      const whole = String(json).slice(0, 19);
      return {
        seconds: Date.parse(`${whole}Z`) / 1000,
        nanos: digits === 0 ? 0 : Number(String(json).slice(20, 26)) * 1000,
      };
    },
  };
}

/** A list that is a message of its own, so that an empty one differs from none. */
const items: SpecialMessage = {
  toJson: (fields) => fields.items ?? [],
  toFields: (json) => ({ items: json }),
};

const quantity: SpecialMessage = {
  toJson: ({ string }) => string ?? "0",
  toFields: (json) => ({ string: json }),
};

const intOrString: SpecialMessage = {
  toJson: ({ type, intVal, strVal }) => (type === 1 ? (strVal ?? "") : (intVal ?? 0)),
  toFields: (json) => (typeof json === "string" ? { type: 1, strVal: json } : { type: 0, intVal: json }),
};

const schemaOrList: SpecialMessage = {
  toJson: ({ schema, jSONSchemas }) => jSONSchemas ?? schema ?? null,
  toFields: (json) => (Array.isArray(json) ? { jSONSchemas: json } : { schema: json }),
};

const schemaOrBool: SpecialMessage = {
  toJson: ({ schema, allows }) => schema ?? allows ?? false,
  toFields: (json) => (typeof json === "boolean" ? { allows: json } : { allows: true, schema: json }),
};

const schemaOrNames: SpecialMessage = {
  toJson: ({ schema, property }) => property ?? schema ?? null,
  toFields: (json) => (Array.isArray(json) ? { property: json } : { schema: json }),
};

const meta = `${apiMachinery}apis.meta.v1.`;
const crd = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

export const specialMessages: ReadonlyMap<string, SpecialMessage> = new Map([
  [`${meta}Time`, time(0)],
  [`${meta}MicroTime`, time(6)],
  [`${meta}FieldsV1`, embedded("Raw")],
  [`${meta}Verbs`, items],
  [`${apiMachinery}runtime.RawExtension`, embedded("raw")],
  [`${apiMachinery}api.resource.Quantity`, quantity],
  [`${apiMachinery}util.intstr.IntOrString`, intOrString],
  ["io.k8s.api.authentication.v1.ExtraValue", items],
  ["io.k8s.api.authorization.v1.ExtraValue", items],
  ["io.k8s.api.certificates.v1.ExtraValue", items],
  [`${crd}JSON`, embedded("raw")],
  [`${crd}JSONSchemaPropsOrArray`, schemaOrList],
  [`${crd}JSONSchemaPropsOrBool`, schemaOrBool],
  [`${crd}JSONSchemaPropsOrStringArray`, schemaOrNames],
]);
