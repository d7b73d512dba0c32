import { notAcceptable } from "../../api/index.ts";

export type Encoding = "json" | "yaml";

/** In which form an answer is wanted. */
export interface Negotiated {
  readonly encoding: Encoding;
  /** The kind of meta.k8s.io that objects and lists are turned into; undefined: they are sent as they are. */
  readonly as: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | undefined;
  /** The version of `as`: v1 or v1beta1. */
  readonly version: string;
  readonly pretty: boolean;
}

const encodings: Readonly<Record<string, Encoding>> = {
  "*/*": "json",
  "application/*": "json",
  "application/json": "json",
  "application/yaml": "yaml",
};
const accepted = "only the following media types are accepted: application/json, application/yaml";
const forms = ["Table", "PartialObjectMetadata", "PartialObjectMetadataList"] as const;

const asTheyAre: Negotiated = { encoding: "json", as: undefined, version: "", pretty: false };
/** What clients ask for again and again, read once. */
const known = new Map<string, Negotiated>();
const knownMax = 256;

/** Reads an Accept header: the first type that can be served. Throws 406 when there is none. */
export function negotiate(accept: string | undefined): Negotiated {
  if (!accept) return asTheyAre;
  let found = known.get(accept);
  if (!found) {
    found = read(accept);
    if (known.size < knownMax) known.set(accept, found);
  }
  return found;
}

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The types of an Accept header, the preferred first. */
export function mediaRanges(accept: string): MediaRange[] {
  const ranges = accept.split(",").map((each) => {
    const [type = "", ...pairs] = each.split(";").map((part) => part.trim());
    const parameters = Object.fromEntries(
      pairs.map((pair) => pair.split("=", 2).map((part) => part.trim()) as [string, string]),
    );
    return { type: type.toLowerCase(), parameters };
  });
  const quality = ({ parameters }: MediaRange) => Number(parameters.q ?? 1);
  return ranges.sort((a, b) => quality(b) - quality(a));
}

function read(accept: string): Negotiated {
  for (const { type, parameters } of mediaRanges(accept)) {
    const encoding = Object.hasOwn(encodings, type) ? encodings[type] : undefined;
    if (!encoding) continue;
    const as = forms.find((each) => each === parameters.as);
    const version = parameters.v ?? "";
    // A transformation that is not known is passed over: the client names another type after it.
    const wantsOther =
      parameters.as !== undefined && (!as || parameters.g !== "meta.k8s.io" || !/^v1(beta1)?$/.test(version));
    if (wantsOther) continue;
    return { encoding, as, version, pretty: parameters.pretty === "1" };
  }
  throw notAcceptable(accepted);
}
