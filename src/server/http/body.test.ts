import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { readBody } from "./body.ts";

test("a body whose client went before anyone read it is refused at once, as one that breaks off later", async () => {
  const gone = new PassThrough();
  gone.write("begun");
  gone.destroy();
  await once(gone, "close");
  await assert.rejects(readBody(gone, 100, undefined), { code: 400, message: "the request's body broke off" });
  const going = new PassThrough();
  const read = readBody(going, 100, undefined);
  going.destroy();
  await assert.rejects(read, { code: 400, message: "the request's body broke off" });
});

test("a body that has ended unread was empty", async () => {
  const ended = new PassThrough();
  ended.resume().end();
  await once(ended, "end");
  assert.equal((await readBody(ended, 100, undefined)).length, 0);
});
