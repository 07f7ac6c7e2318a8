import type { AccessLogSink } from "../access-log/access-log-sink.ts";
import type { ExchangeFactory } from "../exchange.ts";
import type { Health } from "../health.ts";
import type { StreamMachineOptions } from "../stream-machine.ts";

/** A private key and a certificate chain, both PEM. */
export interface TlsIdentity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export interface ListenOptions {
  /** Address to bind, for instance `0.0.0.0` or `::`. */
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  /** TLS with this identity, or with a self-signed one made now. Without it the port speaks cleartext HTTP/2. */
  readonly tls?: TlsIdentity | "self-signed";
}

export interface ExtProcTransportOptions
  extends Pick<
    StreamMachineOptions,
    "limits" | "onProtocolError" | "onHandlerError" | "onOverrideIgnored" | "internalError"
  > {
  readonly handler: ExchangeFactory;
  /** Served on the ext_proc port too; a new one if not given. */
  readonly health?: Health;
  /** Gets the proxy's access log; the service is not offered without. */
  readonly accessLog?: AccessLogSink;
  /** Largest accepted gRPC message in bytes; must be above the proxy's buffer limit. Default 64 MiB. */
  readonly maxReceiveMessageBytes?: number;
}

/**
 * A server of the ext_proc service: connections and frames on one side, stream machines on the other.
 *
 * Life: `listen`, `setServing(true)`, …, `drain`, which ends in the state of `close`.
 */
export interface ExtProcTransport {
  readonly health: Health;
  /** Number of ext_proc streams that have not ended. */
  readonly activeStreams: number;
  /**
   * Binds a port; one per transport.
   *
   * @throws if the address cannot be bound or the identity cannot be used
   */
  listen(options: ListenOptions): Promise<{ readonly port: number }>;
  /** Says on the health service whether requests may be sent. */
  setServing(serving: boolean): void;
  /**
   * New connections get this identity; those that exist keep theirs. On failure the old identity stays.
   *
   * @throws if the transport does not speak TLS, or key and certificate cannot be used together
   */
  setCertificate(key: Buffer, cert: Buffer): void;
  /**
   * Reports NOT_SERVING, accepts no new stream, lets running streams finish, and closes.
   * What has not finished after `timeoutMs` is cut off.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts off everything at once. Every exchange still gets its `end`. */
  close(): Promise<void>;
}
