import assert from "node:assert/strict";
import { test } from "node:test";
import { type NewObject, type Pod, Pods, type ResourceQuota, ResourceQuotas } from "../../api/index.ts";
import { VirtualClock } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { planAdmission } from "./admission-plugins.ts";
import { quotaCoverage, readLimitedResources } from "./quota-coverage.ts";
import { admitted } from "./request-for-tests.ts";

const configuration = (...limitedResources: object[]) => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "ResourceQuotaConfiguration",
  limitedResources,
});
const pod = (spec: Partial<Pod["spec"]> = {}): NewObject<Pod> => ({
  metadata: { name: "web", namespace: "shop" },
  spec: { containers: [{ name: "web", image: "a" }], ...spec },
});
const quota = (hard: Record<string, string>, spec: Partial<ResourceQuota["spec"]> = {}): NewObject<ResourceQuota> => ({
  metadata: { name: "q", namespace: "shop" },
  spec: { hard, ...spec },
  status: { hard, used: {} },
});

function create(limited: object[], quotas: NewObject<ResourceQuota>[], object = pod(), old?: NewObject<Pod>) {
  const lookup = new ObjectLookup();
  for (const [at, each] of quotas.entries())
    lookup.put(ResourceQuotas, { ...each, metadata: { ...each.metadata, name: `q${at}` } });
  const plugin = quotaCoverage(lookup, new VirtualClock(), readLimitedResources(configuration(...limited)));
  return admitted(plugin, Pods, { object, ...(old ? { old } : {}) });
}

const pods = { resource: "pods", matchContains: ["pods"] };
const scoped = (operator: string, values?: string[]) => ({
  scopeName: "PriorityClass",
  operator,
  ...(values ? { values } : {}),
});
const important = pod({ priorityClassName: "important" });

test("what is limited by default needs quotas that limit all of it", async () => {
  const missing = (names: string) => ({
    code: 403,
    message: `pods "web" is forbidden: insufficient quota to consume: ${names}`,
  });
  await create([], []);
  await create([{ ...pods, apiGroup: "example.com" }], []);
  await assert.rejects(create([pods], []), missing("count/pods,pods"));
  await assert.rejects(create([pods], [quota({ pods: "10" })]), missing("count/pods"));
  await create([pods], [quota({ pods: "10" }), quota({ "count/pods": "10" })]);
  const cpu = { resource: "pods", matchContains: ["cpu"] };
  await create([cpu], []);
  const hungry = pod({ containers: [{ name: "web", image: "a", resources: { requests: { cpu: "1" } } }] });
  await assert.rejects(create([cpu], [quota({ cpu: "10" })], hungry), missing("requests.cpu"));
  // A quota of a scope that the pod is not in covers nothing of it.
  await assert.rejects(
    create([pods], [quota({ pods: "10", "count/pods": "10" }, { scopes: ["Terminating"] })]),
    missing("count/pods,pods"),
  );
});

test("what is in a limited scope needs a quota about that scope", async () => {
  const limited = (operator: string, values?: string[]) => [
    { resource: "pods", matchScopes: [scoped(operator, values)] },
  ];
  const open = (shown: string) => ({ code: 500, message: `insufficient quota to match these scopes: [${shown}]` });
  await create(limited("In", ["important"]), []);
  await assert.rejects(create(limited("Exists"), [], important), open("{PriorityClass Exists []}"));
  await assert.rejects(
    create(limited("In", ["important", "urgent"]), [quota({ pods: "10" })], important),
    open("{PriorityClass In [important urgent]}"),
  );
  const selects = (...values: string[]) =>
    quota({ pods: "10" }, { scopeSelector: { matchExpressions: [scoped("In", values)] } });
  await assert.rejects(create(limited("Exists"), [selects("urgent")], important), open("{PriorityClass Exists []}"));
  await create(limited("Exists"), [selects("important")], important);
});

test("a write that takes nothing more needs no quota", async () => {
  await create([pods], [], pod({ activeDeadlineSeconds: 9 }), pod({ activeDeadlineSeconds: 10 }));
});

test("a configuration says of which resource it is, and quotas cannot be turned off", () => {
  assert.throws(() => readLimitedResources(configuration({ matchContains: ["cpu"] })), /resource: Required value/);
  const configurations = new Map<string, unknown>([["ResourceQuota", configuration(pods)]]);
  planAdmission({ configurations });
  assert.throws(
    () => planAdmission({ disabled: ["ResourceQuota"] }),
    /admission plugin "ResourceQuota" cannot be disabled: quotas are a part of the store/,
  );
});
