// HTTPS to servers that prove themselves to an authority of the user's, as Go's crypto/x509 has them do it.
import { X509Certificate } from "node:crypto";
import { Agent, type AgentOptions } from "node:https";
import { checkServerIdentity, type TLSSocket } from "node:tls";
import { systemClock } from "../../lib/index.ts";

/** OpenSSL's names for what may be wrong with a certificate. */
const signedItself = "DEPTH_ZERO_SELF_SIGNED_CERT";
const otherName = "ERR_TLS_CERT_ALTNAME_INVALID";

type ConnectionOptions = Parameters<NonNullable<Agent["createConnection"]>>[0];

/**
 * Two differences from Node's own agent. Each certificate of `ca` is trusted for itself, whoever signed it. And OpenSSL says
 * of a certificate with the same name as its issuer that it signed itself, and looks no further; here the signature decides,
 * for many programs give their authority and their server the same name, or none.
 */
export class AuthorityAgent extends Agent {
  constructor(options: AgentOptions = {}) {
    // A session that is taken up again is one whose server was not looked at again.
    super({ ...options, maxCachedSessions: 0 });
  }

  override createConnection(options: ConnectionOptions): TLSSocket {
    const own = { ...options, allowPartialTrustChain: true, rejectUnauthorized: false };
    // Node's agent for HTTPS makes no other sockets; its type is that of all agents.
    const socket = super.createConnection(own) as TLSSocket;
    if (options.rejectUnauthorized === false) return socket;
    // Nothing is sent before it is known to whom.
    socket.cork();
    socket.once("secureConnect", () => {
      const refusal = socket.authorized ? undefined : refusalOf(socket, options);
      if (refusal) socket.destroy(refusal);
      else socket.uncork();
    });
    return socket;
  }
}

function refusalOf(socket: TLSSocket, { ca, servername, host }: ConnectionOptions): Error | undefined {
  // Node gives the name of the error here, and not the Error that its type says.
  const code = String(socket.authorizationError);
  if (code === otherName || (code === signedItself && isSigned(socket, String(ca ?? ""))))
    return checkServerIdentity(servername || host || "", socket.getPeerCertificate());
  return Object.assign(new Error(code), { code });
}

function isSigned(socket: TLSSocket, authorities: string): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return false;
  // By the machine's clock, as OpenSSL looks at all other times.
  const nowMs = systemClock.now();
  const texts = authorities.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return texts.some((text) => {
    try {
      const issuer = new X509Certificate(text);
      const isNow = issuer.validFromDate.getTime() <= nowMs && nowMs <= issuer.validToDate.getTime();
      return isNow && issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
    } catch {
      // What cannot be read as a certificate, or has a key of no use, has signed nothing.
      return false;
    }
  });
}
