import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import { assertUsable } from "../tls-identity.ts";
import type { TlsIdentity } from "../transport.ts";

type IdentityListener = Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0];

/** TLS credentials of a server whose key and certificate can be exchanged while it runs. */
export interface ServerIdentity {
  readonly credentials: ServerCredentials;
  /** @throws if key and certificate cannot be used together; the old identity then stays */
  replace(identity: TlsIdentity): void;
}

/**
 * Offers an identity to grpc-js as a certificate provider, the one supported way to change it on a running server.
 *
 * grpc-js creates its listener before it asks the provider and refuses connections until it was told an identity, so
 * the first one must be told in a later turn.
 */
export function createServerIdentity(first: TlsIdentity): ServerIdentity {
  assertUsable(first);
  let current = first;
  const listeners = new Set<IdentityListener>();
  const tell = (listener: IdentityListener) => listener({ certificate: current.cert, privateKey: current.key });
  const provider: experimental.CertificateProvider = {
    addIdentityCertificateListener(listener) {
      listeners.add(listener);
      process.nextTick(() => {
        if (listeners.has(listener)) tell(listener);
      });
    },
    removeIdentityCertificateListener: (listener) => listeners.delete(listener),
    addCaCertificateListener() {},
    removeCaCertificateListener() {},
  };
  return {
    // The parameters are named the other way round in grpc-js's types: the identity comes first, then the client CA.
    credentials: experimental.createCertificateProviderServerCredentials(provider, null, false),
    replace(identity) {
      assertUsable(identity);
      current = identity;
      for (const listener of listeners) tell(listener);
    },
  };
}
