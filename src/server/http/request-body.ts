import {
  badRequest,
  type Decoded,
  decodeJson,
  decodeProtobuf,
  decodeYaml,
  type PatchType,
  unreadableAs,
  unsupportedMediaType,
} from "../../api/index.ts";
import { acceptedTypes, contentTypes } from "./negotiation.ts";

/** The limit of Kubernetes' API server. */
export const bodyBytesMax = 3 * 1024 * 1024;

const patchTypes: readonly string[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
] satisfies PatchType[];

export interface RequestBody {
  readonly value: unknown;
  /** Sentences about what stands twice in the body. */
  readonly duplicates: readonly string[];
  readonly inOrder?: Decoded["inOrder"];
  readonly patchType?: PatchType;
}

/**
 * Decodes a body of this media type, which is to be of the kind where one is given. Throws ApiError 415 when there is no
 * such patch, and decoding throws 415 and 400.
 */
export function bodyDecoder(
  contentType: string,
  isPatch: boolean,
  kind: string | undefined,
): (bytes: Uint8Array) => RequestBody | undefined {
  const mediaType = contentType.split(";")[0]!.trim().toLowerCase();
  if (isPatch) return patchDecoder(mediaType);
  return (bytes) => {
    if (bytes.length === 0) return undefined;
    if (mediaType === "" || mediaType === contentTypes.json)
      return decodeJson(bytes, kind === undefined ? undefined : unreadableAs(kind));
    if (mediaType === contentTypes.yaml) return decodeYaml(bytes);
    if (mediaType === contentTypes.protobuf) return { value: decodeProtobuf(bytes, kind), duplicates: [] };
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${acceptedTypes}`,
    );
  };
}

function patchDecoder(mediaType: string): (bytes: Uint8Array) => RequestBody {
  if (!patchTypes.includes(mediaType))
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${patchTypes.join(", ")}`,
    );
  const patchType = mediaType as PatchType; // one of them, just checked
  return (bytes) => {
    if (bytes.length === 0) throw badRequest("the patch is empty");
    return { ...decodePatch(bytes, patchType), patchType };
  };
}

/** A patch is not yet an object of a kind, and its faults are told in other words. */
function decodePatch(bytes: Uint8Array, patchType: PatchType): Decoded {
  if (patchType === "application/apply-patch+yaml") return decodeYaml(bytes);
  const prefix = patchType === "application/strategic-merge-patch+json" ? "" : "error decoding patch: ";
  return decodeJson(bytes, (why) => badRequest(`${prefix}${why}`));
}
