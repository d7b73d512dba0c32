// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library
import {
  isLabelValue,
  isQualifiedName,
  nameIsDns1035Label,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
} from "../../api/meta/index.ts";
import { add, type CostRule, fixed, scale, traversalFactor, unknownSize } from "../cost.ts";
import { type Definition, define, member } from "../functions.ts";
import { fromBase64 } from "../json-values.ts";
import { parseTimestamp } from "../time.ts";
import { listType, opaqueType, optionalType, stringType } from "../types.ts";
import { ArrayList, Opaque, Optional, sizeOf } from "../values.ts";
import { urlParts } from "./urls.ts";

export const formatType = opaqueType("kubernetes.NamedFormat");

type Validate = (text: string) => readonly string[];

class Format extends Opaque {
  readonly type = formatType;
  readonly name: string;
  readonly validate: Validate;
  constructor(name: string, validate: Validate) {
    super();
    this.name = name;
    this.validate = validate;
  }
  equals(other: Opaque) {
    return other instanceof Format && other.name === this.name;
  }
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Whether it reads without an error; the readers throw for nothing but the text. */
function reads(read: (text: string) => unknown, text: string): boolean {
  try {
    read(text);
    return true;
  } catch {
    // What is wrong with it is said by the format's own message.
    return false;
  }
}

const when =
  (holds: (text: string) => boolean, message: string): Validate =>
  (text) =>
    holds(text) ? [] : [message];

function validateUri(text: string): readonly string[] {
  const parts = urlParts(text);
  return typeof parts === "string" ? [parts] : [];
}

const validators: Readonly<Record<string, Validate>> = {
  dns1123Label: (text) => nameIsDnsLabel(text, false),
  dns1123Subdomain: (text) => nameIsDnsSubdomain(text, false),
  dns1035Label: (text) => nameIsDns1035Label(text, false),
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: (text) => nameIsDnsLabel(text, true),
  dns1123SubdomainPrefix: (text) => nameIsDnsSubdomain(text, true),
  dns1035LabelPrefix: (text) => nameIsDns1035Label(text, true),
  labelValue: isLabelValue,
  uri: validateUri,
  uuid: when((text) => uuid.test(text), "does not match the UUID format"),
  byte: when((text) => reads(fromBase64, text), "invalid base64"),
  date: when((text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && reads(parseTimestamp, `${text}T00:00:00Z`), "invalid date"),
  datetime: when((text) => reads(parseTimestamp, text), "invalid datetime"),
};

const formats = new Map(Object.entries(validators).map(([name, validate]) => [name, new Format(name, validate)]));

/** As for a pattern of this length, longer than those of names are. */
const patternLength = 64;
const validation: CostRule = {
  actual: ([, text = null]) => Math.ceil((1 + sizeOf(text)) * traversalFactor) * patternLength * 0.25,
  estimate: ([, text]) => ({
    cost: scale(add(text?.size ?? unknownSize, fixed(1)), traversalFactor * patternLength * 0.25),
  }),
};

export const formatFunctions: readonly Definition[] = [
  ...Array.from(formats, ([name, format]) => define(`format.${name}`, `format.${name}`, [], formatType, () => format)),
  define("format.named", "format-named", [stringType], optionalType(formatType), (name: string) => {
    const format = formats.get(name);
    return format ? new Optional(format) : Optional.none;
  }),
  member(
    "validate",
    "format-validate",
    [formatType, stringType],
    optionalType(listType(stringType)),
    ({ validate }: Format, text: string) => {
      const messages = validate(text);
      return messages.length === 0 ? Optional.none : new Optional(new ArrayList([...messages]));
    },
    validation,
  ),
];
