// A short seed of what `npm run fuzz` does at length.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz/fuzz.ts";
import { serveControlPlane } from "./served-control-plane.ts";

test("requests of every shape are answered, never with 500, and refusals say why", async () => {
  const plane = await serveControlPlane();
  try {
    const { findings, codes } = await fuzz(plane, { seed: 7, requests: 1_500 });
    assert.deepEqual(findings, []);
    // Many get through, and the others are refused at every step of the way.
    for (const code of [200, 201, 400, 404, 405, 406, 409, 415, 422])
      assert.ok((codes.get(code) ?? 0) > 0, `${code} was answered: ${[...codes]}`);
  } finally {
    await plane.close();
  }
});
