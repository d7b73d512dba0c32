// What volumes of configuration hold, as files: pure functions of the objects they show.
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Quantity, Secret } from "../../api/index.ts";
import { fieldValue, type PodAddresses, resourceFieldValue } from "../container/field-value.ts";

export interface PayloadFile {
  readonly content: Uint8Array;
  readonly mode: number;
  /** The owner, where it is not root. */
  readonly uid?: number;
}

/** By the path in the volume. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface KeySelection {
  readonly items: readonly KeyToPath[] | undefined;
  readonly defaultMode: number;
  readonly optional: boolean;
}

const encoder = new TextEncoder();

/** The files of a ConfigMap; of one that is not there when it is optional, none. */
export function configMapPayload(name: string, map: ConfigMap | undefined, selection: KeySelection): Payload {
  if (!map && !selection.optional) throw new Error(`configmap "${name}" not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, encoder.encode(text));
  for (const [key, base64] of Object.entries(map?.binaryData ?? {})) data.set(key, Uint8Array.fromBase64(base64));
  return selected(data, selection, "config");
}

export function secretPayload(name: string, secret: Secret | undefined, selection: KeySelection): Payload {
  if (!secret && !selection.optional) throw new Error(`secret "${name}" not found`);
  const entries = Object.entries(secret?.data ?? {});
  const data = new Map(entries.map(([key, base64]) => [key, Uint8Array.fromBase64(base64)]));
  return selected(data, selection, "secret");
}

function selected(
  data: ReadonlyMap<string, Uint8Array>,
  { items, defaultMode, optional }: KeySelection,
  word: string,
): Payload {
  const files = new Map<string, PayloadFile>();
  if (!items || items.length === 0) {
    for (const [key, content] of data) files.set(key, { content, mode: defaultMode });
    return files;
  }
  for (const { key, path, mode } of items) {
    const content = data.get(key);
    if (content) files.set(path, { content, mode: mode ?? defaultMode });
    else if (!optional) throw new Error(`references non-existent ${word} key: ${key}`);
  }
  return files;
}

/** The files of a downwardAPI volume. */
export function downwardPayload(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  addresses: PodAddresses,
  allocatable: Readonly<Record<string, Quantity>>,
): Payload {
  return new Map(
    items.map(({ path, mode, fieldRef, resourceFieldRef }) => {
      const text = fieldRef
        ? fieldValue(pod, fieldRef.fieldPath, addresses)
        : resourceFieldRef
          ? resourceFieldValue(pod, undefined, resourceFieldRef, allocatable)
          : "";
      return [path, { content: encoder.encode(text), mode: mode ?? defaultMode }];
    }),
  );
}
