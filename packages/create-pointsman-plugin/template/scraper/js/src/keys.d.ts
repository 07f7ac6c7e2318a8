import type { NumberAttribute } from "@pointsman/plugin-api";

/** What the model server says of its own load. */
export declare const ServerLoad: NumberAttribute;
