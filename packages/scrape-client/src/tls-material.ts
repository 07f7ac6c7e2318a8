import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { ScrapeError } from "./scrape-error.ts";

/** Where certificates are, and whether the server's is checked. */
export interface TlsFiles {
  readonly insecureSkipVerify?: boolean | undefined;
  readonly caCertPath?: string | undefined;
  readonly clientCertPath?: string | undefined;
  readonly clientKeyPath?: string | undefined;
}

/** Ready to dial with; one for all connections of a client. */
export interface TlsMaterial {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/**
 * Reads certificates and key once; a changed file takes effect when the instance is made anew.
 *
 * The server's certificate is verified when `insecureSkipVerify` is false, and when it is absent and a CA is given:
 * whoever names a CA wants it used. Otherwise (llm-d's default) it is not.
 *
 * @throws ScrapeError `ERR_SCRAPE_TLS_FILE` naming the file that cannot be read, or saying why they do not fit.
 */
export async function loadTlsMaterial(files: TlsFiles): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    read("caCertPath", files.caCertPath),
    read("clientCertPath", files.clientCertPath),
    read("clientKeyPath", files.clientKeyPath),
  ]);
  try {
    return {
      secureContext: createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      }),
      rejectUnauthorized: !(files.insecureSkipVerify ?? ca === undefined),
    };
  } catch (cause) {
    const names = [files.caCertPath, files.clientCertPath, files.clientKeyPath].filter((path) => path !== undefined);
    throw new ScrapeError("ERR_SCRAPE_TLS_FILE", `no usable PEM certificates or key in ${names.join(", ")}`, { cause });
  }
}

async function read(parameter: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ScrapeError("ERR_SCRAPE_TLS_FILE", `${parameter}: cannot read ${path}`, { cause });
  }
}
