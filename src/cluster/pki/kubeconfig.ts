import { mkdir, realpath, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Document, YAMLMap, YAMLSeq } from "yaml";
import { UserError } from "../../lib/index.ts";
import { readFileIfThere, writeFileAtomically } from "./atomic-file.ts";
import type { KeyPair } from "./certificate.ts";

/** One cluster and how to be somebody there. */
export interface KubeconfigEntry extends KeyPair {
  /** Of the cluster and the context. */
  readonly name: string;
  readonly server: string;
  /** The certificate of the cluster's authority, PEM. */
  readonly authority: string;
  /** What the kubeconfig calls the user. */
  readonly user: string;
}

/** A kubeconfig with nothing but this entry. */
export function renderKubeconfig(entry: KubeconfigEntry): string {
  const { name, server, authority, user, certificate, privateKey } = entry;
  const [quotedName, quotedUser] = [JSON.stringify(name), JSON.stringify(user)];
  return `apiVersion: v1
kind: Config
clusters:
  - name: ${quotedName}
    cluster:
      server: ${JSON.stringify(server)}
      certificate-authority-data: ${base64(authority)}
users:
  - name: ${quotedUser}
    user:
      client-certificate-data: ${base64(certificate)}
      client-key-data: ${base64(privateKey)}
contexts:
  - name: ${quotedName}
    context:
      cluster: ${quotedName}
      user: ${quotedUser}
current-context: ${quotedName}
`;
}

/** Marks our extension of a context: kubectl keeps extensions that it does not know. */
const extensionName = "roder";

/** What was there before us, so that removing the entry can bring it back. */
interface Before {
  readonly previousContext?: string;
  readonly createdFile?: true;
}

/**
 * Puts the entry into the kubeconfig at `path` and makes its context the current one; everything else in the file stays as
 * it is, comments too. Throws UserError, and changes nothing, when what is there is no kubeconfig.
 */
export async function mergeKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  const { name, server, authority, user, certificate, privateKey } = entry;
  const file = await openKubeconfig(path);
  const { document } = file;
  const before = recordedBefore(file, name) ?? whatIsThere(file);
  put(file, "clusters", name, { cluster: { server, "certificate-authority-data": base64(authority) } });
  put(file, "users", user, {
    user: { "client-certificate-data": base64(certificate), "client-key-data": base64(privateKey) },
  });
  const extensions =
    Object.keys(before).length === 0 ? {} : { extensions: [{ name: extensionName, extension: before }] };
  put(file, "contexts", name, { context: { cluster: name, user, ...extensions } });
  document.set("current-context", name);
  await save(file);
}

/**
 * Takes the entry out again: its context, its cluster and its user where no other context needs them. Where its context
 * is the current one, the one before it is again. A file that was made for the entry and holds nothing else is removed.
 */
export async function removeFromKubeconfig(path: string, name: string): Promise<void> {
  if ((await readFileIfThere(path)) === undefined) return;
  const file = await openKubeconfig(path);
  const context = find(file, "contexts", name);
  if (!context) return;
  const before = recordedBefore(file, name) ?? {};
  const cluster = context.getIn(["context", "cluster"]);
  const user = context.getIn(["context", "user"]);
  take(file, "contexts", name);
  const others = entries(file, "contexts");
  for (const [list, field, value] of [
    ["clusters", "cluster", cluster],
    ["users", "user", user],
  ] as const)
    if (typeof value === "string" && !others.some((each) => each.getIn(["context", field]) === value))
      take(file, list, value);
  if (file.document.get("current-context") === name) {
    const previous = before.previousContext;
    const isThere = previous !== undefined && find(file, "contexts", previous) !== undefined;
    file.document.set("current-context", isThere ? previous : "");
  }
  const isEmpty = lists.every((list) => entries(file, list).length === 0);
  if (before.createdFile && isEmpty) await rm(file.path);
  else await save(file);
}

const lists = ["clusters", "users", "contexts"] as const;
type List = (typeof lists)[number];

