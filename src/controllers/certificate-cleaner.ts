// Removes requests for certificates that nobody needs any more: pkg/controller/certificates/cleaner/cleaner.go.
import { type CertificateSigningRequest, CertificateSigningRequests, readEncodedCertificate } from "../api/index.ts";
import { defineController } from "../client/index.ts";
import { deleteSame } from "./deletion.ts";

const hourMs = 3600 * 1000;
/** How long a request is kept after it was decided, and how long while nobody decides. */
const decidedKeptMs = hourMs;
const pendingKeptMs = 24 * hourMs;

export const certificateCleaner = defineController({
  name: "certificatesigningrequest-cleaner-controller",
  watches: { for: CertificateSigningRequests },
  async reconcile({ client, cache, clock }, key) {
    const csr = cache.get(CertificateSigningRequests, key);
    if (!csr || csr.metadata.deletionTimestamp !== undefined) return;
    const endMs = endOf(csr);
    if (endMs === undefined) return;
    const leftMs = endMs - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    await deleteSame(client, CertificateSigningRequests, csr);
  },
});

/** When the request may go; undefined for one that is approved and waits for its signer. */
function endOf({ metadata, status }: CertificateSigningRequest): number | undefined {
  const { conditions = [], certificate } = status;
  if (conditions.length === 0) return Date.parse(metadata.creationTimestamp) + pendingKeptMs;
  const ends: number[] = [];
  for (const { type, lastUpdateTime } of conditions) {
    const isDecided = type === "Denied" || type === "Failed" || (type === "Approved" && certificate);
    if (isDecided && lastUpdateTime) ends.push(Date.parse(lastUpdateTime) + decidedKeptMs);
    if (type === "Approved" && certificate) ends.push(readEncodedCertificate(certificate)?.notAfterMs ?? Infinity);
  }
  const first = Math.min(...ends);
  return Number.isFinite(first) ? first : undefined;
}
