import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type FlowSchemaSpec,
  FlowSchemas,
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  type PriorityLevelConfigurationSpec,
  PriorityLevelConfigurations,
  suggestedFlowSchemas,
  suggestedPriorityLevels,
  type User,
} from "../../api/index.ts";
import { MetricRegistry, settle, VirtualClock } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import type { FlowRequest } from "./flow.ts";
import { FlowControl, type FlowTicket, TurnedAway } from "./flow-control.ts";
import { listWidth } from "./request-width.ts";

const authenticated = "system:authenticated";
const userOf = (name: string, ...groups: string[]): User => ({ name, groups: [...groups, authenticated] });
const admin = userOf("admin", "system:masters");
const jane = userOf("jane");

function pods(user: User, verb = "get", namespace = "default"): FlowRequest {
  return { user, verb, resource: { group: "", plural: "pods", subresource: "", namespace }, path: "" };
}

function lookupOf(
  schemas: Iterable<[string, FlowSchemaSpec]>,
  levels: Iterable<[string, PriorityLevelConfigurationSpec]>,
): ObjectLookup {
  const lookup = new ObjectLookup();
  for (const [name, spec] of schemas) lookup.put(FlowSchemas, { metadata: { name, uid: `schema-${name}` }, spec });
  for (const [name, spec] of levels)
    lookup.put(PriorityLevelConfigurations, { metadata: { name, uid: `level-${name}` }, spec });
  return lookup;
}

const clusterLookup = () =>
  lookupOf(
    [...mandatoryFlowSchemas, ...suggestedFlowSchemas],
    [...mandatoryPriorityLevels, ...suggestedPriorityLevels],
  );

const never = { signal: new AbortController().signal };

/** A client of one flow control who notes what became of its requests. */
class Requests {
  readonly control: FlowControl;
  readonly clock = new VirtualClock();
  readonly metrics = new MetricRegistry();
  readonly served: string[] = [];
  readonly refused: string[] = [];
  readonly tickets = new Map<string, FlowTicket>();

  constructor(lookup: ObjectLookup, seats: number) {
    this.control = new FlowControl({ lookup, clock: this.clock, seats, metrics: this.metrics });
  }

  async send(name: string, request: FlowRequest, width = 1, client = never): Promise<void> {
    const admitted = this.control.admit(this.control.classify(request), width, client);
    const noted = (ticket: FlowTicket) => {
      this.served.push(name);
      this.tickets.set(name, ticket);
    };
    if (admitted instanceof Promise)
      admitted.then(noted, (error: unknown) => {
        assert.ok(error instanceof TurnedAway);
        assert.equal(error.status.details?.retryAfterSeconds, 1);
        this.refused.push(name);
      });
    else noted(admitted);
    await settle();
  }

  async end(name: string): Promise<void> {
    this.tickets.get(name)!.release();
    this.tickets.delete(name);
    await settle();
  }
}

/** Schemas that send each of the users to a level of the same name. */
function levelsOf(levels: Readonly<Record<string, PriorityLevelConfigurationSpec["limited"]>>): ObjectLookup {
  const schemas = Object.keys(levels).map((name): [string, FlowSchemaSpec] => [
    name,
    {
      priorityLevelConfiguration: { name },
      matchingPrecedence: 100,
      distinguisherMethod: { type: "ByNamespace" },
      rules: [
        {
          subjects: [{ kind: "User", user: { name } }],
          resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"] }],
        },
      ],
    },
  ]);
  const specs = Object.entries(levels).map(([name, limited]): [string, PriorityLevelConfigurationSpec] => [
    name,
    { type: "Limited", limited: limited! },
  ]);
  const none: PriorityLevelConfigurationSpec = {
    type: "Limited",
    limited: { nominalConcurrencyShares: 0, lendablePercent: 0, limitResponse: { type: "Reject" } },
  };
  return lookupOf(schemas, [...specs, ["catch-all", none]]);
}

const queue = (queues = 1, handSize = 1, queueLengthLimit = 50) =>
  ({ type: "Queue", queuing: { queues, handSize, queueLengthLimit } }) as const;

const nodeUser = userOf("system:node:n1", "system:nodes");
const accountUser = (name: string, namespace = "kube-system") =>
  userOf(`system:serviceaccount:${namespace}:${name}`, "system:serviceaccounts", `system:serviceaccounts:${namespace}`);
const lease = { group: "coordination.k8s.io", plural: "leases", subresource: "", namespace: "kube-system" };
const nodeStatus = { group: "", plural: "nodes", subresource: "status", namespace: "" };
const healthz = { verb: "get", resource: undefined, path: "/healthz" };

