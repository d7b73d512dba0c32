import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type User, unauthorized } from "../../api/index.ts";
import { type Awaitable, whenThere } from "../../lib/index.ts";
import {
  type AnonymousAccess,
  type Authenticator,
  anonymousUser,
  asAuthenticated,
  type Credentials,
} from "../authentication/index.ts";
import { forwardedUser, isFrontProxy, isSignedBy } from "./front-proxy.ts";
import type { HttpRequest } from "./message.ts";

const tokenProtocol = "base64url.bearer.authorization.k8s.io.";

/** Whether a WebSocket's protocol is there to bring a token and is none that could be spoken. */
export function isTokenProtocol(protocol: string): boolean {
  return protocol.startsWith(tokenProtocol);
}

/** What a connection brought at its handshake; the bytes are the same ones for every request of the connection. */
interface Peer {
  readonly certificate: Uint8Array | undefined;
  /** Whether there was a certificate that the client CA did not sign. */
  readonly isStranger: boolean;
  /** Whether it may say for whom it asks. */
  readonly isFrontProxy: boolean;
}

const nobody: Peer = { certificate: undefined, isStranger: false, isFrontProxy: false };

const peers = new WeakMap<Socket, Peer>();

/** `frontProxyCa` signs the certificates of front proxies, and of nobody else. */
function peerOf(socket: Socket | undefined, frontProxyCa: string | undefined): Peer {
  if (!(socket instanceof TLSSocket)) return nobody;
  let peer = peers.get(socket);
  if (!peer) {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) peer = nobody;
    else if (!socket.authorized) peer = { ...nobody, isStranger: true };
    else if (frontProxyCa !== undefined && isSignedBy(certificate, frontProxyCa))
      // To the authenticator of clients' certificates it is a stranger's.
      peer = { certificate: undefined, isStranger: true, isFrontProxy: isFrontProxy(certificate) };
    else peer = { ...nobody, certificate: certificate.raw };
    peers.set(socket, peer);
  }
  return peer;
}

/**
 * Finds who sends the request: the anonymous user when it proves nothing and nobody has to. Throws ApiError 401 when what
 * it shows is wrong.
 */
export function authenticate(
  authenticator: Authenticator,
  anonymous: AnonymousAccess,
  request: HttpRequest,
  socket: Socket | undefined,
  frontProxyCa: string | undefined,
): Awaitable<User> {
  const peer = peerOf(socket, frontProxyCa);
  const { certificate, isStranger } = peer;
  const forwarded = peer.isFrontProxy ? forwardedUser(request) : undefined;
  if (forwarded) return asAuthenticated(forwarded);
  const authorization = request.header("authorization");
  const token = webSocketToken(request.header("sec-websocket-protocol"));
  const credentials: Credentials = {
    ...(certificate ? { certificate } : {}),
    ...(authorization ? { authorization } : {}),
    ...(token ? { token } : {}),
  };
  return whenThere(authenticator.authenticate(credentials), (user) => {
    if (user) return asAuthenticated(user);
    if (isStranger || authorization || token || !isAllowed(anonymous, request.path)) throw unauthorized();
    return anonymousUser;
  });
}

function isAllowed({ isAllowed, paths }: AnonymousAccess, path: string): boolean {
  return isAllowed && (paths.length === 0 || paths.includes(path));
}

/** Browsers cannot set the Authorization header of a WebSocket; Kubernetes lets them offer the token as a protocol. */
function webSocketToken(protocols: string | undefined): string | undefined {
  const offered = protocols?.split(",").find((each) => each.trim().startsWith(tokenProtocol));
  if (!offered) return undefined;
  const encoded = offered.trim().slice(tokenProtocol.length);
  return Buffer.from(encoded, "base64url").toString();
}
