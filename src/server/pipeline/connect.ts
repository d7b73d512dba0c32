import { badRequest, type KubeObject } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { admissionRequest, admit, validateAdmission } from "./admission-chain.ts";
import type { ObjectRequest } from "./context.ts";

/** What a stream is to be opened with, after admission. */
export interface AdmittedConnection {
  /** What follows `/proxy`, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Sentences for the Warning header. */
  readonly warnings: readonly string[];
}

type Options = Draft<Record<string, unknown>>;

/** How a parameter of the query is a field, and back (apimachinery, queryparams). */
interface FieldForm {
  readonly read: (values: readonly string[]) => unknown;
  readonly isValid: (value: unknown) => boolean;
}

const flag: FieldForm = {
  // A parameter that is there means yes unless it says no.
  read: ([value]) => (value === undefined || ["false", "0"].includes(value.toLowerCase()) ? undefined : true),
  isValid: (value) => typeof value === "boolean",
};
const text: FieldForm = { read: ([value]) => value || undefined, isValid: (value) => typeof value === "string" };
const texts: FieldForm = {
  read: (values) => (values.length > 0 ? values : undefined),
  isValid: (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
};
const numbers: FieldForm = {
  read: (values) => {
    const ports = values.flatMap((each) => each.split(",")).map(Number);
    return ports.length > 0 ? ports.filter(Number.isInteger) : undefined;
  },
  isValid: (value) => Array.isArray(value) && value.every(Number.isInteger),
};

const streams = { stdin: flag, stdout: flag, stderr: flag, tty: flag, container: text };
const path = { path: text };

/** What a stream is asked for with, as admission sees it: the query in the kinds of core/v1 that no schema is published of. */
const optionsKinds: Readonly<Record<string, { readonly kind: string; readonly fields: Record<string, FieldForm> }>> = {
  "pods/exec": { kind: "PodExecOptions", fields: { ...streams, command: texts } },
  "pods/attach": { kind: "PodAttachOptions", fields: streams },
  "pods/portforward": { kind: "PodPortForwardOptions", fields: { ports: numbers } },
  "pods/proxy": { kind: "PodProxyOptions", fields: path },
  "services/proxy": { kind: "ServiceProxyOptions", fields: path },
  "nodes/proxy": { kind: "NodeProxyOptions", fields: path },
};

/**
 * Asks admission whether the stream below the named object may be opened, and with what: plugins may change what was asked
 * for, as upstream, which hands the options to the stream after they were admitted. Reading a log is no such stream.
 */
export async function admitConnection(
  request: ObjectRequest,
  path: string,
  query: URLSearchParams,
): Promise<AdmittedConnection> {
  const { warnings } = request;
  const options = optionsKinds[`${request.definition.plural}/${request.subresource}`];
  if (options === undefined) return { path, query, warnings };
  const { fields } = options;
  const kind = { group: "", version: "v1", kind: options.kind };
  const isProxy = "path" in fields;
  const body: Options = { kind: kind.kind, apiVersion: "v1" };
  for (const [name, { read }] of Object.entries(fields)) {
    const value = read(isProxy ? [decodePath(path)] : query.getAll(name));
    if (value !== undefined) body[name] = value;
  }
  let isChanged = false;
  const admission = {
    // It has no metadata, which those who look at bodies of subresources reckon with.
    ...admissionRequest(request, "CONNECT", body as unknown as Draft<KubeObject>, undefined),
    kind,
    replaceObject: (json: unknown) => {
      replaceFields(body, json, fields);
      isChanged = true;
    },
  };
  await admit(request, admission);
  await validateAdmission(request, admission);
  if (!isChanged) return { path, query, warnings };
  if (isProxy) return { path: encodePath(String(body.path ?? "")), query, warnings };
  return { path, query: queryOf(body, fields), warnings };
}

/** Puts the fields of what a plugin made of the options in their place. Throws 400 when it is of another form. */
function replaceFields(body: Options, json: unknown, fields: Readonly<Record<string, FieldForm>>): void {
  const next = json as Readonly<Record<string, unknown>>; // a patched object is an object
  if (next.kind !== body.kind || next.apiVersion !== body.apiVersion)
    throw badRequest(`what a stream is asked for with must stay a ${body.kind} of ${body.apiVersion}`);
  for (const [name, { isValid }] of Object.entries(fields)) {
    const value = next[name] ?? undefined;
    if (value === undefined) delete body[name];
    else if (isValid(value)) body[name] = value;
    else throw badRequest(`${body.kind}.${name} cannot be ${JSON.stringify(value)}`);
  }
}

function queryOf(body: Options, fields: Readonly<Record<string, FieldForm>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of Object.keys(fields)) {
    const value = body[name] ?? [];
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  return query;
}

/** As plugins see it: what is denied must not come through in another spelling. Throws 400 for broken percent-encoding. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw badRequest(`the path has broken percent-encoding: ${path} (${cause})`);
  }
}

function encodePath(path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return encoded === "" || encoded.startsWith("/") ? encoded : `/${encoded}`;
}
