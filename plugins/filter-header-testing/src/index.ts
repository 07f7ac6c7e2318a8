import { conformanceEcho } from "./conformance-echo.ts";
import { headerBasedTestingFilter } from "./header-based-testing-filter.ts";

export default [headerBasedTestingFilter, conformanceEcho];
