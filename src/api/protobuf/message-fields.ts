// What the table of messages says: which message holds a kind, and what its fields are.
import { parseApiVersion } from "../meta/index.ts";
import { definitionOfKind } from "../schema/facts.ts";
import { messages } from "./messages.generated.ts";

export interface MessageField {
  readonly id: number;
  /** The field's name in JSON. */
  readonly name: string;
  /** Inline: a message whose fields stand in the object itself. */
  readonly form: "single" | "list" | "map" | "inline";
  /** One of the scalar types or the name of a message; of a map, that of its values. */
  readonly type: ScalarType | string;
}

/** string, bytes, bool, int32 or int64, double. */
export type ScalarType = "s" | "x" | "b" | "i" | "d";

export const apiMachinery = "io.k8s.apimachinery.pkg.";
const meta = `${apiMachinery}apis.meta.v1.`;

/** The kinds that belong to no group, or to more than OpenAPI names. */
const metaMessages: Readonly<Record<string, string>> = {
  APIVersions: `${meta}APIVersions`,
  DeleteOptions: `${meta}DeleteOptions`,
  PartialObjectMetadata: `${meta}PartialObjectMetadata`,
  PartialObjectMetadataList: `${meta}PartialObjectMetadataList`,
};

const otherMessages: Readonly<Record<string, string>> = {
  "meta.k8s.io/v1beta1 PartialObjectMetadataList": `${apiMachinery}apis.meta.v1beta1.PartialObjectMetadataList`,
  "apidiscovery.k8s.io/v2 APIGroupDiscoveryList": "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
  "apidiscovery.k8s.io/v2beta1 APIGroupDiscoveryList": "io.k8s.api.apidiscovery.v2beta1.APIGroupDiscoveryList",
};

/** The message that holds a kind; undefined for kinds that have none. */
export function messageOf(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  const name =
    otherMessages[`${apiVersion} ${kind}`] ?? definitionOfKind(group, version, kind)?.name ?? metaMessages[kind];
  return name !== undefined && Object.hasOwn(messages, name) ? name : undefined;
}

const forms: Readonly<Record<string, MessageField["form"]>> = { "*": "list", "@": "map", "!": "inline" };

/** The fields of a message. */
export function fieldsOf(message: string): readonly MessageField[] {
  const rows = messages[message]?.split(",") ?? [];
  return rows.filter((row) => row !== "").map(fieldOf);
}

function fieldOf(row: string): MessageField {
  const [id = "", name = "", code = ""] = row.split(" ");
  const form = forms[code[0] ?? ""] ?? "single";
  return { id: Number(id), name, form, type: form === "single" ? code : code.slice(1) };
}