interface Kubeconfig {
  /** Where the file really is: a symbolic link stays one. */
  readonly path: string;
  readonly exists: boolean;
  readonly document: Document;
  readonly isMap: (node: unknown) => node is YAMLMap;
  readonly isSeq: (node: unknown) => node is YAMLSeq;
}

async function openKubeconfig(path: string): Promise<Kubeconfig> {
  const text = await readFileIfThere(path);
  // Only the commands that change a kubeconfig need the parser, so only they load it.
  const { parseDocument, isMap, isSeq, Document } = await import("yaml");
  const isNew = text === undefined || text.trim() === "";
  const document: Document = isNew
    ? new Document({ apiVersion: "v1", kind: "Config", preferences: {} })
    : parseDocument(text);
  const file = {
    path: text === undefined ? path : await realpath(path),
    exists: text !== undefined,
    document,
    isMap,
    isSeq,
  };
  const problem = document.errors[0]?.message.split("\n")[0] ?? misshapen(file);
  if (problem !== undefined) {
    const sentence = `${path} is not a kubeconfig (${problem}): mend it or move it away, or choose another file with --kubeconfig`;
    throw new UserError(sentence);
  }
  return file;
}

function misshapen({ document, isMap, isSeq }: Kubeconfig): string | undefined {
  if (!isMap(document.contents)) return "it is not a map";
  const kind = document.get("kind");
  if (kind !== undefined && kind !== "Config") return `its kind is ${kind}`;
  for (const list of lists) {
    const items = document.get(list);
    if (items === undefined || items === null) continue;
    if (!isSeq(items) || !items.items.every((each) => isMap(each))) return `${list} is not a list of maps`;
  }
  return undefined;
}

function entries({ document, isSeq, isMap }: Kubeconfig, list: List): YAMLMap[] {
  const items = document.get(list);
  return isSeq(items) ? items.items.filter((each): each is YAMLMap => isMap(each)) : [];
}

function find(file: Kubeconfig, list: List, name: string): YAMLMap | undefined {
  return entries(file, list).find((each) => each.get("name") === name);
}

function put(file: Kubeconfig, list: List, name: string, value: object): void {
  const { document, isSeq } = file;
  const entry = document.createNode({ name, ...value });
  const items = document.get(list);
  if (!isSeq(items)) {
    document.set(list, document.createNode([entry]));
    return;
  }
  const at = items.items.findIndex((each) => file.isMap(each) && each.get("name") === name);
  if (at < 0) {
    // An empty list is often written as [], and would go on in that form.
    if (items.items.length === 0) items.flow = false;
    items.items.push(entry);
  } else items.items[at] = entry;
}

function take(file: Kubeconfig, list: List, name: string): void {
  const items = file.document.get(list);
  if (file.isSeq(items)) items.items = items.items.filter((each) => !file.isMap(each) || each.get("name") !== name);
}

function whatIsThere({ document, exists }: Kubeconfig): Before {
  const current = document.get("current-context");
  return {
    ...(typeof current === "string" && current !== "" ? { previousContext: current } : {}),
    ...(exists ? {} : { createdFile: true as const }),
  };
}

function recordedBefore(file: Kubeconfig, name: string): Before | undefined {
  const extensions = find(file, "contexts", name)?.getIn(["context", "extensions"]);
  if (!file.isSeq(extensions)) return undefined;
  const own = extensions.items.find((each) => file.isMap(each) && each.get("name") === extensionName);
  if (!file.isMap(own)) return undefined;
  const previous = own.getIn(["extension", "previousContext"]);
  return {
    ...(typeof previous === "string" ? { previousContext: previous } : {}),
    ...(own.getIn(["extension", "createdFile"]) === true ? { createdFile: true as const } : {}),
  };
}

async function save({ path, exists, document }: Kubeconfig): Promise<void> {
  const owner = exists ? await stat(path) : undefined;
  if (!exists) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A width of 0 keeps the parser from breaking the long lines of keys.
  await writeFileAtomically(path, document.toString({ lineWidth: 0 }), 0o600, owner);
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
