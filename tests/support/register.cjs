// Lets a Node process run a TypeScript file of a test: `node -r .../register.cjs some.ts`. Tests use it for child processes,
// which jest does not transform. Such a file imports compiled packages: to transform all of them took most of the
// time of a process.
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};
