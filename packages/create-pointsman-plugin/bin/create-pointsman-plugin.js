#!/usr/bin/env node
// Committed, not built: package managers link a `bin` only when the file exists at install.
import { main } from "../dist/index.js";

process.exitCode = await main(process.argv.slice(2));
