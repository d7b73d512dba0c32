// What is too large to be stored. etcd counts what Kubernetes writes to it, which is protobuf for the built-in kinds and
// JSON for custom resources, so a driver that keeps JSON counts as etcd would.
import { encodeProtobuf } from "../api/index.ts";
import { formatJson } from "../lib/index.ts";
import { type Value, ValueTooLarge } from "./storage.ts";

/** As etcd (--max-request-bytes). */
const valueBytesMax = 1.5 * 1024 * 1024;

/** Throws ValueTooLarge. Makes the bytes of the value where there are none. */
export function checkValueSize(value: Value): void {
  // A message is never longer than its JSON, which is there already, and hardly any value is larger than that.
  if (value.bytes.length <= valueBytesMax) return;
  const message = encodeProtobuf(value.object);
  if (message === undefined || message.length > valueBytesMax) throw new ValueTooLarge();
}

/** Whether the value cannot be too large, by the length of its text: of bytes each unit of UTF-16 has three at most. */
export function isCertainlySmall(value: Value): boolean {
  return 3 * (value.isEncoded ? value.bytes : formatJson(value.object)).length <= valueBytesMax;
}
