import assert from "node:assert/strict";
import { test } from "node:test";
import { dataDirectory } from "./data-directory.ts";
import { runDemo } from "./demo.ts";
import { chooseSettings } from "./up.ts";

test("a demo that is none is refused with the names of those that are", async () => {
  const settings = chooseSettings(undefined, {}, "/nowhere/kubeconfig");
  for (const name of ["wordpress", "operator"]) {
    const asked = runDemo(dataDirectory("/nowhere"), settings, name, () => {});
    await assert.rejects(asked, { message: `there is no example "${name}": name one of guestbook` });
  }
});
