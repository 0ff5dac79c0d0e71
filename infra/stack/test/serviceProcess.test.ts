import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessOptions, startProcess } from '../src/run/serviceProcess';
import { identifyProcess } from '../src/system/lock';
import { poll } from '../src/system/poll';
import { cleanUp, makeFolder, processesWith } from './helpers';

afterAll(cleanUp);

/** A minimal service: it sends its address, is ready, and ends when it should. */
const goodService = `
  const server = require('node:http').createServer((request, response) => response.end('ok'));
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
  console.log('not json');
  server.listen(0, '127.0.0.1', () => process.send({ healthUrl: 'http://127.0.0.1:' + server.address().port }));
`;

function makeOptions(program: string, more: Partial<ProcessOptions> = {}): ProcessOptions {
  const folder = makeFolder();
  writeFileSync(join(folder, 'service.js'), program);
  return {
    name: 'embedder',
    program: join(folder, 'service.js'),
    environment: { PATH: process.env.PATH },
    cwd: folder,
    log: join(folder, 'service.log'),
    readyTimeoutMs: 120_000,
    shutdownTimeoutMs: 60_000,
    ...more,
  };
}

/** Waits until the condition holds. */
async function until(holds: () => boolean): Promise<void> {
  expect(await poll(() => holds() || undefined, { timeoutMs: 120_000, everyMs: 20 })).toBe(true);
}

describe('a supervised process', () => {
  test('When it is ready, then its address is known and it stops on request', async () => {
    const started = await startProcess(makeOptions(goodService));
    expect((await fetch(new URL('/readyz', started.url))).status).toBe(200);
    await started.stop();
    await started.stop();
    expect(await started.ended).toEqual({ how: 'ended with code 0', expected: true });
    expect(identifyProcess(started.pid)).toBeUndefined();
  });

  test('When it ends before it is ready, then the error shows its last log lines', async () => {
    const options = makeOptions(`
      console.log(JSON.stringify({ level: 'error', msg: 'cannot start', err: { message: 'the table is missing' } }));
      process.exit(3);
    `);
    await expect(startProcess(options)).rejects.toThrow(
      /The embedder ended with code 3 before it was ready:\n {2}\| error cannot start: the table is missing/,
    );
  });

  test('When it is not ready in time, then it is stopped and the error says so', async () => {
    const options = makeOptions('setInterval(() => {}, 1000);', { readyTimeoutMs: 400 });
    const tooLate = expect(startProcess(options)).rejects.toThrow(/was not ready within/);
    await until(() => processesWith(options.program).length > 0);
    await tooLate;
    expect(processesWith(options.program)).toEqual([]);
  });

  test('When it ignores SIGTERM, then it is killed after its shutdown timeout', async () => {
    const stubborn = goodService.replace('() => process.exit(0));\n  console', '() => {});\n  console');
    const started = await startProcess(makeOptions(stubborn, { shutdownTimeoutMs: 100 }));
    await started.stop();
    expect((await started.ended).how).toBe('ended with SIGKILL');
  });

  test('When it crashes, then its end was not expected', async () => {
    const started = await startProcess(makeOptions(goodService));
    started.kill('SIGKILL');
    expect(await started.ended).toEqual({ how: 'ended with SIGKILL', expected: false });
  });

  test('When the supervisor is killed, then the process ends too', async () => {
    const compiled = join(__dirname, '../dist/run/serviceProcess.js');
    if (!existsSync(compiled)) {
      throw new Error('infra/stack is not compiled; run: npm test');
    }
    const options = makeOptions(goodService);
    const supervisor = spawn(
      process.execPath,
      [
        '-e',
        `require(${JSON.stringify(compiled)}).startProcess(${JSON.stringify(options)})
          .then((started) => console.log(started.pid));`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [output] = await once(supervisor.stdout, 'data');
    const pid = Number(String(output));
    expect(identifyProcess(pid)).toBeDefined();
    supervisor.kill('SIGKILL');
    await until(() => identifyProcess(pid) === undefined);
  });
});
