// Runs a module without imports, and exits with the status that its `run` returns.
const bytes = require('node:fs').readFileSync(process.argv[2]);
process.exit(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run());
