import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";
import { type CustomResourceDefinition, customResources, type ResourceDefinition } from "../../api/index.ts";
import { specOf, version, widgetDefinition } from "../custom-resources/definition-for-tests.ts";

let https: HttpsServer;

aroundTests(
  async () => {
    https = await startHttpsServer();
    const schema = specOf({
      size: { type: "integer", format: "int64" },
      most: { type: "integer", maximum: 9007199254740994 },
      ports: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port"],
        items: {
          type: "object",
          required: ["port"],
          properties: { port: { type: "integer" }, name: { type: "string" } },
        },
      },
      even: {
        type: "integer",
        "x-kubernetes-validations": [{ rule: "self % 2 == 0 && self - 1 < self" }],
      },
      any: { "x-kubernetes-preserve-unknown-fields": true },
    });
    const additionalPrinterColumns = [{ name: "Size", type: "integer", jsonPath: ".spec.size" }];
    const definition = widgetDefinition([version("v1", { schema, additionalPrinterColumns })]);
    const crd = { ...definition, status: {} } as unknown as CustomResourceDefinition; // what is read of it
    const convert = () => Promise.reject(new Error("there is one version"));
    for (const each of customResources(crd, { isTerminating: () => false, convert }))
      https.server.api.registry.set(each as unknown as ResourceDefinition); // the registry treats all kinds alike
  },
  () => https.close(),
);

const widgets = "/apis/example.com/v1/namespaces/default/widgets";
const largest = "9223372036854775807";

async function answer(method: string, path: string, body?: string, type = "application/json") {
  const sent = body === undefined ? {} : { body, headers: { "content-type": type } };
  const { status, text } = await https.send(method, path, sent);
  assert.ok(status < 300, text);
  return text;
}

const widget = (name: string, spec: string) =>
  `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":${spec}}`;

const create = (name: string, spec: string) => answer("POST", widgets, widget(name, spec));

async function refusal(name: string, spec: string): Promise<string> {
  const { status, text } = await https.send("POST", widgets, {
    body: widget(name, spec),
    headers: { "content-type": "application/json" },
  });
  assert.equal(status, 422, text);
  return JSON.parse(text).message;
}

test("an integer of 64 bits of a custom resource stays exact", async () => {
  const spec = `{"size":9007199254740993,"any":[-${largest},{"a":${largest}}]}`;
  assert.ok((await create("exact", spec)).includes(`"spec":${spec}`));
  assert.ok((await answer("GET", `${widgets}/exact`)).includes(`"spec":${spec}`));
  assert.ok((await answer("GET", `${widgets}/exact?pretty=true`)).includes('"size": 9007199254740993,'));
  const table = await https.send("GET", `${widgets}/exact`, {
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  });
  assert.match(table.text, /"cells":\["exact",9007199254740993\]/);
  const yaml = await https.send("GET", `${widgets}/exact`, { headers: { accept: "application/yaml" } });
  assert.match(yaml.text, /size: 9007199254740993\n/);
});

test("it stays exact in YAML and in every kind of patch", async () => {
  const manifest =
    "apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: patched }\nspec: { size: 9007199254740993 }\n";
  assert.match(await answer("POST", widgets, manifest, "application/yaml"), /"size":9007199254740993}/);
  const patched = `${widgets}/patched`;
  const merge = "application/merge-patch+json";
  assert.match(
    await answer("PATCH", patched, '{"spec":{"most":9007199254740993}}', merge),
    /"size":9007199254740993,"most":9007199254740993/,
  );
  const operations = `[{"op":"test","path":"/spec/size","value":9007199254740993},{"op":"copy","from":"/spec/size","path":"/spec/any"},{"op":"replace","path":"/spec/size","value":${largest}}]`;
  const after = await answer("PATCH", patched, operations, "application/json-patch+json");
  assert.match(after, new RegExp(`"size":${largest}.*"any":9007199254740993`));
  const wrong = await https.send("PATCH", patched, {
    body: '[{"op":"test","path":"/spec/size","value":9223372036854775806}]',
    headers: { "content-type": "application/json-patch+json" },
  });
  assert.equal(wrong.status, 422);
});

