import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sha256 } from "./sha256.ts";

test("digests of every length of the last block are those of the host's library", () => {
  for (let length = 0; length <= 200; length++) {
    const text = "aé漢".repeat(length).slice(0, length);
    assert.equal(sha256(text).toHex(), createHash("sha256").update(text).digest("hex"), `of ${length} characters`);
  }
});
