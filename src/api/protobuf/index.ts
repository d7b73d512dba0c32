export { decodeProtobuf } from "./decode-protobuf.ts";
export { encodeProtobuf, encodeProtobufMessage, protobufHead } from "./encode-protobuf.ts";
export { protobufEventHead, protobufItemHead, protobufListHead } from "./protobuf-stream.ts";
export { tagOf, WireWriter } from "./wire-writer.ts";
