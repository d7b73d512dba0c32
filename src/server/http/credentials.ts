import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type User, unauthorized } from "../../api/index.ts";
import {
  type AnonymousAccess,
  type Authenticator,
  anonymousUser,
  asAuthenticated,
  type Credentials,
} from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";

const tokenProtocol = "base64url.bearer.authorization.k8s.io.";

/** What a connection brought at its handshake; the bytes are the same ones for every request of the connection. */
interface Peer {
  readonly certificate: Uint8Array | undefined;
  /** Whether there was a certificate that the client CA did not sign. */
  readonly isStranger: boolean;
}

const peers = new WeakMap<Socket, Peer>();

function peerOf(socket: Socket | undefined): Peer {
  if (!(socket instanceof TLSSocket)) return { certificate: undefined, isStranger: false };
  let peer = peers.get(socket);
  if (!peer) {
    const certificate = socket.getPeerX509Certificate()?.raw;
    peer = socket.authorized
      ? { certificate, isStranger: false }
      : { certificate: undefined, isStranger: certificate !== undefined };
    peers.set(socket, peer);
  }
  return peer;
}

/**
 * Finds who sends the request: the anonymous user when it proves nothing and nobody has to. Throws ApiError 401 when what
 * it shows is wrong.
 */
export async function authenticate(
  authenticator: Authenticator,
  anonymous: AnonymousAccess,
  request: HttpRequest,
  socket: Socket | undefined,
): Promise<User> {
  const { certificate, isStranger } = peerOf(socket);
  const authorization = request.header("authorization");
  const token = webSocketToken(request.header("sec-websocket-protocol"));
  const credentials: Credentials = {
    ...(certificate ? { certificate } : {}),
    ...(authorization ? { authorization } : {}),
    ...(token ? { token } : {}),
  };
  const user = await authenticator.authenticate(credentials);
  if (user) return asAuthenticated(user);
  if (isStranger || authorization || token || !isAllowed(anonymous, request.path)) throw unauthorized();
  return anonymousUser;
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
