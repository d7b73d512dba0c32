export { decodeProtobuf } from "./decode-protobuf.ts";
export {
  encodeProtobuf,
  encodeProtobufMessage,
  hasProtobuf,
  protobufFieldHead,
  protobufHead,
} from "./encode-protobuf.ts";
