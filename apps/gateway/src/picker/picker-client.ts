import { createExtProcClient, type ExtProcClient, type ExtProcListener, type ExtProcStream } from "@pointsman/ext-proc";

const UNAVAILABLE = 14;
/** A connection younger than this is not given up: many streams fail together. */
const MIN_AGE_MS = 250;

/** Opens ext_proc streams to one picker. */
export interface PickerClient {
  open(listener: ExtProcListener): ExtProcStream;
  close(): void;
}

/**
 * Creates a client that dials anew after a failure.
 *
 * grpc-js waits up to two minutes before it tries a lost server again and fails every call until then. A picker that
 * was restarted must be found at once, so a client whose stream was "unavailable" is replaced.
 */
export function createPickerClient(address: string, tls: boolean): PickerClient {
  const connect = (): ExtProcClient => createExtProcClient({ address, ...(tls ? { tls: { verify: false } } : {}) });
  let client = connect();
  let since = performance.now();
  let closed = false;
  return {
    open(listener) {
      const opened = client;
      return opened.open({
        ...listener,
        onResponse: (response) => listener.onResponse(response),
        onEnd(status) {
          if (status.code === UNAVAILABLE && opened === client && !closed && performance.now() - since >= MIN_AGE_MS) {
            client = connect();
            since = performance.now();
            opened.close();
          }
          listener.onEnd(status);
        },
      });
    },
    close() {
      closed = true;
      client.close();
    },
  };
}
