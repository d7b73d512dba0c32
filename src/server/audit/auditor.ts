// What is written of a request: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
import { type Annotate, type User, userInfo } from "../../api/index.ts";
import { type Clock, formatJson, type MetricRegistry, microTimestamp, type Series } from "../../lib/index.ts";
import type { AuditedRequest, AuditPolicy, AuditScope, AuditStage } from "./audit-policy.ts";

/** Takes the lines of the audit log. It never throws: what becomes of a request does not depend on its log. */
export interface AuditSink {
  write(line: string): void;
}

export interface AuditorOptions {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly metrics?: MetricRegistry;
}

/** A request when it comes, before anything is done about it. */
export interface AuditBeginning extends AuditedRequest {
  readonly auditId: string;
  /** Path and query as they came. */
  readonly uri: string;
  /** Who asked, where that is not the user as whom they act. */
  readonly impersonator?: User;
  /** The version of the resource's group. */
  readonly version?: string;
  /** The nearest last, as X-Forwarded-For has them. */
  readonly sourceAddresses: readonly string[];
  readonly userAgent: string | undefined;
}

/** Writes events of the requests that its policy is about. */
export class Auditor {
  readonly #policy: AuditPolicy;
  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #written: Series | undefined;

  constructor({ policy, sink, clock, metrics }: AuditorOptions) {
    this.#policy = policy;
    this.#sink = sink;
    this.#clock = clock;
    this.#written = metrics
      ?.counter({ name: "apiserver_audit_event_total", help: "Events of the audit log.", labels: ["plugin"] })
      .with("log");
  }

  /** The trail of a request, with its first event written; undefined when nothing is to be written of it. */
  begin(beginning: AuditBeginning): AuditTrail | undefined {
    const scope = this.#policy.scopeOf(beginning);
    if (scope.level === "None") return undefined;
    const write = (line: string) => {
      this.#written?.add();
      this.#sink.write(line);
    };
    const trail = new AuditTrail(beginning, scope, this.#clock, write);
    trail.write("RequestReceived");
    return trail;
  }
}

/** What an event may say of objects: as much as a log is long. Others leave out what is longer in the same way (truncate.go). */
const objectsLengthMax = 10 * 1024 * 1024;

/** What is known of one request, and its events. */
export class AuditTrail {
  readonly #beginning: AuditBeginning;
  readonly #scope: AuditScope;
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #receivedMs: number;
  readonly #annotations: Record<string, string> = {};
  /** JSON; empty where there is none to write. */
  #request = "";
  #response = "";
  #status: object | undefined;
  #objectReference: object = {};

  constructor(beginning: AuditBeginning, scope: AuditScope, clock: Clock, write: (line: string) => void) {
    this.#beginning = beginning;
    this.#scope = scope;
    this.#clock = clock;
    this.#write = write;
    this.#receivedMs = clock.now();
  }

