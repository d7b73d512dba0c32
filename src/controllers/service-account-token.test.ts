import assert from "node:assert/strict";
import { test } from "node:test";
import { rootCertificate, startTestControlPlane } from "../../test/control-plane.ts";
import { type Secret, Secrets, ServiceAccounts, type WatchEvent } from "../api/index.ts";
import type { Client } from "../client/index.ts";

const controllers = ["serviceaccount-token-controller"];
const type = "kubernetes.io/service-account-token";
const secret = (account: string) => ({
  metadata: {
    name: "builder-token",
    namespace: "default",
    annotations: { "kubernetes.io/service-account.name": account },
  },
  type,
});
const key = { namespace: "default", name: "builder-token" };
const account = { metadata: { name: "builder", namespace: "default" } };

/** The first state of the secret that is as wanted; signing takes real time, so the clock at rest does not tell. */
async function whenSecret(client: Client, isWanted: (event: WatchEvent<Secret>) => boolean): Promise<Secret> {
  const done = new AbortController();
  const options = { namespace: "default", fieldSelector: "metadata.name=builder-token", signal: done.signal };
  try {
    for await (const event of client.watch(Secrets, options)) if (isWanted(event)) return event.object as Secret;
  } finally {
    done.abort();
  }
  throw new Error("the watch ended");
}

const isFilled = ({ type: change, object }: WatchEvent<Secret>) =>
  change !== "BOOKMARK" && ["token", "ca.crt", "namespace"].every((name) => name in ((object as Secret).data ?? {}));
const isDeleted = ({ type: change }: WatchEvent<Secret>) => change === "DELETED";

test("a token secret is filled for its account", async (t) => {
  const { client, create } = await startTestControlPlane(t, { controllers });
  const { metadata } = await create(ServiceAccounts, account);
  await create(Secrets, secret("builder"));
  const { data = {}, metadata: filled } = await whenSecret(client, isFilled);
  assert.equal(filled.annotations?.["kubernetes.io/service-account.uid"], metadata.uid);
  assert.equal(atob(data["ca.crt"] ?? ""), rootCertificate);
  assert.equal(atob(data.namespace ?? ""), "default");
  const claims = JSON.parse(atob(atob(data.token ?? "").split(".")[1] ?? ""));
  assert.equal(claims.sub, "system:serviceaccount:default:builder");
  assert.equal(claims["kubernetes.io/serviceaccount/secret.name"], "builder-token");
});

test("what somebody takes out is filled in again, and the token and another namespace stay the same", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(ServiceAccounts, account);
  await create(Secrets, secret("builder"));
  const before = await whenSecret(client, isFilled);
  await client.patch(Secrets, key, { data: { "ca.crt": null } });
  await rest();
  assert.deepEqual((await whenSecret(client, isFilled)).data, before.data);
  await client.patch(Secrets, key, { data: { namespace: btoa("other"), "ca.crt": null } });
  await rest();
  assert.deepEqual((await whenSecret(client, isFilled)).data, { ...before.data, namespace: btoa("other") });
});

test("a token secret without its account is removed", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(Secrets, secret("nobody"));
  await rest();
  await assert.rejects(client.get(Secrets, key), { name: "ApiError", message: 'secrets "builder-token" not found' });
  await create(ServiceAccounts, account);
  await create(Secrets, secret("builder"));
  await whenSecret(client, isFilled);
  const gone = whenSecret(client, isDeleted);
  await client.delete(ServiceAccounts, account.metadata);
  await rest();
  await gone;
});

test("an account lists a token secret no more that is gone", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(ServiceAccounts, { ...account, secrets: [{ name: "builder-token" }, { name: "other" }] });
  await create(Secrets, secret("builder"));
  await whenSecret(client, isFilled);
  const listed = async () => (await client.get(ServiceAccounts, account.metadata)).secrets;
  assert.equal((await listed())?.length, 2);
  await client.delete(Secrets, key);
  await rest();
  assert.deepEqual(await listed(), [{ name: "other" }]);
});

test("other secrets are left alone", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(Secrets, { metadata: key, type: "Opaque", data: { a: "YQ==" } });
  await rest();
  assert.deepEqual((await client.get(Secrets, key)).data, { a: "YQ==" });
});
