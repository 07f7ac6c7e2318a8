import { readFile } from "node:fs/promises";
import type { RedisTls } from "./connection.ts";

/** Where certificates and key are, as plugins call these parameters. */
export interface RedisTlsFiles {
  readonly caCertPath?: string | undefined;
  readonly clientCertPath?: string | undefined;
  readonly clientKeyPath?: string | undefined;
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** Reads certificates and key once. @throws Error that names the parameter and the file */
export async function readRedisTls(options: RedisTlsFiles): Promise<RedisTls> {
  const [ca, cert, key] = await Promise.all([
    read("caCertPath", options.caCertPath),
    read("clientCertPath", options.clientCertPath),
    read("clientKeyPath", options.clientKeyPath),
  ]);
  return { ca, cert, key, servername: options.serverName, rejectUnauthorized: !options.insecureSkipVerify };
}

async function read(parameter: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`redisConfig.${parameter}: cannot read ${path}`, { cause });
  }
}
