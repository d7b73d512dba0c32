// What is somebody else's stays hidden: whoever has no right to an object learns neither its content nor that it is there.
import assert from "node:assert/strict";
import { Agent, request as httpsRequest } from "node:https";
import { test } from "node:test";
import { builtInResources, type ResourceDefinition } from "../src/api/index.ts";
import { fromKubeconfig } from "../src/client/http/index.ts";
import { aroundTests } from "./around-tests.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

/** Stands in every object of team blue: in its name, its labels and what it holds. */
const secret = "swordfish";

interface Answer {
  readonly code: number;
  readonly body: string;
}

interface Question {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

let plane: ServedControlPlane;
let send: (path: string, question?: Question) => Promise<Answer>;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

aroundTests(
  async () => {
    plane = await serveControlPlane();
    const { server, ca, clientCertificate: cert, clientKey: key } = await fromKubeconfig(plane.kubeconfig);
    send = (path, { method = "GET", body, headers = {} } = {}) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? "" : JSON.stringify(body);
        const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
        const request = httpsRequest(`${server}${path}`, {
          agent,
          method,
          ca,
          cert,
          key,
          headers: { ...headers, ...(body === undefined ? {} : { "content-type": type }) },
        });
        request.on("error", reject);
        request.on("response", (response) => {
          let answer = "";
          response.setEncoding("utf8");
          response.on("data", (part) => {
            answer += part;
          });
          response.on("end", () => resolve({ code: response.statusCode ?? 0, body: answer }));
          response.on("error", reject);
        });
        request.end(text);
      });
    await furnish();
  },
  async () => {
    agent.destroy();
    await plane.close();
  },
);

const container = { name: "c", image: "image", env: [{ name: "PASSWORD", value: secret }] };
const template = { metadata: { labels: { part: secret } }, spec: { containers: [container] } };
const selector = { matchLabels: { part: secret } };

/** What of each kind there is in team blue's namespace. */
const namespacedObjects: Readonly<Record<string, object>> = {
  configmaps: { data: { password: secret } },
  secrets: { stringData: { password: secret } },
  serviceaccounts: {},
  services: { spec: { ports: [{ port: 80 }], selector: { app: secret } } },
  pods: { spec: template.spec },
  podtemplates: { template },
  replicationcontrollers: { spec: { replicas: 0, selector: { part: secret }, template } },
  persistentvolumeclaims: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1" } } } },
  limitranges: { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } },
  resourcequotas: { spec: { hard: { "count/widgets.example.com": "1" } } },
  "deployments.apps": { spec: { replicas: 0, selector, template } },
  "replicasets.apps": { spec: { replicas: 0, selector, template } },
  "daemonsets.apps": { spec: { selector, template } },
  "statefulsets.apps": { spec: { replicas: 0, serviceName: secret, selector, template } },
  "controllerrevisions.apps": { revision: 1, data: { password: secret } },
  "jobs.batch": {
    spec: { suspend: true, template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } },
  },
  "roles.rbac.authorization.k8s.io": { rules: [] },
  "rolebindings.rbac.authorization.k8s.io": {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "edit" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "bob" }],
  },
  "networkpolicies.networking.k8s.io": { spec: { podSelector: {} } },
  "ingresses.networking.k8s.io": {
    spec: { defaultBackend: { service: { name: secret, port: { number: 80 } } } },
  },
  "leases.coordination.k8s.io": { spec: { holderIdentity: secret } },
  "poddisruptionbudgets.policy": { spec: { selector } },
  "endpointslices.discovery.k8s.io": { addressType: "IPv4", endpoints: [] },
  "horizontalpodautoscalers.autoscaling": {
    spec: { maxReplicas: 1, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: secret } },
  },
};

const clusterObjects: Readonly<Record<string, object>> = {
  persistentvolumes: {
    spec: { capacity: { storage: "1" }, accessModes: ["ReadWriteOnce"], hostPath: { path: `/${secret}` } },
  },
  nodes: { spec: {} },
  "clusterroles.rbac.authorization.k8s.io": { rules: [] },
  "storageclasses.storage.k8s.io": { provisioner: `example.com/${secret}` },
  "priorityclasses.scheduling.k8s.io": { value: 1 },
};

