// In which form an answer is wanted, by the rules of k8s.io/apiserver's endpoints/handlers/negotiation.
import { notAcceptable } from "../../api/index.ts";

export const contentTypes = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
} as const;

export type Encoding = keyof typeof contentTypes;

/** In the order in which a wildcard takes them. */
const encodings = Object.keys(contentTypes) as readonly Encoding[]; // the keys of a literal

/** In which form an answer is wanted. */
export interface Negotiated {
  readonly encoding: Encoding;
  /** The kind that objects and lists are turned into; undefined: they are sent as they are. */
  readonly as: string | undefined;
  /** The version of `as`. */
  readonly version: string;
  readonly pretty: boolean;
}

const asTheyAre: Negotiated = { encoding: "json", as: undefined, version: "", pretty: false };
/** What clients ask for again and again is read once. */
const knownMax = 256;

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Answers of one sort, with what they may be: `allows` tells it of an encoding and the kind to turn into, if any. */
export class AnswerForms {
  readonly #allows: (encoding: Encoding, as: Kind | undefined) => boolean;
  readonly #known = new Map<string, Negotiated | undefined>();

  constructor(allows: (encoding: Encoding, as: Kind | undefined) => boolean) {
    this.#allows = allows;
  }

  /** The first form of an Accept header that can be served. Throws 406 when there is none. */
  negotiate(accept: string | undefined): Negotiated {
    const found = this.find(accept);
    if (!found) throw notAcceptable(`only the following media types are accepted: ${acceptedTypes}`);
    return found;
  }

  /** As `negotiate`; undefined when there is none. */
  find(accept: string | undefined): Negotiated | undefined {
    if (!accept) return asTheyAre;
    if (this.#known.has(accept)) return this.#known.get(accept);
    const found = this.#read(accept);
    if (this.#known.size < knownMax) this.#known.set(accept, found);
    return found;
  }

  #read(accept: string): Negotiated | undefined {
    for (const { type, parameters } of mediaRanges(accept)) {
      const { as, g: group = "", v: version = "", stream = "", pretty } = parameters;
      const converts = as !== undefined || group !== "" || version !== "";
      const kind = converts ? { group, version, kind: as ?? "" } : undefined;
      for (const encoding of encodings)
        if (matches(type, contentTypes[encoding]) && canStream(encoding, stream) && this.#allows(encoding, kind))
          return { encoding, as, version, pretty: pretty === "1" };
    }
    return undefined;
  }
}

/** What 406 and 415 name, whatever the endpoint: so it is upstream. */
export const acceptedTypes = Object.values(contentTypes).join(", ");

function matches(range: string, type: string): boolean {
  return range === type || range === "*/*" || range === "*" || range === "application/*";
}

/** YAML has no form of a stream, and there is no stream but that of a watch. */
function canStream(encoding: Encoding, stream: string): boolean {
  return stream === "" || (stream === "watch" && encoding !== "yaml");
}

/** 406 for a watch in YAML. */
export function checkStream({ encoding }: Negotiated): void {
  if (encoding !== "yaml") return;
  const types = [contentTypes.json, contentTypes.protobuf].map((type) => `${type};stream=watch`);
  throw notAcceptable(`only the following media types are accepted: ${types.join(", ")}`);
}

/** Statuses and discovery: only the encoding is negotiated. */
export const plainAnswers = new AnswerForms((_, as) => as === undefined);

/** Objects of built-in kinds. A Table has no message. */
export const objectAnswers = new AnswerForms((encoding, as) => as === undefined || isObjectForm(encoding, as));

/** Objects of built-in kinds that are answered and never kept, reviews: they have no columns, so there is no Table. */
export const reviewAnswers = new AnswerForms(
  (encoding, as) => as === undefined || (as.kind !== "Table" && isObjectForm(encoding, as)),
);

/** Objects of kinds that have no message, custom resources: only their metadata can be protobuf. */
export const customAnswers = new AnswerForms((encoding, as) =>
  as === undefined ? encoding !== "protobuf" : isObjectForm(encoding, as),
);

/** Discovery in one piece. */
export const aggregatedDiscoveryAnswers = new AnswerForms(
  (_, as) =>
    as?.kind === "APIGroupDiscoveryList" &&
    as.group === "apidiscovery.k8s.io" &&
    (as.version === "v2" || as.version === "v2beta1"),
);

function isObjectForm(encoding: Encoding, { group, version, kind }: Kind): boolean {
  if (group !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return false;
  if (kind === "Table") return encoding !== "protobuf";
  return kind === "PartialObjectMetadata" || kind === "PartialObjectMetadataList";
}

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The types of an Accept header, the preferred first, and of those the exact ones before wildcards. */
export function mediaRanges(accept: string): MediaRange[] {
  const ranges = accept.split(",").map((each) => {
    const [type = "", ...pairs] = each.split(";").map((part) => part.trim());
    const parameters = Object.fromEntries(
      pairs.map((pair) => pair.split("=", 2).map((part) => part.trim()) as [string, string]),
    );
    return { type: type.toLowerCase(), parameters };
  });
  return ranges.sort((a, b) => quality(b) - quality(a) || wildcards(a) - wildcards(b));
}

/** 1 when none is said, or none that is a number. */
function quality({ parameters }: MediaRange): number {
  const number = Number(parameters.q ?? 1);
  return Number.isNaN(number) ? 1 : number;
}

function wildcards({ type }: MediaRange): number {
  return type.startsWith("*") ? 2 : type.endsWith("/*") ? 1 : 0;
}
