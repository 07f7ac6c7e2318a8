import { anthropicParser } from "./anthropic-parser.ts";

export default anthropicParser;
