import { DEFAULT_WINDOW, MAX_FRAME_BYTES, MAX_WINDOW, SETTING } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";
import type { ConnectionLimits } from "./limits.ts";

const MEBIBYTE = 1024 * 1024;

/** What one stream may send before it is read: bodies of usual size never wait for the window. */
export const STREAM_WINDOW_BYTES: number = 16 * MEBIBYTE;
/** What all streams of a connection may send before it is read. */
export const CONNECTION_WINDOW_BYTES: number = 64 * MEBIBYTE;

const SETTING_BYTES = 6;
const LARGEST_FRAME = 0xff_ffff;

/** The payload of our SETTINGS frame. */
export function encodeSettings(limits: ConnectionLimits): Buffer {
  const settings = [
    [SETTING.MAX_CONCURRENT_STREAMS, limits.maxStreamsPerConnection],
    [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
    [SETTING.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
  ] as const;
  const payload = Buffer.alloc(settings.length * SETTING_BYTES);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * SETTING_BYTES);
    payload.writeUInt32BE(value, i * SETTING_BYTES + 2);
  });
  return payload;
}

/** What the peer wants, as far as it concerns a server that compresses nothing and pushes nothing. */
export interface PeerSettings {
  initialWindow: number;
  maxFrameBytes: number;
}

export function defaultPeerSettings(): PeerSettings {
  return { initialWindow: DEFAULT_WINDOW, maxFrameBytes: MAX_FRAME_BYTES };
}

/**
 * Applies the payload of a SETTINGS frame; the last value of a setting counts.
 *
 * @throws Http2Fault for values that RFC 9113 forbids
 */
export function applySettings(settings: PeerSettings, bytes: Buffer, start: number, end: number): void {
  if ((end - start) % SETTING_BYTES !== 0) throw new Http2Fault("FRAME_SIZE_ERROR", "SETTINGS of an odd length");
  for (let position = start; position < end; position += SETTING_BYTES) {
    const value = bytes.readUInt32BE(position + 2);
    switch (bytes.readUInt16BE(position)) {
      case SETTING.ENABLE_PUSH:
        if (value > 1) throw new Http2Fault("PROTOCOL_ERROR", `ENABLE_PUSH ${value}`);
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) throw new Http2Fault("FLOW_CONTROL_ERROR", `INITIAL_WINDOW_SIZE ${value}`);
        settings.initialWindow = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < MAX_FRAME_BYTES || value > LARGEST_FRAME) {
          throw new Http2Fault("PROTOCOL_ERROR", `MAX_FRAME_SIZE ${value}`);
        }
        settings.maxFrameBytes = value;
        break;
    }
  }
}
