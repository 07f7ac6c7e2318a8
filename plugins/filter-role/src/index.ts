import { decodeFilter } from "./decode-filter.ts";
import { encodeFilter } from "./encode-filter.ts";
import { prefillFilter } from "./prefill-filter.ts";

export default [decodeFilter, prefillFilter, encodeFilter];