const name = `the-${secret}`;
const metadata = { name, labels: { app: secret }, annotations: { note: secret } };
const qualified = ({ plural, group }: ResourceDefinition) => (group === "" ? plural : `${plural}.${group}`);
const rootOf = ({ group, version }: ResourceDefinition) =>
  group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
const pathIn = (definition: ResourceDefinition, namespace: string | undefined) =>
  `${rootOf(definition)}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${definition.plural}`;

const isStored = ({ verbs }: ResourceDefinition) => verbs.includes("list") && verbs.includes("create");
const stored = builtInResources.filter(isStored);
const withObjects = stored.filter(
  (each) => (each.namespaced ? namespacedObjects : clusterObjects)[qualified(each)] !== undefined,
);
const bluePath = (definition: ResourceDefinition) => pathIn(definition, definition.namespaced ? "blue" : undefined);

async function make(path: string, body: object): Promise<void> {
  const answer = await send(path, { method: "POST", body });
  assert.equal(answer.code, 201, `${path}: ${answer.body}`);
}

async function furnish(): Promise<void> {
  for (const [namespace, labels] of [
    ["green", {}],
    ["blue", { team: secret }],
  ] as const)
    await make("/api/v1/namespaces", { metadata: { name: namespace, labels } });
  const made = new Set<string>();
  for (const definition of withObjects) {
    // A kind may be served in several versions.
    if (made.has(qualified(definition))) continue;
    made.add(qualified(definition));
    const object = (definition.namespaced ? namespacedObjects : clusterObjects)[qualified(definition)];
    await make(bluePath(definition), { metadata, ...object });
  }
  for (const role of ["view", "edit", "admin"])
    await make("/apis/rbac.authorization.k8s.io/v1/namespaces/green/rolebindings", {
      metadata: { name: role },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: `green-${role}` }],
    });
}

const people: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a viewer of another namespace": { "impersonate-user": "green-view" },
  "an editor of another namespace": { "impersonate-user": "green-edit" },
  "an administrator of another namespace": { "impersonate-user": "green-admin" },
  "somebody without any role": { "impersonate-user": "eve" },
  "a service account of another namespace": { "impersonate-user": "system:serviceaccount:green:default" },
  "a node without pods": { "impersonate-user": "system:node:n9", "impersonate-group": "system:nodes" },
  "nobody in particular": { "impersonate-user": "system:anonymous" },
};

/** What a role is made for, or Kubernetes tells everybody of that kind: not hidden, and nobody's own. */
const isOpen = (who: string, definition: ResourceDefinition) =>
  who === "a node without pods" &&
  [
    "services",
    "certificatesigningrequests.certificates.k8s.io",
    "runtimeclasses.node.k8s.io",
    "csidrivers.storage.k8s.io",
  ].includes(qualified(definition));

test("the administrator sees all of it, so there is something to hide", async () => {
  for (const definition of withObjects) {
    const { code, body } = await send(bluePath(definition));
    assert.equal(code, 200, bluePath(definition));
    assert.ok(body.includes(secret), bluePath(definition));
  }
});

