import { modelsDataExtractor } from "./models-data-extractor.ts";
import { modelsDataSource } from "./models-data-source.ts";

export default [modelsDataSource, modelsDataExtractor];
