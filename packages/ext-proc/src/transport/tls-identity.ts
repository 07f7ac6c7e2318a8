import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { TlsIdentity } from "./transport.ts";

/** @throws if key and certificate cannot be used together */
export function assertUsable({ key, cert }: TlsIdentity): void {
  createSecureContext({ key, cert });
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the private key does not belong to the certificate");
  }
}
