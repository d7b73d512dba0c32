import assert from "node:assert/strict";
import { test } from "node:test";
import { programPath } from "./program-path.ts";

test("what the system keeps in sbin is found by a user whose PATH lacks it, after what the user has", () => {
  assert.match(programPath("/home/somebody/bin:/usr/bin"), /^\/home\/somebody\/bin:\/usr\/bin:.*\/usr\/sbin/);
  assert.equal(
    programPath("/usr/bin")
      .split(":")
      .filter((each) => each === "/usr/bin").length,
    1,
  );
  assert.match(programPath(undefined), /^\/usr\/local\/sbin:/);
});
