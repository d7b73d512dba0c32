import assert from "node:assert/strict";
import { test } from "node:test";
import { newPrivateKey } from "../../cluster/pki/certificate.ts";
import { createTokenKeys } from "../authentication/index.ts";
import { issuerDiscoveryRoute } from "./issuer-discovery.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "./message.ts";

const keys = await createTokenKeys(newPrivateKey());
const route = issuerDiscoveryRoute("https://issuer", "192.0.2.1:6443", keys);

/** The answer's content type and body; undefined when the path is not the route's. */
async function get(path: string, method = "GET"): Promise<{ type: unknown; body: unknown } | undefined> {
  let answer: { type: unknown; body: unknown } | undefined;
  // The route reads no more of a request, and only ends the answer.
  const request = { method, path, header: () => undefined } as unknown as HttpRequest;
  const response = {
    end: (_: number, headers: HttpHeaders, body?: string | Uint8Array) => {
      answer = { type: headers["content-type"], body: JSON.parse(String(body)) };
    },
  } as unknown as HttpResponse;
  return (await route(request, response, new URLSearchParams())) ? answer : undefined;
}

test("issuer and keys are told where OpenID clients look for them", async () => {
  const configuration = await get("/.well-known/openid-configuration");
  assert.equal(configuration?.type, "application/json");
  assert.deepEqual(configuration?.body, {
    issuer: "https://issuer",
    jwks_uri: "https://192.0.2.1:6443/openid/v1/jwks",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
  assert.deepEqual(await get("/openid/v1/jwks/"), {
    type: "application/jwk-set+json",
    body: { keys: keys.publicKeys },
  });
});

test("other paths and methods are not its own", async () => {
  assert.equal(await get("/openid/v1"), undefined);
  assert.equal(await get("/openid/v1/jwks", "POST"), undefined);
});
