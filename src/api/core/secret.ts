import { append, type Draft } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachEntry, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, required, tooLong } from "../meta/field-error.ts";
import { isConfigMapKey } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { Secret } from "../types.generated.ts";
import { decodedLength, maxDataBytes, validateImmutableData } from "./data-map.ts";
import { tlsPairWarnings } from "./tls-warnings.ts";

export const serviceAccountNameAnnotation = "kubernetes.io/service-account.name";
export const serviceAccountUidAnnotation = "kubernetes.io/service-account.uid";
/** When the token of a secret was last used, and since when its use is refused: KEP-2799. */
export const tokenLastUsedLabel = "kubernetes.io/legacy-token-last-used";
export const tokenInvalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";

/** Types of secrets whose content somebody reads. */
export const tokenSecretType = "kubernetes.io/service-account-token";
export const dockerConfigSecretType = "kubernetes.io/dockercfg";
export const dockerConfigJsonSecretType = "kubernetes.io/dockerconfigjson";

export const Secrets = defineResource<Secret>({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  columns: [
    nameColumn,
    { name: "Type", type: "string", of: (secret) => secret.type ?? "" },
    { name: "Data", type: "string", of: (secret) => Object.keys(secret.data ?? {}).length },
    ageColumn,
  ],
  selectableFields: { type: (secret) => secret.type ?? "" },
  defaults: (secret) => {
    takeStringData(secret);
    secret.type ||= "Opaque";
  },
  validate,
  validateUpdate: (next, old, at) => [
    ...immutableField(at.child("type"), next.type, old.type),
    ...validateImmutableData(at, next, old, ["data"]),
  ],
  warnings: ({ type, data }) =>
    type === "kubernetes.io/tls" ? tlsPairWarnings(data?.["tls.crt"] ?? "", data?.["tls.key"] ?? "") : [],
});

/** stringData is written, never read: its texts become data. */
function takeStringData(secret: Draft<Secret>): void {
  if (!secret.stringData) return;
  const data: Record<string, string> = { ...secret.data };
  for (const [key, text] of Object.entries(secret.stringData)) data[key] = encodeText(text);
  secret.data = data;
  delete secret.stringData;
}

function encodeText(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function validate(secret: Secret, at: Path): FieldError[] {
  const dataAt = at.child("data");
  const errors = eachEntry(dataAt, secret.data, (key, _, place) => invalidFor(place, key, isConfigMapKey(key)));
  const bytes = Object.values(secret.data ?? {}).reduce((sum, value) => sum + decodedLength(value), 0);
  if (bytes > maxDataBytes) errors.push(tooLong(dataAt, maxDataBytes));
  append(errors, validateType(secret, at, dataAt));
  return errors;
}

/** What each well-known type must hold. https://kubernetes.io/docs/concepts/configuration/secret/#secret-types */
function validateType(secret: Secret, at: Path, dataAt: Path): FieldError[] {
  const data = secret.data ?? {};
  const need = (...keys: string[]) =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => required(dataAt.key(key)));
  switch (secret.type) {
    case tokenSecretType: {
      const name = secret.metadata.annotations?.[serviceAccountNameAnnotation];
      return name ? [] : [required(at.child("metadata", "annotations").key(serviceAccountNameAnnotation))];
    }
    case dockerConfigSecretType:
      return validateJson(data, ".dockercfg", dataAt);
    case dockerConfigJsonSecretType:
      return validateJson(data, ".dockerconfigjson", dataAt);
    case "kubernetes.io/basic-auth":
      return Object.hasOwn(data, "username") || Object.hasOwn(data, "password") ? [] : need("username", "password");
    case "kubernetes.io/ssh-auth":
      return data["ssh-privatekey"] ? [] : [required(dataAt.key("ssh-privatekey"))];
    case "kubernetes.io/tls":
      return need("tls.crt", "tls.key");
    default:
      return [];
  }
}

function validateJson(data: Readonly<Record<string, string>>, key: string, dataAt: Path): FieldError[] {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined) return [required(dataAt.key(key))];
  const wrong = (why: string) => [invalidValue(dataAt.key(key), "<secret contents redacted>", why)];
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(value)));
    const isObject = typeof parsed === "object" && !Array.isArray(parsed);
    return isObject ? [] : wrong("json: cannot unmarshal value into Go value of type map[string]interface {}");
  } catch (error) {
    // Neither base64 nor JSON says more than that it is wrong; the value itself must not be told.
    return wrong(error instanceof SyntaxError ? "invalid character in JSON" : String(error));
  }
}
