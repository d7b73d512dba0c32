import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { beforeEach, test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { authority, clientKey, type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";
import { forbidden } from "../../api/index.ts";
import { systemClock, VirtualClock } from "../../lib/index.ts";
import type { AdmissionPlugin } from "../admission/admission.ts";
import { Auditor, readAuditPolicy } from "../audit/index.ts";

interface AuditEvent {
  readonly [field: string]: unknown;
  readonly stage: string;
  readonly user: { readonly username?: string; readonly extra?: object };
  readonly impersonatedUser?: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly requestObject?: { readonly metadata?: object; readonly data?: object };
  readonly responseObject?: { readonly metadata?: object; readonly data?: object };
}

let https: HttpsServer;
let lines: string[] = [];
const events = () => lines.map((each) => JSON.parse(each) as AuditEvent);
const policy = readAuditPolicy({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  rules: [
    { level: "None", nonResourceURLs: ["/healthz*"] },
    { level: "Metadata", resources: [{ group: "", resources: ["secrets"] }] },
    { level: "Request", verbs: ["patch"], omitStages: ["RequestReceived"] },
    { level: "RequestResponse", namespaces: ["default"], omitManagedFields: true },
    { level: "Metadata", omitStages: ["RequestReceived"] },
  ],
});
const plugin: AdmissionPlugin = {
  name: "test",
  admit: ({ name, definition, annotate }) => {
    if (name === "noted") annotate("test/content", "what the object contains", "content");
    if (name === "broken") throw new TypeError("a programmer was wrong");
    if (name === "refused") throw forbidden(definition, name, "no");
  },
};

aroundTests(
  async () => {
    https = await startHttpsServer({
      auditor: new Auditor({ policy, sink: { write: (line) => lines.push(line) }, clock: systemClock }),
      admission: [plugin],
      authorizer: {
        authorize: async ({ verb }) => ({ allowed: verb !== "deletecollection", reason: "a test's rule" }),
      },
    });
  },
  () => https.close(),
);
beforeEach(() => {
  lines = [];
});

const namespace = "/api/v1/namespaces/default";
const body = (value: object) => ({ body: JSON.stringify(value) });

test("a request at level RequestResponse is written when it comes and when it is answered, with both objects", async () => {
  const map = { metadata: { name: "a" }, data: { x: "1" } };
  const headers = { "user-agent": "test/1", "audit-id": "my-id", "x-forwarded-for": "192.0.2.9" };
  const answer = await https.send("POST", `${namespace}/configmaps?pretty=0`, { headers, ...body(map) });
  assert.equal(answer.headers["audit-id"], "my-id");
  const [received, complete] = events();
  assert.equal(lines.length, 2);
  assert.deepEqual(
    { ...received, user: { ...received?.user, extra: {} }, requestReceivedTimestamp: "", stageTimestamp: "" },
    {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "RequestResponse",
      auditID: "my-id",
      stage: "RequestReceived",
      requestURI: `${namespace}/configmaps?pretty=0`,
      verb: "create",
      user: { username: "admin", groups: ["system:masters", "system:authenticated"], extra: {} },
      sourceIPs: ["192.0.2.9", "127.0.0.1"],
      userAgent: "test/1",
      objectRef: { resource: "configmaps", namespace: "default", apiVersion: "v1" },
      requestReceivedTimestamp: "",
      stageTimestamp: "",
    },
  );
  assert.deepEqual([complete?.stage, complete?.responseStatus], ["ResponseComplete", { metadata: {}, code: 201 }]);
  assert.deepEqual(complete?.requestObject, map);
  assert.deepEqual(complete?.responseObject?.data, map.data);
  assert.equal("managedFields" in (complete?.responseObject?.metadata ?? {}), false);
  assert.deepEqual(complete?.annotations, {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": "a test's rule",
  });
  assert.match(String(complete?.stageTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test("a secret's content is in no event whose level is Metadata", async () => {
  const secret = { metadata: { name: "s" }, stringData: { password: "hunter2" } };
  await https.send("POST", `${namespace}/secrets`, body(secret));
  await https.send("GET", `${namespace}/secrets/s`);
  await https.send("GET", `${namespace}/secrets`);
  assert.equal(lines.length, 6);
  assert.doesNotMatch(lines.join(""), /hunter2|aHVudGVyMg/);
  const reference = events()[3]?.objectRef as { readonly name?: string };
  assert.equal(reference.name, "s");
});

test("a patch at level Request is written once, without the answer's object", async () => {
  await https.send("POST", `${namespace}/configmaps`, body({ metadata: { name: "p" } }));
  lines = [];
  const headers = { "content-type": "application/merge-patch+json" };
  await https.send("PATCH", `${namespace}/configmaps/p`, { headers, ...body({ data: { x: "2" } }) });
  const [event] = events();
  assert.equal(lines.length, 1);
  assert.deepEqual([event?.requestObject, event?.responseObject], [{ data: { x: "2" } }, undefined]);
});

test("what a rule leaves out is not written", async () => {
  await https.send("GET", "/healthz");
  assert.deepEqual(lines, []);
});

test("a refusal, a fault and an impersonation are told", async () => {
  await https.send("DELETE", "/api/v1/namespaces/default/configmaps");
  const refused = events().at(-1);
  assert.equal(refused?.annotations?.["authorization.k8s.io/decision"], "forbid");
  assert.deepEqual(refused?.responseStatus?.code, 403);
  lines = [];
  await https.send("POST", `${namespace}/configmaps`, body({ metadata: { name: "broken" } }));
  assert.deepEqual(
    events().map(({ stage }) => stage),
    ["RequestReceived", "Panic", "ResponseComplete"],
  );
  lines = [];
  await https.send("POST", `${namespace}/configmaps`, body({ metadata: { name: "refused" } }));
  assert.deepEqual(
    events().map(({ stage }) => stage),
    ["RequestReceived", "ResponseComplete"],
  );
  lines = [];
  await https.send("GET", `${namespace}/configmaps/a`, { headers: { "impersonate-user": "joe" } });
  const [event] = events();
  assert.equal(event?.user.username, "admin");
  assert.equal(event?.impersonatedUser?.username, "joe");
});

test("who cannot be authenticated is written as nobody", async () => {
  await https.send("GET", `${namespace}/pods`, { key: null, headers: { authorization: "Bearer wrong" } });
  assert.deepEqual(events()[0]?.user, {});
  assert.equal(events().at(-1)?.responseStatus?.code, 401);
});

test("a watch is written when it starts and when it ends", async () => {
  const watch = await https.stream(`${namespace}/configmaps?watch=true&timeoutSeconds=1`);
  assert.deepEqual(
    events().map(({ stage }) => stage),
    ["RequestReceived", "ResponseStarted"],
  );
  await https.server.clock.advance(1_000);
  while ((await watch.next()) !== "");
  assert.deepEqual(
    events().map(({ stage }) => stage),
    ["RequestReceived", "ResponseStarted", "ResponseComplete"],
  );
});

test("an upgrade is written with the user and how it was answered", async () => {
  const sent = request({
    host: "127.0.0.1",
    port: https.listener.port,
    path: `${namespace}/pods/p/exec?command=date`,
    method: "POST",
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1" },
    ca: authority.certificate,
    key: clientKey.privateKey,
    cert: clientKey.certificate,
    agent: false,
  }).end();
  await once(sent, "response");
  const [received, complete] = events();
  assert.deepEqual([received?.verb, received?.requestURI], ["create", `${namespace}/pods/p/exec?command=date`]);
  assert.equal(complete?.stage, "ResponseComplete");
});

test("what clients and proxies say of themselves is told as far as it is an address, or a name of a bounded length", async () => {
  const headers = {
    "x-forwarded-for": "203.0.113.7, 10.0.0.300, evil\\n{}, 2001:DB8::1",
    "x-real-ip": "203.0.113.9",
    "user-agent": "a".repeat(2000),
  };
  await https.send("GET", `${namespace}/configmaps/a`, { headers });
  const [event] = events();
  assert.deepEqual(event?.sourceIPs, ["203.0.113.7", "2001:db8::1", "203.0.113.9", "127.0.0.1"]);
  assert.equal(event?.userAgent, `${"a".repeat(1024)}...TRUNCATED`);
});

test("objects that are too large for an event are left out of it, which says so", () => {
  const clock = new VirtualClock();
  const everything = readAuditPolicy({
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    rules: [{ level: "RequestResponse", omitStages: ["RequestReceived"], omitManagedFields: true }],
  });
  const eventOf = (request: unknown, answer: object): AuditEvent => {
    const written: string[] = [];
    const auditor = new Auditor({ policy: everything, sink: { write: (line) => written.push(line) }, clock });
    const trail = auditor.begin({
      auditId: "a",
      uri: "/",
      path: "/",
      verb: "list",
      user: undefined,
      sourceAddresses: [],
      userAgent: undefined,
    });
    trail?.sent(request);
    trail?.answered(answer);
    trail?.write("ResponseComplete", 200);
    return JSON.parse(written.join(""));
  };
  const megabyte = "x".repeat(1024 * 1024);
  const item = { metadata: { name: "a", managedFields: [] }, data: megabyte };
  const list = (count: number) => ({ kind: "List", items: Array(count).fill(item) });
  const small = eventOf({ data: "sent" }, list(9));
  assert.deepEqual(small.responseObject, { kind: "List", items: Array(9).fill({ ...item, metadata: { name: "a" } }) });
  assert.equal(small.annotations, undefined);
  const large = eventOf({ data: "sent" }, list(10));
  assert.deepEqual([large.requestObject, large.responseObject], [{ data: "sent" }, undefined]);
  assert.deepEqual(large.annotations, { "audit.k8s.io/truncated": "true" });
  assert.deepEqual(eventOf(undefined, { items: [] }).responseObject, { items: [] });
});

test("a note of what an object contains is for the levels that have its content", async () => {
  for (const [plural, noted] of [
    ["configmaps", "what the object contains"],
    ["secrets", undefined],
  ] as const) {
    lines = [];
    await https.send("POST", `${namespace}/${plural}`, body({ metadata: { name: "noted" } }));
    assert.equal(events().at(-1)?.annotations?.["test/content"], noted, plural);
  }
});
