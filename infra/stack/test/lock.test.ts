import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, identifyProcess, isSameProcess } from '../src/system/lock';
import { cleanUp, makeFolder } from './helpers';

const lockModule = join(__dirname, '../../../scripts/lock.cjs');

afterAll(cleanUp);

/** Starts a Node program that can call acquireLock. */
function startProgram(body: string, ...args: string[]) {
  const program = `const { acquireLock } = require(${JSON.stringify(lockModule)});
    const fs = require('node:fs'); const [folder, file] = process.argv.slice(1); (async () => { ${body} })();`;
  return spawn(process.execPath, ['-e', program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('the lock', () => {
  test('When many processes want it at once, then one has it at a time', async () => {
    const folder = makeFolder();
    const counter = join(folder, 'counter');
    writeFileSync(counter, '0');
    const body = `for (let i = 0; i < 5; i += 1) {
      const release = await acquireLock(folder, 'test');
      const value = Number(fs.readFileSync(file, 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 3));
      fs.writeFileSync(file, String(value + 1));
      release();
    }`;
    const programs = Array.from({ length: 6 }, () => startProgram(body, folder, counter));
    const codes = await Promise.all(programs.map(async (program) => (await once(program, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
    expect(readFileSync(counter, 'utf8')).toBe('30');
  });

  test('When its holder was killed, then the next process takes it over', async () => {
    const folder = makeFolder();
    const holder = startProgram(
      `await acquireLock(folder, 'test'); console.log('held'); setInterval(() => {}, 1000);`,
      folder,
    );
    await once(holder.stdout, 'data');
    await expect(acquireLock(folder, 'test', { timeoutMs: 200 })).rejects.toThrow(`process ${holder.pid}`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const release = await acquireLock(folder, 'test', { timeoutMs: 120_000 });
    release();
  });

  test('When a process id is used again, then it counts as another process', () => {
    const mine = identifyProcess(process.pid) ?? '';
    expect(isSameProcess(process.pid, mine)).toBe(true);
    expect(isSameProcess(process.pid, `${mine}0`)).toBe(false);
    expect(identifyProcess(0)).toBeUndefined();
  });
});
