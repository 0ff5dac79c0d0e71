import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withErrorReference } from './errors/errorReference';

/** `node packages/contracts/dist/writeErrorReference.js`: writes the tables in docs/api.md again after an error has changed. */
const path = join(__dirname, '..', '..', '..', 'docs', 'api.md');
writeFileSync(path, withErrorReference(readFileSync(path, 'utf8')));
