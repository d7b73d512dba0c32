// Reads protobuf messages by their numbers, without any of the code that writes them.

export type Value = number | Uint8Array;

/** Reads the fields of one message: numbers as they are, everything else as bytes. */
export function read(bytes: Uint8Array): Map<number, Value[]> {
  const fields = new Map<number, Value[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    let value: Value;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 1) {
      value = new DataView(bytes.buffer, bytes.byteOffset + at).getFloat64(0, true);
      at += 8;
    } else {
      const length = varint();
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const field = Math.floor(tag / 8);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

export const message = (from: Map<number, Value[]>, field: number, index = 0) =>
  read(from.get(field)![index] as Uint8Array);
export const text = (from: Map<number, Value[]>, field: number, index = 0) =>
  new TextDecoder().decode(from.get(field)![index] as Uint8Array);

/** The value of the entry with this name in a repeated field of named values. */
export function entry(from: Map<number, Value[]>, field: number, name: string): Map<number, Value[]> {
  for (const each of from.get(field) ?? []) {
    const named = read(each as Uint8Array);
    if (text(named, 1) === name) return message(named, 2);
  }
  throw new Error(`no ${name}`);
}
