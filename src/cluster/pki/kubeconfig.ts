import { constants, existsSync } from "node:fs";
import { access, realpath, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Document, YAMLMap, YAMLSeq } from "yaml";
import { errorMessage, UserError } from "../../lib/index.ts";
import { makeDirectories } from "../directories.ts";
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

/** Whose an entry is: the file of the cluster's settings, which is there as long as the cluster. */
export interface EntryOwner {
  readonly name: string;
  readonly owner: string;
  /** The certificate of the cluster's authority, where there is one yet; PEM. */
  readonly authority?: string;
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

/** What we keep in our context: whose it is, and what was there before, so that removing the entry can bring it back. */
interface Note {
  readonly owner?: string;
  readonly previousContext?: string;
  readonly createdFile?: true;
}

/** Throws UserError when mergeKubeconfig could not put the entry into the file at `path`; changes nothing. */
export async function requireKubeconfig(path: string, entry: EntryOwner): Promise<void> {
  requireOwn(await openKubeconfig(path), entry);
  const place = await nearestDirectory(path);
  try {
    await access(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Puts the entry into the kubeconfig at `path` and makes its context the current one; everything else in the file stays as
 * it is, comments too. Throws UserError, and changes nothing, when what is there is no kubeconfig or has another cluster
 * under that name.
 */
export async function mergeKubeconfig(path: string, entry: KubeconfigEntry & EntryOwner): Promise<void> {
  const { name, server, authority, user, owner } = entry;
  const file = await openKubeconfig(path);
  requireOwn(file, entry);
  const { document } = file;
  const note = { ...(noteOf(file, name) ?? whatIsThere(file)), owner };
  put(file, "clusters", name, { cluster: { server, "certificate-authority-data": base64(authority) } });
  put(file, "users", user, credentialsOf(entry));
  const extensions = [{ name: extensionName, extension: note }];
  put(file, "contexts", name, { context: { cluster: name, user, extensions } });
  document.set("current-context", name);
  await save(file);
}

/** Puts the entry's keys in the place of those that its user has there; does nothing where its context is gone. */
export async function renewInKubeconfig(path: string, entry: KubeconfigEntry & EntryOwner): Promise<void> {
  if ((await readKubeconfig(path)) === undefined) return;
  const file = await openKubeconfig(path);
  if (!find(file, "contexts", entry.name) || whoseElse(file, entry) !== undefined) return;
  const kept = find(file, "users", entry.user)?.getIn(["user", "client-certificate-data"]);
  if (kept === undefined || kept === base64(entry.certificate)) return;
  put(file, "users", entry.user, credentialsOf(entry));
  await save(file);
}

function credentialsOf({ certificate, privateKey }: KeyPair): object {
  return { user: { "client-certificate-data": base64(certificate), "client-key-data": base64(privateKey) } };
}

/**
 * Takes the entry out again: its context, its cluster and its user where no other context needs them. Where its context
 * is the current one, the one before it is again. A file that was made for the entry and holds nothing else is removed.
 * What is another cluster's under that name stays.
 */
export async function removeFromKubeconfig(path: string, entry: EntryOwner): Promise<void> {
  if ((await readKubeconfig(path)) === undefined) return;
  const file = await openKubeconfig(path);
  const { name } = entry;
  const context = find(file, "contexts", name);
  if (!context || whoseElse(file, entry) !== undefined) return;
  const before = noteOf(file, name) ?? {};
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

async function readKubeconfig(path: string): Promise<string | undefined> {
  try {
    return await readFileIfThere(path);
  } catch (error) {
    throw new UserError(
      `cannot read the kubeconfig ${path} (${codeOf(error)}): choose another file with --kubeconfig`,
      {
        cause: error,
      },
    );
  }
}

/** Where the file is, or the directory in which it, or the directories on its way, would be made. */
async function nearestDirectory(path: string): Promise<string> {
  let place = dirname(await realpath(path).catch(() => path));
  while (!existsSync(place)) place = dirname(place);
  return place;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? errorMessage(error);

const unwritable = (path: string, cause: unknown) =>
  new UserError(
    `cannot write the kubeconfig ${path} (${codeOf(cause)}): mend that, or choose another file with --kubeconfig`,
    { cause },
  );

async function openKubeconfig(path: string): Promise<Kubeconfig> {
  const text = await readKubeconfig(path);
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

/** Refuses to replace what somebody else has under the entry's name. */
function requireOwn(file: Kubeconfig, entry: EntryOwner): void {
  const other = whoseElse(file, entry);
  if (other === undefined) return;
  throw new UserError(
    `${file.path} has a context "${entry.name}" of ${other}: choose another --name, another file with --kubeconfig, or remove that context`,
  );
}

/** The other cluster that the context of the entry's name is of; undefined when it is the entry's, or nobody's any more. */
function whoseElse(file: Kubeconfig, { name, owner, authority }: EntryOwner): string | undefined {
  if (!find(file, "contexts", name)) return undefined;
  const recorded = noteOf(file, name)?.owner;
  if (recorded !== undefined) {
    return recorded === owner || !existsSync(recorded) ? undefined : `the cluster in ${dirname(recorded)}`;
  }
  const data = find(file, "clusters", name)?.getIn(["cluster", "certificate-authority-data"]);
  return authority !== undefined && data === base64(authority) ? undefined : "another cluster";
}

function whatIsThere({ document, exists }: Kubeconfig): Note {
  const current = document.get("current-context");
  return {
    ...(typeof current === "string" && current !== "" ? { previousContext: current } : {}),
    ...(exists ? {} : { createdFile: true as const }),
  };
}

function noteOf(file: Kubeconfig, name: string): Note | undefined {
  const extensions = find(file, "contexts", name)?.getIn(["context", "extensions"]);
  if (!file.isSeq(extensions)) return undefined;
  const own = extensions.items.find((each) => file.isMap(each) && each.get("name") === extensionName);
  if (!file.isMap(own)) return undefined;
  const previous = own.getIn(["extension", "previousContext"]);
  const owner = own.getIn(["extension", "owner"]);
  return {
    ...(typeof owner === "string" ? { owner } : {}),
    ...(typeof previous === "string" ? { previousContext: previous } : {}),
    ...(own.getIn(["extension", "createdFile"]) === true ? { createdFile: true as const } : {}),
  };
}

async function save({ path, exists, document }: Kubeconfig): Promise<void> {
  try {
    const owner = exists ? await stat(path) : undefined;
    if (!exists) makeDirectories(dirname(path));
    // A width of 0 keeps the parser from breaking the long lines of keys.
    await writeFileAtomically(path, document.toString({ lineWidth: 0 }), 0o600, owner);
  } catch (error) {
    throw unwritable(path, error);
  }
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
