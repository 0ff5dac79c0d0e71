import { chmodSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renewPgvector } from '../src/apt/pgvector';
import { builtVector } from '../src/apt/pgvectorSource';
import { replaceFiles } from '../src/apt/replaceFiles';
import { findPostgres } from '../src/postgres/binaries';
import { cleanUp, makeContext, makeFolder } from './helpers';

afterAll(cleanUp);

test('When files are replaced, then a program that has one open keeps it, and nothing else is left', () => {
  const [built, system] = [makeFolder(), makeFolder()];
  for (const [folder, text] of [
    [built, 'new'],
    [system, 'old'],
  ] as const) {
    mkdirSync(join(folder, 'lib'));
    writeFileSync(join(folder, 'lib/vector.so'), text);
    writeFileSync(join(folder, 'vector.control'), text);
  }
  writeFileSync(join(system, 'other.so'), 'kept');
  const open = openSync(join(system, 'lib/vector.so'), 'r');
  replaceFiles(built, system);
  expect(readFileSync(open, 'utf8')).toBe('old');
  expect(readFileSync(join(system, 'lib/vector.so'), 'utf8')).toBe('new');
  expect(readdirSync(system).sort()).toEqual(['lib', 'other.so', 'vector.control']);
  expect(readdirSync(join(system, 'lib'))).toEqual(['vector.so']);
});

/** Makes the programs of a PostgreSQL 98 with this version of pgvector. */
async function postgresWith(vectorVersion: string) {
  const folder = makeFolder();
  const script = (name: string, output: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho '${output}'\n`);
    chmodSync(join(folder, name), 0o755);
  };
  script('postgres', 'postgres (PostgreSQL) 98.1');
  script('initdb', '');
  script('pg_config', folder);
  mkdirSync(join(folder, 'extension'));
  writeFileSync(join(folder, 'extension/vector.control'), `comment = 'x'\ndefault_version = '${vectorVersion}'\n`);
  const found = await findPostgres(folder, 98);
  if (!found) {
    throw new Error('PostgreSQL 98 was not found.');
  }
  return found;
}

test('When pgvector is too old to be used, then the server counts as one without it', async () => {
  expect(await postgresWith('0.6.0')).toMatchObject({ hasVector: false, vectorVersion: '0.6.0' });
  expect(await postgresWith('0.8.0')).toMatchObject({ hasVector: true, vectorVersion: '0.8.0' });
});

test('When pgvector is safe, then nothing is renewed or said', async () => {
  const context = makeContext();
  await renewPgvector(context, await postgresWith(builtVector.version));
  expect(context.printed).toEqual([]);
});
