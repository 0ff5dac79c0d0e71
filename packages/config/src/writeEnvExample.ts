import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envExample } from './envExample';

/** `node packages/config/dist/writeEnvExample.js`: writes .env.example again after a variable has changed. */
writeFileSync(join(__dirname, '..', '..', '..', '.env.example'), envExample());