  /** Notes something of a decision; the first word on a matter counts, as upstream. */
  readonly annotate: Annotate = (key, value, about) => {
    if (about === "content" && this.#scope.level === "Metadata") return;
    if (!Object.hasOwn(this.#annotations, key)) this.#annotations[key] = value;
  };

  /** The body, when the level wants it: at once, for it is changed on its way. */
  sent(body: unknown): void {
    if (body !== undefined && this.#scope.level !== "Metadata") this.#request = this.#textOf(body);
  }

  /** The answer's object: its name and version go with every level, its content with RequestResponse alone. */
  answered(object: object): void {
    const { metadata } = object as { readonly metadata?: { readonly name?: string; readonly uid?: string } }; // any kind
    if (metadata?.name) this.#objectReference = { name: metadata.name, ...(metadata.uid ? { uid: metadata.uid } : {}) };
    if (this.#scope.level === "RequestResponse") this.#response = this.#textOf(object);
  }

  /** The Status of a failure: its words are no object's content. */
  failed(status: object): void {
    this.#status = status;
    if (this.#scope.level === "RequestResponse") this.#response = this.#textOf(status);
  }

  /** Empty when it is too large for an event. */
  #textOf(value: unknown): string {
    const roomLength = objectsLengthMax - this.#request.length;
    const text = jsonWithin(this.#scope.omitManagedFields ? withoutManagedFields(value) : value, roomLength);
    if (text === undefined) this.annotate("audit.k8s.io/truncated", "true");
    return text ?? "";
  }

  /** Writes the event of a stage. `code` is that of the answer, once there is one. */
  write(stage: AuditStage, code?: number): void {
    if (this.#scope.omitStages.has(stage)) return;
    const { auditId, uri, verb, user, impersonator, sourceAddresses, userAgent } = this.#beginning;
    const actor = impersonator ?? user;
    const event = {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: this.#scope.level,
      auditID: auditId,
      stage,
      requestURI: uri,
      verb,
      user: actor ? userInfo(actor) : {},
      impersonatedUser: impersonator && user ? userInfo(user) : undefined,
      sourceIPs: sourceAddresses,
      userAgent: userAgent && shortened(userAgent),
      objectRef: this.#reference(),
      responseStatus: code === undefined ? undefined : { metadata: {}, ...this.#statusFields(), code },
      requestReceivedTimestamp: microTimestamp(this.#receivedMs),
      stageTimestamp: microTimestamp(this.#clock.now()),
      annotations: Object.keys(this.#annotations).length > 0 ? this.#annotations : undefined,
    };
    // What was taken as text goes in as it is.
    const request = this.#request === "" ? "" : `,"requestObject":${this.#request}`;
    const response = this.#response === "" ? "" : `,"responseObject":${this.#response}`;
    this.#write(`${JSON.stringify(event).slice(0, -1)}${request}${response}}\n`);
  }

  #reference(): object | undefined {
    const { resource, version } = this.#beginning;
    if (!resource) return undefined;
    const { plural, namespace, name, group, subresource } = resource;
    return {
      resource: plural,
      ...(namespace === "" ? {} : { namespace }),
      ...(name === "" ? {} : { name }),
      ...this.#objectReference,
      ...(group === "" ? {} : { apiGroup: group }),
      apiVersion: version,
      ...(subresource === "" ? {} : { subresource }),
    };
  }

  #statusFields(): object {
    if (!this.#status) return {};
    const { status, message, reason, details } = this.#status as Record<string, unknown>; // those of a Status
    return { status, message, reason, details };
  }
}

const userAgentLengthMax = 1024;

/** As upstream writes names of clients that are too long (audit/request.go). */
function shortened(userAgent: string): string {
  return userAgent.length > userAgentLengthMax ? `${userAgent.slice(0, userAgentLengthMax)}...TRUNCATED` : userAgent;
}

/** The object, or the list, without what only says who owns which field. */
function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { metadata, items, ...rest } = value as { metadata?: object; items?: unknown }; // an object of any kind
  return {
    ...rest,
    ...(metadata ? { metadata: { ...metadata, managedFields: undefined } } : {}),
    ...(items === undefined ? {} : { items: Array.isArray(items) ? items.map(withoutManagedFields) : items }),
  };
}

/** The JSON of a value; undefined when that is longer. A list's items are looked at one by one, for they can be any number. */
function jsonWithin(value: unknown, lengthMax: number): string | undefined {
  const { items, ...rest } = (typeof value === "object" && value !== null ? value : {}) as { items?: unknown }; // any
  if (!Array.isArray(items)) return fitting(value, lengthMax);
  const parts: string[] = [];
  let left = lengthMax;
  for (const item of items) {
    const text = fitting(item, left);
    if (text === undefined) return undefined;
    parts.push(text);
    left -= text.length + 1;
  }
  const head = fitting(rest, left);
  return head && `${head.slice(0, -1)}${head === "{}" ? "" : ","}"items":[${parts.join(",")}]}`;
}

function fitting(value: unknown, lengthMax: number): string | undefined {
  const text = formatJson(value);
  return text.length <= lengthMax ? text : undefined;
}
