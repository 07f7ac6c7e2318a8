export { __IDENTIFIER__ as default } from "./__TYPE__.ts";
