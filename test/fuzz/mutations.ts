// What goes wrong with a body: changes to values that a schema allows, and to the bytes that encode them.
import type { Random } from "../../src/lib/index.ts";

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random.next() * choices.length)]!;
}

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);
const depths = [50, 400, 700, 20_000];

/** Values that fit few fields. */
const strangers: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => true,
  () => -1,
  () => 0.1,
  () => 1e308,
  () => 2 ** 53,
  () => 2 ** 62,
  () => "",
  () => "\0",
  () => "\ud800",
  () => "😀".repeat(100),
  () => "a".repeat(70_000),
  () => [],
  () => [[[]]],
  () => ({}),
  () => ({ "": { "": "" } }),
  () => ({ ["__proto__"]: { polluted: "yes" } }),
  () => ({ constructor: { prototype: {} } }),
  () => Array.from({ length: 5_000 }, (_, index) => index),
  () => Array.from({ length: 300 }, () => ({ name: "same", key: "same", ip: "same", port: 1 })),
  (random) => ({ $patch: oneOf(random, ["delete", "replace", "merge", "wrong", 1]) }),
  () => ({ $retainKeys: ["a"], a: 1 }),
  () => ({ "$setElementOrder/containers": [{ name: "a" }], "$deleteFromPrimitiveList/finalizers": ["x"] }),
  () => "(a+)+$",
  () => "size(self.x.map(a, self.x.map(b, self.x.map(c, a + b + c)))) > 0",
  () => "1e1000000000",
  () => "9999999999999999999Ei",
  () => "2026-13-45T99:99:99Z",
  () => "{.a[?(@.b==1)]..c}",
];

/** The value with one part, anywhere in it, removed, doubled or replaced by a stranger. */
export function mutated(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.next() < 0.15) return oneOf(random, strangers)(random);
  if (Array.isArray(value)) {
    if (value.length === 0) return [oneOf(random, strangers)(random)];
    const at = Math.floor(random.next() * value.length);
    if (random.next() < 0.2) return [...value, value[at]];
    return value.map((item: unknown, index) => (index === at ? mutated(item, random) : item));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || random.next() < 0.1)
    return {
      ...value,
      [oneOf(random, ["unknown", "", "a/b", "f:x", "kind", "spec"])]: oneOf(random, strangers)(random),
    };
  const at = Math.floor(random.next() * entries.length);
  if (random.next() < 0.15) return Object.fromEntries(entries.filter((_, index) => index !== at));
  return Object.fromEntries(
    entries.map(([name, each], index) => [name, index === at ? mutated(each, random) : each] as const),
  );
}

/** Bytes that no encoder of ours would write. */
const damages: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => bytes.subarray(0, Math.floor(random.next() * bytes.length)),
  (bytes, random) => {
    const damaged = Buffer.from(bytes);
    for (let times = 0; times < 3 && damaged.length > 0; times++)
      damaged[Math.floor(random.next() * damaged.length)] = Math.floor(random.next() * 256);
    return damaged;
  },
  (bytes) => Buffer.concat([bytes, bytes]),
  (bytes) =>
    Buffer.from(bytes.toString().replace("{", '{"kind":"Twice","metadata":{"name":"a"},"metadata":{"name":"b"},')),
  (bytes) =>
    Buffer.from(bytes.toString().replace("{", '{"spec":{"replicas":1e999},"n":-0,"i":123456789012345678901234567890,')),
  (_, random) => Buffer.from(nested(oneOf(random, depths), "[", "]")),
  (_, random) =>
    Buffer.from(
      `{"metadata":{"name":"deep"},"spec":${nested(oneOf(random, depths), '{"a":', "}").replace('{"a":}', '{"a":1}')}}`,
    ),
  () => Buffer.from([0x22, 0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0x22]),
  () => Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3]),
  () => Buffer.from("\ufeff{}"),
  () => Buffer.alloc(0),
  () => Buffer.from("null"),
];

export function damaged(bytes: Buffer, random: Random): Buffer {
  return oneOf(random, damages)(bytes, random);
}

/** YAML that means more than it says. */
export const yamlBodies: readonly string[] = [
  `a: &a [${"x,".repeat(9)}x]\n${Array.from({ length: 9 }, (_, level) => `${"bcdefghij"[level]}: &${"bcdefghij"[level]} [${`*${"abcdefghi"[level]},`.repeat(9)}*${"abcdefghi"[level]}]`).join("\n")}\n`,
  "a: &a\n  b: *a\n",
  "a: 1\na: 2\n",
  "? {a: 1}\n: b\n",
  "--- \na: 1\n---\nb: 2\n",
  "!!binary aaaa\n",
  "!!js/function 'x'\n",
  "a: !<tag:yaml.org,2002:str> 1\n",
  `${"- ".repeat(2_000)}a\n`,
  "{".repeat(3_000),
  "\t\n",
  "%YAML 9.9\n---\na\n",
  "a: 0x1F\nb: 0o17\nc: 1_000\nd: .inf\ne: .nan\nf: 2001-01-01\n",
];
