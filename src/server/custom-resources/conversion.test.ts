import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import { refusalText } from "../../../test/refusal.ts";
import {
  type ConversionReview,
  type CustomResourceConversion,
  CustomResourceDefinitions,
  type KubeObject,
} from "../../api/index.ts";
import type { WebhookRequest } from "../webhooks/index.ts";
import { specOf, version, widget, widgetDefinition, widgets } from "./definition-for-tests.ts";

const key = { name: "widgets.example.com" };
const at = (name: string) => ({ namespace: "default", name });

/** In v1 a size is a number, in v2 a text with its unit. */
const small = specOf({ size: { type: "integer" } });
const large = specOf({ length: { type: "string" } });

const conversion: CustomResourceConversion = {
  strategy: "Webhook",
  webhook: { clientConfig: { url: "https://hook.example/convert" }, conversionReviewVersions: ["v1", "v1beta1"] },
};

type Convert = (review: ConversionReview) => unknown;

const answer = ({ apiVersion, request }: ConversionReview, convertedObjects: readonly unknown[]) => ({
  apiVersion,
  kind: "ConversionReview",
  response: { uid: request.uid, result: { status: "Success" }, convertedObjects },
});

const convertSizes: Convert = (review) =>
  answer(
    review,
    review.request.objects.map((each) => converted(each, review.request.desiredAPIVersion)),
  );

function converted(object: KubeObject, apiVersion: string): object {
  const { spec } = object as unknown as { readonly spec: { readonly size?: number; readonly length?: string } };
  return {
    ...object,
    apiVersion,
    spec: apiVersion.endsWith("/v2")
      ? { length: `${spec.size}cm`, unknown: 1 }
      : { size: Number.parseInt(spec.length ?? "", 10) },
  };
}

async function scene(t: TestContext, convert: Convert = convertSizes) {
  const calls: WebhookRequest[] = [];
  const plane = await startTestControlPlane(t, {
    controllers: ["customresourcedefinition"],
    async callWebhook(request) {
      calls.push(request);
      return convert(request.body as ConversionReview);
    },
  });
  const versions = [version("v1", { schema: small }), version("v2", { schema: large })];
  await plane.create(CustomResourceDefinitions, widgetDefinition(versions, { conversion }));
  await plane.rest();
  return { ...plane, calls };
}

test("Custom Resource Definition Conversion Webhook, conversion custom resource: what is created in v1 can be read in v2", async (t) => {
  const { client, calls } = await scene(t);
  await client.create(widgets("v1"), widget("a", { size: 3 }));
  assert.equal(calls.length, 0);
  const shown = await client.get(widgets("v2"), at("a"));
  assert.deepEqual([shown.apiVersion, shown.spec], ["example.com/v2", { length: "3cm" }]);
  await client.get(widgets("v2"), at("a"));
  assert.equal(calls.length, 1);
  assert.equal(calls[0]?.url, "https://hook.example/convert?timeout=30s");
  const [{ request }] = calls.map(({ body }) => body) as [ConversionReview];
  assert.deepEqual([request.desiredAPIVersion, request.objects.length], ["example.com/v2", 1]);
});

test("Custom Resource Definition Conversion Webhook, convert mixed version list: objects stored in both versions are listed in one", async (t) => {
  const { client, rest, calls } = await scene(t);
  await client.create(widgets("v1"), widget("a", { size: 3 }));
  const [v1, v2] = [version("v1", { schema: small }), version("v2", { schema: large, storage: true })];
  await client.patch(CustomResourceDefinitions, key, { spec: { versions: [v1, v2] } });
  await rest();
  await client.create(widgets("v2"), widget("b", { length: "4cm" }, "v2"));
  const shown = async (name: string) =>
    (await client.list(widgets(name))).items.map(({ metadata, apiVersion, spec }) => [metadata.name, apiVersion, spec]);
  assert.deepEqual(await shown("v2"), [
    ["a", "example.com/v2", { length: "3cm" }],
    ["b", "example.com/v2", { length: "4cm" }],
  ]);
  // Only what is in another version is asked for, all in one call.
  assert.deepEqual(
    calls.map(({ body }) => (body as ConversionReview).request.objects.length),
    [1],
  );
  assert.deepEqual(await shown("v1"), [
    ["a", "example.com/v1", { size: 3 }],
    ["b", "example.com/v1", { size: 4 }],
  ]);
});

