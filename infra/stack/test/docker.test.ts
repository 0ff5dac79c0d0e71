import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeContainers, startContainer, stopContainer } from '../src/backing/docker';
import { cleanUp, makeContext, makeFolder } from './helpers';

afterAll(cleanUp);

test('When a command of the npm commands runs docker compose, then every variable that must be set is set', async () => {
  const folder = makeFolder();
  const log = join(folder, 'calls');
  writeFileSync(log, '');
  const compose = readFileSync(join(__dirname, '../../../docker-compose.yml'), 'utf8');
  const required = [...new Set([...compose.matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name as string))];
  expect(required.length).toBeGreaterThan(3);
  // It answers as an engine without running containers does, and notes what it was called with.
  writeFileSync(
    join(folder, 'docker'),
    `#!/bin/sh
echo "$* ${required.map((name) => `${name}=$${name}`).join(' ')}" >> '${log}'
case "$*" in *" port "*) exit 1;; *) echo 1.0;; esac
`,
  );
  chmodSync(join(folder, 'docker'), 0o755);
  const context = makeContext({ PATH: `${folder}:${process.env.PATH}` });
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  try {
    const secrets = { postgresPassword: 'p-secret', redisPassword: 'r-secret' };
    const instance = await startContainer(context, 'postgres', undefined, secrets);
    await stopContainer(context, 'postgres', instance);
    await removeContainers(context, instance.project);
  } finally {
    process.env.PATH = path;
  }
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('--project-name'));
  expect(calls.map((call) => /yml (\w+)/.exec(call)?.[1])).toEqual(['port', 'up', 'stop', 'down']);
  expect(calls[1]).toContain('POSTGRES_PASSWORD=p-secret');
  for (const call of calls) {
    for (const name of required) {
      expect(call).toMatch(new RegExp(` ${name}=\\S`));
    }
  }
});
