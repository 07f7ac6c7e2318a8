import { sglangHttpParser } from "./sglanghttp-parser.ts";
import { vllmHttpParser } from "./vllmhttp-parser.ts";

export default [vllmHttpParser, sglangHttpParser];