test("it stays exact when it is applied, and as a key of a list", async () => {
  const apply = (manager: string, spec: string) =>
    answer(
      "PATCH",
      `${widgets}/applied?fieldManager=${manager}`,
      widget("applied", spec),
      "application/apply-patch+yaml",
    );
  await apply("one", '{"ports":[{"port":9007199254740992,"name":"a"},{"port":9007199254740993,"name":"b"}]}');
  const both = await apply("two", '{"ports":[{"port":9007199254740993,"name":"b"},{"port":9007199254740994}]}');
  assert.match(
    both,
    /"port":9007199254740992,"name":"a"},{"port":9007199254740993,"name":"b"},{"port":9007199254740994}/,
  );
  assert.match(both, /k:{\\"port\\":9007199254740993}/);
  const again = await apply("two", '{"ports":[{"port":9007199254740993,"name":"b"},{"port":9007199254740994}]}');
  assert.equal(JSON.parse(again).metadata.resourceVersion, JSON.parse(both).metadata.resourceVersion);
});

test("limits and rules look at the exact integer", async () => {
  await create("limited", '{"most":9007199254740994,"even":9007199254740994}');
  assert.match(
    await refusal("limited", '{"most":9007199254740995}'),
    /spec.most: Invalid value: 9007199254740995: spec.most in body should be less than or equal to 9007199254740994/,
  );
  assert.match(await refusal("limited", '{"even":9007199254740993}'), /failed rule: self % 2 == 0/);
});

test("an integer that does not fit into 64 bits is no integer, and a number where any will do", async () => {
  assert.match(await refusal("large", '{"size":9223372036854775808}'), /must be of type integer: "number"/);
  assert.match(await create("large", '{"any":9223372036854775808}'), /"any":9223372036854776000/);
});

test("a number that is too large to be one is a 400", async () => {
  for (const spec of ['{"any":1e400}', '{"any":[-1e400]}']) {
    const body = widget("infinite", spec);
    const { status, text } = await https.send("POST", widgets, {
      body,
      headers: { "content-type": "application/json" },
    });
    assert.equal(status, 400, text);
    assert.match(text, /json: cannot unmarshal number -?1e400 into Go value of type float64/);
  }
});

test("an integer of 64 bits of a built-in kind stays exact in JSON and protobuf", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  const toleration = `{"key":"k","operator":"Exists","effect":"NoExecute","tolerationSeconds":${largest}}`;
  const pod = `{"metadata":{"name":"patient"},"spec":{"containers":[{"name":"a","image":"i"}],"tolerations":[${toleration}]}}`;
  const isExact = (text: string) => assert.ok(text.includes(`"tolerationSeconds":${largest}`), text);
  isExact(await answer("POST", pods, pod));
  const protobuf = "application/vnd.kubernetes.protobuf";
  const { bytes } = await https.send("GET", `${pods}/patient`, { headers: { accept: protobuf } });
  isExact((await https.send("PUT", `${pods}/patient`, { body: bytes, headers: { "content-type": protobuf } })).text);
  const patch = '{"metadata":{"labels":{"a":"b"}}}';
  isExact(await answer("PATCH", `${pods}/patient`, patch, "application/strategic-merge-patch+json"));
});

test("what does not fit into a field of a built-in kind is a 400", async () => {
  const body =
    '{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"i"}],"activeDeadlineSeconds":9223372036854775808}}';
  const { status, text } = await https.send("POST", "/api/v1/namespaces/default/pods", {
    body,
    headers: { "content-type": "application/json" },
  });
  assert.equal(status, 400);
  assert.match(
    text,
    /cannot unmarshal number 9223372036854776000 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64/,
  );
});

test("a definition may name integers that are exact", async () => {
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const properties = `{"a":{"type":"integer","default":9007199254740993,"enum":[9007199254740993,1]},"b":{"type":"string","maxLength":${largest}},"c":{"type":"array","maxItems":${largest},"items":{"type":"string"}}}`;
  const schema = `{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":${properties}}}}}`;
  const spec = `{"group":"example.com","scope":"Namespaced","names":{"plural":"gadgets","kind":"Gadget"},"versions":[{"name":"v1","served":true,"storage":true,"schema":${schema}}]}`;
  const text = await answer("POST", definitions, `{"metadata":{"name":"gadgets.example.com"},"spec":${spec}}`);
  assert.match(text, /"default":9007199254740993,"enum":\[9007199254740993,1\]/);
});

test("a grace period without end is no error", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  const spec =
    '{"nodeName":"n","containers":[{"name":"a","image":"i"}],"terminationGracePeriodSeconds":9007199254740993}';
  await answer("POST", pods, `{"metadata":{"name":"endless"},"spec":${spec}}`);
  assert.match(await answer("DELETE", `${pods}/endless`), /"deletionGracePeriodSeconds":9007199254740993/);
});
