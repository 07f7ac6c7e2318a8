/** Messages cross grpc-js as bytes: our own codec reads and writes them. */
const identity = (bytes: Buffer): Buffer => bytes;

/** A grpc-js method definition that neither serializes nor deserializes. */
export function rawMethod(path: string, streams: { request: boolean; response: boolean }) {
  return {
    path,
    requestStream: streams.request,
    responseStream: streams.response,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}
