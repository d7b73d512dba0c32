import assert from "node:assert/strict";
import { test } from "node:test";
import { Services } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { refusedAnswer } from "./answer-error.ts";
import { callWebhook, type WebhookClientConfig, type WebhookRequest } from "./webhook.ts";

const lookup = new ObjectLookup()
  .put(Services, {
    metadata: { namespace: "shop", name: "hook" },
    spec: { clusterIP: "10.43.0.7", ports: [{ port: 443, targetPort: 8443, protocol: "TCP" }] },
  })
  .put(Services, {
    metadata: { namespace: "shop", name: "outside" },
    spec: { type: "ExternalName", externalName: "a.example" },
  })
  .put(Services, { metadata: { namespace: "shop", name: "headless" }, spec: { clusterIP: "None", ports: [] } });

async function requestFor(config: WebhookClientConfig): Promise<Omit<WebhookRequest, "body" | "timeoutMs">> {
  let sent: WebhookRequest | undefined;
  const call = async (request: WebhookRequest) => {
    sent = request;
  };
  await callWebhook({ lookup, call }, config, {}, 10_000);
  const { body: _, timeoutMs: __, ...request } = sent ?? ({} as WebhookRequest); // it was called
  return request;
}

const service = (name: string, more: object = {}) => ({ service: { namespace: "shop", name, ...more } });

test("a webhook is asked at its URL, or at the cluster IP of its service under the service's name", async () => {
  assert.deepEqual(await requestFor({ url: "https://a.example/b" }), { url: "https://a.example/b?timeout=10s" });
  assert.deepEqual(await requestFor({ ...service("hook", { path: "/convert" }), caBundle: btoa("PEM") }), {
    url: "https://hook.shop.svc:443/convert?timeout=10s",
    address: { host: "10.43.0.7", port: 443 },
    authority: "PEM",
  });
  assert.deepEqual(await requestFor(service("outside", { port: 8443 })), {
    url: "https://outside.shop.svc:8443/?timeout=10s",
    address: { host: "a.example", port: 8443 },
  });
});

test("a service that cannot be reached is named", async () => {
  const table: [WebhookClientConfig, string][] = [
    [service("none"), 'Post "https://none.shop.svc:443/?timeout=10s": service "none" not found'],
    [service("headless"), 'Post "https://headless.shop.svc:443/?timeout=10s": no cluster IP for service "headless"'],
    [
      service("hook", { port: 80 }),
      'Post "https://hook.shop.svc:80/?timeout=10s": no service port 80 found for service "hook"',
    ],
  ];
  for (const [config, message] of table)
    await assert.rejects(requestFor(config), (error) => errorMessage(error) === message, message);
});

test("an answer that is no review is told of without the URL, in client-go's words", async () => {
  const table: [number, string | undefined, string][] = [
    [500, undefined, 'an error on the server ("why") has prevented the request from succeeding'],
    [502, "text/html", 'an error on the server ("why") has prevented the request from succeeding'],
    [500, "application/json", 'an error on the server ("unknown") has prevented the request from succeeding'],
    [503, undefined, "the server is currently unable to handle the request"],
    [404, undefined, "the server could not find the requested resource"],
    [403, undefined, "why"],
    [302, undefined, "the server responded with the status code 302 but did not return more information"],
  ];
  for (const [code, contentType, message] of table) {
    const call = () => Promise.reject(refusedAnswer(code, contentType, " why\n"));
    await assert.rejects(callWebhook({ lookup, call }, { url: "https://a.example" }, {}, 1_000), { message });
  }
});
