import { openaiParser } from "./openai-parser.ts";

export default openaiParser;
