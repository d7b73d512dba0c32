// Values of any built-in schema, valid by their types and by nothing else; for tests of what all kinds must bear.
import type { Random } from "../lib/index.ts";
import { resolveBuiltIn } from "./schema/facts.ts";
import type { Schema } from "./schema/schema.ts";

const depthMax = 10;
const fieldChance = 0.55;

/** Words that mean something somewhere, and some that mean nothing anywhere. */
const words =
  "|a|A_b|a/b.c|x y|*|/x|10.0.0.1|10.0.0.0/8|fd00::1|In|Exists|Always|Never|TCP|Local|Cluster|None|0-3,5|Indexed|" +
  "ClusterIP|LoadBalancer|RollingUpdate|Resource|Pods|Container|Pod|Namespaced|kubernetes.io/tls|True";
const values = {
  quantity: ["1", "-1", "0", "100m", "1Gi", "1e3", "0.00001"],
  "int-or-string": [0, 1, -1, "50%", "200%", "a", ""],
  "date-time": ["2024-01-01T00:00:00Z", "2025-01-01T00:00:00.000000Z"],
  byte: ["", "AA==", btoa("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")],
  string: words.split("|"),
  integer: [0, 1, -1, 3, 70_000, 2 ** 31 - 1],
  number: [0, 1.5, -1],
  boolean: [true, false],
};
const mapKeys = ["a", "A/b", "cpu", "memory", "hugepages-2Mi"];

function valueKind(schema: Schema, reference: string): keyof typeof values | undefined {
  if (reference.endsWith(".Quantity")) return "quantity";
  const known = [schema.format, schema.type].find((each) => each !== undefined && each in values);
  return known as keyof typeof values | undefined;
}

/** Anything that the schema describes; undefined where it goes too deep. */
export function anyValue(written: Schema, random: Random, depth = depthMax): unknown {
  const schema = written.$ref ? resolveBuiltIn(written.$ref) : written;
  const kind = valueKind(schema, written.$ref ?? "");
  if (kind) return values[kind][Math.floor(random.next() * values[kind].length)];
  if (depth === 0) return undefined;
  const { items, properties, additionalProperties } = schema;
  if (items)
    return Array.from({ length: Math.floor(random.next() * 3) }, () => anyValue(items, random, depth - 1)).filter(
      (item) => item !== undefined,
    );
  const fields: [string, Schema][] = properties
    ? Object.entries(properties)
    : typeof additionalProperties === "object"
      ? mapKeys.map((key) => [key, additionalProperties])
      : [];
  const chosen = fields.filter(() => random.next() < fieldChance);
  const entries = chosen.map(([name, each]) => [name, anyValue(each, random, depth - 1)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
