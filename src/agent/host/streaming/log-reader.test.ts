import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { LogOptions } from "./log-lines.ts";
import { openLog } from "./log-reader.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "roder-log-"));
  path = join(directory, "0.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const line = (second: number, message: string, tag = "F") =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.5Z stdout ${tag} ${message}\n`;

const quiet = { timestamps: false, follow: false };
const never = new Promise<void>(() => {});

async function open(options: Partial<LogOptions>, ended = never, signal = new AbortController().signal) {
  return openLog({ path, options: { ...quiet, ...options }, ended, signal });
}

async function print(options: Partial<LogOptions> = {}, ended = never): Promise<string> {
  return text(await open(options, ended));
}

async function text(pieces: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

test("messages are printed without what the runtime puts before them", async () => {
  writeFileSync(path, `${line(1, "one")}2026-01-01T00:00:02Z stderr F two words\n`);
  assert.equal(await print(), "one\ntwo words\n");
});

test("a line that the runtime cut is printed as one, with one timestamp", async () => {
  writeFileSync(path, line(1, "he", "P") + line(2, "ll", "P") + line(3, "o") + line(4, "next"));
  assert.equal(await print(), "hello\nnext\n");
  const expected = "2026-01-01T00:00:01.500000000Z hello\n2026-01-01T00:00:04.500000000Z next\n";
  assert.equal(await print({ timestamps: true }), expected);
});

test("empty lines, offsets of time and bytes that are no text stay what they are", async () => {
  const binary = Buffer.concat([Buffer.from("2026-01-01T00:00:02.1+02:00 stdout F "), Buffer.from([0xff, 0x00, 0x0a])]);
  writeFileSync(path, Buffer.concat([Buffer.from(line(1, "")), binary]));
  const pieces = await open({ timestamps: true });
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  const expected = "2026-01-01T00:00:01.500000000Z \n2026-01-01T00:00:02.100000000+02:00 \xff\0\n";
  assert.equal(Buffer.concat(all).toString("latin1"), expected);
});

test("the tail is counted in lines of the file", async () => {
  writeFileSync(path, [1, 2, 3].map((second) => line(second, `m${second}`)).join(""));
  assert.equal(await print({ tailLines: 0 }), "");
  assert.equal(await print({ tailLines: 2 }), "m2\nm3\n");
  assert.equal(await print({ tailLines: 3 }), "m1\nm2\nm3\n");
  assert.equal(await print({ tailLines: 100 }), "m1\nm2\nm3\n");
});

test("the tail of a long file is found from its end", async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => line(1, `message ${index}`));
  writeFileSync(path, lines.join(""));
  assert.equal(await print({ tailLines: 1 }), "message 19999\n");
  assert.equal((await print({ tailLines: 5_000 })).split("\n")[0], "message 15000");
  assert.equal((await print()).split("\n").length, 20_001);
});

test("a message is left out when it is older than asked for", async () => {
  writeFileSync(path, line(1, "old") + line(2, "at") + line(3, "new"));
  assert.equal(await print({ sinceMs: Date.parse("2026-01-01T00:00:02.5Z") }), "at\nnew\n");
});

test("output ends at the limit of bytes, in the middle of a line", async () => {
  writeFileSync(path, line(1, "one") + line(2, "two"));
  assert.equal(await print({ limitBytes: 6 }), "one\ntw");
  assert.equal(await print({ limitBytes: 10, timestamps: true }), "2026-01-01");
});

test("an unfinished last line is printed when nobody follows, and what is no log line is not", async () => {
  writeFileSync(path, `nonsense\n${line(1, "one")}2026-01-01T00:00:02Z stdout F half`);
  assert.equal(await print(), "one\nhalf");
});

test("following gives what is written later, over a rotation, until the container has ended", async () => {
  writeFileSync(path, line(1, "before"));
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const pieces = (await open({ follow: true }, ended))[Symbol.asyncIterator]();
  const next = async () => String((await pieces.next()).value);
  assert.equal(await next(), "before\n");
  let reading = next();
  appendFileSync(path, line(2, "later"));
  assert.equal(await reading, "later\n");
  reading = next();
  renameSync(path, `${path}.20260101`);
  appendFileSync(`${path}.20260101`, line(3, "to the old file"));
  assert.equal(await reading, "to the old file\n");
  reading = next();
  writeFileSync(path, line(4, "to the new file"));
  assert.equal(await reading, "to the new file\n");
  reading = next();
  appendFileSync(path, line(5, "last words"));
  end();
  assert.equal(await reading, "last words\n");
  assert.equal((await pieces.next()).done, true);
});

test("following a container that has ended prints what there is and ends", async () => {
  writeFileSync(path, line(1, "one"));
  assert.equal(await print({ follow: true }, Promise.resolve()), "one\n");
  assert.equal(await print({ follow: true, tailLines: 0 }, Promise.resolve()), "");
});

test("following ends when the reader goes away", async () => {
  writeFileSync(path, line(1, "one"));
  const gone = new AbortController();
  const pieces = (await open({ follow: true }, never, gone.signal))[Symbol.asyncIterator]();
  await pieces.next();
  const waiting = pieces.next();
  gone.abort();
  assert.equal((await waiting).done, true);
});

test("a log that is not there is an error", async () => {
  await assert.rejects(print(), /ENOENT/);
});
