// EncryptionConfiguration of apiserver.config.k8s.io:
// https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#understanding-the-encryption-at-rest-configuration

import { duplicate, type Fields, type Path, readConfiguration, required } from "../../api/index.ts";
import { append } from "../../lib/index.ts";
import { type CipherOf, resourceOfKey, type ValueCipher } from "../../storage/index.ts";
import { aesCbc, aesGcm, cipherOf, identity, type Provider } from "./ciphers.ts";

/** What an entry of the configuration says: which resources, and how they are kept. */
interface Rule {
  readonly resources: readonly string[];
  readonly providers: readonly ProviderPlan[];
}

type ProviderPlan =
  | "identity"
  | { readonly make: typeof aesGcm; readonly name: string; readonly secret: Uint8Array<ArrayBuffer> };

const keyBytes: readonly number[] = [16, 24, 32];

/** The cipher of every key in the store. Throws an Error that says all that is wrong with the configuration; no secret is in it. */
export async function readEncryptionConfiguration(value: unknown): Promise<CipherOf> {
  const rules = readConfiguration(value, "EncryptionConfiguration", (fields) => {
    const list = fields.objects("resources").map(readRule);
    if (list.length === 0) fields.errors.add(required(fields.at.child("resources")));
    return list;
  });
  const ciphers: { readonly resources: readonly string[]; readonly cipher: ValueCipher }[] = [];
  for (const { resources, providers } of rules) {
    const made: Provider[] = [];
    for (const plan of providers) made.push(plan === "identity" ? identity : await plan.make(plan.name, plan.secret));
    const [first, ...rest] = made;
    if (first) ciphers.push({ resources, cipher: cipherOf([first, ...rest]) });
  }
  const known = new Map<string, ValueCipher | undefined>();
  return (key) => {
    const resource = resourceOf(key);
    if (known.has(resource)) return known.get(resource);
    const found = ciphers.find(({ resources }) => resources.some((each) => covers(each, resource)))?.cipher;
    known.set(resource, found);
    return found;
  };
}

/** `<plural>.<group>` of a key, the group empty for core: what is no resource's (a claim, a health check) has none. */
function resourceOf(key: string): string {
  const { group, resource } = resourceOfKey(key);
  return `${resource}.${group}`;
}

/** As the configuration names them: `secrets`, `deployments.apps`, `*.apps`, `*.` for core and `*.*` for all. */
function covers(named: string, resource: string): boolean {
  if (named === "*.*") return true;
  if (named.startsWith("*."))
    return resource.endsWith(named.slice(1)) && resource.indexOf(".") === resource.length - named.length + 1;
  return resource === (named.includes(".") ? named : `${named}.`);
}

function readRule(fields: Fields): Rule {
  const { errors, at } = fields;
  const resources = fields.texts("resources");
  const providers = fields.objects("providers").flatMap(readProvider);
  fields.done();
  if (resources.length === 0) errors.add(required(at.child("resources")));
  if (providers.length === 0) errors.add(required(at.child("providers")));
  return { resources, providers };
}

function readProvider(fields: Fields): readonly ProviderPlan[] {
  const plans: ProviderPlan[] = [];
  const plain = fields.object("identity");
  plain?.done();
  if (plain) plans.push("identity");
  for (const [name, make] of [
    ["aesgcm", aesGcm],
    ["aescbc", aesCbc],
  ] as const) {
    const cipher = fields.object(name);
    if (!cipher) continue;
    append(
      plans,
      readKeys(cipher).map((key) => ({ make, ...key })),
    );
    cipher.done();
  }
  fields.done();
  if (plans.length === 0) fields.errors.add(required(fields.at, "one of identity, aesgcm and aescbc"));
  return plans;
}

function readKeys(fields: Fields): { readonly name: string; readonly secret: Uint8Array<ArrayBuffer> }[] {
  const { errors, at } = fields;
  const names = new Set<string>();
  const keys = fields.objects("keys").map((key) => {
    const name = key.text("name");
    const secret = secretOf(key.hiddenText("secret"), key.at.child("secret"), key);
    key.done();
    if (name === "") errors.add(required(key.at.child("name")));
    if (names.has(name)) errors.add(duplicate(key.at.child("name"), name));
    names.add(name);
    return { name, secret };
  });
  if (keys.length === 0) errors.add(required(at.child("keys")));
  return keys;
}

/** The bytes of a key. What is wrong with it is told without it. */
function secretOf(text: string, at: Path, { errors }: Fields): Uint8Array<ArrayBuffer> {
  const bad = (detail: string) => {
    errors.add(required(at, detail));
    return new Uint8Array(0);
  };
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(text);
  } catch {
    return bad("must be base64"); // the error's sentence could hold a part of it
  }
  return keyBytes.includes(bytes.length) ? bytes : bad(`must have ${keyBytes.join(", ")} bytes, not ${bytes.length}`);
}
