import { modelFilter } from "./model-filter.ts";

export default modelFilter;
