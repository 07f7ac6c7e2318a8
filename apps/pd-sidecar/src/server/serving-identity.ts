import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import { createSelfSignedIdentity } from "@pointsman/ext-proc/self-signed";
import type { HostLogger } from "@pointsman/telemetry";

interface KeyPair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Key and certificate to serve TLS with. */
export interface ServingIdentity {
  readonly current: KeyPair;
  onChange(listener: (next: KeyPair) => void): void;
  close(): void;
}

const POLL_MS = 1_000;

/** A certificate of our own making: it encrypts and proves nothing. */
export function selfSignedIdentity(podIp: string): ServingIdentity {
  const altNames = ["localhost", "127.0.0.1", "::1", ...(/^[\d.]+$/.test(podIp) ? [podIp] : [])];
  const current = createSelfSignedIdentity({ commonName: "pointsman sidecar", altNames });
  return { current, onChange: () => {}, close: () => {} };
}

/**
 * `tls.crt` and `tls.key` of a folder, read again when they change; a pair that does not fit is logged and left out.
 *
 * @throws DiagnosticError when the first pair cannot be used
 */
export function identityFromFolder(folder: string, log: HostLogger): ServingIdentity {
  const files = ["tls.crt", "tls.key"].map((name) => join(folder, name));
  let current: KeyPair;
  try {
    current = read(files);
  } catch (cause) {
    const message = `--cert-path: the TLS files in ${folder} cannot be used.`;
    throw new DiagnosticError(diagnostic("POINTSMAN_SERVER_TLS_FILES", message, { cause }));
  }
  const listeners: ((next: KeyPair) => void)[] = [];
  const onChange = (): void => {
    try {
      current = read(files);
      for (const listener of listeners) listener(current);
      log.info("the serving certificate was reloaded", { folder });
    } catch (error) {
      log.warn("the serving certificate cannot be reloaded; the old one stays", { folder, error: String(error) });
    }
  };
  for (const file of files) watchFile(file, { interval: POLL_MS, persistent: false }, onChange);
  return {
    get current() {
      return current;
    },
    onChange: (listener) => void listeners.push(listener),
    close() {
      for (const file of files) unwatchFile(file, onChange);
    },
  };
}

function read([certFile, keyFile]: readonly string[]): KeyPair {
  const pair = { cert: readFileSync(certFile!), key: readFileSync(keyFile!) };
  createSecureContext(pair);
  return pair;
}
