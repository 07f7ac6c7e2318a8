export { roundRobinPicker as default } from "./round-robin-picker.ts";