test("writes and watches in another version than the stored one go through the webhook", async (t) => {
  const { client, rest } = await scene(t);
  const seen: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { type, object } of client.watch(widgets("v2"), { signal: stop.signal }))
      seen.push(`${type} ${JSON.stringify((object as { spec?: unknown }).spec)}`);
  })();
  await rest();
  const made = await client.create(widgets("v2"), widget("a", { length: "1cm" }, "v2"));
  assert.deepEqual(made.spec, { length: "1cm" });
  await client.patch(widgets("v2"), at("a"), { spec: { length: "2cm" } });
  await client.patch(widgets("v1"), at("a"), { spec: { size: 5 } });
  assert.deepEqual((await client.get(widgets("v1"), at("a"))).spec, { size: 5 });
  await client.delete(widgets("v2"), at("a"));
  await rest();
  stop.abort();
  await watching;
  assert.deepEqual(seen, [
    'ADDED {"length":"1cm"}',
    'MODIFIED {"length":"2cm"}',
    'MODIFIED {"length":"5cm"}',
    'DELETED {"length":"5cm"}',
  ]);
});

test("however many watch a change, it is converted once", async (t) => {
  const { client, rest, calls } = await scene(t);
  const stop = new AbortController();
  let seen = 0;
  const watching = Array.from({ length: 5 }, async () => {
    for await (const _ of client.watch(widgets("v2"), { signal: stop.signal })) seen++;
  });
  await rest();
  await client.create(widgets("v1"), widget("a", { size: 3 }));
  await rest();
  assert.deepEqual([seen, calls.length], [5, 1]);
  stop.abort();
  await Promise.all(watching);
});

test("of the metadata a webhook changes labels and annotations alone", async (t) => {
  const { client } = await scene(t, (review) =>
    answer(
      review,
      review.request.objects.map((each) => ({
        ...converted(each, review.request.desiredAPIVersion),
        metadata: { ...each.metadata, labels: { converted: "yes" }, finalizers: ["example.com/added"] },
      })),
    ),
  );
  const { metadata } = await client.create(widgets("v1"), widget("a", { size: 3 }));
  const shown = await client.get(widgets("v2"), at("a"));
  assert.deepEqual(shown.metadata, { ...metadata, labels: { converted: "yes" } });
});

test("a conversion that fails is told as Kubernetes tells it", async (t) => {
  let convert: Convert = convertSizes;
  const { client } = await scene(t, (review) => convert(review));
  await client.create(widgets("v1"), widget("a", { size: 3 }));
  const of = "500 conversion webhook for example.com/v1, Kind=Widget";
  const table: [string, Convert, string][] = [
    [
      "one that is not there",
      () => {
        throw new Error("connect: connection refused");
      },
      `${of} failed: Post "https://hook.example/convert?timeout=30s": connect: connection refused`,
    ],
    [
      "one that fails",
      (review) => ({
        ...answer(review, []),
        response: { uid: review.request.uid, result: { status: "Failed", message: "no such size" } },
      }),
      `${of} failed: no such size`,
    ],
    [
      "one that says nothing",
      () => ({ apiVersion: "apiextensions.k8s.io/v1", kind: "ConversionReview" }),
      `${of} failed: no response provided`,
    ],
    ["one that forgets objects", (review) => answer(review, []), `${of} returned 0 objects, expected 1`],
    [
      "one that answers another question",
      (review) => ({ ...answer(review, []), response: { uid: "x", result: { status: "Success" } } }),
      "", // names a uid that is made up
    ],
    [
      "one that converts to the wrong version",
      (review) => answer(review, review.request.objects),
      `${of} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)`,
    ],
    [
      "one that renames",
      (review) =>
        answer(
          review,
          review.request.objects.map((each) => ({
            ...each,
            apiVersion: "example.com/v2",
            metadata: { ...each.metadata, name: "b" },
          })),
        ),
      `${of} returned invalid object at index 0: must have the same name: a != b`,
    ],
  ];
  for (const [name, fails, expected] of table) {
    convert = fails;
    const told = await refusalText(client.get(widgets("v2"), at("a")));
    if (expected === "") assert.match(told, /failed: expected response\.uid="[^"]+", got "x"$/, name);
    else assert.equal(told, expected, name);
    assert.equal((await refusalText(client.list(widgets("v2")))).split(" ")[0], "500", name);
  }
  convert = convertSizes;
  assert.deepEqual((await client.get(widgets("v2"), at("a"))).spec, { length: "3cm" });
});
