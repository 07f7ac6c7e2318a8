import { headerBasedTestingFilter } from "./header-based-testing-filter.ts";

export default headerBasedTestingFilter;
