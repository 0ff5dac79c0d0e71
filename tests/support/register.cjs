// Lets a Node process run the workspace's TypeScript sources: `node -r .../register.cjs some.ts`. Tests use it for child
// processes, which jest does not transform, so that these need no build.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync } = require('@swc/core');

const root = path.join(__dirname, '..', '..');
const resolveFilename = Module._resolveFilename;

Module._resolveFilename = function resolve(request, ...rest) {
  const [, name] = /^@millrace\/([^/]+)$/.exec(request) ?? [];
  const target = name === undefined ? request : path.join(root, 'packages', name, 'src', 'index.ts');
  return resolveFilename.call(this, target, ...rest);
};

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};
