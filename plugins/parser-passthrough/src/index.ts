import { passthroughParser } from "./passthrough-parser.ts";

export default passthroughParser;
