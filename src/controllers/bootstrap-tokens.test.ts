import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ConfigMaps, Secrets } from "../api/index.ts";
import { timestamp } from "../lib/index.ts";

const bootstrapToken = (id: string, stringData: Readonly<Record<string, string>>) => ({
  metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
  type: "bootstrap.kubernetes.io/token",
  stringData: { "token-id": id, "token-secret": "0123456789abcdef", ...stringData },
});

test("a bootstrap token is removed when it has ended, and one without an end stays", async (t) => {
  const { clock, create, list, rest } = await startTestControlPlane(t, { controllers: ["token-cleaner-controller"] });
  const names = async () => (await list(Secrets, "kube-system")).map(({ metadata }) => metadata.name);
  await create(Secrets, bootstrapToken("aaaaaa", { expiration: timestamp(clock.now() + 60_000) }));
  await create(Secrets, bootstrapToken("bbbbbb", {}));
  await create(Secrets, bootstrapToken("cccccc", { expiration: "tomorrow" }));
  await create(Secrets, { ...bootstrapToken("dddddd", { expiration: "2001-01-01T00:00:00Z" }), type: "Opaque" });
  await rest();
  assert.deepEqual(await names(), ["bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb", "bootstrap-token-dddddd"]);
  await rest(61_000);
  assert.deepEqual(await names(), ["bootstrap-token-bbbbbb", "bootstrap-token-dddddd"]);
});

test("cluster-info is signed with every token that may sign", async (t) => {
  const { client, create, rest, clock } = await startTestControlPlane(t, {
    controllers: ["bootstrap-signer-controller"],
  });
  const key = { namespace: "kube-public", name: "cluster-info" };
  const content = "apiVersion: v1\nkind: Config\n";
  const signatures = async () => {
    // Signing takes real time.
    for (let turn = 0; turn < 20; turn++) await rest(10);
    const { data = {} } = await client.get(ConfigMaps, key);
    return Object.fromEntries(Object.entries(data).filter(([name]) => name !== "kubeconfig"));
  };
  const signs = { "usage-bootstrap-signing": "true" };
  await create(ConfigMaps, {
    metadata: key,
    data: { kubeconfig: content, "jws-kubeconfig-zzzzzz": "of a token that is gone" },
  });
  await create(Secrets, bootstrapToken("aaaaaa", signs));
  await create(Secrets, bootstrapToken("bbbbbb", {}));
  await create(Secrets, bootstrapToken("cccccc", { ...signs, expiration: timestamp(clock.now() - 1000) }));
  const found = await signatures();
  assert.deepEqual(Object.keys(found), ["jws-kubeconfig-aaaaaa"]);
  const [header = "", none, signature = ""] = (found["jws-kubeconfig-aaaaaa"] ?? "").split(".");
  assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), { alg: "HS256", kid: "aaaaaa" });
  assert.equal(none, "");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = await crypto.subtle.importKey("raw", Buffer.from("0123456789abcdef"), algorithm, false, ["verify"]);
  const signed = Buffer.from(`${header}.${Buffer.from(content).toString("base64url")}`);
  assert.ok(await crypto.subtle.verify("HMAC", secret, Buffer.from(signature, "base64url"), signed));

  await client.delete(Secrets, { namespace: "kube-system", name: "bootstrap-token-aaaaaa" });
  assert.deepEqual(await signatures(), {});
});
