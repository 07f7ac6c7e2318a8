import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TlsIdentity } from "./transport.ts";

const SECONDS_PER_DAY = 86_400;

export interface SelfSignedOptions {
  /** Subject and issuer. */
  readonly commonName: string;
  /** DNS names and IP addresses (IPv4 or full-length IPv6 as Node prints them) the certificate is good for. */
  readonly altNames: readonly string[];
  readonly validDays: number;
}

const DEFAULTS: SelfSignedOptions = {
  commonName: "pointsman",
  altNames: ["localhost", "127.0.0.1", "::1"],
  validDays: 3650,
};

/**
 * Makes a P-256 key and a certificate signed by it, both PEM.
 *
 * It encrypts and proves nothing: use it where the peer does not verify certificates, as Envoy without a
 * `validation_context`. The certificate is an X.509 v3 one after RFC 5280, written here because Node cannot make any.
 */
export function createSelfSignedIdentity(options: Partial<SelfSignedOptions> = {}): TlsIdentity {
  const { commonName, altNames, validDays } = { ...DEFAULTS, ...options };
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(OID_COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const now = Date.now();
  const validity = sequence(
    time(new Date(now - SECONDS_PER_DAY * 1000)), // clocks of two machines differ
    time(new Date(now + validDays * SECONDS_PER_DAY * 1000)),
  );
  const toBeSigned = sequence(
    der(CONTEXT_CONSTRUCTED + 0, der(INTEGER, Buffer.of(2))), // version 3
    der(INTEGER, positive(randomBytes(16))),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(CONTEXT_CONSTRUCTED + 3, sequence(basicConstraints(), subjectAltName(altNames))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(
    toBeSigned,
    ECDSA_WITH_SHA256,
    der(BIT_STRING, Buffer.concat([Buffer.of(0), signature])),
  );
  return {
    key: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })),
    cert: Buffer.from(new X509Certificate(certificate).toString()),
  };
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT_PRIMITIVE = 0x80;
const CONTEXT_CONSTRUCTED = 0xa0;

/** Object identifiers in their encoded form. */
const OID_COMMON_NAME = der(OBJECT_IDENTIFIER, Buffer.from("550403", "hex")); // 2.5.4.3
const OID_BASIC_CONSTRAINTS = der(OBJECT_IDENTIFIER, Buffer.from("551d13", "hex")); // 2.5.29.19
const OID_SUBJECT_ALT_NAME = der(OBJECT_IDENTIFIER, Buffer.from("551d11", "hex")); // 2.5.29.17
const ECDSA_WITH_SHA256 = sequence(der(OBJECT_IDENTIFIER, Buffer.from("2a8648ce3d040302", "hex"))); // 1.2.840.10045.4.3.2

/** One DER value: tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  const prefix = length < 0x80 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from(prefix), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts));
}

function set(part: Buffer): Buffer {
  return der(SET, part);
}

/** The content of a positive integer: its first bit is clear and its first byte is not zero. */
function positive(bytes: Buffer): Buffer {
  const content = Buffer.from(bytes);
  content[0] = (content[0]! & 0x7f) | 0x40;
  return content;
}

/** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? der(UTC_TIME, Buffer.from(text.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(text));
}

/** Critical, CA: the certificate is its own issuer, and clients that are given it as their root expect one. */
function basicConstraints(): Buffer {
  const value = sequence(der(BOOLEAN, Buffer.of(0xff)));
  return sequence(OID_BASIC_CONSTRAINTS, der(BOOLEAN, Buffer.of(0xff)), der(OCTET_STRING, value));
}

function subjectAltName(names: readonly string[]): Buffer {
  const DNS_NAME = CONTEXT_PRIMITIVE + 2;
  const IP_ADDRESS = CONTEXT_PRIMITIVE + 7;
  const entries = names.map((name) =>
    isIP(name) === 0 ? der(DNS_NAME, Buffer.from(name)) : der(IP_ADDRESS, addressBytes(name)),
  );
  return sequence(OID_SUBJECT_ALT_NAME, der(OCTET_STRING, sequence(...entries)));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const zeros = new Array<string>(8 - first.length - last.length).fill("0");
  return Buffer.concat([...first, ...zeros, ...last].map((group) => Buffer.from(group.padStart(4, "0"), "hex")));
}