const flows: readonly [name: string, FlowRequest, schema: string, level: string][] = [
  ["an administrator", pods(admin), "exempt", "exempt"],
  [
    "a probe of anybody",
    { ...healthz, user: { name: "system:anonymous", groups: ["system:unauthenticated"] } },
    "probes",
    "exempt",
  ],
  ["another path", { ...healthz, path: "/version", user: jane }, "global-default", "global-default"],
  [
    "an election of the scheduler",
    { user: userOf("system:kube-scheduler"), verb: "update", resource: lease, path: "" },
    "system-leader-election",
    "leader-election",
  ],
  ["the scheduler", pods(userOf("system:kube-scheduler")), "kube-scheduler", "workload-high"],
  [
    "a node about itself",
    { user: nodeUser, verb: "patch", resource: nodeStatus, path: "" },
    "system-node-high",
    "node-high",
  ],
  ["a node's lease", { user: nodeUser, verb: "update", resource: lease, path: "" }, "system-node-high", "node-high"],
  ["a node about pods", pods(nodeUser, "list", ""), "system-nodes", "system"],
  [
    "a controller's account",
    pods(accountUser("deployment-controller")),
    "kube-system-service-accounts",
    "workload-high",
  ],
  [
    "the endpoints of their controller",
    {
      ...pods(accountUser("endpoint-controller"), "update"),
      resource: { group: "", plural: "endpoints", subresource: "", namespace: "a" },
    },
    "endpoint-controller",
    "workload-high",
  ],
  ["a pod's account", pods(accountUser("web", "default")), "service-accounts", "workload-low"],
  ["somebody", pods(jane), "global-default", "global-default"],
];

for (const [name, request, schema, level] of flows)
  test(`the schemas that Kubernetes suggests find the level of ${name}`, () => {
    const { headers } = new Requests(clusterLookup(), 600).control.classify(request);
    assert.deepEqual(headers, {
      "x-kubernetes-pf-flowschema-uid": `schema-${schema}`,
      "x-kubernetes-pf-prioritylevel-uid": `level-${level}`,
    });
  });

test("without any object the mandatory schemas and levels hold", async () => {
  const requests = new Requests(new ObjectLookup(), 2);
  await requests.send("a", pods(jane));
  await requests.send("b", pods(jane));
  await requests.send("c", pods(jane));
  await requests.send("exempt", pods(admin));
  assert.deepEqual([requests.served, requests.refused], [["a", "b", "exempt"], ["c"]]);
});

test("a schema whose level is missing has no requests", () => {
  const lookup = clusterLookup().remove(PriorityLevelConfigurations, undefined, "global-default");
  const { headers } = new Requests(lookup, 600).control.classify(pods(jane));
  assert.equal(headers["x-kubernetes-pf-flowschema-uid"], "schema-catch-all");
});

test("a change of a schema holds for the next request", () => {
  const lookup = clusterLookup();
  const { control } = new Requests(lookup, 600);
  assert.equal(control.classify(pods(jane)).level.name, "global-default");
  const spec = { ...suggestedFlowSchemas.get("global-default")!, priorityLevelConfiguration: { name: "system" } };
  lookup.put(FlowSchemas, { metadata: { name: "global-default" }, spec });
  assert.equal(control.classify(pods(jane)).level.name, "system");
});

test("a level that rejects turns away what finds no seat, with 429 and Retry-After", async () => {
  const requests = new Requests(levelsOf({ a: { nominalConcurrencyShares: 1, limitResponse: { type: "Reject" } } }), 1);
  await requests.send("1", pods(userOf("a")));
  await requests.send("2", pods(userOf("a")));
  assert.deepEqual([requests.served, requests.refused], [["1"], ["2"]]);
  await requests.end("1");
  await requests.send("3", pods(userOf("a")));
  assert.deepEqual(requests.served, ["1", "3"]);
});

test("a level that queues lets requests wait, and turns them away when the queue is full", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue(1, 1, 2) };
  const requests = new Requests(levelsOf({ a: limited }), 1);
  for (const name of ["1", "2", "3", "4"]) await requests.send(name, pods(userOf("a")));
  assert.deepEqual([requests.served, requests.refused], [["1"], ["4"]]);
  await requests.end("1");
  await requests.end("2");
  assert.deepEqual(requests.served, ["1", "2", "3"]);
  assert.match(
    requests.metrics.text(),
    /rejected_requests_total\{priority_level="a",flow_schema="a",reason="queue-full"\} 1/,
  );
});

test("who has waited for a quarter of the request timeout is turned away", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue() };
  const requests = new Requests(levelsOf({ a: limited }), 1);
  await requests.send("1", pods(userOf("a")));
  await requests.send("2", pods(userOf("a")));
  await requests.clock.advance(14_999);
  assert.deepEqual(requests.refused, []);
  await requests.clock.advance(1);
  assert.deepEqual(requests.refused, ["2"]);
  await requests.end("1");
  assert.deepEqual(requests.served, ["1"]);
});

test("a client that leaves gives up its place", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue(1, 1, 1) };
  const requests = new Requests(levelsOf({ a: limited }), 1);
  const client = new AbortController();
  await requests.send("1", pods(userOf("a")));
  await requests.send("2", pods(userOf("a")), 1, client);
  client.abort();
  await settle();
  await requests.send("3", pods(userOf("a")));
  await requests.end("1");
  assert.deepEqual([requests.served, requests.refused], [["1", "3"], ["2"]]);
});

