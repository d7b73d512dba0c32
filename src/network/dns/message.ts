// Between packets and answers: RFC 1035 messages with EDNS (RFC 6891), through the dns-packet library.
import * as packet from "dns-packet";
import type { DnsAnswer, DnsRecord } from "./records.ts";

export interface Query {
  readonly id: number;
  readonly flags: number;
  readonly name: string;
  readonly type: string;
  /** The size of a UDP answer that the client takes. */
  readonly sizeMax: number;
  readonly question: packet.Question;
}

/** Seconds that an answer about the cluster may be kept; short, since pods come and go. */
const ttlSeconds = 5;
const plainSizeMax = 512;
/** Larger UDP answers would be fragmented on many paths (DNS flag day 2020). */
const ednsSizeMax = 1232;
const authoritative = packet.AUTHORITATIVE_ANSWER;
const recursionAvailable = packet.RECURSION_AVAILABLE;
const nameError = 3;
const serverFailure = 2;
const notImplemented = 4;

/** Undefined when the bytes are no query that can be answered, not even with an error. */
export function parseQuery(bytes: Buffer): Query | undefined {
  let decoded: packet.DecodedPacket;
  try {
    decoded = packet.decode(bytes);
  } catch {
    return undefined; // Not a DNS message; there is nobody to tell.
  }
  const question = decoded.questions?.[0];
  if (decoded.type !== "query" || !question || decoded.questions?.length !== 1) return undefined;
  const edns = decoded.additionals?.find((each) => each.type === "OPT");
  const offered = edns && "udpPayloadSize" in edns ? edns.udpPayloadSize : plainSizeMax;
  return {
    id: decoded.id ?? 0,
    flags: decoded.flags ?? 0,
    name: question.name.toLowerCase().replace(/\.$/, ""),
    type: question.type,
    sizeMax: Math.max(plainSizeMax, Math.min(offered, ednsSizeMax)),
    question,
  };
}

/** The answer of the cluster's own zone. */
export function encodeAnswer(query: Query, answer: Exclude<DnsAnswer, { kind: "forward" }>, domain: string): Buffer {
  const records = answer.kind === "found" ? answer.records : [];
  return packet.encode({
    ...head(query, authoritative | recursionAvailable | (answer.kind === "missing" ? nameError : 0)),
    // The question's own spelling comes back: resolvers check it (0x20 encoding).
    answers: records.map((record) =>
      toAnswer(record.name === query.name ? { ...record, name: query.question.name } : record),
    ),
    ...(records.length === 0 ? { authorities: [startOfAuthority(domain)] } : {}),
  });
}

/** An answer that only tells that it did not work. */
export function encodeFailure(query: Query, code: number = serverFailure): Buffer {
  return packet.encode(head(query, recursionAvailable | code));
}

export function encodeNotImplemented(query: Query): Buffer {
  return encodeFailure(query, notImplemented);
}

/** The answer without records and with the bit that makes the client ask again over TCP. */
export function truncated(query: Query): Buffer {
  return packet.encode(head(query, packet.TRUNCATED_RESPONSE | recursionAvailable));
}

/** Puts the records of the cluster before those of a forwarded answer about their alias; what was cut off there, is here. */
export function encodeAliased(query: Query, records: readonly DnsRecord[], forwarded: Buffer): Buffer {
  const decoded = packet.decode(forwarded);
  return packet.encode({
    ...head(query, recursionAvailable | (decoded.flag_tc ? packet.TRUNCATED_RESPONSE : 0)),
    answers: [...records.map(toAnswer), ...(decoded.answers ?? [])],
  });
}

/** A query of our own for a name outside. */
export function encodeQuery(id: number, name: string, type: packet.RecordType): Buffer {
  return packet.encode({ type: "query", id, flags: packet.RECURSION_DESIRED, questions: [{ name, type }] });
}

function head(query: Query, flags: number): packet.Packet {
  return {
    type: "response",
    id: query.id,
    flags: flags | (query.flags & packet.RECURSION_DESIRED),
    questions: [query.question],
  };
}

function toAnswer(record: DnsRecord): packet.Answer {
  const { name, type } = record;
  if (type === "SRV") return { name, type, ttl: ttlSeconds, data: { ...record.data, priority: 0, weight: 100 } };
  return { name, type, ttl: ttlSeconds, data: record.data };
}

function startOfAuthority(domain: string): packet.Answer {
  const data = {
    mname: `ns.dns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: 1,
    refresh: 7_200,
    retry: 1_800,
    expire: 86_400,
    minimum: ttlSeconds,
  };
  return { name: domain, type: "SOA", ttl: ttlSeconds, data };
}
