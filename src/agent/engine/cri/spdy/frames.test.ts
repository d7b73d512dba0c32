import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createInflate } from "node:zlib";
import { dataFrame, type Frame, FrameReader, pingFrame, resetFrame, StreamOpener } from "./frames.ts";

function read(chunks: readonly Uint8Array[]): Frame[] {
  const reader = new FrameReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
}

/** The header blocks of opening frames as a peer's inflater gives them, one for each frame. */
async function inflate(frames: readonly Uint8Array[]): Promise<string[]> {
  const inflater = createInflate({ finishFlush: constants.Z_SYNC_FLUSH });
  const blocks: string[] = [];
  for (const frame of frames) {
    await new Promise<void>((resolve) => inflater.write(frame.subarray(18), () => resolve()));
    blocks.push((inflater.read() as Buffer).toString("latin1"));
  }
  return blocks;
}

test("the headers of every stream opened on a connection inflate as one zlib stream", async () => {
  const opener = new StreamOpener();
  const frames = [opener.open(1, { streamType: "error" }), opener.open(3, { streamType: "data", port: "80" })];
  const [first, second] = await inflate(frames);
  assert.equal(first, "\0\0\0\x01\0\0\0\x0astreamtype\0\0\0\x05error");
  assert.equal(second, "\0\0\0\x02\0\0\0\x0astreamtype\0\0\0\x04data\0\0\0\x04port\0\0\0\x0280");
  const head = new DataView(frames[1]!.buffer);
  assert.deepEqual([head.getUint16(0), head.getUint16(2), head.getUint32(8)], [0x8003, 1, 3]);
  assert.equal(head.getUint32(4), frames[1]!.length - 8);
});

test("frames are found however the bytes are cut", () => {
  const bytes = Buffer.concat([
    ...dataFrame(3, new TextEncoder().encode("hello"), false),
    pingFrame(2),
    ...dataFrame(3, new Uint8Array(), true),
    resetFrame(5, 1),
  ]);
  const expected = ["data 3 false hello", "ping 2", "data 3 true ", "reset 5 1"];
  const words = (frame: Frame) => {
    if (frame.type === "data") return `data ${frame.streamId} ${frame.last} ${new TextDecoder().decode(frame.data)}`;
    if (frame.type === "ping") return `ping ${frame.id}`;
    return frame.type === "reset" ? `reset ${frame.streamId} ${frame.status}` : frame.type;
  };
  for (let cut = 0; cut <= bytes.length; cut++)
    assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]).map(words), expected);
  assert.deepEqual(read([...bytes].map((byte) => Uint8Array.of(byte))).map(words), expected);
});

test("what is not SPDY/3.1 is refused", () => {
  assert.throws(() => read([new TextEncoder().encode("\x80\x02\0\x01\0\0\0\0")]), /does not speak SPDY/);
  const short = Uint8Array.of(0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1);
  assert.throws(() => read([short]), /too short/);
});
