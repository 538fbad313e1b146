// Runs a module to which nothing is given, and exits with what its `run` returns.
const bytes = require('node:fs').readFileSync(process.argv[2]);
process.exit(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run());
