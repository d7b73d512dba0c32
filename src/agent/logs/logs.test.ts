import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import { parseLogLine } from "./log-line.ts";
import { planRotation } from "./log-rotation.ts";

test("lines of container logs are taken apart; a cut line has no end", () => {
  const time = "2016-10-06T00:17:09.669794202Z";
  assert.deepEqual(parseLogLine(`${time} stdout F hello  world`), {
    time,
    stream: "stdout",
    content: "hello  world\n",
  });
  assert.deepEqual(parseLogLine(`${time} stderr P part`), { time, stream: "stderr", content: "part" });
  assert.deepEqual(parseLogLine(`${time} stdout F`), { time, stream: "stdout", content: "\n" });
  assert.equal(parseLogLine("not a log line"), undefined);
});

test("of the logs set aside the oldest go and all others are compressed", () => {
  assert.deepEqual(planRotation(["1.gz", "2.gz", "3.gz", "4"], 5), { remove: ["1.gz"], compress: ["4"] });
  assert.deepEqual(planRotation(["1"], 5), { remove: [], compress: ["1"] });
  assert.deepEqual(planRotation(["1"], 2), { remove: ["1"], compress: [] });
});

test("a log whose agent ended while it was set aside is opened anew", async () => {
  const scene = await agentScene({ settings: { logRotation: { bytesMax: 10, filesMax: 3 } } });
  const { metadata } = await scene.run({});
  const log = `/data/agent/logs/default_web_${metadata.uid}/app/0.log`;
  const { files } = scene.host;
  scene.engine.reopenLog = () => files.write(log, new Uint8Array(1), 0o640);
  await files.write(log, new Uint8Array(11), 0o640);
  await files.rename(log, `${log}.20260101-000000`);
  await scene.pass(10_000);
  assert.equal((await files.status(log))?.sizeBytes, 1);
});

test("a log that grew too large is set aside and goes with its container", async () => {
  const scene = await agentScene({ settings: { logRotation: { bytesMax: 10, filesMax: 3 } } });
  const { metadata } = await scene.run({});
  const directory = `/data/agent/logs/default_web_${metadata.uid}/app`;
  const { files } = scene.host;
  for (let round = 0; round < 4; round++) {
    await files.write(`${directory}/0.log`, new Uint8Array(11), 0o640);
    await scene.pass(10_000);
  }
  const names = await files.list(directory);
  assert.equal(names.length, 2);
  assert.match(names[0]!, /^0\.log\.\d{8}-\d{6}\.gz$/);
  assert.match(names[1]!, /^0\.log\.\d{8}-\d{6}$/);
});