for (const [who, identity] of Object.entries(people)) {
  const ask = (path: string, question: Question = {}) =>
    send(path, { ...question, headers: { ...identity, ...question.headers } });

  test(`${who} sees nothing of a namespace that is not theirs, in any list, watch or form`, async () => {
    for (const definition of stored) {
      if (isOpen(who, definition)) continue;
      const path = bluePath(definition);
      const everywhere = pathIn(definition, undefined);
      const forms = [
        path,
        everywhere,
        `${path}?watch=true&timeoutSeconds=1`,
        `${everywhere}?watch=true&resourceVersion=0&timeoutSeconds=1`,
        `${everywhere}?fieldSelector=metadata.name%3D${name}`,
        `${everywhere}?fieldSelector=metadata.namespace%3Dblue`,
        `${everywhere}?labelSelector=app%3D${secret}`,
        `${path}?limit=1`,
        `${path}?sendInitialEvents=true&watch=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
      ];
      for (const form of forms) {
        const { code, body } = await ask(form);
        assert.equal(code, 403, `${form}: ${code} ${body}`);
        // The refusal repeats what was asked and no more.
        assert.ok(!withoutWhatWasAsked(body).includes(secret), `${form}: ${body}`);
      }
      const table = await ask(path, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
      const metadataOnly = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
      assert.deepEqual([table.code, (await ask(path, { headers: metadataOnly })).code], [403, 403], path);
    }
  });

  test(`${who} cannot tell by its name whether an object is there, with any verb`, async () => {
    for (const definition of withObjects) {
      if (isOpen(who, definition)) continue;
      const object = (definition.namespaced ? namespacedObjects : clusterObjects)[qualified(definition)];
      const subresources = definition.subresources.map((each) => `/${each.name}`);
      for (const subresource of ["", ...subresources])
        for (const method of ["GET", "PUT", "PATCH", "DELETE", "POST"]) {
          // A node may write what stands for its pods; NodeRestriction says which, from what is stored.
          if (who === "a node without pods" && ["pods", "nodes"].includes(definition.plural)) continue;
          const question = (at: string): Question => ({
            method,
            ...(method === "GET" || method === "DELETE" ? {} : { body: { metadata: { name: at }, ...object } }),
          });
          const there = `${bluePath(definition)}/${name}${subresource}`;
          const answers = await Promise.all([
            ask(there, question(name)),
            ask(there.replace(name, "is-nowhere"), question("is-nowhere")),
          ]);
          const [first, second] = answers.map(({ code, body }) => `${code} ${body}`);
          assert.equal(first?.replaceAll(name, "is-nowhere"), second, `${method} ${there}`);
          assert.ok(![200, 201, 202].includes(answers[0].code), `${method} ${there}: ${answers[0].body}`);
        }
    }
  });

  test(`${who} reaches no pod, service or node of others through the API server`, async () => {
    const places = [
      `/api/v1/namespaces/blue/pods/${name}/log`,
      `/api/v1/namespaces/blue/pods/${name}/exec?command=sh&stdin=true`,
      `/api/v1/namespaces/blue/pods/${name}/attach`,
      `/api/v1/namespaces/blue/pods/${name}/portforward?ports=80`,
      `/api/v1/namespaces/blue/pods/${name}:80/proxy/`,
      `/api/v1/namespaces/blue/services/${name}:80/proxy/`,
      `/api/v1/nodes/${name}/proxy/pods`,
    ];
    for (const place of places)
      for (const method of ["GET", "POST"]) {
        const [there, nowhere] = await Promise.all([
          ask(place, { method }),
          ask(place.replace(name, "is-nowhere"), { method }),
        ]);
        assert.equal(there.code, 403, `${method} ${place}: ${there.body}`);
        assert.equal(there.body.replaceAll(name, "is-nowhere"), nowhere.body, place);
      }
    const token = `/api/v1/namespaces/blue/serviceaccounts/${name}/token`;
    assert.equal((await ask(token, { method: "POST", body: { spec: {} } })).code, 403);
  });

  test(`${who} finds nothing of others through their own namespace`, async () => {
    for (const definition of stored) {
      if (!definition.namespaced || isOpen(who, definition)) continue;
      const path = pathIn(definition, "green");
      for (const query of [`metadata.namespace%3Dblue`, `metadata.name%3D${name}`]) {
        const { code, body } = await ask(`${path}?fieldSelector=${query}`);
        if (code === 200) assert.deepEqual(JSON.parse(body).items ?? [], [], `${path} ${query}`);
        else assert.equal(code, 403, `${path} ${query}: ${body}`);
      }
    }
    const rules = { spec: { namespace: "blue" } };
    const review = await ask("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", { method: "POST", body: rules });
    assert.ok(!review.body.includes(secret), review.body);
  });
}

test("a page of a list continues for those alone who may list", async () => {
  const { body } = await send("/api/v1/namespaces/blue/configmaps?limit=1");
  const token = encodeURIComponent(JSON.parse(body).metadata.continue);
  assert.notEqual(token, "undefined");
  const identity = { "impersonate-user": "green-admin" };
  const foreign = await send(`/api/v1/namespaces/blue/configmaps?limit=1&continue=${token}`, { headers: identity });
  assert.equal(foreign.code, 403);
  const smuggled = await send(`/api/v1/namespaces/green/configmaps?limit=1&continue=${token}`, { headers: identity });
  assert.ok(!smuggled.body.includes(secret), smuggled.body);
});

/** Names are repeated in refusals: whoever asked knew them. */
function withoutWhatWasAsked(body: string): string {
  return body.replaceAll(name, "");
}