test("a flow with many requests does not keep another of its level from its share", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue(64, 1) };
  const requests = new Requests(levelsOf({ a: limited }), 1);
  const mouse = (name: string) => requests.send(name, pods(userOf("a"), "get", "mouse"));
  for (let at = 0; at < 10; at++) await requests.send(`elephant-${at}`, pods(userOf("a"), "get", "elephant"));
  await mouse("mouse-0");
  await mouse("mouse-1");
  for (let at = 0; at < 4; at++) {
    await requests.clock.advance(3);
    await requests.end(requests.served.at(-1)!);
  }
  assert.deepEqual(requests.served, ["elephant-0", "elephant-1", "mouse-0", "elephant-2", "mouse-1"]);
});

test("a flow whose requests take long waits longer for the next", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue(64, 1) };
  const requests = new Requests(levelsOf({ a: limited }), 1);
  const slow = (at: number) => requests.send(`slow-${at}`, pods(userOf("a"), "get", "slow"));
  const quick = (at: number) => requests.send(`quick-${at}`, pods(userOf("a"), "get", "quick"));
  await slow(0);
  for (let at = 1; at < 4; at++) {
    await slow(at);
    await quick(at);
  }
  for (let at = 0; at < 6; at++) {
    const name = requests.served.at(-1)!;
    await requests.clock.advance(name.startsWith("slow") ? 30 : 3);
    await requests.end(name);
  }
  assert.deepEqual(requests.served, ["slow-0", "slow-1", "quick-1", "quick-2", "quick-3", "slow-2", "slow-3"]);
});

test("a level uses seats that others lend, and gives them back first", async () => {
  const share = { nominalConcurrencyShares: 1, lendablePercent: 50, limitResponse: queue() };
  const requests = new Requests(levelsOf({ a: share, b: share }), 4);
  for (const name of ["a1", "a2", "a3", "a4"]) await requests.send(name, pods(userOf("a")));
  assert.deepEqual(requests.served, ["a1", "a2", "a3"], "one seat of the other level is never lent");
  await requests.send("b1", pods(userOf("b")));
  await requests.send("b2", pods(userOf("b")));
  assert.deepEqual(requests.served, ["a1", "a2", "a3", "b1"]);
  await requests.end("a1");
  assert.deepEqual(requests.served.at(-1), "b2", "before what would be borrowed again");
  await requests.end("a2");
  assert.deepEqual(requests.served.at(-1), "a4");
});

test("a level borrows no more than its limit", async () => {
  const requests = new Requests(
    levelsOf({
      a: { nominalConcurrencyShares: 1, borrowingLimitPercent: 50, limitResponse: { type: "Reject" } },
      b: { nominalConcurrencyShares: 1, lendablePercent: 100, limitResponse: { type: "Reject" } },
    }),
    4,
  );
  for (const name of ["1", "2", "3", "4"]) await requests.send(name, pods(userOf("a")));
  assert.deepEqual([requests.served, requests.refused], [["1", "2", "3"], ["4"]]);
});

test("a request for more seats waits until they are free", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue() };
  const requests = new Requests(levelsOf({ a: limited }), 20);
  const send = (name: string, width: number) => requests.send(name, pods(userOf("a"), "list"), width);
  for (let at = 0; at < 18; at++) await send(`narrow-${at}`, 1);
  await send("wide", 10);
  assert.equal(requests.served.includes("wide"), false);
  await requests.end("narrow-0");
  // No request takes more than 15 % of its level.
  assert.equal(requests.served.includes("wide"), true);
  assert.match(requests.metrics.text(), /current_executing_seats\{priority_level="a"\} 20\n/);
});

test("exempt requests are counted and never wait", async () => {
  const requests = new Requests(clusterLookup(), 8);
  for (let at = 0; at < 100; at++) await requests.send(`${at}`, pods(admin));
  assert.equal(requests.served.length, 100);
  const text = requests.metrics.text();
  assert.match(text, /dispatched_requests_total\{priority_level="exempt",flow_schema="exempt"\} 100\n/);
  assert.match(text, /current_executing_requests\{priority_level="exempt"\} 100\n/);
});

test("requests that wait are served when their level is taken away", async () => {
  const limited = { nominalConcurrencyShares: 1, limitResponse: queue() };
  const lookup = levelsOf({ a: limited, b: limited });
  const requests = new Requests(lookup, 2);
  await requests.send("1", pods(userOf("a")));
  await requests.send("2", pods(userOf("a")));
  lookup.remove(PriorityLevelConfigurations, undefined, "a");
  await requests.send("3", pods(userOf("b")));
  await requests.end("1");
  assert.deepEqual(requests.served, ["1", "3", "2"]);
});

test("a list takes a seat for every hundred objects that it reads", () => {
  const table: readonly [count: number, limit: number, selects: boolean, width: number][] = [
    [0, 0, false, 1],
    [100, 0, false, 1],
    [101, 0, false, 2],
    [5000, 0, false, 10],
    [5000, 500, false, 5],
    [5000, 500, true, 10],
  ];
  for (const [count, limit, selects, width] of table) assert.equal(listWidth(count, limit, selects), width);
});
