import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startHttpsServer } from "../../../test/https-server.ts";
import type { AnonymousAccess } from "../authentication/index.ts";

async function answers(t: TestContext, anonymous: AnonymousAccess | undefined, ...paths: readonly string[]) {
  const https = await startHttpsServer({
    authorizer: { authorize: async () => ({ allowed: true, reason: "" }) },
    ...(anonymous ? { anonymous } : {}),
  });
  t.after(() => https.close());
  const codes: number[] = [];
  for (const path of paths) codes.push((await https.send("GET", path, { key: null })).status);
  return codes;
}

test("everybody may come without credentials where nobody says otherwise", async (t) => {
  assert.deepEqual(await answers(t, undefined, "/livez", "/api/v1/namespaces"), [200, 200]);
});

test("nobody comes without credentials where that is not allowed", async (t) => {
  assert.deepEqual(await answers(t, { isAllowed: false, paths: [] }, "/livez", "/api/v1/namespaces"), [401, 401]);
});

test("anonymous requests are for the configured paths alone, whatever their query", async (t) => {
  const anonymous = { isAllowed: true, paths: ["/livez"] };
  assert.deepEqual(
    await answers(t, anonymous, "/livez", "/livez?verbose", "/livez/ping", "/readyz", "/api/v1/namespaces"),
    [200, 200, 401, 401, 401],
  );
});
