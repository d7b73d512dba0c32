// Signs what a CertificateSigningRequest asks for with the cluster's authority.
import { constants, createPrivateKey, createPublicKey, verify, X509Certificate } from "node:crypto";
import { type CertificateRequestContent, readCertificateRequest } from "../../api/index.ts";
import type { SignCertificate } from "../../controllers/index.ts";
import type { Random } from "../../lib/index.ts";
import { certify, type KeyPair, notAfterMsOf } from "./certificate.ts";

/** The hashes of the signatures that a request may carry, by the object identifier of the algorithm: RFC 8017, 5758, 8410. */
const hashes: Readonly<Record<string, string | null>> = {
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
  // Ed25519 hashes by itself.
  "2b6570": null,
};

/** Signs as `authority`; nothing outlives it. Throws an Error for a request that its own key did not sign. */
export function certificateSigner(authority: KeyPair, random: Random): SignCertificate {
  const certificate = new X509Certificate(authority.certificate);
  const privateKey = createPrivateKey(authority.privateKey);
  const endMs = notAfterMsOf(authority.certificate);
  return ({ request, usages, notBeforeMs, notAfterMs }) => {
    const content = readCertificateRequest(request);
    if (!content) throw new Error("PEM block type must be CERTIFICATE REQUEST");
    if (!isSignedByItsKey(content)) throw new Error("unable to verify certificate request signature");
    return certify(
      {
        subject: content.subjectName,
        publicKey: createPublicKey({ key: Buffer.from(content.publicKey), format: "der", type: "spki" }),
        alternativeNames: content.alternativeNames,
        usages,
        notBeforeMs,
        notAfterMs: Math.min(notAfterMs, endMs),
      },
      { certificate, privateKey },
      random,
    );
  };
}

function isSignedByItsKey({ signatureAlgorithm, signed, publicKey, signature }: CertificateRequestContent): boolean {
  const hash = hashes[signatureAlgorithm];
  if (hash === undefined) return false;
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  return verify(hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
}
